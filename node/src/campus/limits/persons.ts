/**
 * Who a limit or a flag is booked on (SPEC §20.1): a linked student with all wallets is one person. What limits and counts
 * are kept by stays in the store and holds as long as the student; what operators see is a pseudonym, made when it is shown
 * first. So a rotation of keys empties no window and raises no second flag.
 */
import { blindIndex, opsName } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import { studentPseudonym, type StudentDeps } from '../students.ts';
import type { Pseudonyms } from '../wallets.ts';

/** Our name of the student, or the blind index of the address of a wallet that nobody linked. */
export async function personOf(pseudonyms: Pick<Pseudonyms, 'studentOf'>, keys: CampusKeys, address: Uint8Array): Promise<string> {
  const studentRef = await pseudonyms.studentOf(address);
  return studentRef === undefined ? `wallet:${blindIndex(keys, 'address', address)}` : `student:${studentRef}`;
}

/** A person or account for operators: of students and wallets the pseudonym of the newest keys, of all others the id they know. */
export async function shownName(deps: Pick<StudentDeps, 'store' | 'keys'>, person: string): Promise<string> {
  const [kind = '', id = ''] = person.split(':');
  if (kind === 'wallet') return `wallet:${opsName(deps.keys, 'wallet', id)}`;
  // Erased in this very moment: nobody can be found any more, the flag stands all the same.
  return kind === 'student' ? `student:${(await studentPseudonym(deps, id, 'ops')) ?? opsName(deps.keys, 'student', id)}` : person;
}
