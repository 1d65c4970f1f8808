/**
 * Tills from the code to the end (SPEC §6.9): a manager makes a one-time code, a device shows its key with it, the campus
 * authority registers that key on chain, and both may end it. The till's key never leaves the till.
 */
import { assert, equalBytes, formatAddress, parseAddress, ROWS, stateRows, tillId, toHex, type Verifier } from '@billcoin/protocol';
import { buildRegisterMerchant, buildRegisterTill, buildRevokeTill, enrolSigningBytes } from '@billcoin/sdk';
import type { Activated, Activation, Revocation, Settled, TillInfo, TillReport, Tills } from '../../merchantPorts.ts';
import type { KeyValueOperation, KeyValueStore } from '../../ports.ts';
import { randomCode } from '../crockford.ts';
import { hashCode } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import { deleteRow, getRow, listRows, padded, putRow, TABLES, type EnrolmentRow } from '../store.ts';
import { settle, submitAndWait, type AuthorityDeps } from './authority.ts';

/** Long enough to walk to the device. */
export const ENROL_CODE_LIFE_MS = 300_000;
/** A device may ask again how its enrolment went. */
const ENROLMENT_KEPT_MS = 86_400_000;
/** Ended codes forgotten with each new one. */
const SWEEP = 16;

export interface TillDeps extends AuthorityDeps {
  readonly keys: CampusKeys;
  readonly verify: Verifier;
}

const tillKey = (tillNo: number): string => padded(tillNo, 10);

function endRow(hash: string, endMs: number): KeyValueOperation {
  return putRow(TABLES.enrolmentEnd, `${padded(endMs, 15)}/${hash}`, hash);
}

/** Codes whose end has come; one that found its device has an end of its own. */
async function sweepRows(store: KeyValueStore, nowMs: number): Promise<readonly KeyValueOperation[]> {
  const ended = await listRows(store, TABLES.enrolmentEnd, { before: padded(nowMs, 15), limit: SWEEP });
  const rows = await Promise.all(ended.map(async ({ id, value }) => {
    const row = await getRow(store, TABLES.enrolment, value);
    return [deleteRow(TABLES.enrolmentEnd, id), ...(row === undefined || row.expiresAtMs < nowMs ? [deleteRow(TABLES.enrolment, value)] : [])];
  }));
  return rows.flat();
}

async function enrol({ store, keys, clock }: TillDeps, merchant: string, name: string): Promise<{ readonly enrolCode: string; readonly expiresAtMs: number }> {
  const enrolCode = randomCode();
  const hash = hashCode(keys, enrolCode);
  const expiresAtMs = clock.nowMs() + ENROL_CODE_LIFE_MS;
  const row: EnrolmentRow = { merchant, name, expiresAtMs, device: null };
  await store.batch([...(await sweepRows(store, clock.nowMs())), putRow(TABLES.enrolment, hash, row), endRow(hash, expiresAtMs)], { sync: true });
  return { enrolCode, expiresAtMs };
}

/** A key is one till's for ever: who logs in with it must be one of them. */
async function isKeyInUse({ chain, store }: TillDeps, publicKey: Uint8Array): Promise<boolean> {
  if ((await getRow(store, TABLES.tillOfKey, toHex(publicKey))) !== undefined) return true;
  return [...chain.state().rows<stateRows.TillRow>(ROWS.till)].some(({ value }) => equalBytes(value.publicKey, publicKey));
}

/** The lowest number that nobody has or ever had: people say it aloud. */
async function freeTillNo({ chain, store }: TillDeps): Promise<number> {
  for (let tillNo = 1; ; tillNo++) {
    if (chain.state().get(ROWS.till, tillId(tillNo)) === undefined && (await getRow(store, TABLES.tillInfo, tillKey(tillNo))) === undefined) return tillNo;
  }
}

type Claimed = { readonly ok: true; readonly row: EnrolmentRow; readonly tillNo: number } | Extract<Activated, { readonly ok: false }>;

/** Binds the code to the first key that comes with it, and a number to both. Runs in the lane. */
async function claim(deps: TillDeps, { enrolCode, publicKey }: Activation): Promise<Claimed> {
  const { store, keys, clock, chain } = deps;
  const nowMs = clock.nowMs();
  const hash = hashCode(keys, enrolCode);
  const row = await getRow(store, TABLES.enrolment, hash);
  if (row === undefined || row.expiresAtMs < nowMs) return { ok: false, code: 'enrol_code_invalid' };
  if (row.device !== null) {
    const { tillNo } = row.device;
    if (row.device.publicKey !== toHex(publicKey)) return { ok: false, code: 'enrol_code_invalid' };
    const till = chain.state().get(ROWS.till, tillId(tillNo));
    // The authority gave the number away by hand meanwhile: this device takes another one.
    const isTaken = till !== undefined && !equalBytes(till.publicKey, publicKey);
    if (!isTaken) return { ok: true, row, tillNo };
  }
  if (row.device === null && (await isKeyInUse(deps, publicKey))) return { ok: false, code: 'key_in_use' };
  const tillNo = await freeTillNo(deps);
  const endMs = nowMs + ENROLMENT_KEPT_MS;
  const claimed: EnrolmentRow = { ...row, expiresAtMs: endMs, device: { tillNo, publicKey: toHex(publicKey) } };
  const info: TillInfo = { merchant: row.merchant, name: row.name, enrolledAtMs: nowMs, revoked: null, report: null };
  await store.batch([putRow(TABLES.enrolment, hash, claimed), endRow(hash, endMs), putRow(TABLES.tillInfo, tillKey(tillNo), info), putRow(TABLES.tillOfKey, toHex(publicKey), tillNo)], { sync: true });
  return { ok: true, row: claimed, tillNo };
}

async function activate(deps: TillDeps, activation: Activation): Promise<Activated> {
  const { chain, verify, lane } = deps;
  const { enrolCode, publicKey, signature } = activation;
  if (!verify(publicKey, enrolSigningBytes(chain.genesisHash, enrolCode), signature)) return { ok: false, code: 'bad_login_signature' };
  const claimed = await lane.run(() => claim(deps, activation));
  if (!claimed.ok) return claimed;
  const { tillNo, row: { merchant } } = claimed;
  const inState = (): stateRows.TillRow | undefined => chain.state().get(ROWS.till, tillId(tillNo));
  // A stolen till must not bring itself back with the code it came with.
  if ((inState()?.status ?? stateRows.ACTIVE) !== stateRows.ACTIVE) return { ok: false, code: 'till_revoked' };
  const address = parseAddress(merchant);
  assert(address !== undefined, 'the merchant of a code is an address');
  const settled = await settle(deps, {
    subject: `till/${tillNo}/${toHex(publicKey)}`, isDone: () => equalBytes(inState()?.publicKey ?? new Uint8Array(), publicKey),
    build: (envelope) => buildRegisterTill({ ...envelope, tillNo, merchant: address, publicKey }),
  });
  return { ok: true, tillNo, merchant, settled };
}

/** Changes what is kept of a till that stands in state. */
async function change({ chain, store }: TillDeps, tillNo: number, by: (info: TillInfo) => TillInfo): Promise<boolean> {
  const till = chain.state().get(ROWS.till, tillId(tillNo));
  if (till === undefined) return false;
  const info = (await getRow(store, TABLES.tillInfo, tillKey(tillNo))) ?? { merchant: formatAddress(till.merchant), name: null, enrolledAtMs: null, revoked: null, report: null };
  await store.batch([putRow(TABLES.tillInfo, tillKey(tillNo), by(info))], { sync: false });
  return true;
}

async function revoke(deps: TillDeps, { tillNo, reason, by, tx }: Revocation): Promise<Settled> {
  const { chain, clock, lane } = deps;
  const isDone = (): boolean => chain.state().get(ROWS.till, tillId(tillNo))?.status !== stateRows.ACTIVE;
  const settled = tx === undefined
    ? await settle(deps, { subject: `revoke/${tillNo}`, isDone, build: ({ authority, ...envelope }) => buildRevokeTill({ ...envelope, sender: authority, tillNo }) })
    : await submitAndWait(deps, tx, isDone);
  // The first reason stays.
  if (settled.kind !== 'refused') await lane.run(() => change(deps, tillNo, (info) => ({ ...info, revoked: info.revoked ?? { reason, by, atMs: clock.nowMs() } })));
  return settled;
}

async function registerMerchant(deps: TillDeps, account: Uint8Array, name: string): Promise<Settled> {
  const { chain } = deps;
  return await settle(deps, {
    subject: `merchant/${toHex(account)}`, isDone: () => chain.state().get(ROWS.merchant, toHex(account)) !== undefined,
    build: (envelope) => buildRegisterMerchant({ ...envelope, account, name, status: stateRows.ACTIVE }),
  });
}

export function openTills(deps: TillDeps): Tills {
  const { store, lane, clock } = deps;
  return {
    enrol: (merchant, name) => lane.run(() => enrol(deps, merchant, name)),
    activate: (activation) => activate(deps, activation),
    info: (tillNo) => getRow(store, TABLES.tillInfo, tillKey(tillNo)),
    async report(tillNo, said) {
      const report: TillReport = { ...said, atMs: clock.nowMs() };
      return (await lane.run(() => change(deps, tillNo, (info) => ({ ...info, report })))) ? report : undefined;
    },
    revoke: (revocation) => revoke(deps, revocation),
    registerMerchant: (account, name) => registerMerchant(deps, account, name),
  };
}
