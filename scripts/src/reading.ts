/**
 * One signed reading by hand: `npm run -s reading -- --litres 12 | mosquitto_pub -h 127.0.0.1 -p <port> -q 1 -t <topic> -s`
 * The raw bytes (Signed) go to stdout, topic and usage to stderr.
 *
 * The device stands in `<data>/devices/manual.json`, which the devnet writes on its first start:
 *
 *     { genesisHash, deviceId, seedHex, site, calibration?, brokerUrl?, epoch?, seq?, prev?, totalMl? }
 *
 * genesisHash 32, deviceId and calibration 16, seedHex and prev 32 bytes in hex; site text; brokerUrl only for the usage
 * text. The last four are the device's counters, absent on a new device; they are on disk before the reading is printed,
 * so that a number is never signed twice.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatLitres, fromHex, parseLitres, POINT, toHex, utf8 } from '@billcoin/protocol';
import { buildReading, countedFlow, readingTopic, signReading, startEpoch, type DeviceIdentity, type DeviceState } from '@billcoin/oracle';

const USAGE = `npm run -s reading -- --litres 12 [--data data] [--lot MANUAL] [--animal MANUAL-1]
Prints one signed reading, ready for: mosquitto_pub -q 1 -t <topic> -s`;
/** A calm milking: half of what rule R19 allows. */
const FLOW_ML_PER_MIN = 3_000;
/** Bound of a Flow's volumeMl. */
const VOLUME_MAX_ML = 60_000_000n;

interface Manual {
  readonly genesisHash: string;
  readonly deviceId: string;
  readonly seedHex: string;
  readonly site: string;
  readonly calibration?: string;
  readonly brokerUrl?: string;
  readonly epoch?: number;
  readonly seq?: number;
  readonly prev?: string;
  readonly totalMl?: number;
}

class UsageError extends Error {}

function bytesOf(file: string, name: string, text: string | undefined, length: number): Uint8Array {
  const bytes = text === undefined ? undefined : fromHex(text);
  if (bytes?.length !== length) throw new UsageError(`${file}: ${name} must be ${length} bytes in hex.`);
  return bytes;
}

function readManual(file: string): Manual {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Manual;
  } catch (cause) {
    throw new UsageError(`${file} cannot be read. Start the devnet once, or name its folder with --data.`, { cause });
  }
}

function identityOf(file: string, manual: Manual): DeviceIdentity {
  if (typeof manual.site !== 'string') throw new UsageError(`${file}: site must be a text.`);
  return {
    genesisHash: bytesOf(file, 'genesisHash', manual.genesisHash, 32), device: bytesOf(file, 'deviceId', manual.deviceId, 16), seed: bytesOf(file, 'seedHex', manual.seedHex, 32),
    site: manual.site, calibration: manual.calibration === undefined ? new Uint8Array(16) : bytesOf(file, 'calibration', manual.calibration, 16),
  };
}

function stateOf(file: string, { epoch = 0, seq = 0, prev, totalMl = 0 }: Manual): DeviceState {
  const begin = startEpoch(epoch, totalMl);
  return seq === 0 ? begin : { ...begin, seq, prev: bytesOf(file, 'prev', prev, 32) };
}

/** The file is there whole, old or new, whatever happens. */
function writeWhole(file: string, manual: Manual): void {
  const handle = openSync(`${file}.new`, 'w', 0o600);
  try {
    writeFileSync(handle, `${JSON.stringify(manual, undefined, 2)}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(`${file}.new`, file);
}

/** Makes the next reading of the device in a file and keeps its counters. */
export function nextManualReading(file: string, volumeMl: number, lot: string, animal: string, timeMs: number): { readonly payload: Uint8Array; readonly topic: string; readonly idHex: string; readonly brokerUrl: string | undefined } {
  const manual = readManual(file);
  const identity = identityOf(file, manual);
  const state = stateOf(file, manual);
  const kind = countedFlow(state, { point: POINT.milking, lot: utf8(lot), volumeMl, animal: utf8(animal) });
  const durationMs = Math.ceil((volumeMl * 60_000) / FLOW_ML_PER_MIN);
  const built = buildReading(identity, state, { timeMs, durationMs: Math.min(durationMs, 7_200_000), kind });
  const { epoch, seq, prev, totalMl } = built.state;
  writeWhole(file, { ...manual, epoch, seq, prev: toHex(prev), totalMl });
  return { payload: signReading(identity, built.bytes), topic: readingTopic(identity.site, identity.device, 'r'), idHex: toHex(built.id), brokerUrl: manual.brokerUrl };
}

function publishHint(topic: string, brokerUrl: string | undefined): string {
  const url = brokerUrl === undefined ? undefined : new URL(brokerUrl);
  const where = url === undefined ? '-h 127.0.0.1' : `-h ${url.hostname} -p ${url.port === '' ? '1883' : url.port}`;
  return `mosquitto_pub ${where} -q 1 -t ${topic} -s`;
}

function readArguments(args: readonly string[]): { readonly litres?: string; readonly data: string; readonly lot: string; readonly animal: string } {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({ args: [...args], options: { litres: text, data: { ...text, default: 'data' }, lot: { ...text, default: 'MANUAL' }, animal: { ...text, default: 'MANUAL-1' } } }).values;
  } catch (error) {
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/, 1);
    throw new UsageError(`${what}.\n${USAGE}`, { cause: error });
  }
}

function main(): void {
  const values = readArguments(process.argv.slice(2));
  const volumeMl = values.litres === undefined ? undefined : parseLitres(values.litres);
  if (volumeMl === undefined || volumeMl < 1n || volumeMl > VOLUME_MAX_ML) throw new UsageError(`--litres must be an amount from 0.001 to 60000 litres.\n${USAGE}`);
  const file = join(values.data, 'devices', 'manual.json');
  const { payload, topic, idHex, brokerUrl } = nextManualReading(file, Number(volumeMl), values.lot, values.animal, Date.now());
  process.stderr.write(`reading ${idHex}, ${formatLitres(volumeMl)} L\ntopic   ${topic}\npipe to ${publishHint(topic, brokerUrl)}\n`);
  process.stdout.write(payload);
}

if (import.meta.filename === process.argv[1]) {
  try {
    main();
  } catch (error) {
    process.stderr.write(`${error instanceof UsageError ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
    process.exitCode = 1;
  }
}
