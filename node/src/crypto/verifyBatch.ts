/**
 * The bytes of one batch between the pool and its workers: one buffer, moved and not copied. Cloning the items would
 * clone the whole buffer behind each of them, a block of megabytes for a signature of 64 bytes.
 *
 * Form: for each item the three lengths (u32, little-endian), then publicKey, message and signature.
 */
import type { SignedItem } from '../signaturesOf.ts';

const LENGTHS_BYTES = 12;

export function packItems(items: readonly SignedItem[]): Uint8Array<ArrayBuffer> {
  const sizes = items.map((item) => LENGTHS_BYTES + item.publicKey.length + item.message.length + item.signature.length);
  const packed = new Uint8Array(new ArrayBuffer(sizes.reduce((sum, size) => sum + size, 0)));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { publicKey, message, signature } of items) {
    const parts = [publicKey, message, signature];
    parts.forEach((part, i) => view.setUint32(at + 4 * i, part.length, true));
    at += LENGTHS_BYTES;
    for (const part of parts) {
      packed.set(part, at);
      at += part.length;
    }
  }
  return packed;
}

/** The items of `packItems` as views into its buffer. The bytes come from our own process: they are not validated. */
export function unpackItems(packed: Uint8Array): SignedItem[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const items: SignedItem[] = [];
  for (let at = 0; at < packed.length; ) {
    let from = at + LENGTHS_BYTES;
    const take = (i: number): Uint8Array => {
      const part = packed.subarray(from, from + view.getUint32(at + 4 * i, true));
      from += part.length;
      return part;
    };
    items.push({ publicKey: take(0), message: take(1), signature: take(2) });
    at = from;
  }
  return items;
}
