import { readFileSync } from 'node:fs';
import t from 'tap';
import { StateTree, TREE_VERSIONS_MAX, buildTree, type TreeVersion } from '../../src/state/tree.ts';
import type { RowChange } from '../../src/state/treeChanges.ts';
import { hashPairsPortable } from '../../src/state/treeHash.ts';
import { hashPairsOfNode, hex, naiveRoot, seededRandom, type NaiveRow, type Random } from './naiveTree.ts';

/** Rows with keys of 5 to 44 bytes that differ between and within seeds. */
const rows = (count: number, seed: number): NaiveRow[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => ({
    key: Uint8Array.of(seed >>> 8, seed & 255, i >>> 8, i & 255, ...random.bytes(1 + random.below(40))),
    value: random.bytes(random.below(60)),
  }));
};
const shuffled = <T>(items: readonly T[], random: Random): T[] => {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
};
const deaths = (of: readonly NaiveRow[]): RowChange[] => of.map(({ key }) => ({ key, value: undefined }));
/** Replaces a version: update, then release the old one. */
const advance = (tree: StateTree, version: TreeVersion, changes: readonly RowChange[]): TreeVersion => {
  const next = tree.update(version, changes);
  tree.release(version);
  return next;
};

t.test('the empty tree has a root of 32 zero bytes, before and after', async (t) => {
  const tree = new StateTree();
  let version = tree.empty();
  t.equal(hex(tree.root(version)), '00'.repeat(32));
  t.equal(version.leafCount, 0);
  const set = rows(50, 1);
  version = advance(tree, version, set);
  version = advance(tree, version, deaths(set));
  t.equal(hex(tree.root(version)), '00'.repeat(32));
  t.equal(version.leafCount, 0);
  t.equal(tree.memory().usedBytes, 0, 'and holds no node');
  t.same(hex(tree.root(advance(tree, version, []))), '00'.repeat(32), 'no change changes nothing');
});

t.test('the root equals the naive recursion for every small set', async (t) => {
  for (let count = 0; count <= 40; count++) {
    const set = rows(count, 100 + count);
    const { tree, version } = buildTree(set);
    t.equal(hex(tree.root(version)), hex(naiveRoot(set)), `${count} rows`);
    t.equal(version.leafCount, count);
  }
});

t.test('the root equals the vectors', async (t) => {
  const vectors = JSON.parse(readFileSync(new URL('../../vectors/stateTree.json', import.meta.url), 'utf8')) as {
    cases: { title: string; steps: { changes: { key: string; value: string | null }[]; root: string; rows: number }[] }[];
  };
  t.ok(vectors.cases.length > 0);
  for (const { title, steps } of vectors.cases) {
    const tree = new StateTree();
    let version = tree.empty();
    for (const [i, step] of steps.entries()) {
      version = advance(tree, version, step.changes.map(({ key, value }) => (
        { key: Buffer.from(key, 'hex'), value: value === null ? undefined : Buffer.from(value, 'hex') })));
      t.equal(hex(tree.root(version)), step.root, `${title}, step ${i}`);
      t.equal(version.leafCount, step.rows);
    }
  }
});

t.test('the root does not depend on order, batches or history', async (t) => {
  const random = seededRandom(7);
  const set = rows(600, 8);
  const others = rows(300, 9);
  const expected = hex(naiveRoot(set));
  for (const batch of [1, 7, 100, 600]) {
    const tree = new StateTree();
    let version = tree.empty();
    const mixed = shuffled(set, random);
    version = advance(tree, version, others);
    for (let i = 0; i < mixed.length; i += batch) {
      version = advance(tree, version, [...mixed.slice(i, i + batch), ...deaths(others.slice(i / 2, (i + batch) / 2))]);
    }
    version = advance(tree, version, shuffled(deaths(others), random));
    t.equal(hex(tree.root(version)), expected, `batches of ${batch}`);
    t.equal(version.leafCount, set.length);
    const rebuilt = buildTree(shuffled(set, random));
    t.same(tree.memory().innerNodes, rebuilt.tree.memory().innerNodes, 'the structure is that of a rebuilt tree');
    t.equal(tree.memory().usedBytes, rebuilt.tree.memory().usedBytes, 'and nothing is leaked');
  }
});

t.test('rows whose key hashes share 32 bits are sorted and kept apart', async (t) => {
  // SHA-256 of these texts starts 5df0fb61561d and 5df0fb614c81, 75d93dbee661 and 75d93dbe35c4 (found by search).
  const set = ['88277', '102584', '3897', '135277'].map((text) => ({ key: Buffer.from(text), value: Buffer.from(text) }));
  for (const order of [set, [...set].reverse()]) {
    const { tree, version } = buildTree(order);
    t.equal(hex(tree.root(version)), hex(naiveRoot(set)));
    const one = tree.update(version, deaths(set.slice(1)));
    t.equal(hex(tree.root(one)), hex(naiveRoot(set.slice(0, 1))), 'and collapse to the one that is left');
  }
});

t.test('a change without effect shares the whole tree', async (t) => {
  const set = rows(500, 10);
  const { tree, version } = buildTree(set);
  const before = tree.memory().usedBytes;
  const same = tree.update(version, [...set.slice(0, 100), ...deaths(rows(100, 11))]);
  t.equal(same.rootRef, version.rootRef);
  t.equal(same.leafCount, 500);
  t.equal(tree.memory().usedBytes, before);
});

t.test('versions are isolated and may be released in any order', async (t) => {
  const base = rows(1000, 12);
  const { tree, version } = buildTree(base);
  const naked = tree.memory().usedBytes;
  const forks = [1, 2, 3, 4, 5, 6].map((seed) => {
    const changes: RowChange[] = [...rows(60, 200 + seed), ...deaths(base.slice(seed * 10, seed * 10 + 40))];
    const first = tree.update(version, changes);
    const changed = new Map<string, NaiveRow>(base.map((one) => [hex(one.key), one]));
    for (const { key, value } of changes) {
      if (value === undefined) changed.delete(hex(key));
      else changed.set(hex(key), { key, value });
    }
    return { first, second: tree.update(first, deaths(base.slice(500))), expected: hex(naiveRoot(changed.values())) };
  });
  const baseRoot = hex(naiveRoot(base));
  for (const { first, expected } of forks) t.equal(hex(tree.root(first)), expected);
  tree.release(forks[0]!.first);
  tree.release(forks[3]!.second);
  tree.release(forks[2]!.second);
  tree.release(forks[2]!.first);
  for (const i of [1, 3, 4, 5]) t.equal(hex(tree.root(forks[i]!.first)), forks[i]!.expected, 'other forks stay');
  t.equal(hex(tree.root(version)), baseRoot);
  for (const i of [5, 1, 4]) {
    tree.release(forks[i]!.second);
    tree.release(forks[i]!.first);
  }
  tree.release(forks[3]!.first);
  tree.release(forks[0]!.second);
  t.equal(tree.memory().usedBytes, naked, 'abandoned proposals leave nothing behind');
  tree.release(version);
  t.equal(tree.memory().usedBytes, 0);
  t.equal(tree.memory().versions, 0);
});

t.test('memory stays bounded over many blocks with a window of versions', async (t) => {
  const random = seededRandom(13);
  const set = rows(2000, 14);
  const { tree, version } = buildTree(set);
  const window = [version];
  let allocated = 0;
  for (let block = 0; block < 200; block++) {
    const changes = new Map(Array.from({ length: 20 }, () => set[random.below(set.length)]!).map((one) => [hex(one.key), one.key]));
    window.push(tree.update(window.at(-1)!, [...changes.values()].map((key) => ({ key, value: random.bytes(20) }))));
    if (window.length > 8) tree.release(window.shift()!);
    if (block === 20) allocated = tree.memory().allocatedBytes;
  }
  t.equal(tree.memory().allocatedBytes, allocated, 'free nodes are used again');
});

t.test('10^5 seeded operations equal a Map, with forks abandoned on the way', async (t) => {
  const random = seededRandom(20260101);
  const keys = Array.from({ length: 4000 }, (_, i) => Uint8Array.of(i >>> 8, i & 255));
  const model = new Map<string, NaiveRow>();
  const tree = new StateTree(hashPairsOfNode);
  let version = tree.empty();
  let operations = 0;
  for (let block = 0; operations < 100_000; block++) {
    const batch = new Map<string, RowChange>();
    for (let i = 1 + random.below(1000); i > 0; i--) {
      const key = keys[random.below(keys.length)]!;
      batch.set(hex(key), { key, value: random.below(10) < 4 ? undefined : random.bytes(random.below(9)) });
      operations += 1;
    }
    if (random.below(8) === 0) tree.release(tree.update(version, [...batch.values()]));
    version = advance(tree, version, [...batch.values()]);
    for (const [name, { key, value }] of batch) {
      if (value === undefined) model.delete(name);
      else model.set(name, { key, value });
    }
    if (version.leafCount !== model.size) t.fail(`block ${block}: ${version.leafCount} rows, not ${model.size}`);
    if (block % 50 === 0) t.equal(hex(tree.root(version)), hex(naiveRoot(model.values())), `block ${block}`);
  }
  t.equal(hex(tree.root(version)), hex(naiveRoot(model.values())));
  const rebuilt = buildTree(model.values());
  t.equal(hex(rebuilt.tree.root(rebuilt.version)), hex(tree.root(version)));
  t.equal(rebuilt.tree.memory().usedBytes, tree.memory().usedBytes, 'nothing leaked');
});

t.test('a build over several chunks and pages equals one over the same rows backwards', async (t) => {
  const count = 2 ** 15 + 500;
  const many = function* (from: number, step: number): Generator<NaiveRow> {
    for (let i = from; i >= 0 && i < count; i += step) {
      const key = Uint8Array.of(i >>> 16, (i >>> 8) & 255, i & 255);
      yield { key, value: key };
    }
  };
  const up = buildTree(many(0, 1), hashPairsOfNode);
  const down = buildTree(many(count - 1, -1), hashPairsOfNode);
  t.equal(hex(up.tree.root(up.version)), hex(down.tree.root(down.version)));
  t.equal(up.version.leafCount, count);
});

t.test('hashers get whole pairs and may answer at any alignment', async (t) => {
  const set = rows(300, 15);
  let calls = 0;
  const { tree, version } = buildTree(set, (pairs) => {
    calls += 1;
    t.equal(pairs.length % 64, 0);
    const hashes = hashPairsPortable(pairs);
    const shifted = new Uint8Array(hashes.length + 1);
    shifted.set(hashes, 1);
    return shifted.subarray(1);
  });
  t.equal(hex(tree.root(version)), hex(naiveRoot(set)));
  t.ok(calls < 30, 'one call a level');
  t.throws(() => buildTree(set, () => new Uint8Array(32)), { message: 'HashPairs returns 32 bytes for each pair' });
  t.throws(() => hashPairsPortable(new Uint8Array(63)));
});

t.test('misuse crashes', async (t) => {
  const tree = new StateTree();
  const version = tree.empty();
  const [one] = rows(1, 16);
  t.throws(() => tree.update(version, [one!, { key: one!.key, value: undefined }]), { message: /changes once/ });
  const other = new StateTree().empty();
  t.throws(() => tree.root(other), { message: /tree that made it/ });
  tree.release(version);
  t.throws(() => tree.release(version), 'released twice');
  t.throws(() => tree.update(version, []), 'used after release');
  t.throws(() => tree.prove(version, one!.key));
  for (let i = 0; i < TREE_VERSIONS_MAX; i++) tree.empty();
  t.throws(() => tree.empty(), { message: /release older/ });
});
