/**
 * Undo rows of the state database (consensus page §5): what a flush replaced, so that `billcoin rollback` can go back
 * without executing the chain again. One row a flush and not one a block: the state on disk only ever stands where a flush
 * has ended, and from there the blocks lead forward to any height.
 *
 *   u/<height BE8 after the flush> → frames: mark before it, first height of a set it stored or nothing, then row key and
 *                                    what stood there (nothing: no row; else 0x01 ‖ value) of every row it changed
 */
import { concat, type ByteChange } from '@billcoin/protocol';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import { packFrames, unpackFrames } from './frames.ts';
import { readU64 } from './rowKeys.ts';

/** Heights that can be gone back: twenty minutes of an idle chain, and more than any flush covers. */
export const UNDO_HEIGHTS = 128;
/** All undo rows together; the oldest go first. 64 full blocks of payments are some 60 MB. */
export const UNDO_MAX_BYTES = 64 * 2 ** 20;

const HEAD_FRAMES = 2;
const NO_ROW = new Uint8Array(0);
const HAS_ROW = Uint8Array.of(1);

export interface Undo {
  /** Bytes of the mark that stood before the flush. */
  readonly mark: Uint8Array;
  /** The flush stored a validator set under this height. */
  readonly setSince: number | undefined;
  readonly changes: readonly ByteChange[];
}

/** `before` holds what stood under each of `keys`; `setSince` is u64 or empty. */
export function encodeUndo(mark: Uint8Array, setSince: Uint8Array, keys: readonly Uint8Array[], before: readonly (Uint8Array | undefined)[]): Uint8Array {
  const rows = keys.flatMap((key, i) => {
    const value = before[i];
    return [key, value === undefined ? NO_ROW : concat(HAS_ROW, value)];
  });
  return packFrames([mark, setSince, ...rows]);
}

/** Throws StorageFailure `damaged_value` for bytes of another form. */
export function decodeUndo(bytes: Uint8Array): Undo {
  const frames = unpackFrames(bytes);
  const [mark, since] = frames ?? [];
  if (frames === undefined || mark === undefined || since === undefined || frames.length % 2 !== 0) throw new StorageFailure('damaged_value', 'An undo row of the state database is of no known form.', REMEDY.restoreBackup);
  const changes: ByteChange[] = [];
  for (let i = HEAD_FRAMES; i < frames.length; i += 2) {
    const value = frames[i + 1] as Uint8Array;
    changes.push({ key: frames[i] as Uint8Array, value: value.length === 0 ? undefined : value.slice(1) });
  }
  return { mark, setSince: since.length === 0 ? undefined : readU64(since, 0), changes };
}

/** The undo rows on disk, ascending; bounds what they may take together. */
export class UndoShelf {
  readonly #rows: { readonly height: number; readonly bytes: number }[] = [];
  #bytes = 0;

  get info(): { readonly rows: number; readonly bytes: number } {
    return { rows: this.#rows.length, bytes: this.#bytes };
  }

  get newest(): number | undefined {
    return this.#rows.at(-1)?.height;
  }

  add(height: number, bytes: number): void {
    this.#rows.push({ height, bytes });
    this.#bytes += bytes;
  }

  removeNewest(): void {
    this.#bytes -= this.#rows.pop()?.bytes ?? 0;
  }

  /** Heights whose rows must go before one of `bytes` comes for `height`; all of them where it is too large itself. */
  makeRoom(height: number, bytes: number): readonly number[] {
    const gone: number[] = [];
    for (let oldest = this.#rows[0]; oldest !== undefined; oldest = this.#rows[0]) {
      if (oldest.height > height - UNDO_HEIGHTS && this.#bytes + bytes <= UNDO_MAX_BYTES) break;
      this.#rows.shift();
      this.#bytes -= oldest.bytes;
      gone.push(oldest.height);
    }
    return gone;
  }

  clear(): void {
    this.#rows.length = 0;
    this.#bytes = 0;
  }
}
