/** The one source of chance of a simulation: everything is drawn from the seed, in the order of events. */
import { assert, sha256, utf8 } from '@billcoin/protocol';

/** xoshiro128** seeded by a hash: the same label gives the same numbers on every machine. */
export class Random {
  readonly #s: Uint32Array;

  constructor(label: string) {
    const hash = sha256(utf8(label));
    this.#s = new Uint32Array(hash.slice(0, 16).buffer);
  }

  /** 0 … 2^32 − 1. */
  next(): number {
    const s = this.#s;
    const [a, b, c, d] = s as unknown as [number, number, number, number];
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    s[2] = c ^ a;
    s[3] = d ^ b;
    s[1] = b ^ s[2];
    s[0] = a ^ s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 11);
    return result;
  }

  /** 0 … 1, without 1. */
  unit(): number {
    return this.next() / 2 ** 32;
  }

  /** An integer from 0 to below n. */
  below(n: number): number {
    return Math.floor(this.unit() * n);
  }

  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.unit() < probability;
  }

  /** Exponential with this mean, as an integer. */
  exponential(mean: number): number {
    return Math.round(-Math.log(1 - this.unit()) * mean);
  }

  pick<T>(list: readonly T[]): T {
    assert(list.length > 0, 'one is picked of at least one');
    return list[this.below(list.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

function rotate(x: number, bits: number): number {
  return ((x << bits) | (x >>> (32 - bits))) >>> 0;
}
