/** A list of byte strings in one value: each with its length in 4 bytes before it. Local storage only, never hashed. */
import { concat, u32be } from '@billcoin/protocol';
import { readU32 } from './rowKeys.ts';

export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  return concat(...frames.flatMap((frame) => [u32be(frame.length), frame]));
}

/** The frames, or undefined where the lengths do not fit the bytes. */
export function unpackFrames(bytes: Uint8Array): Uint8Array[] | undefined {
  const frames: Uint8Array[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + readU32(bytes, offset);
    if (end > bytes.length) return undefined;
    frames.push(bytes.slice(offset + 4, end));
    offset = end;
  }
  return frames;
}
