/** Writes protobuf's primitives on protobufjs' writer. Callers have checked the values. */
import protobuf from 'protobufjs/minimal.js';

const U32_MAX = 0xffff_ffff;

export class ByteWriter {
  // The base class: on Node the library would otherwise choose a writer that gives Buffers.
  readonly #writer = new protobuf.Writer();

  /** Unsigned varint of an integer from 0 to 2^53 − 1. A bigint never gets here: the library would write it as 0. */
  varint(value: number): void {
    if (value <= U32_MAX) this.#writer.uint32(value);
    else this.#writer.uint64(value);
  }

  /** Length and contents. */
  bytes(value: Uint8Array): void {
    this.#writer.bytes(value);
  }

  /** Opens contents whose length is not known yet. */
  open(): void {
    this.#writer.fork();
  }

  /** Puts the length of what was written since `open` before it. */
  close(): void {
    this.#writer.ldelim();
  }

  /** What was written, a copy; the writer is empty again. */
  finish(): Uint8Array {
    const bytes = this.#writer.finish(true).slice();
    this.#writer.reset();
    return bytes;
  }
}
