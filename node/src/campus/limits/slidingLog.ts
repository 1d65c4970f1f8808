/**
 * Exact sliding windows in memory: the times of what was counted, per key. Nothing here reads a clock. The window that
 * ends at `nowMs` is (nowMs − windowMs, nowMs]: two that lie exactly one window apart are not in the same one.
 */

/** Keys that are remembered: three times the people of a large campus. */
export const KEYS_MAX = 65_536;
/** Times that are remembered together: 16 MB. At the busiest minute thought of, 5,000 people and 200 tills, 0.4 million. */
export const TIMES_MAX = 2_000_000;

export interface Window {
  readonly q: number;
  readonly windowMs: number;
}

export interface Room {
  readonly ok: boolean;
  /** How many more fit now. */
  readonly left: number;
  /** Until the oldest one leaves the window; 0 where there is none. */
  readonly resetMs: number;
}

/** What the sorted `times` leave of a window. All of them lie in it. */
export function roomOf(times: readonly number[], { q, windowMs }: Window, nowMs: number): Room {
  // With a quota that was lowered there may be more than q: room comes when all but q - 1 have left.
  const blocking = times[Math.max(0, times.length - q)];
  return { ok: times.length < q, left: Math.max(0, q - times.length), resetMs: blocking === undefined ? 0 : Math.max(0, blocking + windowMs - nowMs) };
}

export class SlidingLog {
  readonly #keysMax: number;
  readonly #timesMax: number;
  /** Sorted times by key; the key that was not asked for longest comes first (Maps keep the order). */
  readonly #times = new Map<string, number[]>();
  #count = 0;
  #forgotten = 0;

  constructor({ keysMax = KEYS_MAX, timesMax = TIMES_MAX }: { readonly keysMax?: number; readonly timesMax?: number } = {}) {
    this.#keysMax = keysMax;
    this.#timesMax = timesMax;
  }

  get keys(): number {
    return this.#times.size;
  }
  get times(): number {
    return this.#count;
  }
  /** Keys with times in their window that had to go because there were too many. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** The room that is left, counting nothing. */
  look(key: string, window: Window, nowMs: number): Room {
    return roomOf(this.#live(key, window.windowMs, nowMs), window, nowMs);
  }

  /** Counts one where there is room; tells the room after it. What is refused is not counted. */
  take(key: string, window: Window, nowMs: number): Room {
    const times = this.#live(key, window.windowMs, nowMs);
    if (times.length >= window.q) return roomOf(times, window, nowMs);
    times.push(Math.max(nowMs, times.at(-1) ?? nowMs));
    this.#count += 1;
    this.#times.delete(key);
    this.#times.set(key, times);
    this.#makeRoom();
    return { ...roomOf(times, window, nowMs), ok: true };
  }

  /** Uncounts the newest one of the key. */
  giveBack(key: string): void {
    if (this.#times.get(key)?.pop() !== undefined) this.#count -= 1;
  }

  /** Forgets keys without a time in their window. */
  sweep(windowMs: number, nowMs: number): void {
    for (const key of [...this.#times.keys()]) if (this.#live(key, windowMs, nowMs).length === 0) this.#times.delete(key);
  }

  #live(key: string, windowMs: number, nowMs: number): number[] {
    const times = this.#times.get(key);
    if (times === undefined) return [];
    const firstLive = times.findIndex((time) => time > nowMs - windowMs);
    const gone = firstLive === -1 ? times.length : firstLive;
    times.splice(0, gone);
    this.#count -= gone;
    return times;
  }

  /** Whoever has so many keys at hand that others fall out could not be limited by a key anyway. */
  #makeRoom(): void {
    for (const [key, times] of this.#times) {
      if (this.#times.size <= this.#keysMax && this.#count <= this.#timesMax) return;
      this.#times.delete(key);
      this.#count -= times.length;
      if (times.length > 0) this.#forgotten += 1;
    }
  }
}
