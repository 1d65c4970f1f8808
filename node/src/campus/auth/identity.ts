/**
 * Who stands behind a session now. Asked at every request and never copied: a revoked till, a deleted program, a disabled
 * account or another role counts from the next request on.
 */
import { formatAddress, ROWS, stateRows, tillId, toHex } from '@billcoin/protocol';
import type { Identity } from '../../authPorts.ts';
import type { ChainPort, KeyValueStore } from '../../ports.ts';
import { fromField, toField } from '../../rowBytes.ts';
import { blindIndex, seal, unseal } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import { getRow, TABLES, type SessionOf } from '../store.ts';
import type { Pseudonyms } from '../wallets.ts';

export interface IdentityDeps {
  readonly chain: Pick<ChainPort, 'state'>;
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly pseudonyms: Pseudonyms;
}

/** A session that is about to be opened: whose, and what it is counted by. */
export interface Subject {
  readonly of: SessionOf;
  readonly subject: string;
}

type TillRow = stateRows.TillRow;

const sessionPlace = (subject: string): string => `session/${subject}/address`;

/** A till that may sell now; undefined for an unknown, suspended or revoked one. */
export function tillInForce({ chain }: Pick<IdentityDeps, 'chain'>, tillNo: number): TillRow | undefined {
  const row = chain.state().get(ROWS.till, tillId(tillNo));
  return row?.status === stateRows.ACTIVE ? row : undefined;
}

/** Whose sessions a wallet's are. */
export const walletSubject = (keys: CampusKeys, address: Uint8Array): string => `acc_${blindIndex(keys, 'address', address)}`;

/** A till where the key is one's in force, else a wallet. */
export function subjectOfKey({ chain, keys }: Pick<IdentityDeps, 'chain' | 'keys'>, publicKey: Uint8Array, address: Uint8Array): Subject {
  const key = toHex(publicKey);
  for (const { value } of chain.state().rows<TillRow>(ROWS.till)) {
    if (value.status === stateRows.ACTIVE && toHex(value.publicKey) === key) return { of: { kind: 'till', tillNo: value.tillNo, publicKey: key }, subject: `till_${value.tillNo}` };
  }
  const subject = walletSubject(keys, address);
  return { of: { kind: 'wallet', sealedAddress: toField(seal(keys.master, sessionPlace(subject), address)) }, subject };
}

async function cashierOf(deps: IdentityDeps, sid: string, { cashierId, tillNo }: Extract<SessionOf, { readonly kind: 'cashier' }>): Promise<Identity | undefined> {
  const till = tillInForce(deps, tillNo);
  const row = await getRow(deps.store, TABLES.cashier, cashierId);
  if (till === undefined || row?.tills.includes(tillNo) !== true || row.merchantId !== formatAddress(till.merchant)) return undefined;
  return { role: 'staff', sid, sub: cashierId, tillNo, merchantId: row.merchantId, cashierId };
}

async function userOf({ store }: IdentityDeps, sid: string, userId: string): Promise<Identity | undefined> {
  const row = await getRow(store, TABLES.user, userId);
  if (row === undefined || row.disabledAtMs !== null) return undefined;
  const who = { sid, sub: userId, userId };
  if (row.role !== 'manager') return { role: row.role, ...who };
  return row.merchantId === null ? undefined : { role: 'manager', ...who, merchantId: row.merchantId };
}

async function programOf({ store }: IdentityDeps, sid: string, clientId: string): Promise<Identity | undefined> {
  const row = await getRow(store, TABLES.client, clientId);
  if (row === undefined) return undefined;
  const who = { sid, sub: clientId, clientId };
  if (row.role === 'service') return { role: 'service', ...who };
  return row.merchantId === null ? undefined : { role: 'partner', ...who, merchantId: row.merchantId };
}

/** The caller of a session; undefined where nobody may act by it any more. */
export async function identityOf(deps: IdentityDeps, sid: string, { of, subject }: Subject): Promise<Identity | undefined> {
  switch (of.kind) {
    case 'wallet': {
      const { keys, pseudonyms } = deps;
      const address = unseal(keys.master, sessionPlace(subject), fromField(of.sealedAddress));
      return { role: 'student', sid, sub: (await pseudonyms.of(address, 'api')) ?? subject, address, studentRef: await pseudonyms.studentOf(address) };
    }
    case 'till': {
      const row = tillInForce(deps, of.tillNo);
      return row === undefined || toHex(row.publicKey) !== of.publicKey ? undefined : { role: 'till', sid, sub: subject, tillNo: of.tillNo, merchantId: formatAddress(row.merchant) };
    }
    case 'cashier':
      return await cashierOf(deps, sid, of);
    case 'user':
      return await userOf(deps, sid, of.userId);
    case 'client':
      return await programOf(deps, sid, of.clientId);
  }
}
