/**
 * Vectors of the state tree: sequences of changes with the root after each. The roots come from the definition as a
 * plain recursion over the whole set with node:crypto, not from the tree that is tested against them.
 */
import { createHash } from 'node:crypto';

interface Change {
  /** Row key in hex. */
  readonly key: string;
  /** New value in hex, null where the row dies. */
  readonly value: string | null;
}

const SEED = 'billcoin state tree vectors 1';

/** The JSON text of protocol/vectors/stateTree.json; the same text on every run. */
export function makeStateTreeVectors(): string {
  const draw = seededDraw(SEED);
  const key = (): string => draw(1 + (draw(1)[0] as number) % 33).toString('hex');
  const value = (): string => draw((draw(1)[0] as number) % 48).toString('hex');
  const fresh = (count: number): Change[] => Array.from({ length: count }, () => ({ key: key(), value: value() }));
  const dying = (changes: readonly Change[]): Change[] => changes.map((change) => ({ key: change.key, value: null }));

  const few = fresh(3);
  const many = fresh(64);
  const deep = collidingRows(18);
  const cases = [
    vectorCase('the empty tree', [[]]),
    vectorCase('one row is the root, with an empty value too', [
      [{ key: '00', value: '' }], [{ key: '00', value: '00' }],
    ]),
    vectorCase('rows one at a time, then gone one at a time', [...few, ...dying(few)].map((change) => [change])),
    vectorCase('64 rows at once, half of them changed, a third removed, an absent row removed', [
      many,
      many.slice(0, 32).map((change) => ({ key: change.key, value: value() })),
      dying(many.filter((_, i) => i % 3 === 0)),
      dying(fresh(1)),
    ]),
    vectorCase('two key hashes that share 18 bits or more push a leaf down, and it rises again', [
      [deep[0] as Change], [deep[1] as Change], dying([deep[0] as Change]),
    ]),
  ];
  return `${JSON.stringify({
    title: 'State tree',
    summary: 'Roots after each step of changes to rows. keyHash = SHA-256(key), '
      + 'leaf = SHA-256(00 || keyHash || SHA-256(value)), inner = SHA-256(left || right), '
      + 'empty = 32 zero bytes, a subtree of one leaf is that leaf. All bytes are hex.',
    seed: SEED,
    cases,
  }, undefined, 2)}\n`;
}

function vectorCase(title: string, steps: readonly (readonly Change[])[]): object {
  const state = new Map<string, string>();
  return {
    title,
    steps: steps.map((changes) => {
      for (const change of changes) {
        if (change.value === null) state.delete(change.key);
        else state.set(change.key, change.value);
      }
      return { changes, rows: state.size, root: rootOfRows(state).toString('hex') };
    }),
  };
}

function rootOfRows(state: ReadonlyMap<string, string>): Buffer {
  const leaves = [...state].map(([key, value]) => {
    const keyHash = sha256(Buffer.from(key, 'hex'));
    const valueHash = sha256(Buffer.from(value, 'hex'));
    return { bits: bitsOf(keyHash), hash: sha256(Buffer.concat([Buffer.of(0), keyHash, valueHash])) };
  });
  const rootOf = (of: typeof leaves, depth: number): Buffer => {
    const [first] = of;
    if (first === undefined) return Buffer.alloc(32);
    if (of.length === 1) return first.hash;
    const half = (bit: string): Buffer => rootOf(of.filter((leaf) => leaf.bits[depth] === bit), depth + 1);
    return sha256(Buffer.concat([half('0'), half('1')]));
  };
  return rootOf(leaves, 0);
}

/** The first two counters whose hashes share `bits` leading bits: found by birthday in about 2^(bits / 2) tries. */
function collidingRows(bits: number): Change[] {
  const seen = new Map<string, string>();
  for (let counter = 0; ; counter++) {
    const key = counter.toString(16).padStart(8, '0');
    const prefix = bitsOf(sha256(Buffer.from(key, 'hex'))).slice(0, bits);
    const twin = seen.get(prefix);
    if (twin !== undefined) return [{ key: twin, value: '01' }, { key, value: '02' }];
    seen.set(prefix, key);
  }
}

/** Bytes drawn one after the other from SHA-256(seed ‖ counter). */
function seededDraw(seed: string): (length: number) => Buffer {
  let counter = 0;
  let pool = Buffer.alloc(0);
  return (length) => {
    while (pool.length < length) {
      pool = Buffer.concat([pool, sha256(Buffer.from(`${seed} ${counter}`))]);
      counter += 1;
    }
    const drawn = pool.subarray(0, length);
    pool = pool.subarray(length);
    return drawn;
  };
}

function bitsOf(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
