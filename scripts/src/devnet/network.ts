/** Who takes part in the devnet, and the genesis that admits them. Made on the first start of a data folder. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeGenesis, type GenesisInput } from '@billcoin/genesis';
import { loadGenesis, toHex, verifyEd25519, type Genesis } from '@billcoin/protocol';
import { MY_PROFILE, profileHash } from '@billcoin/oracle';
import type { Key } from '@billcoin/sdk';
import { readOrMakeKey } from './keyFile.ts';
import { INSTITUTIONS, nodeFolders, validatorNames } from './validators.ts';

export const FARMS = [1, 2, 3] as const;
export const ORACLES = [1, 2, 3, 4] as const;
export const TILLS = [1, 2] as const;
export const STUDENTS = 50;
const YEAR_MS = 365 * 86_400_000;
const DAY_MS = 86_400_000;

/** A metering device: what it measures stands in its name. */
export interface DeviceName {
  readonly name: string;
  readonly owner: string;
  readonly site: string;
}

/** `faulty` is calibrated badly: its readings show what is held. `manual` is for readings published by hand. */
export const DEVICES: readonly DeviceName[] = [
  ...FARMS.map((no) => ({ name: `milking-${no}`, owner: `farm-${no}`, site: `farm-${no}` })),
  { name: 'intake', owner: 'plant', site: 'plant' },
  { name: 'filler', owner: 'plant', site: 'plant' },
  { name: 'faulty', owner: 'farm-3', site: 'farm-3' },
  { name: 'manual', owner: 'farm-1', site: 'farm-1' },
];

/** Folders of a devnet. */
export interface Paths {
  readonly root: string;
  readonly keys: string;
  readonly genesis: string;
  readonly node: { readonly keyDir: string; readonly dataDir: string };
  readonly logs: string;
  readonly run: string;
  readonly devices: string;
}

export function pathsOf(root: string): Paths {
  return {
    root, keys: join(root, 'keys'), genesis: join(root, 'genesis.json'), node: { keyDir: join(root, 'node', 'keys'), dataDir: join(root, 'node', 'data') },
    logs: join(root, 'logs'), run: join(root, 'run'), devices: join(root, 'devices'),
  };
}

export function keyPath(paths: Paths, name: string): string {
  if (name === 'validator') return join(paths.node.keyDir, 'consensus-key.json');
  return name.startsWith('validator-') ? join(paths.root, name, 'keys', 'consensus-key.json') : join(paths.keys, `${name}.json`);
}

/** A party's key by its name: plant, farm-1, till-2, student-07, filler, … */
export function keyOf(paths: Paths, name: string): Key {
  return readOrMakeKey(keyPath(paths, name));
}

export function studentName(index: number): string {
  return `student-${String(index + 1).padStart(2, '0')}`;
}

/** 16-byte id of a device: the first bytes of its key's address. */
export function deviceId(key: Key): Uint8Array {
  return key.address.slice(0, 16);
}

function registries(paths: Paths, startMs: number): Pick<GenesisInput, 'tills' | 'farms' | 'plants' | 'devices' | 'meters' | 'oracles' | 'merchants' | 'reporters'> {
  const account = (name: string): string => keyOf(paths, name).addressText;
  const publicKey = (name: string): string => toHex(keyOf(paths, name).publicKey);
  return {
    merchants: [{ account: account('cafeteria'), name: 'Campus Cafeteria' }],
    tills: TILLS.map((tillNo) => ({ tillNo, merchant: account('cafeteria'), publicKey: publicKey(`till-${tillNo}`) })),
    farms: FARMS.map((no) => ({ account: account(`farm-${no}`), name: `Farm ${no}` })),
    // A million litres a day: the compressed clock makes hundreds of lots on one real day.
    plants: [{ account: account('plant'), name: 'Campus Dairy', ceilingMl: '1000000000', tollBps: 5_333, bondBps: 1_000, profileHash: toHex(profileHash(MY_PROFILE)) }],
    devices: DEVICES.map(({ name, owner, site }) => ({
      device: toHex(deviceId(keyOf(paths, name))), alg: 1, publicKey: publicKey(name), owner: account(owner), site,
      fromMs: startMs - DAY_MS, untilMs: startMs + 5 * YEAR_MS, calibration: '00'.repeat(16), calibratedUntilMs: startMs + YEAR_MS,
    })),
    meters: [{ meter: toHex(deviceId(keyOf(paths, 'filler'))), plant: account('plant'), total: '0' }],
    oracles: ORACLES.map((no) => ({ publicKey: publicKey(`oracle-${no}`), name: `Oracle ${no}` })),
    reporters: [],
  };
}

/** Loads the devnet's genesis; on the first start makes all keys and the file, with one validator unless more are asked for. */
export function openNetwork(paths: Paths, nowMs: number, validators?: number): { readonly genesis: Genesis; readonly isNew: boolean } {
  const isNew = !existsSync(paths.genesis);
  if (isNew) writeNetwork(paths, nowMs, validators ?? 1);
  const loaded = loadGenesis(readFileSync(paths.genesis, 'utf8'), verifyEd25519);
  if (!loaded.ok) throw new Error(`${paths.genesis} is refused: ${JSON.stringify(loaded.fault)}. Use another --data folder, or remove this one to begin anew.`);
  const { length } = loaded.value.validators.validators;
  if (validators !== undefined && validators !== length) throw new Error(`The network in ${paths.root} has ${length} validators, not ${validators}. Leave --validators out, or use another --data folder.`);
  return { genesis: loaded.value, isNew };
}

function writeNetwork(paths: Paths, startMs: number, count: number): void {
  for (const folder of [paths.root, paths.keys, ...nodeFolders(paths, count).map(({ keyDir }) => keyDir), paths.logs, paths.run, paths.devices]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const validators = validatorNames(count).map((name) => keyOf(paths, name));
  for (let index = 0; index < STUDENTS; index++) keyOf(paths, studentName(index));
  keyOf(paths, 'student-example');
  const account = (name: string): string => keyOf(paths, name).addressText;
  const made = makeGenesis({
    network: 'billcoin-devnet', timeMs: startMs, priceSenPerBill: '600',
    roles: { regulator: account('regulator'), campusAuthority: account('campus-authority'), treasury: account('treasury') },
    validators: validators.map(({ publicKey }, i) => ({ name: INSTITUTIONS[i] ?? `Institution ${i + 1}`, publicKey: toHex(publicKey), account: account(i === 0 ? 'university' : `institution-${i + 1}`), active: true })),
    checkpointKeys: validators.map(({ publicKey }) => ({ publicKey: toHex(publicKey) })),
    ...registries(paths, startMs),
  }, validators.map((key) => key.exportSeed()));
  if (!made.ok) throw new Error(`the devnet's own genesis is refused: ${JSON.stringify(made.fault)}`);
  writeWhole(paths.genesis, made.value.text);
}

/** Writes a file so that it is there whole or not at all. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
}
