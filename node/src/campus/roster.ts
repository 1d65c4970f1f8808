/** The roster file: CSV with the one column `studentId`. Nothing else is taken: what is not stored cannot leak. */
import type { RosterError } from '../campusPorts.ts';

/** The largest universities have some 300,000 students; a campus has fewer. */
export const ROSTER_ROWS_MAX = 200_000;
/** More wrong lines than this say that it is another file. */
export const ROSTER_ERRORS_MAX = 100;
const STUDENT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;

export type Roster = { readonly ok: true; readonly studentIds: readonly string[] } | { readonly ok: false; readonly errors: readonly RosterError[] };

function unquoted(cell: string): string {
  return /^"[^"]*"$/.test(cell) ? cell.slice(1, -1) : cell;
}

/** Ids in the order of the file, or every wrong line (at most ROSTER_ERRORS_MAX). Blank lines are skipped. */
export function readRoster(text: string): Roster {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const header = unquoted((lines[0] ?? '').trim());
  if (header !== 'studentId') return { ok: false, errors: [{ line: 1, code: header.includes(',') ? 'unknown_column' : 'header_missing' }] };
  const seen = new Set<string>();
  const errors: RosterError[] = [];
  for (let i = 1; i < lines.length && errors.length < ROSTER_ERRORS_MAX; i++) {
    const cell = unquoted((lines[i] as string).trim());
    if (cell === '') continue;
    if (cell.includes(',')) errors.push({ line: i + 1, code: 'unknown_column' });
    else if (!STUDENT_ID.test(cell)) errors.push({ line: i + 1, code: 'bad_student_id' });
    else if (seen.has(cell)) errors.push({ line: i + 1, code: 'duplicate' });
    else seen.add(cell);
    if (seen.size > ROSTER_ROWS_MAX) return { ok: false, errors: [{ line: i + 1, code: 'too_many_rows' }] };
  }
  return errors.length === 0 ? { ok: true, studentIds: [...seen] } : { ok: false, errors };
}
