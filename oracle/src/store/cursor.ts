/**
 * What is stored of one (device, epoch): every seq below nextSeq, and some above it. Pure. The receipt shows it to the
 * device, which deletes what is stored and sends the holes again.
 */

/** Seqs above nextSeq that a receipt can show: 32 bytes of bitmap. Further ones are stored but shown later. */
export const WINDOW_SEQS = 256;
const SEQ_MAX = 0xffff_ffff;

export interface Cursor {
  readonly nextSeq: number;
  /** Stored seqs in nextSeq + 1 .. nextSeq + 256, ascending. */
  readonly ahead: readonly number[];
  /** Highest stored seq; −1 before the first. */
  readonly maxSeq: number;
  /** The last reading that was added and its total, which saves a read for R14. */
  readonly last?: { readonly seq: number; readonly totalMl?: number };
}

export const EMPTY_CURSOR: Cursor = { nextSeq: 0, ahead: [], maxSeq: -1 };

/** True or false where the cursor alone knows, undefined where the store must be asked: beyond the window. */
export function isStored(cursor: Cursor, seq: number): boolean | undefined {
  if (seq < cursor.nextSeq) return true;
  if (seq > cursor.maxSeq || seq === cursor.nextSeq) return false;
  return seq <= cursor.nextSeq + WINDOW_SEQS ? cursor.ahead.includes(seq) : undefined;
}

/**
 * The cursor after `seq` was stored. `inStore` is asked only for seqs that enter the window.
 * PERF: constant for readings in order; at most 2 × 256 questions after a far jump is filled.
 */
export function addSeq(cursor: Cursor, seq: number, totalMl: number | undefined, inStore: (seq: number) => boolean): Cursor {
  const last = totalMl === undefined ? { seq } : { seq, totalMl };
  const maxSeq = seq > cursor.maxSeq ? seq : cursor.maxSeq;
  if (seq < cursor.nextSeq || cursor.ahead.includes(seq)) return { ...cursor, last };
  if (seq !== cursor.nextSeq) {
    const ahead = seq <= cursor.nextSeq + WINDOW_SEQS ? [...cursor.ahead, seq].sort((a, b) => a - b) : cursor.ahead;
    return { nextSeq: cursor.nextSeq, ahead, maxSeq, last };
  }
  const windowEnd = cursor.nextSeq + WINDOW_SEQS;
  const known = new Set(cursor.ahead);
  const stored = (at: number): boolean => at <= maxSeq && (at <= windowEnd ? known.has(at) : inStore(at));
  let nextSeq = seq;
  do nextSeq += 1; while (nextSeq < SEQ_MAX && stored(nextSeq));
  const ahead: number[] = [];
  for (let at = nextSeq + 1; at <= nextSeq + WINDOW_SEQS && at <= maxSeq; at++) if (stored(at)) ahead.push(at);
  return { nextSeq: Math.min(nextSeq, SEQ_MAX), ahead, maxSeq, last };
}

/** Bitmap of a receipt: bit i (lowest of each byte first) says that nextSeq + 1 + i is stored; no trailing zero bytes. */
export function bitmapOf(cursor: Cursor): Uint8Array {
  const highest = cursor.ahead.at(-1);
  if (highest === undefined) return new Uint8Array(0);
  const bitmap = new Uint8Array(Math.floor((highest - cursor.nextSeq - 1) / 8) + 1);
  for (const seq of cursor.ahead) {
    const bit = seq - cursor.nextSeq - 1;
    const byte = Math.floor(bit / 8);
    bitmap[byte] = (bitmap[byte] ?? 0) | (1 << bit % 8);
  }
  return bitmap;
}
