/** Test files run in one process, and what goes wrong in one of them is told. */
import t, { type Test } from 'tap';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { completeSourceMaps } from '../../src/tidy/coverage.ts';
import { runJob } from '../../src/tidy/testJob.ts';

const root = resolve(import.meta.dirname, '../../..');
const PASSES = "import t from 'tap';\nt.test('it', async (t) => { t.pass('so'); });\n";

/** Runs these sources as files of one job. `said` is what was printed. */
async function run(t: Test, sources: Readonly<Record<string, string>>) {
  const folder = t.testdir({ ...sources, coverage: {}, sdk: { src: { 'one.ts': 'export function one(): number {\n  return 1;\n}\n' } } });
  const coverageFolder = join(folder, 'coverage');
  const said: string[] = [];
  const files = Object.keys(sources).map((name) => relative(root, join(folder, name)));
  const { passed, failed, files: ended } = await runJob({ files, measured: 'own' }, { root, coverageFolder, print: (line) => void said.push(line) });

  return { counts: { passed, failed, ended }, said: said.join('\n'), folder, coverageFolder };
}

t.test('files run one after another, and what they run is counted', async (t) => {
  const { counts, folder, coverageFolder } = await run(t, {
    'a.test.ts': `${PASSES}t.setTimeout(1);\n`,
    'b.test.ts': "import t from 'tap';\nimport { one } from './sdk/src/one.ts';\nt.test('it', async (t) => { await new Promise((done) => { setTimeout(done, 50); }); t.equal(one(), 1); });\n",
  });
  t.same(counts, { passed: 2, failed: 0, ended: 2 });
  await completeSourceMaps(folder, coverageFolder, [{ name: 'sdk', minLinesPercent: 1 }]);
  const [name = '', ...more] = readdirSync(coverageFolder);
  t.same(more, [], 'what says nothing about the packages is gone');
  const url = pathToFileURL(join(folder, 'sdk/src/one.ts')).href;
  t.match(JSON.parse(readFileSync(join(coverageFolder, name), 'utf8')), { result: [{ url }], 'source-map-cache': { [url]: { data: { sourcesContent: [/return 1;/] } } } });
});

t.test('a file that cannot be loaded fails, and the next one runs', async (t) => {
  const { counts, said } = await run(t, { 'a.test.ts': "import './nowhere.ts';\n", 'b.test.ts': PASSES });
  t.same(counts, { passed: 1, failed: 1, ended: 2 });
  t.match(said, /FAILED .*a\.test\.ts > .*a\.test\.ts ends while it is loaded/);
});

t.test('a file that opens something for all its tests shares no process', async (t) => {
  const { counts, said } = await run(t, { 'a.test.ts': `${PASSES}t.teardown(() => undefined);\n`, 'b.test.ts': PASSES });
  t.same(counts, { passed: 2, failed: 1, ended: 2 });
  t.match(said, /process of its own/);
});

t.test('a process that ends too early is a failure', async (t) => {
  const { counts, said } = await run(t, { 'a.test.ts': PASSES, 'b.test.ts': `${PASSES}process.exit(0);\n`, 'c.test.ts': PASSES });
  t.equal(counts.ended, 1);
  t.ok(counts.failed > 0);
  t.match(said, /FAILED the process ended with code \d in or after .*b\.test\.ts, 1 of 3 files told/);
});
