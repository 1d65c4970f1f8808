/**
 * Reads protobuf's primitives in their one allowed form; wire/proto.test.ts holds it against protobufjs. Its own reader, like
 * every general one, takes overlong varints and rounds integers above 2^53; bytes that are hashed and signed must have one
 * reading only.
 */

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

/** Bytes of the longest varint below 2^53. */
const VARINT_BYTES_MAX = 8;
/** Bytes of the longest varint that protobuf knows; more are read to tell what is wrong. */
const VARINT_BYTES_READ = 10;

/** Up to here arrays lie in the engine's own heap and a copy costs no more than a view. */
const COPY_MAX_BYTES = 64;

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #isShared: boolean;
  /** Next byte to read. */
  pos = 0;
  /** End of the message being read; a nested message sets it to its own while it is read. */
  end: number;

  /** `isShared`: long byte strings are views of `bytes`. */
  constructor(bytes: Uint8Array, isShared: boolean) {
    this.#bytes = bytes;
    this.#isShared = isShared;
    this.end = bytes.length;
  }

  /** Unsigned varint in its shortest form, at most 2^53 − 1. */
  varint(): number {
    if (this.pos >= this.end) throw new Malformed('', 'is cut off');
    const first = this.#bytes[this.pos] as number;
    if (first >= 0x80) return this.#longVarint();
    this.pos += 1;
    return first;
  }

  #longVarint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 1; count <= VARINT_BYTES_READ; count++) {
      if (this.pos >= this.end) throw new Malformed('', 'is cut off');
      const byte = this.#bytes[this.pos++] as number;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte >= 0x80) continue;
      if (byte === 0) throw new Malformed('', 'is not in its shortest form');
      if (value > Number.MAX_SAFE_INTEGER || count > VARINT_BYTES_MAX) break;
      return value;
    }
    throw new Malformed('', `is above ${Number.MAX_SAFE_INTEGER}`);
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
    const from = this.pos;
    this.pos = from + length;
    return this.#isShared && length > COPY_MAX_BYTES ? this.#bytes.subarray(from, from + length) : this.#bytes.slice(from, from + length);
  }
}
