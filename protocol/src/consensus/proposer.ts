/**
 * Whose turn it is (consensus page §1.4): a pure function of the validator set and the first height at which it votes.
 * No running priorities: they would be hidden state that a light client cannot check.
 */
import { assert } from '../lib/assert.ts';
import { u64be } from '../lib/bytes.ts';
import { taggedHash } from '../lib/hash.ts';
import type { ValidatorSet } from '../wire/consensus.ts';
import { totalPowerOf, validatorsHash } from './validators.ts';

/** Made once per validator set; `slots` holds validator indices, smoothly interleaved by weight. */
export interface Schedule {
  readonly slots: readonly number[];
  readonly offset: number;
  readonly since: number;
}

/** Shares of power are rounded to this many parts, so that the schedule stays short: at most 50 × 1,000 slots. */
const WEIGHT_PARTS = 1_000;

function quotient(a: number, b: number): number {
  return (a - (a % b)) / b;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** w[i] = max(1, floor(power[i] · 1000 / T)), all divided by their greatest common divisor. */
function weightsOf(set: ValidatorSet): readonly number[] {
  const total = totalPowerOf(set);
  const weights = set.validators.map(({ power }) => Math.max(1, quotient(power * WEIGHT_PARTS, total)));
  const divisor = weights.reduce(gcd);
  return weights.map((weight) => weight / divisor);
}

/** Smooth weighted round robin: in any W consecutive slots validator i stands exactly w[i] times. */
function slotsOf(weights: readonly number[]): readonly number[] {
  const length = weights.reduce((sum, weight) => sum + weight, 0);
  const current = weights.map(() => 0);
  const slots: number[] = [];
  while (slots.length < length) {
    let largest = 0;
    for (const [i, weight] of weights.entries()) {
      current[i]! += weight;
      if (current[i]! > current[largest]!) largest = i; // on a tie the lowest index
    }
    current[largest]! -= length;
    slots.push(largest);
  }
  return slots;
}

/** Schedules of the sets in use; sets never change. */
const schedules = new WeakMap<ValidatorSet, Schedule>();

/** The schedule of a set that votes from height `since` on; since ≥ 1. PERF: asked for every block, of the same set for hours. */
export function makeSchedule(set: ValidatorSet, since: number): Schedule {
  const known = schedules.get(set);
  if (known?.since === since) return known;
  const schedule = newSchedule(set, since);
  schedules.set(set, schedule);
  return schedule;
}

function newSchedule(set: ValidatorSet, since: number): Schedule {
  assert(since >= 1 && set.validators.length > 0, 'a schedule needs validators and a first height');
  const slots = slotsOf(weightsOf(set));
  const seed = taggedHash('bill/schedule/1', u64be(since), validatorsHash(set));
  return { slots, since, offset: new DataView(seed.buffer, seed.byteOffset).getUint32(0) % slots.length };
}

/** Index of the validator that proposes at (height, round); height ≥ since, round ≥ 0. */
export function proposerAt(schedule: Schedule, height: number, round: number): number {
  assert(height >= schedule.since && round >= 0, `(${height}, ${round}) lies in the schedule`);
  return schedule.slots[(schedule.offset + (height - schedule.since) + round) % schedule.slots.length]!;
}
