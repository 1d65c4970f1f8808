/**
 * Forged proofs (peer bugs 26 and 27). Dragonberry (ICS-23) proved the absence of a row that was there, the BSC bridge
 * the inclusion of one that was not, others verified against an empty root. Mutations of honest proofs, none accepted.
 */
import { createHash } from 'node:crypto';
import t from 'tap';
import { decode, encode, merklePath, merkleRoot, StateProof, verifyMerklePath, verifyStateProof, type ExpectedRow } from '../../src/index.ts';
import { buildTree } from '../../src/state/tree.ts';
import { randomOf, type Random } from '../support/random.ts';

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(bytes).digest());
const ZERO = new Uint8Array(32);
const ROUNDS = 4_000;

/** The siblings of a proof, changed in one of the ways that libraries have fallen for. */
const SIBLING_FORGERIES: Readonly<Record<string, (siblings: readonly Uint8Array[], random: Random) => readonly Uint8Array[]>> = {
  drop: (siblings, random) => dropAt(siblings, random.below(siblings.length)),
  'drop all': () => [],
  add: (siblings, random) => insertAt(siblings, random.below(siblings.length + 1), random.bytes(32)),
  'add zeros': (siblings, random) => insertAt(siblings, random.below(siblings.length + 1), ZERO),
  duplicate: (siblings, random) => insertAt(siblings, random.below(siblings.length + 1), siblings[random.below(siblings.length)]!),
  reorder: (siblings, random) => {
    const at = random.below(siblings.length);
    return insertAt(dropAt(siblings, at), random.below(siblings.length), siblings[at]!);
  },
  replace: (siblings, random) => insertAt(dropAt(siblings, 0), 0, random.pick([ZERO, random.bytes(32), sha256(siblings[0]!)])),
  'wrong length': (siblings, random) => insertAt(dropAt(siblings, 0), 0, random.bytes(random.pick([0, 31, 33, 64]))),
};

function dropAt(items: readonly Uint8Array[], at: number): readonly Uint8Array[] {
  return items.filter((_, i) => i !== at);
}
function insertAt(items: readonly Uint8Array[], at: number, item: Uint8Array): readonly Uint8Array[] {
  return [...items.slice(0, at), item, ...items.slice(at)];
}
function sameItems(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((item, i) => Buffer.compare(item, b[i]!) === 0);
}
function bitmapOf(depth: number, isSet: (i: number) => boolean): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(depth / 8));
  for (let i = 0; i < depth; i++) if (isSet(i)) bitmap[i >> 3]! |= 0x80 >> (i & 7);
  return bitmap;
}

const rows = Array.from({ length: 600 }, (_, i) => ({ key: Uint8Array.of(1, i >> 8, i & 255), value: sha256(Uint8Array.of(i >> 8, i & 255)).subarray(0, 1 + (i % 20)) }));
const { tree, version } = buildTree(rows);
const root = tree.root(version);
const absent = (i: number): Uint8Array => Uint8Array.of(2, i >> 8, i & 255);

t.test('Dragonberry and BSC bridge: siblings dropped, added, doubled, reordered prove nothing, in either direction', (t) => {
  const random = randomOf(26);
  const refused: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const present = random.below(2) === 0;
    const { key, value } = present ? random.pick(rows) : { key: absent(random.below(600)), value: ZERO };
    const honest = tree.prove(version, key);
    const name = random.pick(Object.keys(SIBLING_FORGERIES));
    const siblings = honest.siblings.length === 0 ? honest.siblings : SIBLING_FORGERIES[name]!(honest.siblings, random);
    if (sameItems(siblings, honest.siblings)) continue;
    // The depth and bitmap are made to fit, so that only the hashes can tell.
    const spare = siblings.length - honest.siblings.length;
    const depth = Math.max(siblings.length, honest.depth + spare);
    for (const forged of [{ ...honest, siblings }, { ...honest, siblings, depth, bitmap: bitmapOf(depth, (i) => i < siblings.length) }, { ...honest, siblings, depth, bitmap: bitmapOf(depth, (i) => i >= depth - siblings.length) }]) {
      const claims: ExpectedRow[] = ['absent', { value }, { value: ZERO }, { value: new Uint8Array(0) }];
      for (const claim of claims) if (verifyStateProof(root, forged, key, claim)) t.fail(`${name} proves ${JSON.stringify(claim)}`);
      refused[name] = (refused[name] ?? 0) + claims.length;
    }
  }
  t.same(Object.keys(refused).sort(), Object.keys(SIBLING_FORGERIES).sort());
  t.comment(JSON.stringify(refused));
  t.end();
});

t.test('a leaf is no inner node and an inner node is no leaf', (t) => {
  const random = randomOf(27);
  for (let round = 0; round < 500; round++) {
    const { key, value } = random.pick(rows);
    const honest = tree.prove(version, key);
    const { leafKeyHash, leafValueHash } = honest;
    const [nearest = ZERO] = honest.siblings;
    // An inner node's two children put in the place of a leaf's two hashes, and the other way round.
    const asLeaf = { ...honest, leafKeyHash: nearest, leafValueHash: sha256(nearest), depth: honest.depth - 1, siblings: honest.siblings.slice(1), bitmap: bitmapOf(honest.depth - 1, (i) => ((honest.bitmap[i >> 3]! >> (7 - (i & 7))) & 1) === 1) };
    const shifted = { ...honest, leafKeyHash: leafValueHash, leafValueHash: leafKeyHash };
    const deeper = { ...honest, depth: honest.depth + 1, siblings: [leafValueHash!, ...honest.siblings], bitmap: bitmapOf(honest.depth + 1, (i) => i === honest.depth || ((honest.bitmap[i >> 3]! >> (7 - (i & 7))) & 1) === 1) };
    for (const forged of [asLeaf, shifted, deeper]) for (const claim of ['absent', { value }, { value: ZERO }] as const) if (verifyStateProof(root, forged, key, claim)) t.fail('a confusion is accepted');
  }
  t.pass('4,500 refused');
  t.end();
});

t.test('absence is not proven by a leaf or an empty place elsewhere, at any depth', (t) => {
  for (const { key } of rows.slice(0, 100)) {
    for (const other of rows.slice(100, 140)) {
      const path = tree.prove(version, other.key);
      for (const depth of [0, path.depth - 1, path.depth]) {
        const cut = { ...path, keyHash: sha256(key), depth, siblings: path.siblings.slice(0, depth), bitmap: path.bitmap.subarray(0, Math.ceil(depth / 8)) };
        if (verifyStateProof(root, cut, key, 'absent') || verifyStateProof(root, { ...cut, leafKeyHash: undefined, leafValueHash: undefined }, key, 'absent')) t.fail('forged absence');
      }
    }
  }
  t.pass('24,000 refused');
  t.end();
});

t.test('peer bug 27: the empty root, the zero root and roots of other lengths prove nothing but the empty tree', (t) => {
  const { key, value } = rows[0]!;
  const honest = tree.prove(version, key);
  const nothing = { keyHash: sha256(key), depth: 0, bitmap: new Uint8Array(0), siblings: [] };
  for (const wrong of [ZERO, new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), sha256(new Uint8Array(0))]) {
    t.notOk(verifyStateProof(wrong, honest, key, { value }));
    t.notOk(verifyStateProof(wrong, honest, key, 'absent'));
    t.notOk(verifyStateProof(wrong, nothing, key, { value: new Uint8Array(0) }));
  }
  t.ok(verifyStateProof(ZERO, nothing, key, 'absent'), 'the empty tree is the one whose root is zeros');
  t.notOk(verifyStateProof(root, nothing, key, 'absent'), 'no proof never passes');
  t.notOk(verifyStateProof(ZERO, { ...nothing, depth: 1, bitmap: Uint8Array.of(0) }, key, 'absent'), 'not from deeper down: nothing hashes to zeros');
  t.end();
});

t.test('on the wire a proof has one form: every flipped, cut or longer encoding is refused or says the same row of another root', (t) => {
  const random = randomOf(28);
  for (let round = 0; round < ROUNDS; round++) {
    const present = random.below(2) === 0;
    const { key, value } = present ? random.pick(rows) : { key: absent(random.below(600)), value: ZERO };
    const bytes = encode(StateProof, tree.prove(version, key));
    const at = random.below(bytes.length);
    const changed = random.pick([bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte)), bytes.subarray(0, at), new Uint8Array([...bytes, ...random.bytes(1)])]);
    const decoded = decode(StateProof, changed);
    if (!decoded.ok) continue;
    if (verifyStateProof(root, decoded.value, key, present ? { value } : 'absent')) t.fail('another encoding of a proof is accepted');
    if (verifyStateProof(root, decoded.value, key, present ? 'absent' : { value })) t.fail('a lie');
  }
  t.pass(`${ROUNDS} encodings`);
  t.end();
});

t.test('RFC 6962 paths: no changed path, index, count or root is accepted', (t) => {
  const random = randomOf(29);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const count = 1 + random.below(40);
    const leaves = Array.from({ length: count }, (_, i) => Uint8Array.of(i, round & 255));
    const listRoot = merkleRoot(leaves);
    const index = random.below(count);
    const path = merklePath(leaves, index);
    const claim = { leaf: leaves[index]!, index, count, path, root: listRoot };
    if (!verifyMerklePath(claim)) t.fail('an honest path');
    const name = random.pick(Object.keys(SIBLING_FORGERIES));
    const forgedPath = path.length === 0 ? [random.bytes(32)] : SIBLING_FORGERIES[name]!(path, random);
    const inner = path.length === 0 ? ZERO : new Uint8Array([0x01, ...sha256(new Uint8Array([0, ...leaves[index]!])), ...path[0]!]);
    const forgeries = [
      ...(sameItems(forgedPath, path) ? [] : [{ ...claim, path: forgedPath }]),
      { ...claim, leaf: random.bytes(2 + random.below(40)) }, { ...claim, leaf: inner.subarray(1), path: path.slice(1), count: Math.ceil(count / 2), index: index >> 1 },
      { ...claim, root: ZERO }, { ...claim, root: new Uint8Array(0) }, { ...claim, root: sha256(new Uint8Array(0)) }, { ...claim, index: count }, { ...claim, index: -1 }, { ...claim, index: 0.5 }, { ...claim, count: 0 },
      ...(count > 1 ? [{ ...claim, index: (index + 1) % count }] : []),
    ];
    for (const forged of forgeries) if (verifyMerklePath(forged)) t.fail(`${name} at ${index} of ${count}`);
    refused += forgeries.length;
  }
  t.pass(`${refused} refused`);
  t.end();
});
