/**
 * Writes protobuf's primitives into one growing array. Callers have checked the values; wire/proto.test.ts holds the bytes
 * against protobufjs. Its own writer queues an object per operation and costs three times as much, on the path of every
 * result, event and row of a block (BENCHMARKS, ledger).
 */

const U31_MAX = 0x7fff_ffff;
/** Longest varint below 2^53. */
const VARINT_BYTES_MAX = 8;
/**
 * Whatever a node writes but a snapshot fits, so that the array stays the same one. PERF: the first array that took its place made V8
 * throw away all compiled code that knew the first, in the middle of the first large block. Pages that are not written cost nothing.
 */
const START_BYTES = 2_097_152;

export class ByteWriter {
  #bytes = new Uint8Array(START_BYTES);
  #at = 0;
  /** Where the lengths of opened contents will stand, the innermost last. */
  readonly #opened: number[] = [];

  /** Unsigned varint of an integer from 0 to 2^53 − 1. */
  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    this.#at = this.#putVarint(this.#at, value);
  }

  /** Length and contents. */
  bytes(value: Uint8Array): void {
    this.#reserve(VARINT_BYTES_MAX + value.length);
    const at = this.#putVarint(this.#at, value.length);
    this.#bytes.set(value, at);
    this.#at = at + value.length;
  }

  /** Opens contents whose length is not known yet. */
  open(): void {
    this.#reserve(1);
    this.#opened.push(this.#at);
    this.#at += 1;
  }

  /** Puts the length of what was written since `open` before it. */
  close(): void {
    const start = this.#opened.pop() as number;
    const contents = start + 1;
    const length = this.#at - contents;
    this.#reserve(VARINT_BYTES_MAX);
    // One byte was left for the length; longer contents move up.
    const moved = start + sizeOf(length);
    if (moved !== contents) this.#bytes.copyWithin(moved, contents, this.#at);
    this.#putVarint(start, length);
    this.#at = moved + length;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** What was written, a copy; the writer is empty again. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#at);
    this.#at = 0;
    return bytes;
  }

  /** What was written, until the next write; the writer is empty again. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    return bytes;
  }

  /** Writes at a place that is reserved; returns the place after it. */
  #putVarint(from: number, value: number): number {
    const bytes = this.#bytes;
    let at = from;
    let rest = value;
    // Bit operations have 32 bits; what is above is divided off first, exactly.
    while (rest > U31_MAX) {
      const low = rest % 128;
      bytes[at++] = low | 0x80;
      rest = (rest - low) / 128;
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    return at;
  }

  #reserve(count: number): void {
    const needed = this.#at + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * needed);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Bytes of the varint of a length. */
function sizeOf(length: number): number {
  let size = 1;
  for (let rest = length; rest > 127; rest >>>= 7) size += 1;
  return size;
}
