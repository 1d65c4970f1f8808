/**
 * Links between wallets and students (US-001): the code proves the student, the signature the wallet. The address is
 * encrypted under the student's key and found by a blind index. A wrong, used or ended code and a wallet linked elsewhere
 * get one answer after the same work.
 */
import { maskAddress } from '@billcoin/protocol';
import type { Linked, LinkRequest, Wallets } from '../campusPorts.ts';
import type { Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import { fromField, toField } from './bytes.ts';
import type { Challenges } from './challenge.ts';
import { ulid } from './crockford.ts';
import { blindIndex, hashCode, seal, unwrapStudentKey } from './crypto.ts';
import type { CampusKeys, Purpose } from './keyFile.ts';
import type { Lane } from './lane.ts';
import { deleteRow, getRow, putRow, TABLES } from './store.ts';
import { studentPseudonym } from './students.ts';

/** A phone, its successor and a tablet: more would let one student multiply limits. */
export const WALLETS_MAX = 3;
/** Looked up where there is no code, so that a wrong code costs what a right one does. */
const NOBODY = 'stu_00000000000000000000000000';

export interface WalletDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly challenges: Challenges;
}

async function link({ store, keys, clock, challenges }: WalletDeps, request: LinkRequest): Promise<Linked> {
  const challenge = await challenges.check(request);
  if (!challenge.ok) return challenge;
  const { address, use } = challenge;
  const blind = blindIndex(keys, 'address', address);
  const codeHash = hashCode(keys, request.linkCode);
  const code = await getRow(store, TABLES.code, codeHash);
  const linkedTo = await getRow(store, TABLES.walletByAddress, blind);
  const studentRef = code?.studentRef ?? NOBODY;
  const student = await getRow(store, TABLES.student, studentRef);
  const refuse = async (refusal: 'cannot_link' | 'too_many_wallets'): Promise<Linked> => {
    await store.batch(use, { sync: true });
    return { ok: false, code: refusal };
  };
  const valid = code !== undefined && clock.nowMs() <= code.expiresAtMs && student?.codeHash === codeHash;
  if (!valid || student === undefined || linkedTo !== undefined) return await refuse('cannot_link');
  if (student.wallets.length >= WALLETS_MAX) return await refuse('too_many_wallets');

  const walletId = `wal_${ulid(clock.nowMs())}`;
  const studentKey = unwrapStudentKey(keys, studentRef, fromField(student.wrappedKey));
  const sealedAddress = toField(seal(studentKey, `wallet/${walletId}/address`, address));
  const rows: readonly KeyValueOperation[] = [
    ...use,
    deleteRow(TABLES.code, codeHash),
    putRow(TABLES.wallet, walletId, { studentRef, sealedAddress, linkedAtMs: clock.nowMs() }),
    putRow(TABLES.walletByAddress, blind, walletId),
    putRow(TABLES.student, studentRef, { ...student, codeHash: null, wallets: [...student.wallets, walletId] }),
  ];
  await store.batch(rows, { sync: true });
  return { ok: true, walletId, addressMasked: maskAddress(address) };
}

/** The student's pseudonym by the link in force; undefined for an unlinked wallet. */
export async function walletPseudonym(deps: Pick<WalletDeps, 'store' | 'keys'>, address: Uint8Array, purpose: Purpose): Promise<string | undefined> {
  const { store, keys } = deps;
  const walletId = await getRow(store, TABLES.walletByAddress, blindIndex(keys, 'address', address));
  const wallet = walletId === undefined ? undefined : await getRow(store, TABLES.wallet, walletId);
  return wallet === undefined ? undefined : await studentPseudonym(deps, wallet.studentRef, purpose);
}

export function openWallets(deps: WalletDeps): Wallets {
  return {
    challenge: (publicKey, domain) => deps.challenges.issue(publicKey, domain),
    link: (request) => deps.lane.run(() => link(deps, request)),
  };
}
