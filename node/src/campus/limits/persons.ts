/** Who a limit or a flag is booked on (SPEC §20.1): a linked student with all wallets is one person. */
import { opsName } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import type { Pseudonyms } from '../wallets.ts';

/** The student's pseudonym for operations, or a keyed hash of the address of a wallet that nobody linked. */
export async function personOf(pseudonyms: Pick<Pseudonyms, 'of'>, keys: CampusKeys, address: Uint8Array): Promise<string> {
  const student = await pseudonyms.of(address, 'ops');
  return student === undefined ? `wallet:${opsName(keys, 'wallet', address)}` : `student:${student}`;
}
