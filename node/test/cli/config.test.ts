import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { OPTIONS, makeConfig, makeConfigDoc, parseArgsOptions } from '../../src/config.ts';

void t.test('a flag wins over the environment, the environment over the file, the file over the default', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-config-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'billcoin.json');
  await writeFile(file, JSON.stringify({ httpPort: 1, nodeName: 'file', logLevel: 'warn' }));
  const config = makeConfig({ config: file, 'http-port': '3' }, { BILLCOIN_HTTP_PORT: '2', BILLCOIN_NODE_NAME: 'environment' });
  test.same([config.httpPort, config.nodeName, config.logLevel, config.dataDir], [3, 'environment', 'warn', OPTIONS.dataDir.initial]);
});

void t.test('zero is a value', (test) => {
  test.equal(makeConfig({ 'http-port': '0', 'verify-threads': '0' }, {}).httpPort, 0);
  test.end();
});

void t.test('a file that does not fit is refused with its path', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-config-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'billcoin.json');
  for (const [content, found] of [
    ['{"httpPort": "many"}', /billcoin\.json: httpPort is "many"/],
    ['{"httpPort": {}}', /httpPort is neither text, number nor true or false/],
    ['{"port": 1}', /"port" is no option/],
    ['[]', /is not a JSON object/],
    ['{', /cannot be read as JSON/],
  ] as const) {
    await writeFile(file, content);
    test.throws(() => makeConfig({}, { BILLCOIN_CONFIG: file }), { name: 'ConfigError', message: found });
  }
});

void t.test('a flag without a value is given or not', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-config-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'billcoin.json');
  await writeFile(file, '{"iAmTheOnlyOne": true}');
  test.equal(makeConfig({}, {}).iAmTheOnlyOne, false);
  test.equal(makeConfig({ 'i-am-the-only-one': true }, {}).iAmTheOnlyOne, true);
  test.equal(makeConfig({}, { BILLCOIN_I_AM_THE_ONLY_ONE: 'true' }).iAmTheOnlyOne, true);
  test.equal(makeConfig({}, { BILLCOIN_CONFIG: file }).iAmTheOnlyOne, true);
  test.throws(() => makeConfig({}, { BILLCOIN_I_AM_THE_ONLY_ONE: 'yes' }), /is "yes"; it takes true \| false/);
  test.same(parseArgsOptions()['i-am-the-only-one'], { type: 'boolean' });
  test.same(parseArgsOptions()['node-name'], { type: 'string' });
});

void t.test('the document has a row for every option', (test) => {
  const doc = makeConfigDoc();
  for (const [name, option] of Object.entries(OPTIONS)) test.ok(doc.includes(`| \`--${option.flag}\` |`) && doc.includes(`\`${name}\``), name);
  test.end();
});
