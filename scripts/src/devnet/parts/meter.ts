/** A metering device: its identity, and its counters kept on disk before anything signed leaves it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex, type ReadingBody } from '@billcoin/protocol';
import { buildReading, readingTopic, signBatch, signReading, startEpoch, type BuiltReading, type DeviceIdentity, type DeviceState } from '@billcoin/oracle';
import { deviceId, keyOf, writeWhole, type DeviceName, type Paths } from '../network.ts';
import type { Outgoing } from './deviceLine.ts';

export const CALIBRATION = new Uint8Array(16);

export interface MeterReading {
  readonly timeMs: number;
  readonly durationMs: number;
  readonly flags?: number;
  readonly kind: (state: DeviceState) => ReadingBody['kind'];
}

export class Meter {
  readonly identity: DeviceIdentity;
  readonly #path: string;
  #state: DeviceState;

  constructor(paths: Paths, folder: string, { name, site }: DeviceName, genesisHash: Uint8Array) {
    const key = keyOf(paths, name);
    this.identity = { genesisHash, device: deviceId(key), seed: key.exportSeed(), site, calibration: CALIBRATION };
    this.#path = join(folder, `${name}.json`);
    // Every start is a new boot epoch: a number of the epoch before may have been signed without being kept.
    const kept = existsSync(this.#path) ? (JSON.parse(readFileSync(this.#path, 'utf8')) as { readonly epoch: number; readonly totalMl: number }) : { epoch: -1, totalMl: 0 };
    this.#state = startEpoch(kept.epoch + 1, kept.totalMl);
    this.#keep();
  }

  get state(): DeviceState {
    return this.#state;
  }

  #keep(): void {
    const { epoch, totalMl } = this.#state;
    writeWhole(this.#path, JSON.stringify({ epoch, totalMl }));
  }

  /** Counts and numbers readings; the counters are on disk when it returns. */
  measure(readings: readonly MeterReading[]): readonly BuiltReading[] {
    const built = readings.map(({ kind, ...rest }) => {
      const reading = buildReading(this.identity, this.#state, { ...rest, kind: kind(this.#state) });
      this.#state = reading.state;
      return reading;
    });
    this.#keep();
    return built;
  }

  /** One message with these readings: signed one by one as `…/r`, or as a list under one signature as `…/rb`. */
  message(readings: readonly BuiltReading[]): Outgoing {
    const [first] = readings;
    if (first === undefined) throw new Error('a message carries readings');
    const { device, site } = this.identity;
    const head = { device: toHex(device), epoch: first.body.epoch, seqs: readings.map(({ body }) => body.seq) };
    if (readings.length === 1) return { ...head, topic: readingTopic(site, device, 'r'), payload: signReading(this.identity, first.bytes) };
    return { ...head, topic: readingTopic(site, device, 'rb'), payload: signBatch(this.identity, readings.map(({ bytes }) => bytes)) };
  }
}
