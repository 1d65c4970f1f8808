/** Readings that must not count: one of each common fault a day, so that a person sees what oracles refuse and why. */
import { createHash } from 'node:crypto';
import { POINT, utf8 } from '@billcoin/protocol';
import { buildReading, countedFlow, readingTopic, signReading, startEpoch } from '@billcoin/oracle';
import type { DeviceLine, Outgoing } from './deviceLine.ts';
import type { Meter } from './meter.ts';

/** More than any cow gives at once: a factor ten in the unit. */
const IMPOSSIBLE_ML = 95_000;
/** Milk with a fifth of water, kg/L × 10^4. */
const WATERED_E4 = 10_150;

const hashOf = (text: string): Uint8Array => new Uint8Array(createHash('sha256').update(text).digest());

/** A plausible milking, so that only the fault of each case is wrong with it. */
function milking(volumeMl = 10_000): Parameters<typeof countedFlow>[1] {
  return { point: POINT.milking, lot: utf8('NOT-A-LOT'), animal: utf8('0'), volumeMl, flowMaxMlMin: 3_000 };
}

/** Publishes them: two that are held (R18, R17), one replay (R06), and five that are rejected (R05, R03, R04, R02, R01). */
export function publishBadReadings(line: DeviceLine, faulty: Meter, honest: Outgoing, nowMs: number): void {
  const { identity, state } = faulty;
  const timing = { timeMs: nowMs, durationMs: 240_000 };
  const topic = readingTopic(identity.site, identity.device, 'r');

  const [tooMuch] = faulty.measure([{ timeMs: nowMs, durationMs: 1_200_000, kind: (at) => countedFlow(at, milking(IMPOSSIBLE_ML)) }]);
  const [watered] = faulty.measure([{ ...timing, kind: (at) => countedFlow(at, { ...milking(), densityE4: WATERED_E4 }) }]);
  for (const held of [tooMuch, watered]) if (held !== undefined) line.send(faulty.message([held]));

  line.publish(honest.topic, honest.payload); // a replay: stored once, receipted again
  const next = buildReading(identity, state, { ...timing, kind: countedFlow(state, milking()) });
  line.publish(topic, signReading({ ...identity, seed: hashOf('a thief guesses') }, next.bytes));
  const foreign = { ...identity, genesisHash: hashOf('another network') };
  line.publish(topic, signReading(foreign, buildReading(foreign, state, { ...timing, kind: countedFlow(state, milking()) }).bytes));
  const unknown = { ...identity, device: hashOf('nobody registered me').slice(0, 16) };
  const fresh = startEpoch(0);
  line.publish(readingTopic(identity.site, unknown.device, 'r'), signReading(unknown, buildReading(unknown, fresh, { ...timing, kind: countedFlow(fresh, milking()) }).bytes));
  line.publish(topic, utf8('12 litres, honestly'));
  line.publish(topic, new Uint8Array(5_000));
}
