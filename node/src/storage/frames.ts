/** A list of byte strings in one value: each with its length in 4 bytes before it. Local storage only, never hashed. */
import { readU32, writeU32 } from './rowKeys.ts';

/** Any number of frames: the rows of a flush are hundreds of thousands, more than a call may have arguments. */
export function packFrames(frames: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const frame of frames) length += 4 + frame.length;
  const packed = new Uint8Array(length);
  let at = 0;
  for (const frame of frames) {
    writeU32(packed, at, frame.length);
    packed.set(frame, at + 4);
    at += 4 + frame.length;
  }
  return packed;
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
