/** How the rows of a snapshot are cut: the same on every node, never above what a message may hold, in the order of the tree. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Block, Header, StateTree, compareBytes, concat, encode, peerMessages, sha256, toHex, u64be, useSha256, utf8 } from '@billcoin/protocol';
import { hashPairsNative, sha256Native } from '../../src/crypto/sha256.ts';
import { partFile, readSnapshotChunks, writeSnapshot, type SnapshotManifest, type StateRow } from '../../src/storage/snapshot.ts';
import { makeRandom } from '../support/random.ts';

useSha256(sha256Native);
const ZERO = new Uint8Array(32);
const ROW_MAX_BYTES = 16_384;

/** A block whose header names the root of these rows, as far as writing a snapshot looks at it. */
function blockOf(rows: readonly StateRow[]): Uint8Array {
  const tree = new StateTree(hashPairsNative);
  const stateRoot = tree.root(tree.update(tree.empty(), rows));
  const header = encode(Header, {
    version: 1, height: 7, timeMs: 1_000, prevBlockId: ZERO, prevCommitHash: ZERO, txRoot: ZERO, txCount: 0, resultRoot: ZERO, stateRoot, validatorsHash: ZERO, nextValidatorsHash: ZERO, evidenceRoot: ZERO, proposerIndex: 0, round: 0,
  });
  return encode(Block, { header, body: utf8('a body') });
}

async function* inOrder(rows: readonly StateRow[]): AsyncGenerator<StateRow> {
  yield* rows;
}

t.test('three megabytes of rows', async (test) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-chunks-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  const random = makeRandom(3);
  const rows = Array.from({ length: 20_000 }, (_, i) => ({ key: concat(utf8('k'), u64be(i)), value: new Uint8Array(Math.floor(random() < 0.001 ? ROW_MAX_BYTES - 8 : random() * 300)).fill(i % 256) }));
  const block = blockOf(rows);
  const certificate = { type: 2, height: 7, round: 0, blockId: ZERO, bitmap: new Uint8Array([0x80]), signatures: [new Uint8Array(64)] } as const;
  const about = { genesisHash: ZERO, height: 7, lightBlock: { header: utf8('h'), certificate, validators: { validators: [{ publicKey: ZERO, power: 1 }] }, nextValidators: undefined }, validatorsSince: 0 } satisfies Partial<SnapshotManifest>;
  const manifest = await writeSnapshot(join(folder, 'one'), about, block, inOrder(rows));
  test.equal(manifest.rows, rows.length);
  test.ok(manifest.chunkHashes.length >= 3, `${manifest.chunkHashes.length} chunks`);
  for (let part = 1; part <= manifest.chunkHashes.length; part++) {
    const { size } = await stat(join(folder, 'one', partFile(part)));
    test.ok(size <= peerMessages.SNAPSHOT_PART_MAX_BYTES, 'fits a message');
    if (part < manifest.chunkHashes.length) test.ok(size > peerMessages.SNAPSHOT_PART_MAX_BYTES - ROW_MAX_BYTES - 32, 'and is full');
  }
  const read: StateRow[] = [];
  for await (const chunk of readSnapshotChunks(join(folder, 'one'), manifest)) read.push(...chunk);
  const sorted = [...rows].sort((a, b) => compareBytes(sha256(a.key), sha256(b.key)));
  test.ok(read.length === sorted.length && read.every(({ key, value }, i) => compareBytes(key, (sorted[i] as StateRow).key) === 0 && compareBytes(value, (sorted[i] as StateRow).value) === 0), 'every row, in the order of the tree');
  const again = await writeSnapshot(join(folder, 'two'), about, block, inOrder([...rows].reverse()));
  test.same(again.chunkHashes.map(toHex), manifest.chunkHashes.map(toHex), 'whatever order they were read in');
});
