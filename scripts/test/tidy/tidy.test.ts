import t from 'tap';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { MAX_SOURCE_LINES, checkManifest, checkSource, findUntidy } from '../../src/tidy/tidy.ts';
import { PACKAGES } from '../../src/tidy/packages.ts';

const root = resolve(import.meta.dirname, '../../..');
const messages = (path: string, text: string) => checkSource(path, text).map(({ line, message }) => `${line ?? ''} ${message}`);

t.test('unfinished work and silenced rules are found with their line', async (t) => {
  t.match(messages('sdk/src/a.ts', `one\n// TO${'DO'} later`), [/^2 .*unfinished/]);
  t.match(messages('sdk/src/a.ts', `// eslint-${'disable'}-next-line`), [/^1 .*silence/]);
  t.match(messages('sdk/src/a.ts', `// @ts-${'ignore'}\nx as ${'any'}`), [/^1 .*type/, /^2 .*type/]);
});

t.test('a test may not be left out, and only tests are asked', async (t) => {
  const left = `  t.${'only'}('one', () => {})`;
  t.equal(messages('sdk/test/a.test.ts', left).length, 1);
  t.equal(messages('sdk/src/a.ts', left).length, 0);
});

t.test('a source file has an upper length, a test file is free', async (t) => {
  const long = '\n'.repeat(MAX_SOURCE_LINES);
  t.equal(messages('sdk/src/a.ts', long.slice(1)).length, 0);
  t.equal(messages('sdk/src/a.ts', long).length, 1);
  t.equal(messages('sdk/test/a.ts', long).length, 0);
});

t.test('a name that says nothing is refused', async (t) => {
  t.equal(messages('sdk/src/utils.ts', '').length, 1);
  t.equal(messages('sdk/src/amount.ts', '').length, 0);
});

t.test('versions are exact', async (t) => {
  const text = JSON.stringify({ dependencies: { a: '1.2.3', b: '^1.2.3' }, devDependencies: { c: 'latest', d: '2.0.0-rc.1' }, overrides: { e: '^1.0.0' } });
  t.same(checkManifest('package.json', text).map(({ message }) => message.split(' ')[0]), ['b', 'c']);
});

t.test('a checkout is walked: sources, manifests, and a second lockfile', async (t) => {
  const files: Record<string, Record<string, string>> = {};
  for (const { name } of PACKAGES) files[name] = { 'package.json': '{}' };
  const folder = t.testdir({
    ...files,
    'package.json': '{}',
    'package-lock.json': '{}',
    sdk: { 'package.json': '{}', 'package-lock.json': '{}', src: { 'helpers.ts': '' }, node_modules: { 'utils.ts': '' } },
  });
  t.same((await findUntidy(folder)).map(({ path }) => path), ['sdk/src/helpers.ts', 'sdk/package-lock.json']);
});

t.test('the command says what it found and fails when it found something', async (t) => {
  const { status, stdout } = spawnSync(process.execPath, ['--import=tsx', resolve(root, 'scripts/src/tidy/main.ts')], { cwd: root, encoding: 'utf8' });
  t.equal(stdout.trim() === 'tidy', status === 0);
  t.match(stdout, /tidy|untidy places/);
});
