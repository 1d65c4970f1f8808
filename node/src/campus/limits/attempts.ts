/**
 * Payment attempts in the campus store (SPEC §20.2): one row each, so that a restart forgets none and two nodes on one store share
 * them. A row is written first and counted then: of all who write at the same time, whoever writes last sees the others.
 */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KeyValueStore } from '../../ports.ts';
import { deleteRow, getRow, listRows, padded, putRow, TABLES } from '../store.ts';
import { sweepTable } from '../sweep.ts';
import { roomOf, type Room, type Window } from './slidingLog.ts';
import type { Turns } from './turns.ts';

/** Persons that are remembered, the one not asked about longest is forgotten first: more than pay in a minute. */
const PERSONS_MAX = 16_384;
const TIME_DIGITS = 15;

export interface AttemptDeps {
  readonly store: KeyValueStore;
  readonly turns: Turns;
  /** Wall time that does not jump while the process runs. */
  readonly nowMs: () => number;
}

/** The transaction an attempt is: it counts once, until it can no longer be included. */
export interface CountedId {
  readonly txHash: string;
  readonly untilMs: number;
}

export class Attempts {
  readonly #deps: AttemptDeps;
  /** Person → until when there is no room, so that a flood of refused attempts does not reach the store. */
  readonly #full = new LRUCache<string, number>({ max: PERSONS_MAX });
  /** PERF: person → times of his rows in a store that nobody else writes to; listing them for each Pay was a tenth of a busy node's time. */
  readonly #held = new LRUCache<string, readonly number[]>({ max: PERSONS_MAX });

  constructor(deps: AttemptDeps) {
    this.#deps = deps;
  }

  /** Undefined where the id was counted before. */
  take(person: string, window: Window): Promise<Room>;
  take(person: string, window: Window, id: CountedId): Promise<Room | undefined>;
  async take(person: string, window: Window, id?: CountedId): Promise<Room | undefined> {
    return await this.#deps.turns.run(`attempt ${person}`, async () => {
      if (id !== undefined && (await getRow(this.#deps.store, TABLES.attemptId, id.txHash)) !== undefined) return undefined;
      const nowMs = this.#deps.nowMs();
      const untilMs = this.#full.get(person) ?? 0;
      return untilMs > nowMs ? { ok: false, left: 0, resetMs: untilMs - nowMs } : await this.#count(person, window, id, nowMs);
    });
  }

  /** The room that is left, counting nothing. */
  async look(person: string, window: Window): Promise<Room> {
    const nowMs = this.#deps.nowMs();
    return roomOf(await this.#times(person, window, nowMs, undefined), window, nowMs);
  }

  /** Persons whose attempts are remembered: those without room and those with times. */
  get remembered(): number {
    return this.#full.size + this.#held.size;
  }

  /** The quota was changed: who had no room may have some. */
  changed(): void {
    this.#full.clear();
    this.#held.clear();
  }

  /** Deletes what lies in no window any more. */
  async sweep(windowMs: number): Promise<void> {
    const { store, nowMs } = this.#deps;
    const isOld = (timeMs: number): boolean => timeMs <= nowMs() - windowMs || timeMs > nowMs() + windowMs;
    await sweepTable(store, TABLES.attempt, (rowId) => isOld(Number(rowId.split('/')[1])));
    await sweepTable(store, TABLES.attemptId, (_, untilMs) => untilMs < nowMs());
    for (const [person, untilMs] of [...this.#full.entries()]) if (untilMs <= nowMs()) this.#full.delete(person);
  }

  async #count(person: string, window: Window, id: CountedId | undefined, nowMs: number): Promise<Room> {
    const { store } = this.#deps;
    const { q } = window;
    const own = `${person}/${padded(nowMs, TIME_DIGITS)}/${randomBytes(6).toString('hex')}`;
    const idRow = id === undefined ? [] : [putRow(TABLES.attemptId, id.txHash, id.untilMs)];
    // Not synced: it survives the end of the process, and a machine that lost power is not back within the window.
    await store.batch([putRow(TABLES.attempt, own, 1), ...idRow], { sync: false });
    const times = await this.#times(person, window, nowMs, own);
    if (times.length < q) {
      const counted = [...times, nowMs];
      if (store.isExclusive) this.#held.set(person, counted);
      return { ...roomOf(counted, window, nowMs), ok: true };
    }
    await store.batch([deleteRow(TABLES.attempt, own), ...(id === undefined ? [] : [deleteRow(TABLES.attemptId, id.txHash)])], { sync: false });
    const room = roomOf(times.slice(-q), window, nowMs);
    this.#full.set(person, nowMs + room.resetMs);
    return room;
  }

  /** The newest times in the window but that of the row `own`, oldest first; q of them are enough. */
  async #times(person: string, { q, windowMs }: Window, nowMs: number, own: string | undefined): Promise<readonly number[]> {
    // Another node's clock may be ahead; a time further off than a window is of a clock that was wrong.
    const [fromMs, beforeMs] = [Math.max(0, nowMs - windowMs + 1), nowMs + windowMs];
    const held = this.#held.get(person);
    if (held !== undefined) return held.filter((timeMs) => timeMs >= fromMs && timeMs < beforeMs).map((timeMs) => Math.min(nowMs, timeMs));
    const bounds = { from: `${person}/${padded(fromMs, TIME_DIGITS)}`, before: `${person}/${padded(beforeMs, TIME_DIGITS)}` };
    const rows = await listRows(this.#deps.store, TABLES.attempt, { under: `${person}/`, ...bounds, limit: q + 1, reverse: true });
    return rows.filter((row) => row.id !== own).map((row) => Math.min(nowMs, Number(row.id.split('/')[1]))).reverse();
  }
}
