/**
 * The definition of the state root as a plain recursion over the set of rows, with node:crypto: shares no code with the
 * tree under test. And a seeded generator of bytes and numbers.
 */
import { createHash } from 'node:crypto';

const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

export interface NaiveRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Root of a set of rows in any order, each key once. */
export function naiveRoot(rows: Iterable<NaiveRow>): Uint8Array {
  const leaves = [...rows].map(({ key, value }) => {
    const keyHash = sha256(key);
    const bits = [...keyHash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    return { bits, hash: sha256(Uint8Array.of(0), keyHash, sha256(value)) };
  });
  const rootOf = (of: typeof leaves, depth: number): Uint8Array => {
    if (of.length === 0) return new Uint8Array(32);
    if (of.length === 1) return of[0]!.hash;
    const half = (bit: string): Uint8Array => rootOf(of.filter((leaf) => leaf.bits[depth] === bit), depth + 1);
    return sha256(half('0'), half('1'));
  };
  return rootOf(leaves, 0);
}

export interface Random {
  /** Integer in [0, below). */
  readonly below: (below: number) => number;
  readonly bytes: (length: number) => Uint8Array;
}

/** Mulberry32: the same numbers for the same seed, everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return { below, bytes: (length) => Uint8Array.from({ length }, () => below(256)) };
}

/** Hasher of node:crypto for the long tests: coverage counting makes JavaScript hashing several times slower. */
const hashBytesOfNode = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();
export const hashPairsOfNode = (pairs: Uint8Array): Uint8Array => {
  const out = new Uint8Array(pairs.length / 2);
  for (let at = 0; at < pairs.length; at += 64) out.set(hashBytesOfNode(pairs.subarray(at, at + 64)), at / 2);
  return out;
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
