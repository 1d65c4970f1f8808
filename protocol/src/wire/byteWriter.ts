/** Writes protobuf's primitives: shortest varints, lengths before contents. Callers have checked the values. */

/** Holds every transaction and row but the largest. */
const START_BYTES = 4_096;
/** Memory that is kept for the next message; a larger one gives its memory back. */
const KEPT_BYTES = 65_536;

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = (rest - (rest % 0x80)) / 0x80) length += 1;
  return length;
}

export class ByteWriter {
  #bytes = new Uint8Array(START_BYTES);
  #length = 0;

  #reserve(count: number): void {
    const need = this.#length + count;
    if (need <= this.#bytes.length) return;
    const grown = new Uint8Array(need * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }

  /** Unsigned varint of an integer from 0 to 2^53 − 1. */
  varint(value: number): void {
    this.#reserve(8);
    let rest = value;
    // Bit operations hold 31 bits; above that the low seven bits come off by division.
    for (; rest > 0x7fff_ffff; rest = (rest - (rest % 0x80)) / 0x80) this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
    for (; rest >= 0x80; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** Length and contents. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Opens contents whose length is not known yet; give the result to `close`. */
  open(): number {
    this.#reserve(1);
    this.#length += 1;
    return this.#length;
  }

  /** Puts the length of what was written since `open` before it. */
  close(start: number): void {
    const length = this.#length - start;
    const more = varintLength(length) - 1;
    this.#reserve(more);
    if (more > 0) this.#bytes.copyWithin(start + more, start, this.#length);
    this.#length = start - 1;
    this.varint(length);
    this.#length += length;
  }

  /** Forgets what was written; the memory is used again. */
  restart(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(START_BYTES);
  }

  /** A copy of what was written since the restart. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
