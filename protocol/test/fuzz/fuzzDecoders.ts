/** Feeds damaged inputs to every decoder, for a number of inputs or for a time. */
import { randomOf } from '../support/random.ts';
import { allDecoders, type Decoder } from './decoders.ts';
import { mutate } from './mutate.ts';

export interface FuzzCount { inputs: number; accepted: number; ms: number }

/** A found input is reported with its decoder, so that it can be kept as a test. */
export class FuzzFinding extends Error {}

/** How many valid samples are made before they are damaged again and again: making one costs more than damaging it. */
const DAMAGED_PER_SAMPLE = 16;

/**
 * @param enough asked after every sample with the count so far.
 * @returns counts by decoder, or throws a FuzzFinding with the input as hex.
 */
export function fuzzDecoders(seed: number, nowMs: () => number, enough: (inputs: number) => boolean): ReadonlyMap<string, FuzzCount> {
  const random = randomOf(seed);
  const decoders = allDecoders();
  const turns = decoders.flatMap((decoder) => Array.from({ length: decoder.weight }, () => decoder));
  const counts = new Map<string, FuzzCount>(decoders.map(({ name }) => [name, { inputs: 0, accepted: 0, ms: 0 }]));
  let other: Uint8Array = new Uint8Array(0);
  for (let inputs = 0, turn = 0; !enough(inputs); turn++) {
    const decoder = turns[turn % turns.length] as Decoder;
    const count = counts.get(decoder.name) as FuzzCount;
    const sample = decoder.sample(random);
    const started = nowMs();
    if (!tried(decoder, sample)) throw new FuzzFinding(`${decoder.name} refuses its own sample ${Buffer.from(sample).toString('hex')}`);
    for (let i = 0; i < DAMAGED_PER_SAMPLE; i++) {
      count.inputs += 1;
      if (tried(decoder, mutate(random, sample, other))) count.accepted += 1;
    }
    inputs += DAMAGED_PER_SAMPLE;
    count.ms += nowMs() - started;
    other = sample.length < 4_096 ? sample : other;
  }
  return counts;
}

function tried(decoder: Decoder, input: Uint8Array): boolean {
  try {
    return decoder.accepts(input);
  } catch (cause) {
    throw new FuzzFinding(`${decoder.name} fails on ${Buffer.from(input).toString('hex')}`, { cause });
  }
}
