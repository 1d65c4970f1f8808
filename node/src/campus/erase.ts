/**
 * Erasing a student (api page §4): the key goes, so that nothing sealed under it ever opens, and every row that leads from
 * a wallet, an id or a code to the student. Export lines keep the pseudonym they were written with, which nobody can make
 * again. Runs inside the lane of the roster.
 */
import type { KeyValueStore } from '../ports.ts';
import { fromField } from '../rowBytes.ts';
import { blindIndex, unseal, unwrapStudentKey } from './crypto.ts';
import type { CampusKeys } from './keyFile.ts';
import { deleteRow, getRow, shredDeleted, TABLES, type StudentRow } from './store.ts';
import { idPlace } from './students.ts';
import { unlinkRows, walletAddress, type Pseudonyms } from './wallets.ts';

export interface EraseDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly pseudonyms: Pick<Pseudonyms, 'changed'>;
  /** A session holds the address of its wallet. */
  readonly endLogins: (address: Uint8Array) => Promise<void>;
}

/** Bytes of a deleted row stay in the files of the store until they are merged, so that is done before it is called erased. */
const SHREDDED = [TABLES.student, TABLES.studentById, TABLES.wallet, TABLES.walletByAddress, TABLES.code, TABLES.session];

async function deleteLinks({ store, keys, pseudonyms, endLogins }: EraseDeps, studentRef: string, student: StudentRow): Promise<number> {
  const studentKey = unwrapStudentKey(keys, studentRef, fromField(student.wrappedKey));
  const studentId = unseal(studentKey, idPlace(studentRef), fromField(student.sealedId));
  const wallets = [];
  for (const walletId of student.wallets) {
    const row = await getRow(store, TABLES.wallet, walletId);
    if (row !== undefined) wallets.push({ walletId, address: walletAddress(studentKey, walletId, row), linkedAtMs: row.linkedAtMs });
  }
  for (const { address } of wallets) await endLogins(address);
  await store.batch([
    ...unlinkRows(keys, wallets),
    ...(student.codeHash === null ? [] : [deleteRow(TABLES.code, student.codeHash)]),
    deleteRow(TABLES.studentById, blindIndex(keys, 'student', studentId)),
    deleteRow(TABLES.student, studentRef),
  ], { sync: true });
  for (const { address } of wallets) pseudonyms.changed(address);
  return wallets.length;
}

/** How many wallets were linked; undefined for an unknown student. Asked again after a crash in between, it ends what was begun. */
export async function erase(deps: EraseDeps, studentRef: string): Promise<{ readonly wallets: number } | undefined> {
  const student = await getRow(deps.store, TABLES.student, studentRef);
  const wallets = student === undefined ? undefined : await deleteLinks(deps, studentRef, student);
  await shredDeleted(deps.store, SHREDDED);
  return wallets === undefined ? undefined : { wallets };
}
