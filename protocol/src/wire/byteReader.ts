/**
 * Reads protobuf's primitives in their one allowed form. General protobuf readers take overlong varints and round
 * integers above 2^53; bytes that are hashed and signed must have one reading only.
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

/** Weight of the last of the 8 bytes that hold 53 bits. */
const LAST_WEIGHT = 2 ** 49;

export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Next byte to read. */
  pos = 0;
  /** End of the message being read; a nested message sets it to its own while it is read. */
  end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.end = bytes.length;
  }

  #byte(): number {
    if (this.pos >= this.end) throw new Malformed('', 'is cut off');
    return this.#bytes[this.pos++] as number;
  }

  /** Unsigned varint in its shortest form, at most 2^53 − 1. */
  varint(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let weight = 0x80; weight <= LAST_WEIGHT; weight *= 0x80) {
      byte = this.#byte();
      value += (byte & 0x7f) * weight;
      if (byte >= 0x80) continue;
      if (byte === 0) throw new Malformed('', 'is not in its shortest form');
      if (value > Number.MAX_SAFE_INTEGER) break;
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

  /** A copy of the next `length` bytes, which `length()` has seen to be there. */
  take(length: number): Uint8Array {
    const from = this.pos;
    this.pos += length;
    return this.#bytes.slice(from, this.pos);
  }
}
