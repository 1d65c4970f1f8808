/** A lot of the small dairy: milk of two farms handed to the plant, filled, named in a manifest. */
import { batchKeyOf, POINT, toHex, utf8, type Manifest } from '@billcoin/protocol';
import {
  buildHandover, buildManifest, computeShares, countedFlow, inManifestOrder, MY_PROFILE, openEnvelope, profileHash, readManifest, signReading,
  type BuiltReading, type NamedReading, type OpenLot, type Reading,
} from '@billcoin/oracle';
import { accountOf, GENESIS, MINUTE_MS, NOON_MS, seedOf, type Kind, type TestDevice, type World } from './world.ts';

export const LOT = utf8('L26100A');
export const PRODUCTION_DATE = 20_260_410;
export const BATCH = batchKeyOf(accountOf('plant'), LOT, PRODUCTION_DATE);

export interface SignedReading extends NamedReading {
  readonly device: TestDevice;
  readonly payload: Uint8Array;
  readonly reading: Reading;
}

export function signed(device: TestDevice, built: BuiltReading): SignedReading {
  const payload = signReading(device.identity, built.bytes);
  const opened = openEnvelope('r', payload);
  if (!opened.ok) throw new Error(`a test reading is refused: ${opened.value}`);
  return { id: built.id, body: built.body, device, payload, reading: opened.readings[0] as Reading };
}

/** A Flow counted by a device. */
export function flow(device: TestDevice, point: number, lot: string, volumeMl: number, timeMs: number, more: object = {}): SignedReading {
  return signed(device, device.next({ timeMs, durationMs: 600_000, kind: countedFlow(device.state, { point, lot: utf8(lot), volumeMl, ...more }) }));
}

export function handover(world: World, fromLot: string, farm: string, volumeMl: number, timeMs: number, toLot = 'L26100A'): SignedReading {
  const terms = { fromLot: utf8(fromLot), toLot: utf8(toLot), volumeMl, vehicle: utf8('TANKER-1'), fromParty: accountOf(farm), toParty: accountOf('plant') };
  const kind: Kind = buildHandover(GENESIS, terms, seedOf('plant'));
  return signed(world.intake, world.intake.next({ timeMs, durationMs: 0, kind }));
}

/** 600 L of farm A and 400 L of farm B, handed to the plant, filled as 990 L in two runs. */
export function usualReadings(world: World): SignedReading[] {
  const at = (minute: number): number => NOON_MS - 300 * MINUTE_MS + minute * MINUTE_MS;
  return [
    flow(world.milkA, POINT.milking, 'FA-0410', 600_000, at(0)),
    flow(world.milkB, POINT.milking, 'FB-0410', 400_000, at(1)),
    handover(world, 'FA-0410', 'farm A', 600_000, at(60)),
    handover(world, 'FB-0410', 'farm B', 400_000, at(61)),
    flow(world.filler, POINT.filler, 'L26100A', 500_000, at(120)),
    flow(world.filler, POINT.filler, 'L26100A', 490_000, at(130)),
  ];
}

export interface TestLot {
  readonly lot: OpenLot;
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
  readonly named: readonly SignedReading[];
  readonly readings: ReadonlyMap<string, Reading>;
}

export interface LotOptions {
  readonly manifest?: Partial<Pick<Manifest, 'batch' | 'attempt' | 'closedAtMs' | 'height' | 'overrides'>>;
  readonly lot?: Partial<OpenLot>;
  /** Readings in the order of the manifest, if not its own. */
  readonly order?: readonly NamedReading[];
}

/** The manifest and OpenBatch an honest plant makes of its readings, changed where a test says so. */
export function makeLot(world: World, named: readonly SignedReading[], options: LotOptions = {}): TestLot {
  const closedAtMs = NOON_MS - 10 * MINUTE_MS;
  const built = buildManifest({ batch: BATCH, attempt: 1, closedAtMs, height: world.registry.height, readings: named, ...options.manifest });
  const read = readManifest(built.bytes);
  if (read === undefined) throw new Error('a test manifest is none');
  const manifest = options.order === undefined ? read : { ...read, readings: options.order.map(({ id }) => id) };
  const shares = computeShares(LOT, accountOf('plant'), inManifestOrder(named), world.registry);
  const fills = named.filter(({ device }) => device === world.filler);
  const totalTo = world.filler.state.totalMl;
  const filled = fills.reduce((sum, { body }) => sum + (body.kind.case === 'flow' ? (body.kind.value.volumeMl ?? 0) : 0), 0);
  const lot: OpenLot = {
    batch: BATCH, plant: accountOf('plant'), lot: LOT, productionDate: PRODUCTION_DATE, expiresAtMs: closedAtMs + 7 * 86_400_000, claimMl: BigInt(filled),
    meter: world.filler.identity.device, totalFrom: BigInt(totalTo - filled), totalTo: BigInt(totalTo), shares: shares.ok ? shares.shares : [],
    manifestHash: built.hash, attempt: 1, profileHash: profileHash(MY_PROFILE), openedAtMs: NOON_MS + MINUTE_MS, ...options.lot,
  };
  return { lot, manifest, manifestBytes: built.bytes, named, readings: new Map(named.map(({ id, reading }) => [toHex(id), reading])) };
}
