/**
 * Reads protobuf's primitives in their one allowed form, on protobufjs' reader. That reader, like every general one,
 * takes overlong varints and rounds integers above 2^53; bytes that are hashed and signed must have one reading only.
 */
import protobuf from 'protobufjs/minimal.js';

/** Internal signal of the decoder; `decode` turns it into a `malformed` fault. */
export class Malformed extends Error {
  readonly path: string;
  readonly why: string;
  constructor(path: string, why: string) {
    super(`${path} ${why}`);
    this.path = path;
    this.why = why;
  }
  within(outer: string): Malformed {
    return new Malformed(this.path === '' ? outer : this.path.startsWith('[') ? outer + this.path : `${outer}.${this.path}`, this.why);
  }
}

/** High word of 2^53: a uint64 at or above it is no exact number. */
const HIGH_LIMIT = 0x20_0000;

/** Bytes of the longest varint below 2^53. protobufjs reads ten and drops what is above 64 bits: two forms of one value. */
const VARINT_BYTES_MAX = 8;

/** protobufjs gives a Long where the package `long` is installed, else a number. */
type Uint64 = number | { readonly low: number; readonly high: number };

/** Up to here arrays lie in the engine's own heap and a copy costs no more than a view. */
const COPY_MAX_BYTES = 64;

export class ByteReader {
  readonly #reader: protobuf.Reader;
  readonly #isShared: boolean;
  /** End of the message being read; a nested message sets it to its own while it is read. */
  end: number;

  /** `isShared`: long byte strings are views of `bytes`. */
  constructor(bytes: Uint8Array, isShared: boolean) {
    this.#reader = new protobuf.Reader(bytes);
    this.#isShared = isShared;
    this.end = bytes.length;
  }

  /** Next byte to read. */
  get pos(): number {
    return this.#reader.pos;
  }

  #uint64(): number {
    const value = this.#reader.uint64() as Uint64;
    if (typeof value === 'number') return value;
    const high = value.high >>> 0;
    return high < HIGH_LIMIT ? high * 0x1_0000_0000 + (value.low >>> 0) : Number.POSITIVE_INFINITY;
  }

  /** Unsigned varint in its shortest form, at most 2^53 − 1. */
  varint(): number {
    const reader = this.#reader;
    const from = reader.pos;
    if (from >= this.end) throw new Malformed('', 'is cut off');
    const first = reader.buf[from] as number;
    if (first < 0x80) {
      reader.pos = from + 1;
      return first;
    }
    let value: number;
    try {
      value = this.#uint64();
    } catch {
      throw new Malformed('', reader.len - from >= 10 ? `is above ${Number.MAX_SAFE_INTEGER}` : 'is cut off');
    }
    if (reader.pos > this.end) throw new Malformed('', 'is cut off');
    if (reader.buf[reader.pos - 1] === 0) throw new Malformed('', 'is not in its shortest form');
    if (value > Number.MAX_SAFE_INTEGER || reader.pos - from > VARINT_BYTES_MAX) throw new Malformed('', `is above ${Number.MAX_SAFE_INTEGER}`);
    return value;
  }

  /** Length of what follows: at most `max`, and all of it there. Nothing is allocated before this was asked. */
  length(max: number): number {
    const length = this.varint();
    if (length > max) throw new Malformed('', `has ${length} bytes, the limit is ${max}`);
    if (length > this.end - this.pos) throw new Malformed('', 'is cut off');
    return length;
  }

  /** The next `length` bytes, which `length()` has seen to be there: a copy, or a view of what is shared. */
  take(length: number): Uint8Array {
    const from = this.#reader.pos;
    this.#reader.pos = from + length;
    const { buf } = this.#reader;
    return this.#isShared && length > COPY_MAX_BYTES ? buf.subarray(from, from + length) : buf.slice(from, from + length);
  }
}
