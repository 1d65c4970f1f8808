/**
 * Months and days in a time zone: which instants belong to "2026-04" in Asia/Kuala_Lumpur. A period begins at the first
 * instant at which the zone's wall clock shows its first midnight or later, and ends where the next one begins: periods
 * leave no gap and never overlap, also where a clock jumps over midnight or goes back across it.
 */

import { MONTH_PATTERN, TIME_ZONE_PATTERN } from '@billcoin/sdk';

export interface TimeRange {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

const HOUR_MS = 3_600_000;
/** Wall clocks are at most 14 hours ahead of UTC and 12 behind; an hour more on both sides for a change of clocks. */
const AHEAD_MAX_MS = 15 * HOUR_MS;
const BEHIND_MAX_MS = 13 * HOUR_MS;
/** No clock changes twice in that time. */
const STEP_MS = HOUR_MS / 4;

const MONTH = new RegExp(MONTH_PATTERN);
const TIME_ZONE = new RegExp(TIME_ZONE_PATTERN);

function clockOf(tz: string): Intl.DateTimeFormat | undefined {
  if (!TIME_ZONE.test(tz)) return undefined;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: tz, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What the zone's wall clock shows at an instant, written as if it were UTC. */
function wallClockMs(clock: Intl.DateTimeFormat, atMs: number): number {
  const parts = new Map(clock.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
}

/** The first instant at which the zone's wall clock shows `wallMs` or later. */
function firstInstantOf(clock: Intl.DateTimeFormat, wallMs: number): number {
  let after = wallMs - AHEAD_MAX_MS;
  while (after < wallMs + BEHIND_MAX_MS && wallClockMs(clock, after) < wallMs) after += STEP_MS;
  let before = after - STEP_MS;
  while (after - before > 1_000) {
    const middle = before + Math.floor((after - before) / 2_000) * 1_000;
    if (wallClockMs(clock, middle) < wallMs) before = middle;
    else after = middle;
  }
  return after;
}

function rangeOf(tz: string, fromWallMs: number, toWallMs: number): TimeRange | undefined {
  const clock = clockOf(tz);
  return clock === undefined ? undefined : { fromMs: firstInstantOf(clock, fromWallMs), toMs: firstInstantOf(clock, toWallMs) };
}

/** A month of the calendar, YYYY-MM; 'no_period' where the calendar has none of that name, undefined for a zone the system does not know. */
export function monthRange(month: string, tz: string): TimeRange | 'no_period' | undefined {
  if (!MONTH.test(month)) return 'no_period';
  const [year = 0, number = 0] = month.split('-').map(Number);
  return rangeOf(tz, Date.UTC(year, number - 1, 1), Date.UTC(year, number, 1));
}

/** The same of a day, YYYY-MM-DD. */
export function dayRange(date: string, tz: string): TimeRange | 'no_period' | undefined {
  const [year = 0, month = 0, day = 0] = date.split('-').map(Number);
  const midnight = Date.UTC(year, month - 1, day);
  if (!Number.isFinite(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date) return 'no_period';
  return rangeOf(tz, midnight, Date.UTC(year, month - 1, day + 1));
}
