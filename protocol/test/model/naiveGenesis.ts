/** What a genesis begins with, told to the naive model. */
import type { GenesisSpec } from '../../src/index.ts';
import { NaiveLedger } from './naiveLedger.ts';
import { addressOfKey, dayOf, hex } from './naiveState.ts';

/** A model of a chain that has not begun. Its parameters are those of the model (PARAMS), whatever the genesis says. */
export function naiveLedgerOf(spec: GenesisSpec): NaiveLedger {
  const model = new NaiveLedger();
  for (const { account, status } of spec.merchants) model.merchants.set(hex(account), status);
  for (const { account, status } of spec.farms) model.farms.set(hex(account), status);
  for (const { tillNo, merchant, publicKey, status } of spec.tills) model.tills.set(tillNo, { merchant: hex(merchant), key: hex(publicKey), status, day: 0, used: 0n });
  for (const p of spec.plants) {
    model.plants.set(hex(p.account), { status: p.status, ceiling: p.ceilingMl, tollBps: BigInt(p.tollBps), bondBps: BigInt(p.bondBps), profile: hex(p.profileHash), bond: 0n, owed: 0n, day: 0, minted: 0n });
  }
  for (const { device, untilMs, status } of spec.devices) model.devices.set(hex(device), { status, until: untilMs });
  for (const { meter, plant, opened } of spec.meters) model.meters.set(hex(meter), { plant: hex(plant), opened });
  for (const { publicKey, status } of spec.oracles) model.oracles.set(addressOfKey(hex(publicKey)), status);
  for (const { account } of spec.reporters) model.reporters.add(hex(account));
  Object.assign(model.roles, { regulator: hex(spec.roles.regulator), campus: hex(spec.roles.campusAuthority), treasury: hex(spec.roles.treasury) });
  Object.assign(model, { firstDay: dayOf(spec.timeMs), firstPrice: spec.priceSenPerBill });
  return model;
}
