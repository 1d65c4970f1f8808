/** Cursors of lists: opaque to clients, base64url of the place to go on from. */
import { fromBase64Url, toBase64Url, utf8 } from '@billcoin/protocol';

export const LIMIT_DEFAULT = 50;

export function toCursor(place: string): string {
  return toBase64Url(utf8(place));
}

/** The place of a cursor that matches `form`; undefined for anything else. */
export function fromCursor(cursor: string, form: RegExp): string | undefined {
  const bytes = fromBase64Url(cursor);
  const place = bytes === undefined ? '' : new TextDecoder().decode(bytes);
  return form.test(place) ? place : undefined;
}

/** A page of a list that is in memory as a whole, in the order given; the cursor is the id of the last item shown. */
export function pageOf<T>(items: readonly T[], idOf: (item: T) => string, limit: number, after: string | undefined): { readonly data: T[]; readonly nextCursor: string | null } {
  const start = after === undefined ? 0 : items.findIndex((item) => idOf(item) === after) + 1;
  const data = items.slice(start, start + limit);
  const last = data.at(-1);
  return { data, nextCursor: last === undefined || start + limit >= items.length ? null : toCursor(idOf(last)) };
}

export const badCursor = { problem: 'malformed_request', detail: 'The cursor is not one this list gave.', errors: [{ pointer: '/cursor', code: 'bad_cursor' }] } as const;
