/**
 * Which rows a time is near for (SPEC §8.1): a heap over the flat state, derived from it and never part of it. Order is by
 * time, then row key, so that every node finds the same rows in the same order, whenever it built its heap.
 *
 * A row whose time moves later keeps its entry, which is corrected when it comes up; so a card that is stamped every day
 * costs one entry, not one a day. What holds: every row with a time has an entry of that time or an earlier one.
 */
import type { RowType } from './layout.ts';

/** The last instant before something is due to this row. */
export interface Due {
  readonly timeMs: number;
  readonly type: RowType<unknown>;
  readonly id: string;
}

/** A row's time now; undefined where there is no such row, or it has none. */
export type DueOf = (type: RowType<unknown>, id: string) => number | undefined;

function isBefore(a: Due, b: Due): boolean {
  if (a.timeMs !== b.timeMs) return a.timeMs < b.timeMs;
  return a.type.prefix === b.type.prefix ? a.id < b.id : a.type.prefix < b.type.prefix;
}

function push<T extends Due>(heap: T[], item: T): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(item, heap[parent] as T)) break;
    heap[at] = heap[parent] as T;
    at = parent;
  }
  heap[at] = item;
}

function pop<T extends Due>(heap: T[]): T | undefined {
  const top = heap[0];
  const item = heap.pop();
  if (item === undefined || heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1] as T, heap[child] as T)) child += 1;
    if (!isBefore(heap[child] as T, item)) break;
    heap[at] = heap[child] as T;
    at = child;
  }
  heap[at] = item;
  return top;
}

/** An entry met while the heap is read: `place` is where it stands, undefined for one whose time was corrected. */
interface Met extends Due {
  readonly place: number | undefined;
}

export class DueIndex {
  readonly #dueOf: DueOf;
  readonly #heap: Due[] = [];

  /** @param dueOf asks the flat state, after the changes that `moved` is told of. */
  constructor(dueOf: DueOf) {
    this.#dueOf = dueOf;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** A row got another time: `before` and `after` of its change. */
  moved(type: RowType<unknown>, id: string, before: number | undefined, after: number | undefined): void {
    if (after !== undefined && (before === undefined || after < before)) push(this.#heap, { timeMs: after, type, id });
  }

  /** Drops and corrects what lies on top, once the changes of a block are all in the state. Each entry is paid for by its push. */
  tidy(): void {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      const timeMs = this.#dueOf(top.type, top.id);
      if (timeMs === top.timeMs) return;
      pop(this.#heap);
      if (timeMs !== undefined && timeMs > top.timeMs) push(this.#heap, { ...top, timeMs });
    }
  }

  /**
   * Rows whose time is below `beforeMs`, oldest first, then by row key, each once. Changes nothing: a block is executed
   * before anyone knows that it will be committed. Costs what is taken from it, not what lies in the heap.
   */
  *before(beforeMs: number): Generator<Due> {
    const heap = this.#heap;
    const ahead: Met[] = [];
    const meet = (place: number): void => {
      const entry = heap[place];
      if (entry !== undefined && entry.timeMs < beforeMs) push(ahead, { ...entry, place });
    };
    meet(0);
    let last: Due | undefined;
    for (let met = pop(ahead); met !== undefined; met = pop(ahead)) {
      const { place, type, id } = met;
      if (place !== undefined) {
        meet(2 * place + 1);
        meet(2 * place + 2);
      }
      const timeMs = this.#dueOf(type, id);
      if (timeMs === undefined || timeMs < met.timeMs || timeMs >= beforeMs) continue;
      if (timeMs > met.timeMs) push(ahead, { timeMs, type, id, place: undefined });
      else if (last === undefined || last.id !== id || last.type !== type) {
        last = met;
        yield { timeMs, type, id };
      }
    }
  }
}
