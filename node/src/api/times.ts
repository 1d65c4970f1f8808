/** Times of a query that bound a list. */
import { timeOfRfc3339 } from '../rfc3339.ts';
import type { Refusal } from './entry.ts';

interface Bounds<T> {
  readonly from: T | undefined;
  readonly to: T | undefined;
}

/** In ms; the refusal points at each that the calendar does not have. */
export function readTimes(asked: Bounds<string>): Bounds<number> | Refusal {
  const read = (name: 'from' | 'to'): number | undefined => (asked[name] === undefined ? undefined : timeOfRfc3339(asked[name]));
  const times = { from: read('from'), to: read('to') };
  const wrong = (['from', 'to'] as const).filter((name) => asked[name] !== undefined && times[name] === undefined);
  return wrong.length === 0 ? times : { problem: 'malformed_request', errors: wrong.map((name) => ({ pointer: `/${name}`, code: 'time' })) };
}
