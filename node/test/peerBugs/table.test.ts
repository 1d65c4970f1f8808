/**
 * The bugs of peers (consensus page §4) and their tests: every item that concerns consensus, storage or sync has at least one
 * test that carries its number, "peer bug 7, Mulberry …", and items of several bugs one for each; so have the reference traces
 * (§7b). The names are the table. What waits for a later step stands in the comment of the file.
 */
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FOLDERS = ['protocol/test', 'node/test', 'sdk/test'];
/** 24 to 27 are the light client's; 22 and 35 are partly others' too, and are here because storage and consensus have a share. */
const ITEMS = [...Array.from({ length: 23 }, (_, i) => i + 1), 25, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37].map(String);
const PARTS = [...[1, 2, 3, 4, 5, 6, 7].map((part) => `13.${part}`), '16a', '16b', '16c', '16d'];

/** Numbers in the names of tests, with the files they stand in. */
async function named(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>();
  for (const folder of FOLDERS) {
    for (const file of await readdir(`${ROOT}${folder}`, { recursive: true })) {
      if (!file.endsWith('.test.ts')) continue;
      const text = await readFile(`${ROOT}${folder}/${file}`, 'utf8');
      for (const [, plain, filled] of text.matchAll(/\btest\((?:'([^'\n]+)'|`([^`\n]+)`)/g)) note(found, plain ?? filled ?? '', `${folder}/${file}`);
    }
  }
  return found;
}

function note(found: Map<string, Set<string>>, name: string, file: string): void {
  for (const [trace] of name.matchAll(/\bTR\d/g)) found.set(trace, (found.get(trace) ?? new Set()).add(file));
  for (const [, item = ''] of name.matchAll(/peer bug (\d+(?:\.\d|[a-d]\b)?)/g)) {
    for (const key of new Set([item, item.replace(/(?:\.\d|[a-d])$/, '')])) found.set(key, (found.get(key) ?? new Set()).add(file));
  }
}

t.test('every bug of a peer and every reference trace has a test that names it', async (t) => {
  const found = await named();
  for (const trace of [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `TR${number}`)) t.ok(found.has(trace), `${trace}: ${[...(found.get(trace) ?? [])].join(', ')}`);
  for (const item of [...ITEMS, ...PARTS]) t.ok(found.has(item), `${item}: ${[...(found.get(item) ?? [])].join(', ')}`);
});
