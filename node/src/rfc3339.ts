/** Times of answers and exports: RFC 3339, UTC, whole seconds. */

/** "2026-04-10T08:15:23Z" of a time in ms; part seconds are cut off, as everywhere in the API. */
export function rfc3339(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

/** The time in ms of a text of that form; undefined for what the calendar or the clock does not have (30 February, 24:00) and before 1970. */
export function timeOfRfc3339(text: string): number | undefined {
  const timeMs = Date.parse(text);
  return timeMs >= 0 && rfc3339(timeMs) === text ? timeMs : undefined;
}

/** "2026-04-10" of 20260410. */
export function dateText(yyyymmdd: number): string {
  const digits = String(yyyymmdd);
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6, 8)}`;
}
