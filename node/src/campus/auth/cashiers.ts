/** Cashiers of merchants: what a manager says about them. Their PIN is a password like any other here. */
import { CASHIERS_MAX } from '@billcoin/sdk';
import type { Cashier, CashierRefusal, CashierResult, Cashiers, CashierTerms } from '../../merchantPorts.ts';
import type { Clock, KeyValueStore } from '../../ports.ts';
import { ulid } from '../crockford.ts';
import type { Lane } from '../lane.ts';
import { deleteRow, getRow, listRows, putRow, TABLES, type CashierRow } from '../store.ts';
import type { Secrets } from './secrets.ts';

const CASHIER_PREFIX = 'csh_';

export interface CashierDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  /** All writes to accounts. */
  readonly lane: Lane;
  readonly secrets: Secrets;
  readonly endAll: (subject: string) => Promise<void>;
}

const refuse = (code: CashierRefusal): CashierResult => ({ ok: false, code });
const listKey = (merchantId: string, cashierId: string): string => `${merchantId}/${cashierId}`;

function cashierOf(cashierId: string, { name, tills, createdAtMs }: CashierRow): Cashier {
  return { cashierId, name, tills, createdAtMs };
}

/** One digit over and over, or digits in a row: what people try first. */
export function isWeakPin(pin: string): boolean {
  const steps = new Set([...pin].slice(1).map((digit, i) => Number(digit) - Number(pin[i])));
  const [step = 0] = steps;
  return steps.size === 1 && Math.abs(step) <= 1;
}

/** The cashier, where it is one of this merchant. */
async function ownRow(store: KeyValueStore, merchantId: string, cashierId: string): Promise<CashierRow | undefined> {
  const row = await getRow(store, TABLES.cashier, cashierId);
  return row?.merchantId === merchantId ? row : undefined;
}

async function list(store: KeyValueStore, merchantId: string): Promise<readonly Cashier[]> {
  const under = `${merchantId}/`;
  const ids = (await listRows(store, TABLES.cashierOf, { under, limit: CASHIERS_MAX, reverse: true })).map(({ id }) => id.slice(under.length));
  const rows = await Promise.all(ids.map(async (id) => ({ id, row: await getRow(store, TABLES.cashier, id) })));
  return rows.flatMap(({ id, row }) => (row === undefined ? [] : [cashierOf(id, row)]));
}

async function add({ store, clock, secrets, lane }: CashierDeps, merchantId: string, { name, pin, tills }: CashierTerms): Promise<CashierResult> {
  if (isWeakPin(pin)) return refuse('weak_pin');
  const pinHash = await secrets.hash(pin);
  return await lane.run(async () => {
    if ((await list(store, merchantId)).length >= CASHIERS_MAX) return refuse('too_many_cashiers');
    const cashierId = CASHIER_PREFIX + ulid(clock.nowMs());
    const row: CashierRow = { merchantId, name, pinHash, tills, createdAtMs: clock.nowMs() };
    await store.batch([putRow(TABLES.cashier, cashierId, row), putRow(TABLES.cashierOf, listKey(merchantId, cashierId), 1)], { sync: true });
    return { ok: true, cashier: cashierOf(cashierId, row) };
  });
}

async function change({ store, secrets, lane, endAll }: CashierDeps, merchantId: string, cashierId: string, { name, pin, tills }: Partial<CashierTerms>): Promise<CashierResult> {
  if (pin !== undefined && isWeakPin(pin)) return refuse('weak_pin');
  if ((await ownRow(store, merchantId, cashierId)) === undefined) return refuse('not_found');
  const pinHash = pin === undefined ? undefined : await secrets.hash(pin);
  const changed = await lane.run(async (): Promise<CashierResult> => {
    const held = await ownRow(store, merchantId, cashierId);
    if (held === undefined) return refuse('not_found');
    const row: CashierRow = { ...held, name: name ?? held.name, tills: tills ?? held.tills, pinHash: pinHash ?? held.pinHash };
    await store.batch([putRow(TABLES.cashier, cashierId, row)], { sync: true });
    return { ok: true, cashier: cashierOf(cashierId, row) };
  });
  if (changed.ok) await endAll(cashierId);
  return changed;
}

async function remove({ store, lane, endAll }: CashierDeps, merchantId: string, cashierId: string): Promise<CashierResult> {
  const removed = await lane.run(async (): Promise<CashierResult> => {
    const row = await ownRow(store, merchantId, cashierId);
    if (row === undefined) return refuse('not_found');
    await store.batch([deleteRow(TABLES.cashier, cashierId), deleteRow(TABLES.cashierOf, listKey(merchantId, cashierId))], { sync: true });
    return { ok: true, cashier: cashierOf(cashierId, row) };
  });
  if (removed.ok) await endAll(cashierId);
  return removed;
}

export function openCashiers(deps: CashierDeps): Cashiers {
  return {
    add: (merchantId, terms) => add(deps, merchantId, terms),
    change: (merchantId, cashierId, terms) => change(deps, merchantId, cashierId, terms),
    remove: (merchantId, cashierId) => remove(deps, merchantId, cashierId),
    list: (merchantId) => list(deps.store, merchantId),
  };
}
