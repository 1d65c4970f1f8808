/** Configuration and key file: a wrong value is named with its path and what to do. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ed25519PublicKey, toHex } from '@billcoin/protocol';
import { ConfigError, parseConfig, readConfig, readOracleKey } from '@billcoin/oracle';
import { freshFolder } from './support/service.ts';

const GOOD = { nodeUrl: 'http://127.0.0.1:8440', broker: { url: 'mqtt://127.0.0.1:1883' }, keyFile: 'key.json', dataDir: 'data' };

t.test('defaults', async (t) => {
  t.same(parseConfig(GOOD), { ...GOOD, status: { host: '127.0.0.1', port: 8460 }, pollMs: 1_000, logLevel: 'info' });
  const full = { ...GOOD, broker: { url: 'mqtts://b:8883', username: 'o', password: 'p' }, status: { host: '::1', port: 0 }, pollMs: 50, logLevel: 'debug' };
  t.same(parseConfig(full), full);
});

t.test('every wrong value is named', async (t) => {
  for (const [change, message] of [
    [{ nodeUrl: 'ftp://x' }, /config\.nodeUrl must be a URL/], [{ nodeUrl: 5 }, /config\.nodeUrl must be a text/], [{ broker: 'x' }, /config\.broker must be an object/],
    [{ broker: { url: 'http://x' } }, /config\.broker\.url/], [{ broker: { url: 'mqtt://o:secret@x' } }, /^(?!.*secret)config\.broker\.url must not hold/], [{ broker: { url: 'mqtt://x', pasword: 'y' } }, /config\.broker\.pasword is unknown/],
    [{ broker: { url: 'mqtt://x', username: '' } }, /config\.broker\.username/], [{ keyFile: '' }, /config\.keyFile/], [{ dataDir: undefined }, /config\.dataDir/],
    [{ status: { port: 70_000 } }, /config\.status\.port must be an integer from 0 to 65535/], [{ status: { host: 1 } }, /config\.status\.host/],
    [{ pollMs: 1.5 }, /config\.pollMs/], [{ pollMs: 49 }, /config\.pollMs/], [{ logLevel: 'loud' }, /config\.logLevel/], [{ extra: 1 }, /config\.extra is unknown/],
  ] as const) t.throws(() => parseConfig({ ...GOOD, ...change }), message);
  t.throws(() => parseConfig(null), /config must be an object/);
  t.throws(() => parseConfig([]), /config must be an object/);
});

t.test('files: config and key', async (t) => {
  const folder = await freshFolder(t);
  const file = join(folder, 'oracle.json');
  await writeFile(file, JSON.stringify(GOOD));
  t.equal((await readConfig(file)).dataDir, 'data');
  await writeFile(file, '{');
  await t.rejects(readConfig(file), ConfigError);
  await writeFile(file, '{}');
  await t.rejects(readConfig(file), /oracle\.json: config\.broker/);

  const keyFile = join(folder, 'key.json');
  const seed = new Uint8Array(32).fill(5);
  const record = { format: 'billcoin-key/1', publicKey: toHex(ed25519PublicKey(seed)), seed: toHex(seed) };
  const write = (value: object): Promise<void> => writeFile(keyFile, JSON.stringify(value), { mode: 0o600 });
  await t.rejects(readOracleKey(keyFile), /cannot be read/);
  await write(record);
  t.same((await readOracleKey(keyFile)).publicKey, ed25519PublicKey(seed));
  await chmod(keyFile, 0o644);
  await t.rejects(readOracleKey(keyFile), /chmod 600/);
  await chmod(keyFile, 0o600);
  await write({ ...record, format: 'other' });
  await t.rejects(readOracleKey(keyFile), /billcoin-key\/1/);
  await write({ ...record, seed: '05' });
  await t.rejects(readOracleKey(keyFile), /billcoin-key\/1/);
  await write({ ...record, publicKey: '00'.repeat(32) });
  await t.rejects(readOracleKey(keyFile), /does not belong/);
});
