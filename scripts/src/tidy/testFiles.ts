/**
 * Runs test files one after another in this process, as one TAP stream. After the tests of a file stands an empty
 * one with its name, which tells the reader where the file ends: scripts/src/tidy/tapReport.ts.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const files = process.argv.slice(2);
const timeoutMs = Number(process.env['TAP_TIMEOUT']) * 1_000;
// V8 counts in this process from its start on; the variable is for those that it starts.
if (process.env['BILLCOIN_MEASURED'] === 'own') delete process.env['NODE_V8_COVERAGE'];
// tap names its folders after the program that runs, so that is the first file, and tap is loaded after.
process.argv.splice(1, Infinity, resolve(files[0] ?? ''));
const { default: t } = await import('tap');

// tap would end with the first pause after the tests of that file, and run it only then.
if (files.length > 1) t.teardown = () => { throw new Error('A file that opens something for all its tests needs a process of its own: scripts/src/tidy/testPlan.ts'); };

for (const file of files) {
  // The patience is that of one file, and a file may have asked for less than the next one needs.
  t.setTimeout(timeoutMs);
  try {
    await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    t.fail(`${file} ends while it is loaded`, { stack: error instanceof Error ? error.stack : String(error) });
  }
  await t.test(file, () => Promise.resolve());
}
