/** OpenBatch, Attest and the mint, naively. */
import { createHash } from 'node:crypto';
import { DAY, dayOf, hex, PARAMS, type Batch, type Block, type NaiveState, type NaiveTx, type Reasons, type Statement } from './naiveState.ts';

type Kind<C> = Extract<NaiveTx['body']['kind'], { case: C }>['value'];
const ACTIVE = 1;
const REVOKED = 3;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** Hash(bill/batch/1, BatchKey { plant = 1, lot = 2, productionDate = 3 }), the protobuf written out by hand. */
export function keyOfLot(plant: Uint8Array, lot: Uint8Array, productionDate: number): string {
  const varint: number[] = [];
  for (let rest = productionDate; ; rest = Math.floor(rest / 128)) {
    varint.push(rest % 128 + (rest >= 128 ? 128 : 0));
    if (rest < 128) break;
  }
  return createHash('sha256').update('bill/batch/1\0').update(Uint8Array.of(0x0a, plant.length, ...plant, 0x12, lot.length, ...lot, 0x18, ...varint)).digest('hex');
}

export const litresOf = (state: NaiveState, plant: string, part: 'available' | 'held'): bigint =>
  [...state.batches.values()].filter((batch) => batch.plant === plant).reduce((sum, batch) => sum + batch[part], 0n);

const openOf = (state: NaiveState, plant: string): number => [...state.batches.values()].filter((batch) => batch.plant === plant && batch.state === 'open').length;

export function openBatch(state: NaiveState, sender: string, value: Kind<'openBatch'>, block: Block, why: Reasons): void {
  const { now } = block;
  const plant = state.plants.get(sender);
  const shares = value.shares.map(({ farm, weightMl }) => ({ farm: hex(farm), weight: weightMl }));
  if (shares.some(({ farm }, index) => index > 0 && (shares[index - 1]?.farm ?? '') >= farm)) why.add('shares_not_ascending');
  if (plant === undefined) return void why.add('unknown_plant');
  if (plant.status !== ACTIVE) why.add('plant_not_active');
  const date = value.productionDate;
  const produced = Date.UTC(Math.floor(date / 10_000), (Math.floor(date / 100) % 100) - 1, date % 100);
  if (produced > now + DAY || produced < now - 366 * DAY) why.add('production_date_wrong');
  if (value.expiresAtMs <= now || value.expiresAtMs > now + PARAMS.shelfLifeMax) why.add('batch_expiry_wrong');
  if (value.claimMl > value.totalTo - value.totalFrom) why.add('claim_exceeds_meter');
  if (shares.some(({ farm }) => state.farms.get(farm) !== ACTIVE)) why.add('unknown_farm');
  const key = keyOfLot(new Uint8Array(Buffer.from(sender, 'hex')), value.lot, date);
  const before = state.batch(key, block);
  const meter = state.meters.get(hex(value.meter));
  if (before === undefined) {
    if (value.attempt !== 1) why.add('batch_not_reopenable');
    if (meter === undefined || meter.plant !== sender) why.add('unknown_meter');
    else if (value.totalFrom < meter.opened) why.add('meter_interval_used');
  } else {
    const same = before.meter === hex(value.meter) && before.from === value.totalFrom && before.to === value.totalTo;
    if (!['open', 'rejected'].includes(before.state) || value.attempt !== before.attempt + 1 || !same) why.add('batch_not_reopenable');
    if (now > before.expires) why.add('batch_expired');
  }
  if (before?.state !== 'open' && openOf(state, sender) >= PARAMS.openBatchesMax) why.add('too_many_open_batches');
  if (why.size > 0) return;
  if (before === undefined && meter !== undefined) meter.opened = value.totalTo;
  state.batches.set(key, {
    plant: sender, attempt: value.attempt, claim: value.claimMl, meter: hex(value.meter), from: value.totalFrom, to: value.totalTo, shares, expires: value.expiresAtMs, profile: plant.profile,
    state: 'open', onHold: before?.onHold ?? false, issued: 0n, available: 0n, held: 0n, redeemed: 0n, owedOut: 0n,
  });
}

/** What all oracles in force said about this attempt. */
function inForce(state: NaiveState, said: Map<string, Statement>): Statement[] {
  return [...said].filter(([oracle]) => state.oracles.get(oracle) === ACTIVE).map(([, statement]) => statement);
}

/** q = floor((n + f) / 2) + 1, f = floor((n − 1) / 3). */
export function quorumOf(n: number): number {
  return Math.floor((n + Math.floor((n - 1) / 3)) / 2) + 1;
}

export function attest(state: NaiveState, oracle: string, value: Kind<'attest'>, block: Block, why: Reasons): void {
  const key = hex(value.batch);
  if (state.oracles.get(oracle) !== ACTIVE) why.add('unknown_oracle');
  const batch = state.batch(key, block);
  if (batch === undefined) return void why.add('unknown_batch');
  const said = state.statements.get(`${key}/${value.attempt}`) ?? new Map<string, Statement>();
  const statement: Statement = { volume: value.volumeMl, reject: value.reject, text: `${value.volumeMl} ${value.reject} ${hex(value.readingsRoot)} ${hex(value.profileHash)}` };
  const before = said.get(oracle);
  if (before?.text === statement.text) why.add('already_attested');
  if (why.size > 0) return;
  if (before !== undefined) return void state.oracles.set(oracle, REVOKED);
  if (!['open', 'minted', 'closed'].includes(batch.state) || batch.attempt !== value.attempt) why.add('attempt_not_open');
  if (batch.profile !== hex(value.profileHash)) why.add('profile_mismatch');
  if (value.volumeMl > batch.claim || value.volumeMl > batch.to - batch.from) why.add('volume_too_large');
  if (batch.state === 'open' && batch.onHold) why.add('batch_on_hold');
  if (block.now > batch.expires) why.add('batch_expired');
  const all = new Map(said).set(oracle, statement);
  const quorum = quorumOf([...state.oracles.values()].filter((status) => status === ACTIVE).length);
  const force = inForce(state, all);
  const rejects = force.filter((one) => one.reject !== 0).length >= quorum;
  const mints = !rejects && batch.state === 'open' && value.reject === 0 && force.filter((one) => one.text === statement.text).length >= quorum;
  if (mints && !fitsCeilings(state, batch, value.volumeMl, block)) why.add('ceiling_reached');
  if (why.size > 0) return;
  state.statements.set(`${key}/${value.attempt}`, all);
  if (batch.state !== 'open') return;
  if (rejects) batch.state = 'rejected';
  if (mints) mint(state, batch, value.volumeMl, block);
}

function fitsCeilings(state: NaiveState, batch: Batch, volume: bigint, { now }: Block): boolean {
  const plant = state.plants.get(batch.plant);
  if (plant === undefined) throw new Error('a batch has a plant');
  const today = (plant.day === dayOf(now) ? plant.minted : 0n) + volume;
  const burned = least((volume * plant.tollBps) / 10_000n, plant.owed);
  return today <= plant.ceiling && state.supply + volume - burned <= PARAMS.supplyCap;
}

function mint(state: NaiveState, batch: Batch, volume: bigint, { now }: Block): void {
  const plant = state.plants.get(batch.plant);
  if (plant === undefined) throw new Error('a batch has a plant');
  const toll = (volume * plant.tollBps) / 10_000n;
  const repaid = least(toll, plant.owed);
  const wanted = ((litresOf(state, batch.plant, 'available') + volume) * plant.bondBps) / 10_000n - plant.bond;
  const bonded = wanted > 0n ? least(toll - repaid, wanted) : 0n;
  plant.owed -= repaid;
  plant.bond += bonded;
  state.add(batch.plant, toll - repaid - bonded);
  const weight = batch.shares.reduce((sum, share) => sum + share.weight, 0n);
  const parts = batch.shares.map((share) => ({ farm: share.farm, ml: ((volume - toll) * share.weight) / weight, rest: ((volume - toll) * share.weight) % weight }));
  let left = volume - toll - parts.reduce((sum, part) => sum + part.ml, 0n);
  for (const part of [...parts].sort((a, b) => (a.rest !== b.rest ? (a.rest > b.rest ? -1 : 1) : a.farm < b.farm ? -1 : 1))) {
    if (left > 0n) {
      part.ml += 1n;
      left -= 1n;
    }
  }
  for (const part of parts) state.add(part.farm, part.ml);
  Object.assign(plant, { day: dayOf(now), minted: (plant.day === dayOf(now) ? plant.minted : 0n) + volume });
  Object.assign(batch, { state: 'minted', issued: volume, available: volume });
  state.supply += volume - repaid;
}
