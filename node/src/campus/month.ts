/** Months in a time zone: which instants belong to "2026-04" in Asia/Kuala_Lumpur. */

export interface TimeRange {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

function clockOf(tz: string): Intl.DateTimeFormat | undefined {
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

/** The instant at which the zone's wall clock shows `wallMs`. The offset is looked up twice: it may change in between. */
function instantOf(clock: Intl.DateTimeFormat, wallMs: number): number {
  const guess = wallMs - (wallClockMs(clock, wallMs) - wallMs);
  return wallMs - (wallClockMs(clock, guess) - guess);
}

/** The month as a range of instants; undefined for a zone the system does not know. `month` is YYYY-MM. */
export function monthRange(month: string, tz: string): TimeRange | undefined {
  const clock = clockOf(tz);
  if (clock === undefined) return undefined;
  const [year = 0, number = 0] = month.split('-').map(Number);
  return { fromMs: instantOf(clock, Date.UTC(year, number - 1, 1)), toMs: instantOf(clock, Date.UTC(year, number, 1)) };
}
