import t from 'tap';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findDrift, writeGenerated } from '../../src/generate/generated.ts';

t.test('a generated file is written once, then checked line by line', async (t) => {
  const root = t.testdir({});
  const generators = [{ path: 'docs/codes.md', make: async () => 'one\ntwo\nthree\n' }];
  t.same(await findDrift(root, generators), [{ path: 'docs/codes.md', line: undefined }]);
  t.same(await writeGenerated(root, generators), ['docs/codes.md']);
  t.same(await writeGenerated(root, generators), []);
  t.same(await findDrift(root, generators), []);
  t.equal(readFileSync(join(root, 'docs/codes.md'), 'utf8'), 'one\ntwo\nthree\n');
  writeFileSync(join(root, 'docs/codes.md'), 'one\n2\nthree\n');
  t.same(await findDrift(root, generators), [{ path: 'docs/codes.md', line: 2 }]);
  writeFileSync(join(root, 'docs/codes.md'), 'one\ntwo\n');
  t.same(await findDrift(root, generators), [{ path: 'docs/codes.md', line: 3 }]);
});
