import t from 'tap';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FIRST_IN_PROCESS, LONG_FILES, NETWORKS, planTests } from '../../src/tidy/testPlan.ts';

const root = resolve(import.meta.dirname, '../../..');

t.test('what is named is there', async (t) => {
  for (const file of [...Object.keys(NETWORKS), ...LONG_FILES, ...FIRST_IN_PROCESS]) t.ok(existsSync(join(root, file)), file);
});

t.test('every file runs once; a folder shares processes, who is long has one alone, and comes first', async (t) => {
  const [network = ''] = Object.keys(NETWORKS);
  const [long = ''] = LONG_FILES;
  const folder = Array.from({ length: 17 }, (_, i) => `sdk/test/many/${i}.test.ts`);
  const [first = ''] = FIRST_IN_PROCESS;
  const files = ['sdk/test/one.test.ts', ...folder, first, long, network, 'sdk/test/stress/slow.test.ts'];
  const { networks, others } = planTests(files);
  t.same(networks, [{ files: [network], measured: NETWORKS[network] }]);
  t.same(others.map((job) => job.files.length), [1, 9, 8, 1, 1, 1]);
  t.same(others.at(-1), { files: [first], measured: 'all' });
  t.same(others[0], { files: [long], measured: 'all' });
  t.same([...networks, ...others].flatMap((job) => job.files).sort(), files.sort());
  t.same(others.filter(({ measured }) => measured === 'nothing').map((job) => job.files), [['sdk/test/stress/slow.test.ts']]);
});
