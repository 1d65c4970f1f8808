/** House rules that no linter knows: what may not be left in a file, how long it may be, how packages are pinned. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Finding } from './finding.ts';
import { findUnnamedThreats } from './namedTests.ts';
import { GENERATED_SOURCES, PACKAGES } from './packages.ts';
import { listFiles } from './sourceFiles.ts';

/** The longest a source file may be, in lines of any kind; about 300 is the aim. */
export const MAX_SOURCE_LINES = 350;

/** The patterns are put together here so that this file does not break its own rules. */
const BANNED: readonly { pattern: RegExp; message: string; where: 'everywhere' | 'tests' }[] = [
  { pattern: new RegExp(`\\b(TO${'DO'}|FIX${'ME'}|XX${'X'})\\b`), message: 'unfinished work belongs in the tracker, not in a comment', where: 'everywhere' },
  { pattern: new RegExp(`eslint-${'disable'}`), message: 'change the code or the rule, never silence it in place', where: 'everywhere' },
  { pattern: new RegExp(`@ts-(${'ignore'}|${'expect'}-error|${'nocheck'})`), message: 'give the value its type', where: 'everywhere' },
  { pattern: new RegExp(`\\bas ${'any'}\\b`), message: 'give the value its type', where: 'everywhere' },
  { pattern: /^\s*(t|test)\.(skip|only)\(/, message: 'a test runs or does not exist', where: 'tests' },
];

const EXACT_VERSION = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Files whose name says nothing about what is inside. */
const NAMELESS = /^(utils?|helpers?|common|misc)\.[cm]?[tj]s$/;

/** Checks the checkout at `root`; an empty list means it is tidy. */
export async function findUntidy(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name } of PACKAGES) {
    for (const path of await listFiles(root, name)) {
      if (/\.[cm]?[tj]s$/.test(path) && !GENERATED_SOURCES.includes(path)) {
        findings.push(...checkSource(path, await readFile(join(root, path), 'utf8')));
      }
    }
  }
  for (const path of ['package.json', ...PACKAGES.map(({ name }) => `${name}/package.json`)]) {
    findings.push(...checkManifest(path, await readFile(join(root, path), 'utf8')));
  }
  for (const path of await listFiles(root, '.')) {
    const isLock = /^(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?)$/.test(basename(path));
    if (isLock && path !== 'package-lock.json') findings.push({ path, line: undefined, message: 'one lockfile, at the root: remove it' });
  }
  findings.push(...await findUnnamedThreats(root));

  return findings;
}

/** Checks the text of one source or test file. */
export function checkSource(path: string, text: string): Finding[] {
  const findings: Finding[] = [];
  const isTest = path.split('/')[1] === 'test';
  const lines = text.split('\n');
  lines.forEach((line, index) => {
    for (const { pattern, message, where } of BANNED) {
      const found = where === 'everywhere' || isTest ? pattern.exec(line) : null;
      if (found !== null) findings.push({ path, line: index + 1, message: `"${found[0].trim()}": ${message}` });
    }
  });
  if (!isTest && lines.length > MAX_SOURCE_LINES) {
    findings.push({ path, line: undefined, message: `${lines.length} lines, at most ${MAX_SOURCE_LINES}: it holds more than one concept` });
  }
  if (NAMELESS.test(basename(path))) findings.push({ path, line: undefined, message: 'name the file after what it exports' });

  return findings;
}

/** Checks that a package.json pins every dependency; overrides only have to hold within a major version. */
export function checkManifest(path: string, text: string): Finding[] {
  const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>;

  return ['dependencies', 'devDependencies', 'optionalDependencies'].flatMap((field) =>
    Object.entries(manifest[field] ?? {})
      .filter(([, version]) => !EXACT_VERSION.test(version))
      .map(([name, version]) => ({ path, line: undefined, message: `${name} "${version}" in ${field}: pin an exact version` })));
}
