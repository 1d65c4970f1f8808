/** The one source of chance of a simulation: everything is drawn from the seed, in the order of events. */
import { assert, sha256, utf8 } from '@billcoin/protocol';

/** xoshiro128** seeded by a hash: the same label gives the same numbers on every machine. */
export class Random {
  // Signed 32-bit integers: they need no memory of their own.
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(label: string) {
    [this.#a, this.#b, this.#c, this.#d] = new Int32Array(sha256(utf8(label)).slice(0, 16).buffer) as unknown as [number, number, number, number];
  }

  /** 0 … 2^32 − 1. */
  next(): number {
    const b = this.#b;
    const c = this.#c ^ this.#a;
    const d = this.#d ^ b;
    this.#b = b ^ c;
    this.#a ^= d;
    this.#c = c ^ (b << 9);
    this.#d = rotate(d, 11);
    return Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
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
  return (x << bits) | (x >>> (32 - bits));
}
