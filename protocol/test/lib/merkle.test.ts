import { createHash } from 'node:crypto';
import t from 'tap';
import { merklePath, merkleRoot, RunningRoot, verifyMerklePath } from '../../src/lib/merkle.ts';
import { seededRandom } from '../state/naiveTree.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** Leaves and roots of the certificate-transparency reference tests (merkle_tree_test.cc), trees of 1 to 8 leaves. */
const CT_LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(unhex);
const CT_ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The recursion of RFC 6962 §2.1 word for word, with node:crypto. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const sha256 = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(createHash('sha256').update(Buffer.concat(parts)).digest());
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Uint8Array.of(0), leaves[0]!);
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return sha256(Uint8Array.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

t.test('roots equal the published ones of RFC 6962', async (t) => {
  t.equal(hex(merkleRoot([])), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  for (const [i, root] of CT_ROOTS.entries()) t.equal(hex(merkleRoot(CT_LEAVES.slice(0, i + 1))), root, `${i + 1} leaves`);
});

t.test('the paths equal the published ones of RFC 6962', async (t) => {
  // merkle_tree_test.cc, path of leaf 6 (1-based) in 8 leaves and of leaf 3 in 3.
  t.same(merklePath(CT_LEAVES, 5).map(hex), [
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]);
  t.same(merklePath(CT_LEAVES.slice(0, 3), 2).map(hex), ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']);
  t.same(merklePath(CT_LEAVES.slice(0, 1), 0), []);
});

t.test('every path of every list verifies, and only at its place', async (t) => {
  const random = seededRandom(1);
  for (let count = 1; count <= 34; count++) {
    const leaves = Array.from({ length: count }, () => random.bytes(1 + random.below(40)));
    const root = merkleRoot(leaves);
    if (hex(root) !== hex(naiveRoot(leaves))) t.fail(`root of ${count}`);
    for (let index = 0; index < count; index++) {
      const claim = { leaf: leaves[index]!, index, count, path: merklePath(leaves, index), root };
      if (!verifyMerklePath(claim)) t.fail(`${index} of ${count}`);
      for (let other = 0; other <= count; other++) {
        if (other !== index && verifyMerklePath({ ...claim, index: other })) t.fail(`${index} of ${count} passes at ${other}`);
      }
    }
  }
  t.pass('34 lists');
});

t.test('a wrong claim is refused', async (t) => {
  const leaf = CT_LEAVES[4]!;
  const count = 7;
  const leaves = CT_LEAVES.slice(0, count);
  const claim = { leaf, index: 4, count, path: merklePath(leaves, 4), root: merkleRoot(leaves) };
  t.ok(verifyMerklePath(claim));
  const { path, root } = claim;
  t.notOk(verifyMerklePath({ ...claim, leaf: CT_LEAVES[5]! }), 'another leaf');
  t.notOk(verifyMerklePath({ ...claim, path: path.slice(1) }), 'path too short');
  t.notOk(verifyMerklePath({ ...claim, path: [...path, path[0]!] }), 'path too long');
  t.notOk(verifyMerklePath({ ...claim, path: [...path].reverse() }), 'path upside down');
  t.notOk(verifyMerklePath({ ...claim, path: path.map((item) => item.subarray(1)) }), 'short items');
  t.notOk(verifyMerklePath({ ...claim, root: root.subarray(1) }), 'short root');
  t.notOk(verifyMerklePath({ ...claim, root: CT_LEAVES[0]! }), 'no root');
  for (const index of [-1, 7, 0.5, Number.NaN, 2 ** 53]) t.notOk(verifyMerklePath({ ...claim, index }), `index ${index}`);
  for (const wrong of [0, 3, 4, 16, 6.5, Number.NaN, 2 ** 60]) t.notOk(verifyMerklePath({ ...claim, count: wrong }), `count ${wrong}`);
  t.notOk(verifyMerklePath({ leaf: new Uint8Array(0), index: 0, count: 0, path: [], root: merkleRoot([]) }), 'the empty list has no item');
  const inner = Buffer.concat([path[0]!, path[0]!]);
  t.notOk(verifyMerklePath({ leaf: inner, index: 0, count: 1, path: [], root: merkleRoot([path[0]!, path[0]!]) }), 'an inner node is no leaf');
});

t.test('mutated paths are refused', async (t) => {
  const random = seededRandom(2);
  for (let round = 0; round < 500; round++) {
    const count = 2 + random.below(30);
    const leaves = Array.from({ length: count }, () => random.bytes(8));
    const index = random.below(count);
    const path = merklePath(leaves, index);
    const item = random.below(path.length);
    const byte = random.below(32);
    path[item]![byte]! ^= 1 << random.below(8);
    if (verifyMerklePath({ leaf: leaves[index]!, index, count, path, root: merkleRoot(leaves) })) t.fail(`round ${round}`);
  }
  t.pass('500 mutations');
});

t.test('an index outside the list is a bug', async (t) => {
  t.throws(() => merklePath([], 0));
  t.throws(() => merklePath(CT_LEAVES, 8));
  t.throws(() => merklePath(CT_LEAVES, -1));
  t.throws(() => merklePath(CT_LEAVES, 0.5));
});

t.test('the root of leaves that come one at a time is that of the list, after each of them', async (t) => {
  const leaves = Array.from({ length: 70 }, (_, i) => Uint8Array.of(i, i >> 3));
  const running = new RunningRoot();
  t.equal(hex(running.root()), hex(merkleRoot([])), 'of none');
  for (const [i, leaf] of leaves.entries()) {
    running.add(leaf);
    t.equal(hex(running.root()), hex(naiveRoot(leaves.slice(0, i + 1))), `${i + 1} leaves`);
  }
});
