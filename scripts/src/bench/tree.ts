/**
 * Measures the state tree with the node's native hashers: one block's root update and bytes a node. Aims
 * (consensus.md §3): 1,000 keys in at most 6 ms at 10^5 rows and 10 ms at 10^6, 64 B a node, 160 B a key, a rebuild of
 * 10^6 rows in at most 10 s (of which the database takes half).
 */
import { hashPairsNative, sha256Native } from '@billcoin/node';
import { buildTree, useSha256, verifyStateProof, type StateTree, type TreeVersion } from '@billcoin/protocol';

const SIZES = [10_000, 100_000, 1_000_000];
const BLOCKS = 101;
const WARM_UP_BLOCKS = 20;
const CHANGES = 1000;
/** Of the changes of a block: rows that are new; the others change rows that exist. */
const NEW_ROWS = 200;
const VALUE_BYTES = 40;
const PROOFS = 2_000;
/** Old versions kept alive meanwhile, as a node keeps them for proofs. */
const WINDOW = 16;

export interface TreeBenchResult {
  readonly rows: number;
  readonly buildMs: number;
  /** Time of one update of 1,000 rows, hashing of keys and values included. */
  readonly updateMs: { readonly median: number; readonly p5: number; readonly p95: number; readonly max: number };
  readonly bytesPerNode: number;
  readonly bytesPerKey: number;
  /** All pages, with the window of old versions and the free nodes. */
  readonly allocatedBytesPerKey: number;
  readonly proveUs: number;
  readonly verifyUs: number;
  readonly proofBytes: number;
}

/** Runs at 10^4, 10^5 and 10^6 rows: half a minute and 400 MB. */
export function benchTree(sizes: readonly number[] = SIZES): TreeBenchResult[] {
  useSha256(sha256Native);
  return sizes.map(benchRows);
}

/** One line a size, for people. */
export function formatTreeBench(results: readonly TreeBenchResult[]): string {
  return results.map(({ rows, buildMs, updateMs, bytesPerNode, bytesPerKey, allocatedBytesPerKey, proveUs, verifyUs, proofBytes }) => [
    `tree of ${rows} rows: built in ${buildMs.toFixed(0)} ms`,
    `update of ${CHANGES} rows, median of ${BLOCKS} blocks ${updateMs.median.toFixed(2)} ms`,
    `p5 ${updateMs.p5.toFixed(2)}, p95 ${updateMs.p95.toFixed(2)}, max ${updateMs.max.toFixed(2)} ms`,
    `${bytesPerNode.toFixed(1)} B a node, ${bytesPerKey.toFixed(1)} B a key`,
    `${allocatedBytesPerKey.toFixed(1)} B a key allocated`,
    `proof of ${proofBytes.toFixed(0)} B made in ${proveUs.toFixed(1)} µs, verified in ${verifyUs.toFixed(1)} µs`,
  ].join('; ')).join('\n');
}

function benchRows(rows: number): TreeBenchResult {
  const startMs = performance.now();
  const { tree, version } = buildTree(someRows(rows), hashPairsNative);
  const buildMs = performance.now() - startMs;
  const { usedBytes, innerNodes, leaves } = tree.memory();
  const proofs = timeProofs(tree, version, rows);
  const timesMs = timeUpdates(tree, version, rows);
  const { allocatedBytes } = tree.memory();
  const at = (share: number): number => timesMs[Math.floor(share * (timesMs.length - 1))] as number;
  return {
    rows,
    buildMs,
    updateMs: { median: at(0.5), p5: at(0.05), p95: at(0.95), max: at(1) },
    bytesPerNode: usedBytes / (innerNodes + leaves),
    bytesPerKey: usedBytes / rows,
    allocatedBytesPerKey: allocatedBytes / rows,
    ...proofs,
  };
}

/** Makes and verifies proofs of rows all over the tree; the verifier hashes natively, as a node or a till on Node does. */
function timeProofs(tree: StateTree, version: TreeVersion, rows: number): Pick<TreeBenchResult, 'proveUs' | 'verifyUs' | 'proofBytes'> {
  const asked = Array.from({ length: PROOFS }, (_, i) => (i * 15_485_863) % rows);
  const startMs = performance.now();
  const proofs = asked.map((row) => tree.prove(version, rowKey(row)));
  const madeMs = performance.now();
  const root = tree.root(version);
  proofs.forEach((proof, i) => {
    const row = asked[i] as number;
    if (!verifyStateProof(root, proof, rowKey(row), { value: rowValue(row, 0) })) throw new Error(`the proof of row ${row} does not verify`);
  });
  const endMs = performance.now();
  const bytes = proofs.reduce((sum, { siblings, bitmap }) => sum + 32 * (siblings.length + 3) + bitmap.length + 2, 0);
  return { proveUs: ((madeMs - startMs) * 1_000) / PROOFS, verifyUs: ((endMs - madeMs) * 1_000) / PROOFS, proofBytes: bytes / PROOFS };
}

/** Sorted times of the updates of BLOCKS blocks, each on the version of the one before. */
function timeUpdates(tree: StateTree, version: TreeVersion, rows: number): number[] {
  const window = [version];
  const timesMs: number[] = [];
  let created = rows;
  for (let block = 0; block < WARM_UP_BLOCKS + BLOCKS; block++) {
    const touched = new Set<number>();
    while (touched.size < NEW_ROWS) touched.add(created++);
    // A stride prime to any count of rows spreads the changed rows without repeats inside a block.
    for (let i = 0; touched.size < CHANGES; i++) touched.add((block * 7_368_787 + i * 15_485_863) % rows);
    const changes = [...touched].map((row) => ({ key: rowKey(row), value: rowValue(row, block + 1) }));
    const startMs = performance.now();
    window.push(tree.update(window.at(-1) as TreeVersion, changes));
    if (block >= WARM_UP_BLOCKS) timesMs.push(performance.now() - startMs);
    if (window.length > WINDOW) tree.release(window.shift() as TreeVersion);
  }
  return timesMs.sort((a, b) => a - b);
}

function* someRows(count: number): Generator<{ key: Uint8Array; value: Uint8Array }> {
  for (let row = 0; row < count; row++) yield { key: rowKey(row), value: rowValue(row, 0) };
}

/** Like an account row: a prefix byte and 20 bytes. */
function rowKey(row: number): Uint8Array {
  const key = new Uint8Array(21);
  new DataView(key.buffer).setUint32(17, row);
  return key;
}

function rowValue(row: number, block: number): Uint8Array {
  const value = new Uint8Array(VALUE_BYTES);
  const view = new DataView(value.buffer);
  view.setUint32(0, row);
  view.setUint32(4, block);
  return value;
}
