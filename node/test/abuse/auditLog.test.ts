/** Threat 33: an edited row of the audit log is found. */
import t from 'tap';
import { canonicalJson, verifyEd25519, type Json } from '@billcoin/protocol';
import { openAuditLog } from '../../src/campus/audit/auditLog.ts';
import { makeCampusKeys } from '../../src/campus/keyFile.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { AuditLog } from '../../src/abusePorts.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { ManualClock } from '../support/memoryChain.ts';

const keys = makeCampusKeys();
const genesisHash = new Uint8Array(32).fill(1);
const openLog = async (store: KeyValueStore, over: Partial<Parameters<typeof openAuditLog>[0]> = {}): Promise<AuditLog> => await openAuditLog({ store, keys, genesisHash, clock: new ManualClock(1_775_808_923_000), verify: verifyEd25519, ...over });
const action = (n: number) => ({ actor: { role: 'admin', id: 'usr_1' }, action: 'putRateLimits', detail: { n, limits: { pay: { q: 10, w: 60 } } } });

async function filled(count: number): Promise<{ readonly store: KeyValueStore; readonly log: AuditLog }> {
  const store = openKeyValueMemory();
  const log = await openLog(store);
  await Promise.all(Array.from({ length: count }, async (_, i) => await log.append(action(i))));
  return { store, log };
}
const rowKey = (seq: number): string => `xu/${String(seq).padStart(15, '0')}`;
const utf8 = new TextEncoder();

t.test('entries are canonical, numbered, chained and signed, also after a restart', async (t) => {
  const { store, log } = await filled(3);
  const again = await openLog(store);
  await again.append(action(3));
  const { entries } = await again.list({ limit: 10 });
  t.same(entries.map(({ entry }) => [entry.seq, entry.detail['n']]), [[4, 3], [3, 2], [2, 1], [1, 0]]);
  t.same(entries.slice(0, -1).map(({ entry }) => entry.prev), entries.slice(1).map(({ hash }) => hash));
  t.equal(entries.at(-1)?.entry.prev, '0'.repeat(64));
  t.equal(entries[0]?.entry.at, '2026-04-10T08:15:23Z');
  const stored = JSON.parse(new TextDecoder().decode(await store.get(rowKey(2)))) as { text: string };
  t.equal(stored.text, canonicalJson(JSON.parse(stored.text) as Json));
  t.same(await again.head(), { seq: 4, hash: entries[0]?.hash });
  t.equal(again.publicKey, log.publicKey);
  t.equal(await again.check(), undefined);
  const page = await again.list({ limit: 3 });
  t.equal(page.next, 2);
  t.same((await again.list({ limit: 3, before: page.next })).entries.map(({ entry }) => entry.seq), [1]);
});

t.test('an empty log is whole', async (t) => {
  const log = await openLog(openKeyValueMemory());
  t.equal(await log.check(), undefined);
  t.same(await log.head(), { seq: 0, hash: '0'.repeat(64) });
});

t.test('threat 33: whatever is done to a row, the check names the first one that is wrong', async (t) => {
  const forged = await filled(1);
  const other = await openLog(forged.store, { keys: makeCampusKeys() });
  await other.append(action(2));
  t.equal(await forged.log.check(), 2, 'an entry signed by another key');
  t.equal(await (await openLog((await filled(2)).store, { genesisHash: new Uint8Array(32) })).check(), 1, 'a log of another network');

  const edits: readonly (readonly [string, (store: KeyValueStore) => Promise<void>, number])[] = [
    ['a changed value', async (store) => await edit(store, 450, (text) => text.replace('"q":10', '"q":99')), 450],
    ['a changed hash of the one before', async (store) => await edit(store, 300, (text) => text.replace(/"prev":"./, '"prev":"x')), 300],
    ['no JSON any more', async (store) => await edit(store, 2, () => '{'), 2],
    ['another form of the same JSON', async (store) => await edit(store, 3, (text) => `${text} `), 3],
    ['the signature of another entry', async (store) => {
      const row = JSON.parse(new TextDecoder().decode(await store.get(rowKey(5)))) as { text: string };
      const neighbour = JSON.parse(new TextDecoder().decode(await store.get(rowKey(6)))) as { signature: string };
      await store.batch([{ type: 'put', key: rowKey(5), value: utf8.encode(JSON.stringify({ ...row, signature: neighbour.signature })) }], { sync: true });
    }, 5],
    ['a deleted row', async (store) => await store.batch([{ type: 'del', key: rowKey(7) }], { sync: true }), 7],
    ['the first rows deleted', async (store) => await store.batch([{ type: 'del', key: rowKey(1) }], { sync: true }), 1],
    ['the last row deleted', async (store) => await store.batch([{ type: 'del', key: rowKey(500) }], { sync: true }), 500],
    ['two rows swapped', async (store) => {
      const [a, b] = [await store.get(rowKey(8)), await store.get(rowKey(9))];
      await store.batch([{ type: 'put', key: rowKey(8), value: b as Uint8Array }, { type: 'put', key: rowKey(9), value: a as Uint8Array }], { sync: true });
    }, 8],
  ];
  const { store } = await filled(500);
  const original = await store.list({ gte: 'xu/', lt: 'xu0', limit: 1_000 });
  const log = await openLog(store, { verify: verifyFast });
  for (const [name, damage, seq] of edits) {
    await damage(store);
    t.equal(await log.check(), seq, name);
    await store.batch(original.map(({ key, value }) => ({ type: 'put', key, value })), { sync: true });
    t.equal(await log.check(), undefined, `${name}, mended`);
  }
});

/** 500 portable verifications a check would take seconds: each signature is verified once. */
const verified = new Map<string, boolean>();
function verifyFast(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = Buffer.concat([publicKey, signature, message]).toString('base64');
  const known = verified.get(key) ?? verifyEd25519(publicKey, message, signature);
  verified.set(key, known);
  return known;
}

async function edit(store: KeyValueStore, seq: number, change: (text: string) => string): Promise<void> {
  const row = JSON.parse(new TextDecoder().decode(await store.get(rowKey(seq)))) as { text: string; signature: string };
  const text = change(row.text);
  t.not(text, row.text, 'the edit changes something');
  await store.batch([{ type: 'put', key: rowKey(seq), value: utf8.encode(JSON.stringify({ ...row, text })) }], { sync: true });
}
