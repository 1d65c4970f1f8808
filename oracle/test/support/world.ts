/** A small dairy with real keys: two farms, a plant, their devices, and the registry that knows them. Seeded, no clock. */
import { addressOf, ed25519PublicKey, sha256, toHex, utf8, type ReadingBody } from '@billcoin/protocol';
import {
  ALG, buildReading, makeBench, MY_PROFILE, profileHash, startEpoch, type BuiltReading, type DeviceIdentity, type DeviceState, type ReadingInput, type Registry,
} from '@billcoin/oracle';
import { verifyEd25519, verifyP256 } from '@billcoin/protocol';

export const GENESIS = sha256(utf8('oracle tests'));
/** 2026-04-10T06:00:00Z */
export const NOON_MS = 1_775_800_800_000;
export const MINUTE_MS = 60_000;
export const SITE = 'dairy-1';

export const seedOf = (name: string): Uint8Array => sha256(utf8(`seed of ${name}`));
export const accountOf = (name: string): Uint8Array => addressOf(ed25519PublicKey(seedOf(name)));
const idOf = (name: string): Uint8Array => sha256(utf8(`id of ${name}`)).slice(0, 16);

/** A device that keeps its own state, as firmware does. */
export interface TestDevice {
  readonly identity: DeviceIdentity;
  readonly owner: Uint8Array;
  state: DeviceState;
  next(input: ReadingInput): BuiltReading;
}

export function makeDevice(name: string, owner: string): TestDevice {
  const identity: DeviceIdentity = { genesisHash: GENESIS, device: idOf(name), seed: seedOf(name), site: SITE, calibration: idOf(`calibration ${name}`) };
  const device: TestDevice = {
    identity, owner: accountOf(owner), state: startEpoch(0),
    next(input) {
      const built = buildReading(identity, device.state, input);
      device.state = built.state;
      return built;
    },
  };
  return device;
}

export interface World {
  readonly milkA: TestDevice;
  readonly milkB: TestDevice;
  readonly intake: TestDevice;
  readonly filler: TestDevice;
  readonly registry: Registry;
}

const DAY_MS = 86_400_000;

export function deviceRow({ identity, owner }: TestDevice): NonNullable<ReturnType<Registry['devices']['get']>> {
  return {
    device: identity.device, alg: ALG.ed25519, publicKey: ed25519PublicKey(identity.seed), owner, site: utf8(identity.site), fromMs: NOON_MS - 100 * DAY_MS, untilMs: NOON_MS + 300 * DAY_MS,
    calibration: identity.calibration, calibratedUntilMs: NOON_MS + 100 * DAY_MS, status: 1,
  };
}

const party = (name: string): { account: Uint8Array; status: number } => ({ account: accountOf(name), status: 1 });

export function makeWorld(): World {
  const milkA = makeDevice('milk meter A', 'farm A');
  const milkB = makeDevice('milk meter B', 'farm B');
  const intake = makeDevice('intake', 'plant');
  const filler = makeDevice('filler', 'plant');
  const registry: Registry = {
    height: 10, timeMs: NOON_MS,
    devices: new Map([milkA, milkB, intake, filler].map((device) => [toHex(device.identity.device), deviceRow(device)])),
    farms: new Map(['farm A', 'farm B'].map((name) => [toHex(accountOf(name)), party(name)])),
    plants: new Map([[toHex(accountOf('plant')), { ...party('plant'), profileHash: profileHash(MY_PROFILE) }]]),
    meters: new Map([[toHex(filler.identity.device), { meter: filler.identity.device, plant: accountOf('plant') }]]),
    regulator: accountOf('regulator'),
  };
  return { milkA, milkB, intake, filler, registry };
}

/** The registry with one row changed. */
export function withDevice(registry: Registry, device: TestDevice, change: Partial<ReturnType<typeof deviceRow>>): Registry {
  const devices = new Map(registry.devices);
  devices.set(toHex(device.identity.device), { ...deviceRow(device), ...change });
  return { ...registry, devices };
}

/** The portable signature rule: slow, and the yardstick of the native one. */
export const bench = makeBench(GENESIS, { ed25519: verifyEd25519, p256: verifyP256 });

export type Kind = ReadingBody['kind'];

/** A seeded sequence of bytes (mulberry32): hostile input that is the same on every run. */
export function seededBytes(seed: number): (length: number) => Uint8Array {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return (length) => Uint8Array.from({ length }, () => next() & 0xff);
}
