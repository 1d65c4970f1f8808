/**
 * Students of the roster: one random key each, the id encrypted under it, a blind index to find it, one link code in
 * force. The database alone says nothing about anybody (api page §4).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { utf8 } from '@billcoin/protocol';
import type { Imported, IssuedCode, Students } from '../campusPorts.ts';
import type { Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import { fromField, toField } from '../rowBytes.ts';
import { randomCode, ulid } from './crockford.ts';
import { blindIndex, hashCode, newStudentKey, pseudonym, seal, unseal, unwrapStudentKey, wrapStudentKey } from './crypto.ts';
import type { CampusKeys, Purpose } from './keyFile.ts';
import type { Lane } from './lane.ts';
import { readRoster } from './roster.ts';
import { deleteRow, getRow, pagesOf, putRow, TABLES, type StudentRow } from './store.ts';

/** A code is handed out on paper or by mail and used at the start of a term. */
export const LINK_CODE_LIFE_MS = 14 * 86_400_000;
/** Students handled before other work of the process gets its turn: about 5 ms. */
const SLICE = 200;
const PAGE = 1_000;

export interface StudentDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  readonly lane: Lane;
}

export const idPlace = (studentRef: string): string => `student/${studentRef}/id`;

/** A phone beside the first one: the code is shown on one screen and typed on the other. */
export const SECOND_CODE_LIFE_MS = 600_000;

function newCode({ keys, clock }: StudentDeps, studentRef: string, lifeMs = LINK_CODE_LIFE_MS): { readonly linkCode: string; readonly hash: string; readonly row: KeyValueOperation; readonly expiresAtMs: number } {
  const linkCode = randomCode();
  const hash = hashCode(keys, linkCode);
  const expiresAtMs = clock.nowMs() + lifeMs;
  return { linkCode, hash, expiresAtMs, row: putRow(TABLES.code, hash, { studentRef, expiresAtMs }) };
}

function newStudent(deps: StudentDeps, studentId: string): { readonly issued: IssuedCode; readonly rows: readonly KeyValueOperation[] } {
  const { keys, clock } = deps;
  const studentRef = `stu_${ulid(clock.nowMs())}`;
  const studentKey = newStudentKey();
  const { linkCode, hash, row } = newCode(deps, studentRef);
  const student: StudentRow = {
    wrappedKey: toField(wrapStudentKey(keys, studentRef, studentKey)), sealedId: toField(seal(studentKey, idPlace(studentRef), utf8(studentId))),
    joinedAtMs: clock.nowMs(), leftAtMs: null, codeHash: hash, wallets: [],
  };
  const rows = [putRow(TABLES.student, studentRef, student), putRow(TABLES.studentById, blindIndex(keys, 'student', studentId), studentRef), row];
  return { issued: { studentId, studentRef, linkCode }, rows };
}

/** Rows that mark everybody left who is not in `present`; their open codes die. */
async function markLeft({ store, clock }: StudentDeps, present: ReadonlySet<string>): Promise<{ readonly count: number; readonly rows: readonly KeyValueOperation[] }> {
  const rows: KeyValueOperation[] = [];
  let count = 0;
  for await (const page of pagesOf(store, TABLES.student, {}, PAGE)) {
    for (const { id, value } of page) {
      if (value.leftAtMs !== null || present.has(id)) continue;
      count++;
      rows.push(putRow(TABLES.student, id, { ...value, leftAtMs: clock.nowMs(), codeHash: null }));
      if (value.codeHash !== null) rows.push(deleteRow(TABLES.code, value.codeHash));
    }
  }
  return { count, rows };
}

async function takeOver(deps: StudentDeps, studentIds: readonly string[]): Promise<Imported> {
  const { store, keys } = deps;
  const operations: KeyValueOperation[] = [];
  const present = new Set<string>();
  const codes: IssuedCode[] = [];
  for (const [index, studentId] of studentIds.entries()) {
    if (index % SLICE === 0) await nextTurn();
    const known = await getRow(store, TABLES.studentById, blindIndex(keys, 'student', studentId));
    if (known === undefined) {
      const { issued, rows } = newStudent(deps, studentId);
      codes.push(issued);
      operations.push(...rows);
      continue;
    }
    present.add(known);
    const row = await getRow(store, TABLES.student, known);
    if (row !== undefined && row.leftAtMs !== null) operations.push(putRow(TABLES.student, known, { ...row, leftAtMs: null }));
  }
  const gone = await markLeft(deps, present);
  await store.batch([...operations, ...gone.rows], { sync: true });
  return { ok: true, added: codes.length, kept: present.size, left: gone.count, codes };
}

async function renew(deps: StudentDeps, studentRef: string, lifeMs: number): ReturnType<Students['renewLinkCode']> {
  const { store } = deps;
  const student = await getRow(store, TABLES.student, studentRef);
  if (student === undefined || student.leftAtMs !== null) return undefined;
  const { linkCode, hash, row, expiresAtMs } = newCode(deps, studentRef, lifeMs);
  const old = student.codeHash === null ? [] : [deleteRow(TABLES.code, student.codeHash)];
  await store.batch([...old, row, putRow(TABLES.student, studentRef, { ...student, codeHash: hash })], { sync: true });
  return { studentRef, linkCode, expiresAtMs };
}

/** Who the student is for a purpose; undefined once the key was shredded. Throws SealBroken where keys and store differ. */
export async function studentPseudonym({ store, keys }: Pick<StudentDeps, 'store' | 'keys'>, studentRef: string, purpose: Purpose): Promise<string | undefined> {
  const student = await getRow(store, TABLES.student, studentRef);
  if (student === undefined) return undefined;
  const studentKey = unwrapStudentKey(keys, studentRef, fromField(student.wrappedKey));
  const studentId = new TextDecoder().decode(unseal(studentKey, idPlace(studentRef), fromField(student.sealedId)));
  return pseudonym(keys, purpose, studentKey, studentId);
}

/** All but erasing, which takes wallets and logins with it (erase.ts). */
export function openStudents(deps: StudentDeps): Omit<Students, 'erase'> {
  return {
    async importRoster(csv) {
      const roster = readRoster(csv);
      return roster.ok ? await deps.lane.run(() => takeOver(deps, roster.studentIds)) : roster;
    },
    renewLinkCode: (studentRef) => deps.lane.run(() => renew(deps, studentRef, LINK_CODE_LIFE_MS)),
    secondLinkCode: (studentRef) => deps.lane.run(() => renew(deps, studentRef, SECOND_CODE_LIFE_MS)),
  };
}
