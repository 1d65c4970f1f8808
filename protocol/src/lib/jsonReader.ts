/**
 * Reads a JSON object field by field and names the path of the first value that is wrong. Used for genesis files: the
 * values of people, so every refusal says which value and what it should be.
 */
import { parseAddress } from './address.ts';
import { AMOUNT_MAX } from './amount.ts';
import { fromHex } from './bytes.ts';
import type { Json } from './canonicalJson.ts';

/** Internal signal; the boundary turns it into a `malformed` fault. */
export class JsonProblem extends Error {
  readonly path: string;
  readonly why: string;
  constructor(path: string, why: string) {
    super(`${path} ${why}`);
    this.path = path;
    this.why = why;
  }
}

export class JsonReader {
  readonly path: string;
  readonly #record: { readonly [key: string]: Json };
  readonly #left: Set<string>;

  constructor(value: Json | undefined, path: string) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new JsonProblem(path, 'is not an object');
    this.path = path;
    this.#record = value as { readonly [key: string]: Json };
    this.#left = new Set(Object.keys(this.#record));
  }

  raw(key: string): Json {
    this.#left.delete(key);
    const value = Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
    if (value === undefined) throw new JsonProblem(`${this.path}.${key}`, 'is missing');
    return value;
  }

  text(key: string, min: number, max: number): string {
    const value = this.raw(key);
    if (typeof value !== 'string' || value.length < min || value.length > max) throw new JsonProblem(`${this.path}.${key}`, `is not a text of ${min} to ${max} characters`);
    return value;
  }

  hex(key: string, ...lengths: readonly number[]): Uint8Array {
    const value = this.raw(key);
    const bytes = typeof value === 'string' && value === value.toLowerCase() ? fromHex(value) : undefined;
    if (bytes === undefined || !lengths.includes(bytes.length)) throw new JsonProblem(`${this.path}.${key}`, `is not lower-case hex of ${lengths.join(' or ')} bytes`);
    return bytes;
  }

  address(key: string): Uint8Array {
    const value = this.raw(key);
    const address = typeof value === 'string' ? parseAddress(value) : undefined;
    if (address === undefined) throw new JsonProblem(`${this.path}.${key}`, 'is not an address (bill1…)');
    return address;
  }

  int(key: string, min: number, max: number): number {
    const value = this.raw(key);
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw new JsonProblem(`${this.path}.${key}`, `is not an integer from ${min} to ${max}`);
    return value;
  }

  /** An amount as a decimal string of base units, at most 2^53 − 1. */
  amount(key: string): bigint {
    const value = this.raw(key);
    if (typeof value !== 'string' || !/^(0|[1-9]\d{0,15})$/.test(value)) throw new JsonProblem(`${this.path}.${key}`, 'is not a decimal string of base units');
    const amount = BigInt(value);
    if (amount > AMOUNT_MAX) throw new JsonProblem(`${this.path}.${key}`, `is above ${AMOUNT_MAX}`);
    return amount;
  }

  bool(key: string): boolean {
    const value = this.raw(key);
    if (typeof value !== 'boolean') throw new JsonProblem(`${this.path}.${key}`, 'is neither true nor false');
    return value;
  }

  object<T>(key: string, read: (reader: JsonReader) => T): T {
    const reader = new JsonReader(this.raw(key), `${this.path}.${key}`);
    const value = read(reader);
    reader.end();
    return value;
  }

  list<T>(key: string, min: number, max: number, read: (reader: JsonReader) => T): readonly T[] {
    const value = this.raw(key);
    if (!Array.isArray(value) || value.length < min || value.length > max) throw new JsonProblem(`${this.path}.${key}`, `is not a list of ${min} to ${max} items`);
    return value.map((item: Json, index) => {
      const reader = new JsonReader(item, `${this.path}.${key}[${index}]`);
      const read1 = read(reader);
      reader.end();
      return read1;
    });
  }

  /** Every key was read: an unknown one is refused. */
  end(): void {
    for (const key of this.#left) throw new JsonProblem(`${this.path}.${key}`, 'is not a known field');
  }
}
