/** Milk that leaves custody, and the bond behind it, naively: Redeem, hold, recall, write-off, expiry, bond. */
import { litresOf } from './naiveMint.ts';
import { hex, type Batch, type BatchState, type Block, type NaiveState, type NaiveTx, type Reasons } from './naiveState.ts';

type Kind<C> = Extract<NaiveTx['body']['kind'], { case: C }>['value'];
const ACTIVE = 1;
const REVOKED = 3;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

export function redeem(state: NaiveState, holder: string, value: Kind<'redeem'>, block: Block, why: Reasons): void {
  const { now } = block;
  const batch = state.batch(hex(value.batch), block);
  if (batch === undefined) return void why.add('unknown_batch');
  if (batch.state !== 'minted') why.add('batch_not_minted');
  if (batch.onHold) why.add('batch_on_hold');
  if (now > batch.expires) why.add('batch_expired');
  if (value.amountMl > batch.available) why.add('exceeds_available');
  if (state.balance(holder) < value.amountMl) why.add('insufficient_balance');
  if (why.size > 0) return;
  state.add(holder, -value.amountMl);
  state.supply -= value.amountMl;
  batch.available -= value.amountMl;
  batch.redeemed += value.amountMl;
  if (batch.available + batch.held === 0n) batch.state = 'closed';
  const note = hex(value.batch) + holder;
  state.notes.set(note, (state.notes.get(note) ?? 0n) + value.amountMl);
}

export function holdBatch(state: NaiveState, value: Kind<'holdBatch'>, block: Block, why: Reasons): void {
  const { now } = block;
  const batch = state.batch(hex(value.batch), block);
  if (batch === undefined) return void why.add('unknown_batch');
  const held = value.held === 1;
  if (!['open', 'minted', 'rejected'].includes(batch.state)) why.add('batch_ended');
  if (now > batch.expires) why.add('batch_expired');
  if (batch.onHold === held) why.add('hold_unchanged');
  if (why.size > 0) return;
  Object.assign(batch, { onHold: held, available: held ? 0n : batch.held, held: held ? batch.available : 0n });
}

/** Burned from bond, then balance, then (plant revoked) insurance; the rest stays owed. */
function end(state: NaiveState, batch: Batch, how: BatchState): void {
  const plant = state.plants.get(batch.plant);
  if (plant === undefined) throw new Error('a batch has a plant');
  const out = batch.available + batch.held;
  Object.assign(batch, { state: how, available: 0n, held: 0n, owedOut: batch.owedOut + out });
  const bond = least(out, plant.bond);
  const balance = least(out - bond, state.balance(batch.plant));
  const insurance = plant.status === REVOKED ? least(out - bond - balance, state.insurance) : 0n;
  plant.bond -= bond;
  state.add(batch.plant, -balance);
  state.insurance -= insurance;
  state.supply -= bond + balance + insurance;
  plant.owed += out - bond - balance - insurance;
}

export function recallBatch(state: NaiveState, value: Kind<'recallBatch'>, block: Block, why: Reasons): void {
  const batch = state.batch(hex(value.batch), block);
  if (batch === undefined) return void why.add('unknown_batch');
  if (batch.state === 'recalled') return void why.add('batch_ended');
  end(state, batch, 'recalled');
}

export function writeOffBatch(state: NaiveState, value: Kind<'writeOffBatch'>, block: Block, why: Reasons): void {
  const { now } = block;
  const batch = state.batch(hex(value.batch), block);
  if (batch === undefined) return void why.add('unknown_batch');
  if (!['open', 'minted'].includes(batch.state)) why.add('batch_ended');
  if (now > batch.expires) why.add('batch_expired');
  if (why.size === 0) end(state, batch, 'writtenOff');
}

/** End of block: block time > expiresAt. At most 64 in a block, the earliest first; no test has as many. */
export function expireBatches(state: NaiveState, { now }: Block): void {
  for (const batch of state.batches.values()) if (['open', 'minted'].includes(batch.state) && now > batch.expires) end(state, batch, 'expired');
}

export function bondWithdraw(state: NaiveState, sender: string, { amountMl }: Kind<'bondWithdraw'>, why: Reasons): void {
  const plant = state.plants.get(sender);
  if (plant === undefined) return void why.add('unknown_plant');
  const custody = litresOf(state, sender, 'available') + litresOf(state, sender, 'held');
  if (plant.status !== ACTIVE && (plant.status !== REVOKED || custody > 0n)) why.add('plant_not_active');
  if (plant.owed > 0n) why.add('plant_owes');
  if (plant.bond - amountMl < (custody * plant.bondBps) / 10_000n) why.add('exceeds_free_bond');
  if (why.size > 0) return;
  plant.bond -= amountMl;
  state.add(sender, amountMl);
}

export function bondDeposit(state: NaiveState, sender: string, { amountMl }: Kind<'bondDeposit'>, why: Reasons): void {
  const plant = state.plants.get(sender);
  if (plant === undefined) return void why.add('unknown_plant');
  if (state.balance(sender) < amountMl) why.add('insufficient_balance');
  if (why.size > 0) return;
  const repaid = least(amountMl, plant.owed);
  state.add(sender, -amountMl);
  plant.owed -= repaid;
  state.supply -= repaid;
  plant.bond += amountMl - repaid;
}
