/** Registries, price reports and anchors, naively: kinds 8–15, 27, 44. Who may sign is asked before. */
import { dayOf, hex, type Block, type NaiveState, type NaiveTx, type Reasons } from './naiveState.ts';

type Kind<C> = Extract<NaiveTx['body']['kind'], { case: C }>['value'];
const ACTIVE = 1;
const REVOKED = 3;

export function registerTill(state: NaiveState, { tillNo, merchant, publicKey }: Kind<'registerTill'>, why: Reasons): void {
  const before = state.tills.get(tillNo);
  if (!state.merchants.has(hex(merchant))) why.add('unknown_merchant');
  if (before !== undefined && before.merchant !== hex(merchant)) why.add('till_number_taken');
  if (why.size > 0) return;
  state.tills.set(tillNo, { day: 0, used: 0n, ...before, merchant: hex(merchant), key: hex(publicKey), status: ACTIVE });
}

export function revokeTill(state: NaiveState, { tillNo }: Kind<'revokeTill'>, why: Reasons): void {
  const till = state.tills.get(tillNo);
  if (till === undefined) return void why.add('unknown_till');
  if (till.status !== ACTIVE) return void why.add('till_not_active');
  till.status = REVOKED;
}

export function registerPlant(state: NaiveState, value: Kind<'registerPlant'>): void {
  const before = state.plants.get(hex(value.account));
  state.plants.set(hex(value.account), {
    bond: 0n, owed: 0n, day: 0, minted: 0n, ...before,
    status: value.status, ceiling: value.ceilingMl, tollBps: BigInt(value.tollBps), bondBps: BigInt(value.bondBps), profile: hex(value.profileHash),
  });
}

export function registerDevice(state: NaiveState, value: Kind<'registerDevice'>, why: Reasons): void {
  if (value.fromMs >= value.untilMs) return void why.add('malformed');
  state.devices.set(hex(value.device), { status: ACTIVE, until: value.untilMs });
}

export function registerMeter(state: NaiveState, { meter, plant, total }: Kind<'registerMeter'>, why: Reasons): void {
  if (!state.plants.has(hex(plant))) why.add('unknown_plant');
  if (state.devices.get(hex(meter))?.status !== ACTIVE) why.add('unknown_device');
  if (why.size > 0) return;
  const opened = state.meters.get(hex(meter))?.opened ?? 0n;
  state.meters.set(hex(meter), { plant: hex(plant), opened: total > opened ? total : opened });
}

export function revokeDevice(state: NaiveState, { device, fromMs }: Kind<'revokeDevice'>, why: Reasons): void {
  const row = state.devices.get(hex(device));
  if (row === undefined) return void why.add('unknown_device');
  Object.assign(row, { status: REVOKED, until: Math.min(row.until, fromMs) });
}

export function reportPrice(state: NaiveState, reporter: string, { senPerBill }: Kind<'reportPrice'>, { now }: Block): void {
  const today = state.reports.get(dayOf(now)) ?? new Map<string, bigint>();
  state.reports.set(dayOf(now), today.set(reporter, senPerBill));
}
