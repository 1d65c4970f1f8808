/**
 * Links between wallets and students (US-001): the code proves the student, the signature the wallet. The address is
 * encrypted under the student's key and found by a blind index. A wrong, used or ended code and a wallet linked elsewhere
 * get one answer after the same work.
 */
import { maskAddress, toHex } from '@billcoin/protocol';
import { LRUCache } from 'lru-cache';
import type { Linked, LinkRequest, OwnWallet, Wallets } from '../campusPorts.ts';
import type { Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import { fromField, toField } from '../rowBytes.ts';
import type { Challenges } from './challenge.ts';
import { ulid } from './crockford.ts';
import { blindIndex, hashCode, seal, unseal, unwrapStudentKey } from './crypto.ts';
import { PURPOSES, type CampusKeys, type Purpose } from './keyFile.ts';
import type { Lane } from './lane.ts';
import { deleteRow, getRow, putRow, TABLES, type WalletRow } from './store.ts';
import { studentPseudonym } from './students.ts';

/** A phone, its successor and a tablet: more would let one student multiply limits. */
export const WALLETS_MAX = 3;
/** Pseudonyms in memory: wallets that pay in a week; about 4 MB. */
export const KNOWN_MAX = 16_384;
/** Looked up where there is no code, so that a wrong code costs what a right one does. */
const NOBODY = 'stu_00000000000000000000000000';

export interface WalletDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  readonly lane: Lane;
  readonly challenges: Challenges;
  readonly pseudonyms: Pseudonyms;
}

const addressPlace = (walletId: string): string => `wallet/${walletId}/address`;

/** Address of a linked wallet. Throws SealBroken where keys and store differ. */
export function walletAddress(studentKey: Uint8Array, walletId: string, { sealedAddress }: WalletRow): Uint8Array {
  return unseal(studentKey, addressPlace(walletId), fromField(sealedAddress));
}

async function list({ store, keys }: WalletDeps, studentRef: string): Promise<readonly OwnWallet[]> {
  const student = await getRow(store, TABLES.student, studentRef);
  if (student === undefined) return [];
  const studentKey = unwrapStudentKey(keys, studentRef, fromField(student.wrappedKey));
  const wallets: OwnWallet[] = [];
  for (const walletId of student.wallets) {
    const row = await getRow(store, TABLES.wallet, walletId);
    if (row !== undefined) wallets.push({ walletId, address: walletAddress(studentKey, walletId, row), linkedAtMs: row.linkedAtMs });
  }
  return wallets;
}

/** The rows that make a link of these go. */
export function unlinkRows(keys: CampusKeys, wallets: readonly OwnWallet[]): readonly KeyValueOperation[] {
  return wallets.flatMap(({ walletId, address }) => [deleteRow(TABLES.wallet, walletId), deleteRow(TABLES.walletByAddress, blindIndex(keys, 'address', address))]);
}

async function unlink(deps: WalletDeps, studentRef: string, walletId: string): Promise<boolean> {
  const { store, keys, pseudonyms } = deps;
  const student = await getRow(store, TABLES.student, studentRef);
  const wallet = (await list(deps, studentRef)).find((own) => own.walletId === walletId);
  if (student === undefined || wallet === undefined) return false;
  await store.batch([...unlinkRows(keys, [wallet]), putRow(TABLES.student, studentRef, { ...student, wallets: student.wallets.filter((id) => id !== walletId) })], { sync: true });
  pseudonyms.changed(wallet.address);
  return true;
}

async function link({ store, keys, clock, challenges, pseudonyms }: WalletDeps, request: LinkRequest): Promise<Linked> {
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
  const sealedAddress = toField(seal(studentKey, addressPlace(walletId), address));
  const rows: readonly KeyValueOperation[] = [
    ...use,
    deleteRow(TABLES.code, codeHash),
    putRow(TABLES.wallet, walletId, { studentRef, sealedAddress, linkedAtMs: clock.nowMs() }),
    putRow(TABLES.walletByAddress, blind, walletId),
    putRow(TABLES.student, studentRef, { ...student, codeHash: null, wallets: [...student.wallets, walletId] }),
  ];
  await store.batch(rows, { sync: true });
  pseudonyms.changed(address);
  return { ok: true, walletId, addressMasked: maskAddress(address) };
}

/**
 * Pseudonyms of wallets, remembered: a payment needs one, and looking it up costs up to three awaited reads. A link is made
 * once and never changes; only the missing link of a wallet may be followed by one.
 */
export class Pseudonyms {
  readonly #deps: Pick<WalletDeps, 'store' | 'keys'>;
  /** Purpose (or `student`) and address → its pseudonym (our name of the student) or that there is none, also while it is looked up; the one not asked for longest is forgotten first. */
  readonly #known = new LRUCache<string, Promise<string | undefined>>({ max: KNOWN_MAX });

  constructor(deps: Pick<WalletDeps, 'store' | 'keys'>) {
    this.#deps = deps;
  }

  /** Pseudonyms that are remembered. */
  get remembered(): number {
    return this.#known.size;
  }

  /** The student's pseudonym by the link in force; undefined for an unlinked wallet. */
  of(address: Uint8Array, purpose: Purpose): Promise<string | undefined> {
    return this.#remembered(`${purpose} ${toHex(address)}`, () => this.#find(address, purpose));
  }

  /** Our name of the student by the link in force; undefined for an unlinked wallet. */
  studentOf(address: Uint8Array): Promise<string | undefined> {
    return this.#remembered(`student ${toHex(address)}`, () => this.#studentRef(address));
  }

  /** This wallet was linked, or is linked no more: what was looked up before does not count. Call it once that is on disk. */
  changed(address: Uint8Array): void {
    for (const what of [...PURPOSES, 'student']) this.#known.delete(`${what} ${toHex(address)}`);
  }

  /** Pseudonyms have other keys now. */
  rotated(): void {
    this.#known.clear();
  }

  #remembered(key: string, find: () => Promise<string | undefined>): Promise<string | undefined> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = find();
    this.#known.set(key, found);
    found.catch(() => this.#known.delete(key));
    return found;
  }

  async #studentRef(address: Uint8Array): Promise<string | undefined> {
    const { store, keys } = this.#deps;
    const walletId = await getRow(store, TABLES.walletByAddress, blindIndex(keys, 'address', address));
    const wallet = walletId === undefined ? undefined : await getRow(store, TABLES.wallet, walletId);
    return wallet?.studentRef;
  }

  async #find(address: Uint8Array, purpose: Purpose): Promise<string | undefined> {
    const studentRef = await this.#studentRef(address);
    return studentRef === undefined ? undefined : await studentPseudonym(this.#deps, studentRef, purpose);
  }
}

export function openWallets(deps: WalletDeps): Wallets {
  return {
    challenge: (publicKey, domain) => deps.challenges.issue(publicKey, domain),
    link: (request) => deps.lane.run(() => link(deps, request)),
    list: (studentRef) => list(deps, studentRef),
    unlink: (studentRef, walletId) => deps.lane.run(() => unlink(deps, studentRef, walletId)),
    studentOf: (address) => deps.pseudonyms.studentOf(address),
  };
}
