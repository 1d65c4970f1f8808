/**
 * How far the validators' clocks differ from the own one (consensus page §1.11). More than a third of them off by more than
 * precisionMs stop the chain, so an operator hears of it earlier. A fresh proposal shows its proposer's clock, less the time of its way.
 */
import { addressOf, formatAddress, fromHex, proposerAt, toHex, type ConsensusState, type Input } from '@billcoin/protocol';
import type { Clock, Log } from '../ports.ts';

/** Well below precisionMs (250), well above what NTP leaves. */
export const OFFSET_ALARM_MS = 100;
/** The newest proposals of each validator, of which the one that came fastest counts; fewer may all have been told late by somebody else. */
const SAMPLES = 4;
/** One line a minute says enough. */
const ALARM_EVERY_MS = 60_000;

export class ClockOffsets {
  readonly #clock: Clock;
  readonly #log: Log;
  /** The newest, by consensus key of the validator, hex; only those of the present set are kept. */
  readonly #samples = new Map<string, readonly number[]>();
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** The largest difference to a validator's clock, either way, in ms; 0 where nothing is known. */
  get worstMs(): number {
    return Math.max(0, ...this.#offsets().map(({ offsetMs }) => Math.abs(offsetMs)));
  }

  /** A verified input. @param prevTimeMs time of the block before: a proposal one ms above it says nothing of a clock. */
  hear({ schedule, validators, ownIndex }: ConsensusState, input: Input, prevTimeMs: number): void {
    if (input.kind !== 'proposalMsg') return;
    const { proposal: { height, round, polRound, headerRound, headerTimeMs }, receivedAtMs } = input;
    const index = proposerAt(schedule, height, round);
    const proposer = validators.validators[index];
    if (polRound !== -1 || headerRound !== round || headerTimeMs <= prevTimeMs + 1 || index === ownIndex || proposer === undefined) return;
    const set = new Set(validators.validators.map(({ publicKey }) => toHex(publicKey)));
    for (const known of this.#samples.keys()) if (!set.has(known)) this.#samples.delete(known);
    const key = toHex(proposer.publicKey);
    this.#samples.set(key, [...(this.#samples.get(key) ?? []), headerTimeMs - receivedAtMs].slice(-SAMPLES));
    this.#alarm();
  }

  /** Of the validators of whom enough is known. */
  #offsets(): readonly { readonly key: string; readonly offsetMs: number }[] {
    return [...this.#samples].filter(([, samples]) => samples.length === SAMPLES).map(([key, samples]) => ({ key, offsetMs: Math.max(...samples) }));
  }

  #alarm(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#quietUntilMs) return;
    const known = this.#offsets();
    const off = known.filter(({ offsetMs }) => Math.abs(offsetMs) > OFFSET_ALARM_MS).map(({ key, offsetMs }) => ({ validator: formatAddress(addressOf(fromHex(key) ?? new Uint8Array(0))), offsetMs }));
    if (off.length === 0) return;
    this.#quietUntilMs = nowMs + ALARM_EVERY_MS;
    const isOwn = off.length > 1 && off.length * 2 > known.length;
    this.#log.warn({ off }, isOwn
      ? 'The clock of this node differs from those of most validators, or their proposals take that long: check NTP here'
      : 'The clock of a validator differs from this one, or its proposals take that long');
  }
}
