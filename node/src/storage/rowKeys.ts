/** Key layouts of the node's databases: `<letter>/` ‖ parts, integers big-endian (consensus page §1.10, §5). */
import { concat, u32be, u64be, utf8 } from '@billcoin/protocol';
import type { StoreRange } from '../ports.ts';

/** First key after every key with this prefix. */
function after(prefix: Uint8Array): Uint8Array {
  const end = prefix.slice();
  end[end.length - 1] = (end[end.length - 1] as number) + 1; // prefixes end in '/', so this never carries
  return end;
}

/** All keys under a text prefix such as `b/`. */
export function under(prefix: string): StoreRange {
  const gte = utf8(prefix);
  return { gte, lt: after(gte) };
}

export const heightKey = (prefix: string, height: number): Uint8Array => concat(utf8(prefix), u64be(height));
export const hashKey = (prefix: string, hash: Uint8Array): Uint8Array => concat(utf8(prefix), hash);
export const positionOf = (height: number, index: number): Uint8Array => concat(u64be(height), u32be(index));

export function readU64(bytes: Uint8Array, offset: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(offset));
}

export function readU32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(offset);
}
