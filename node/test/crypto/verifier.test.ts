import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  ed25519PublicKey, p256PublicKey, signEd25519, signP256, verifyEd25519, verifyP256,
} from '@billcoin/protocol';
import t from 'tap';
import { packItems, unpackItems } from '../../src/crypto/verifyBatch.ts';
import { verifyEd25519Native, verifyP256Native } from '../../src/crypto/verifier.ts';
import { createVerifyPool } from '../../src/crypto/verifyPool.ts';

type Vector = { id: string; publicKey: string; message: string; signature: string; valid: boolean };
type Item = { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array };

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const path = new URL('../../../protocol/vectors/signature.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(path, 'utf8')) as { vectors: Vector[] };
const grid: Item[] = vectors.map((v) => ({
  publicKey: bytes(v.publicKey), message: bytes(v.message), signature: bytes(v.signature),
}));
const expected = vectors.map((v) => v.valid);

/** The n-th of an endless row of 32 seeded bytes. */
function seeded(n: number): Buffer {
  return createHash('sha256').update(`verifier test ${n}`).digest();
}

/** A vector of the grid with its halves crossed with another's or one bit flipped: near misses the grid does not hold. */
function mutate(n: number): Item {
  const pick = seeded(n);
  const at = (offset: number): Item => grid[pick.readUInt16BE(offset) % grid.length]!;
  const [one, other] = [at(0), at(2)];
  const flipped = one.signature.map((byte, i) => (i === pick[4]! % 64 ? byte ^ (1 << (pick[5]! % 8)) : byte));
  const crossed = Uint8Array.of(...one.signature.subarray(0, 32), ...other.signature.subarray(32));
  const kinds: Item[] = [
    { ...one, signature: flipped },
    { ...one, signature: crossed },
    { ...one, publicKey: other.publicKey },
    { ...one, message: other.message },
    one,
  ];
  return kinds[pick[6]! % kinds.length]!;
}

function verdicts(items: readonly Item[], verify: typeof verifyEd25519): boolean[] {
  return items.map((item) => verify(item.publicKey, item.message, item.signature));
}

t.test('peer bug 37, ed25519 divergence: the native path gives the verdict of the reference on the whole grid', async (t) => {
  t.same(verdicts(grid, verifyEd25519Native), expected);
});

t.test('native and portable path agree on 500 seeded mutations of the grid', async (t) => {
  const items = Array.from({ length: 500 }, (_, n) => mutate(n));
  const native = verdicts(items, verifyEd25519Native);
  t.same(native, verdicts(items, verifyEd25519));
  t.ok(native.includes(true) && native.includes(false), 'both verdicts occur');
});

t.test('memory shared between threads is verified like any other', async (t) => {
  const shared = (plain: Uint8Array): Uint8Array => {
    const copy = new Uint8Array(new SharedArrayBuffer(plain.length));
    copy.set(plain);
    return copy;
  };
  const seed = seeded(1);
  const message = seeded(2);
  const all = [ed25519PublicKey(seed), message, signEd25519(seed, message)].map(shared);
  t.equal(verifyEd25519Native(all[0]!, all[1]!, all[2]!), true);
});

t.test('a pool gives the verdict of the reference on the whole grid, in order, and leaves the items intact', async (t) => {
  const pool = createVerifyPool({ threads: 2 });
  t.teardown(() => pool.close());
  t.same(await pool.verifyMany(grid), expected);
  t.same(await pool.verifyMany(grid.slice(0, 5)), expected.slice(0, 5), 'a few, inline');
  t.same(await pool.verifyMany(grid.slice(0, 9)), expected.slice(0, 9), 'a few more, by the threads');
  t.same(await pool.verifyMany([]), []);
  t.same(verdicts(grid, verifyEd25519Native), expected, 'no buffer was given away');
});

t.test('a pool asked for more than its queue holds answers everything', async (t) => {
  const pool = createVerifyPool({ threads: 1 });
  t.teardown(() => pool.close());
  const refused = grid.filter((_, i) => vectors[i]!.id.startsWith('small-'));
  const flood = Array.from({ length: 80 }, () => refused).flat();
  t.ok(flood.length > 64 * 200, 'more batches than the queue holds');
  t.equal((await pool.verifyMany(flood)).filter(Boolean).length, 0);
});

t.test('a closing pool answers what was asked before and rejects what comes after', async (t) => {
  const pool = createVerifyPool({ threads: 1 });
  const asked = pool.verifyMany(grid);
  const closing = pool.close();
  await t.rejects(pool.verifyMany(grid), { message: 'the verify pool is closed' });
  t.same(await asked, expected);
  await closing;
});

t.test('a batch unpacks to the items it was packed from, empty parts included', async (t) => {
  const items = [...grid.slice(0, 40), { publicKey: new Uint8Array(), message: new Uint8Array(), signature: new Uint8Array() }];
  const plain = (list: readonly Item[]): string[] => list.map((i) => [i.publicKey, i.message, i.signature].map((b) => Buffer.from(b).toString('hex')).join());
  t.same(plain(unpackItems(packItems(items))), plain(items));
  t.same(unpackItems(packItems([])), []);
});

t.test('OpenSSL and the portable path agree on P-256 signatures, good, forged and malformed', async (t) => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const cases = Array.from({ length: 24 }, (_, n): Item[] => {
    const [secret, message] = [seeded(n), seeded(n + 1000)];
    const publicKey = p256PublicKey(secret);
    const signature = signP256(secret, message);
    const highS = order - BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
    const twin = Uint8Array.of(...signature.subarray(0, 32), ...bytes(highS.toString(16).padStart(64, '0')));
    const flipped = signature.map((byte, i) => (i === n ? byte ^ 1 : byte));
    const orderAsS = Uint8Array.of(...signature.subarray(0, 32), ...bytes(order.toString(16)));
    const otherKey = Uint8Array.of(publicKey[0]! ^ 1, ...publicKey.subarray(1));
    return [
      { publicKey, message, signature }, { publicKey, message, signature: twin }, { publicKey, message, signature: flipped },
      { publicKey, message, signature: orderAsS }, { publicKey: otherKey, message, signature },
      { publicKey: Uint8Array.of(2, ...seeded(n + 2000)), message, signature }, { publicKey: publicKey.subarray(1), message, signature },
    ];
  }).flat();
  const native = verdicts(cases, verifyP256Native);
  t.same(native, verdicts(cases, verifyP256));
  t.equal(native.filter(Boolean).length, 48, 'each low s and each high s, nothing else');
  t.same(verdicts(cases, verifyP256Native), native, 'the same again with the keys in the cache');
});
