/** Damages valid bytes the way an attacker would: bits and bytes, and fields of the encoding as such, at every depth. */
import type { Random } from '../support/random.ts';

interface Piece { readonly start: number; readonly valueAt: number; readonly end: number; readonly wireType: number }

/** Bytes on which codecs slip: ends of varints, signs, the borders of one-byte lengths. */
const SPECIAL_BYTES = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xfe, 0xff, 0x08, 0x0a, 0x12];
/** Deeper than any message of the wire. */
const DEPTH_MAX = 4;

function varintEnd(bytes: Uint8Array, at: number): number | undefined {
  for (let i = at; i < bytes.length && i < at + 10; i++) if ((bytes[i] ?? 0) < 0x80) return i + 1;
  return undefined;
}

function varintAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at, scale = 1; i < bytes.length; i++, scale *= 128) {
    value += ((bytes[i] ?? 0) & 0x7f) * scale;
    if ((bytes[i] ?? 0) < 0x80) break;
  }
  return value;
}

export function varint(value: number): number[] {
  const out: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    out.push(rest % 128 + (rest >= 128 ? 128 : 0));
    if (rest < 128) return out;
  }
}

/** The fields of a protobuf message, or undefined where the bytes are none. */
function piecesOf(bytes: Uint8Array): Piece[] | undefined {
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; ) {
    const valueAt = varintEnd(bytes, at);
    const wireType = (bytes[at] ?? 0) & 7;
    if (valueAt === undefined || (wireType !== 0 && wireType !== 2)) return undefined;
    const numberEnd = varintEnd(bytes, valueAt);
    if (numberEnd === undefined) return undefined;
    const end = wireType === 0 ? numberEnd : numberEnd + varintAt(bytes, valueAt);
    if (end > bytes.length) return undefined;
    pieces.push({ start: at, valueAt, end, wireType });
    at = end;
  }
  return pieces.length > 0 ? pieces : undefined;
}

const join = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

function range(random: Random, length: number): [number, number] {
  const from = random.below(length + 1);
  return [from, Math.min(length, from + random.below(9))];
}

function damageBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  const [from, to] = range(random, bytes.length);
  const at = random.below(Math.max(1, bytes.length));
  const put = (value: number): Uint8Array => bytes.map((byte, index) => (index === at ? value : byte));
  switch (random.below(9)) {
    case 0: return put((bytes[at] ?? 0) ^ (1 << random.below(8)));
    case 1: return put(random.pick(SPECIAL_BYTES));
    case 2: return join(bytes.subarray(0, from), bytes.subarray(to));
    case 3: return join(bytes.subarray(0, to), bytes.subarray(from));
    case 4: return join(bytes.subarray(0, from), random.bytes(1 + random.below(4)), bytes.subarray(from));
    case 5: return bytes.slice(0, from);
    case 6: return join(bytes, random.bytes(1 + random.below(3)));
    case 7: return join(bytes.subarray(0, from), other.subarray(random.below(other.length + 1)));
    default: return put((bytes[at] ?? 0) + random.pick([1, 255]));
  }
}

/** A varint with an empty last group: the same number in more bytes. */
function lengthen(bytes: Uint8Array, at: number): Uint8Array {
  const end = varintEnd(bytes, at) ?? at + 1;
  return join(bytes.subarray(0, end - 1), [(bytes[end - 1] ?? 0) | 0x80, 0], bytes.subarray(end));
}

function damageFields(random: Random, bytes: Uint8Array, pieces: readonly Piece[], other: Uint8Array, depth: number): Uint8Array {
  const parts = pieces.map(({ start, end }) => bytes.subarray(start, end));
  const at = random.below(pieces.length);
  const piece = pieces[at] as Piece;
  const part = parts[at] as Uint8Array;
  const before = parts.slice(0, at);
  const after = parts.slice(at + 1);
  switch (random.below(9)) {
    case 0: return join(...before, ...after);
    case 1: return join(...before, part, part, ...after);
    case 2: return join(...after, ...before, part);
    case 3: return join(...before, parts[random.below(parts.length)] ?? [], ...after);
    case 4: return lengthen(bytes, random.pick([piece.start, piece.valueAt]));
    case 5: return join(...before, [(part[0] ?? 0) ^ random.pick([1, 2, 5, 8, 16])], part.subarray(1), ...after);
    case 6: return join(...before, bytes.subarray(piece.start, piece.valueAt), varint(random.pick([0, 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 53 * 2 ** 10])), ...after);
    case 7: return join(...before, other, ...after);
    default: return piece.wireType === 2 && depth < DEPTH_MAX ? damageInside(random, bytes, piece, before, after, other, depth) : damageBytes(random, bytes, other);
  }
}

/** Damages what is inside a field and writes its new length in front. */
function damageInside(random: Random, bytes: Uint8Array, piece: Piece, before: readonly Uint8Array[], after: readonly Uint8Array[], other: Uint8Array, depth: number): Uint8Array {
  const dataAt = varintEnd(bytes, piece.valueAt) ?? piece.end;
  const inner = damage(random, bytes.slice(dataAt, piece.end), other, depth + 1);
  return join(...before, bytes.subarray(piece.start, piece.valueAt), varint(inner.length), inner, ...after);
}

function damage(random: Random, bytes: Uint8Array, other: Uint8Array, depth: number): Uint8Array {
  const pieces = random.below(3) === 0 ? undefined : piecesOf(bytes);
  return pieces === undefined ? damageBytes(random, bytes, other) : damageFields(random, bytes, pieces, other, depth);
}

/**
 * One to three damages to valid bytes; one time in sixteen bytes of pure chance instead.
 * @param other bytes of something else that is valid, to splice in.
 */
export function mutate(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array {
  if (random.below(16) === 0) return random.bytes(random.below(200));
  let out = bytes;
  for (let left = 1 + random.below(3); left > 0; left--) out = damage(random, out, other, 0);
  return out;
}
