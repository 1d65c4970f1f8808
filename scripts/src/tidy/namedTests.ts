/** The table of threats (docs/threats.md) names tests by file and name: each of them must be there, and each row has one or says why not. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../ifThere.ts';
import type { Finding } from './finding.ts';

export const THREATS_PATH = 'docs/threats.md';

/** `file` › `name` › `name`. */
const REFERENCE = /`([\w./-]+\.test\.ts)`((?: › `[^`]+`)+)/g;
const TEST_NAME = /\btest\('((?:[^'\\\n]|\\.)+)'/g;
/** Begins the last cell of a row without a test; the reason follows. */
const NO_TEST = '| No test: ';

/** Names of the tests of a file; those put together from parts are not told. */
export function testNames(source: string): ReadonlySet<string> {
  return new Set([...source.matchAll(TEST_NAME)].map(([, name = '']) => name.replace(/\\(.)/g, '$1')));
}

/** @param names the tests of a file; undefined where there is no such file. */
export async function checkThreats(text: string, names: (path: string) => Promise<ReadonlySet<string> | undefined>): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const found = (message: string): void => void findings.push({ path: THREATS_PATH, line: index + 1, message });
    const references = [...line.matchAll(REFERENCE)];
    const isRow = line.startsWith('| ') && !/^\| (#|case) \|/.test(line);
    if (isRow && references.length === 0 && !line.includes(NO_TEST)) found('name a test, or say "No test:" and why');
    for (const [, path = '', list = ''] of references) {
      const there = await names(path);
      if (there === undefined) found(`${path} is not there`);
      for (const [, name = ''] of list.matchAll(/`([^`]+)`/g)) if (there?.has(name) === false) found(`${path} has no test "${name}"`);
    }
  }
  return findings;
}

/** Checks the table of a checkout; one without the table has nothing to check. */
export async function findUnnamedThreats(root: string): Promise<Finding[]> {
  const text = await ifThere(readFile(join(root, THREATS_PATH), 'utf8'));
  return text === undefined ? [] : await checkThreats(text, async (path) => {
    const source = await ifThere(readFile(join(root, path), 'utf8'));
    return source === undefined ? undefined : testNames(source);
  });
}
