import { createHash } from 'node:crypto';
import t from 'tap';
import { verifyStateProof, type ExpectedRow, type StateProof } from '../../src/proof/stateProof.ts';
import { StateTree, buildTree } from '../../src/state/tree.ts';
import { seededRandom, type NaiveRow, type Random } from '../state/naiveTree.ts';

const rows = (count: number, seed: number): NaiveRow[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => ({ key: Uint8Array.of(1, i >>> 8, i & 255), value: random.bytes(1 + random.below(30)) }));
};
const absentKey = (i: number): Uint8Array => Uint8Array.of(2, i >>> 8, i & 255);

t.test('every row is proven and every other key is proven absent', async (t) => {
  for (const count of [1, 2, 3, 10, 700]) {
    const set = rows(count, count);
    const { tree, version } = buildTree(set);
    const root = tree.root(version);
    let terminals = 0;
    for (const { key, value } of set) {
      const proof = tree.prove(version, key);
      if (!verifyStateProof(root, proof, key, { value })) t.fail(`row not proven at ${count}`);
      if (verifyStateProof(root, proof, key, 'absent')) t.fail('a present row passes as absent');
      if (verifyStateProof(root, proof, key, { value: Uint8Array.of(...value, 0) })) t.fail('another value passes');
    }
    for (let i = 0; i < 300; i++) {
      const proof = tree.prove(version, absentKey(i));
      if (proof.leafKeyHash === undefined) terminals += 1;
      if (!verifyStateProof(root, proof, absentKey(i), 'absent')) t.fail('absence not proven');
      if (verifyStateProof(root, proof, absentKey(i), { value: new Uint8Array(0) })) t.fail('an absent row passes as empty');
    }
    if (count >= 10) t.ok(terminals > 0 && terminals < 300, 'both kinds of absence occur');
    t.pass(`${count} rows`);
  }
});

t.test('versions prove their own past', async (t) => {
  const set = rows(100, 5);
  const { tree, version } = buildTree(set);
  const { key, value } = set[17]!;
  const later = tree.update(version, [{ key, value: undefined }]);
  t.ok(verifyStateProof(tree.root(version), tree.prove(version, key), key, { value }));
  t.ok(verifyStateProof(tree.root(later), tree.prove(later, key), key, 'absent'));
  t.notOk(verifyStateProof(tree.root(later), tree.prove(version, key), key, { value }));
  t.notOk(verifyStateProof(tree.root(version), tree.prove(later, key), key, 'absent'));
});

t.test('the empty tree proves absence, and nothing else does at depth 0 without a leaf', async (t) => {
  const tree = new StateTree();
  const version = tree.empty();
  const proof = tree.prove(version, absentKey(0));
  t.same({ ...proof, keyHash: null }, { keyHash: null, depth: 0, bitmap: new Uint8Array(0), siblings: [] });
  t.ok(verifyStateProof(tree.root(version), proof, absentKey(0), 'absent'));
  t.notOk(verifyStateProof(new Uint8Array(0), proof, absentKey(0), 'absent'), 'a root of another length is refused');
  t.notOk(verifyStateProof(new Uint8Array(33), proof, absentKey(0), 'absent'));
  const one = tree.update(version, rows(1, 1));
  t.notOk(verifyStateProof(tree.root(one), proof, absentKey(0), 'absent'));
});

t.test('malformed proofs are refused, each by its rule', async (t) => {
  const set = rows(200, 6);
  const { tree, version } = buildTree(set);
  const root = tree.root(version);
  const { key, value } = set[3]!;
  const good = tree.prove(version, key);
  const refuse = (change: Partial<StateProof>, why: string): void => {
    t.notOk(verifyStateProof(root, { ...good, ...change }, key, { value }), why);
  };
  t.ok(good.depth % 8 !== 0 && good.siblings.length > 0, 'the example has unused bits and siblings');
  refuse({ keyHash: good.keyHash.subarray(1) }, 'short key hash');
  refuse({ leafKeyHash: undefined }, 'half a leaf');
  refuse({ leafValueHash: undefined }, 'half a leaf');
  refuse({ leafKeyHash: undefined, leafValueHash: undefined }, 'no leaf');
  refuse({ leafKeyHash: new Uint8Array(31) }, 'short leaf key');
  refuse({ leafValueHash: new Uint8Array(33) }, 'long leaf value');
  for (const depth of [-1, 257, 1.5, Number.NaN, good.depth + 1, good.depth - 1, 0]) refuse({ depth }, `depth ${depth}`);
  refuse({ bitmap: Uint8Array.of(...good.bitmap, 0) }, 'bitmap too long');
  refuse({ bitmap: good.bitmap.subarray(1) }, 'bitmap too short');
  const last = good.bitmap.length - 1;
  refuse({ bitmap: good.bitmap.map((byte, i) => (i === last ? byte | 1 : byte)) }, 'unused bit set');
  refuse({ siblings: good.siblings.slice(1) }, 'a sibling is missing');
  refuse({ siblings: [...good.siblings, new Uint8Array(32).fill(1)] }, 'a sibling too many');
  refuse({ siblings: good.siblings.map((sibling, i) => (i === 0 ? new Uint8Array(32) : sibling)) }, 'an EMPTY sibling');
  refuse({ siblings: good.siblings.map((sibling, i) => (i === 0 ? sibling.subarray(1) : sibling)) }, 'a short sibling');
  t.notOk(verifyStateProof(root.map((byte, i) => (i === 31 ? byte ^ 1 : byte)), good, key, { value }), 'another root');
  t.notOk(verifyStateProof(root, good, set[4]!.key, { value }), 'another key');
});

t.test('an explicit EMPTY sibling cannot stand in for an unset bit', async (t) => {
  // Two keys that share leading bits, so that the path has an EMPTY half.
  const set = rows(400, 7);
  const { tree, version } = buildTree(set);
  const found = set.map((one) => ({ one, proof: tree.prove(version, one.key) })).find(({ proof }) => proof.siblings.length < proof.depth);
  t.ok(found !== undefined);
  const { one, proof } = found!;
  const siblings = [...proof.siblings];
  const bitmap = proof.bitmap.slice();
  let after = 0;
  for (let d = proof.depth - 1; d >= 0; d--) {
    if ((bitmap[d >>> 3]! & (0x80 >>> (d & 7))) !== 0) after += 1;
    else {
      bitmap[d >>> 3]! |= 0x80 >>> (d & 7);
      siblings.splice(after, 0, new Uint8Array(32));
      break;
    }
  }
  t.ok(verifyStateProof(tree.root(version), proof, one.key, { value: one.value }));
  t.notOk(verifyStateProof(tree.root(version), { ...proof, bitmap, siblings }, one.key, { value: one.value }));
});

t.test('a leaf under another prefix does not prove absence', async (t) => {
  // The attacker's proof: the true path of another row, with the victim's key hash written on it.
  const set = rows(64, 8);
  const { tree, version } = buildTree(set);
  const root = tree.root(version);
  for (const victim of set) {
    for (const other of set) {
      if (victim === other) continue;
      const keyHash = new Uint8Array(createHash('sha256').update(victim.key).digest());
      if (verifyStateProof(root, { ...tree.prove(version, other.key), keyHash }, victim.key, 'absent')) t.fail('forged absence');
    }
  }
  t.pass('4,032 forgeries refused');
});

t.test('no mutation of a proof is accepted', async (t) => {
  const random = seededRandom(99);
  const set = rows(500, 9);
  const { tree, version } = buildTree(set);
  const root = tree.root(version);
  let mutations = 0;
  for (let i = 0; i < 6000; i++) {
    const present = random.below(2) === 0;
    const { key, value } = present ? set[random.below(set.length)]! : { key: absentKey(random.below(500)), value: new Uint8Array(0) };
    const expected: ExpectedRow = present ? { value } : 'absent';
    const good = tree.prove(version, key);
    const bad = mutate(good, random);
    if (bad === undefined) continue;
    mutations += 1;
    if (verifyStateProof(root, bad, key, expected)) t.fail(`accepted ${JSON.stringify(bad)}`);
    if (verifyStateProof(root, bad, key, present ? 'absent' : { value })) t.fail(`lied ${JSON.stringify(bad)}`);
  }
  t.ok(mutations > 4000, `${mutations} mutations refused`);
});

/** One random change of one part of a proof; undefined where it does not apply. */
function mutate(proof: StateProof, random: Random): StateProof | undefined {
  const flip = (bytes: Uint8Array): Uint8Array => {
    const at = random.below(bytes.length);
    const mask = 1 << random.below(8);
    return bytes.map((byte, i) => (i === at ? byte ^ mask : byte));
  };
  const { leafKeyHash, leafValueHash, siblings } = proof;
  const at = siblings.length === 0 ? 0 : random.below(siblings.length);
  switch (random.below(9)) {
    case 0: return { ...proof, keyHash: flip(proof.keyHash) };
    case 1: return leafKeyHash === undefined ? { ...proof, leafKeyHash: random.bytes(32), leafValueHash: random.bytes(32) }
      : { ...proof, leafKeyHash: flip(leafKeyHash) };
    case 2: return leafValueHash === undefined ? undefined : { ...proof, leafValueHash: flip(leafValueHash) };
    case 3: return leafKeyHash === undefined ? undefined : { ...proof, leafKeyHash: undefined, leafValueHash: undefined };
    case 4: return { ...proof, depth: proof.depth + (random.below(2) === 0 ? 1 : -1) };
    case 5: return { ...proof, bitmap: flip(proof.bitmap) };
    case 6: return { ...proof, siblings: siblings.filter((_, i) => i !== at) };
    case 7: return { ...proof, siblings: siblings.map((sibling, i) => (i === at ? flip(sibling) : sibling)) };
    default: return siblings.length < 2 ? undefined : { ...proof, siblings: [...siblings.slice(1), siblings[0]!] };
  }
}
