/** A network of one validator for node tests: keys from labels, a genesis that starts now, signed transactions. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEFAULT_PARAMS, Tx, TxBody, addressOf, batchKeyOf, chainTag, compareBytes, ed25519PublicKey, encode, formatAddress, genesisStateRoot, gentxBytes, loadGenesis, prettyCanonicalJson, sha256, signEd25519,
  signInvoice, signingBytes, stateRows, toHex, utf8, type Genesis, type GenesisSpec, type Json, type ParsedTx, parseTx, verifyEd25519,
} from '@billcoin/protocol';
import { makeConfig, type Config } from '../../src/config.ts';
import { createKeyFile, CONSENSUS_KEY_FILE } from '../../src/crypto/keyFiles.ts';
import { createSignGuard } from '../../src/crypto/signGuard.ts';
import { createDataFolder } from '../../src/storage/dataFolder.ts';

export interface Key {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly address: Uint8Array;
}

/** The same key for the same label in every run. */
export function keyOf(label: string): Key {
  const seed = sha256(utf8(`node test ${label}`));
  const publicKey = ed25519PublicKey(seed);
  return { seed, publicKey, address: addressOf(publicKey) };
}

/** Production date of a lot, yyyymmdd: the chain wants it near the time at which the lot is opened. */
export function dateOf(timeMs: number): number {
  return Number(new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', ''));
}

export const KEYS = {
  validator: keyOf('validator'), regulator: keyOf('regulator'), campus: keyOf('campus'), treasury: keyOf('treasury'), plant: keyOf('plant'), farm: keyOf('farm'), cafeteria: keyOf('cafeteria'), till: keyOf('till 1'),
  oracle: keyOf('oracle'),
} as const;
const FIRST_TILL: TestTill = { tillNo: 1, key: KEYS.till };
export const METER = new Uint8Array(16).fill(0x51);
export const PROFILE_HASH = new Uint8Array(32).fill(0x0f);
const DAY_MS = 86_400_000;
const { ACTIVE } = stateRows;

/** A till of the cafeteria. */
export interface TestTill {
  readonly tillNo: number;
  readonly key: Key;
}

/** An institution of genesis; `waits`: admitted, and no validator yet. */
export type TestValidator = Key & { readonly waits?: boolean };

/** One oracle is a quorum of itself, so one attestation mints. The farm gets all but the plant's toll. One validator unless more are given. */
export function testSpec(timeMs: number, params: Partial<GenesisSpec['params']> = {}, validators: readonly TestValidator[] = [KEYS.validator], tills: readonly TestTill[] = [FIRST_TILL]): GenesisSpec {
  const network = 'node-test';
  const entries = validators.map((key, i) => ({ key, entry: { name: `Uni ${i + 1}`, publicKey: key.publicKey, account: key.address, active: key.waits !== true } }));
  const spec: GenesisSpec = {
    network, timeMs, params: { ...DEFAULT_PARAMS, ...params }, priceSenPerBill: 600n,
    roles: { regulator: KEYS.regulator.address, campusAuthority: KEYS.campus.address, treasury: KEYS.treasury.address },
    validators: entries.map(({ key, entry }) => ({ ...entry, status: ACTIVE, proof: signEd25519(key.seed, gentxBytes(network, entry)) })),
    checkpointKeys: [KEYS.validator.publicKey],
    merchants: [{ account: KEYS.cafeteria.address, name: 'Cafeteria', status: ACTIVE }],
    tills: tills.map(({ tillNo, key }) => ({ tillNo, merchant: KEYS.cafeteria.address, publicKey: key.publicKey, status: ACTIVE, day: 0, refundedMl: 0n })),
    farms: [{ account: KEYS.farm.address, name: 'Farm', status: ACTIVE }],
    plants: [{
      account: KEYS.plant.address, name: 'Plant', status: ACTIVE, ceilingMl: 100_000_000n, tollBps: 0, bondBps: 0, profileHash: PROFILE_HASH, bondMl: 0n, owedMl: 0n, availableMl: 0n, openBatches: 0, day: 0, mintedMl: 0n, heldMl: 0n,
    }],
    devices: [{ device: METER, alg: 1, publicKey: keyOf('meter').publicKey, owner: KEYS.plant.address, site: utf8('plant-1'), fromMs: timeMs, untilMs: timeMs + 400 * DAY_MS, calibration: new Uint8Array(16), calibratedUntilMs: timeMs + 400 * DAY_MS, status: ACTIVE }],
    meters: [{ meter: METER, plant: KEYS.plant.address, total: 0n, opened: 0n }],
    oracles: [{ publicKey: KEYS.oracle.publicKey, name: 'Oracle', status: ACTIVE }],
    reporters: [],
    stateRoot: new Uint8Array(32),
  };
  return { ...spec, stateRoot: genesisStateRoot(spec) };
}

function genesisJson(spec: GenesisSpec): Json {
  const params = Object.fromEntries(Object.entries(spec.params).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value])) as Json;
  return {
    format: 1, network: spec.network, timeMs: spec.timeMs, params, priceSenPerBill: spec.priceSenPerBill.toString(),
    roles: { regulator: formatAddress(spec.roles.regulator), campusAuthority: formatAddress(spec.roles.campusAuthority), treasury: formatAddress(spec.roles.treasury) },
    validators: spec.validators.map((v) => ({ name: v.name, publicKey: toHex(v.publicKey), account: formatAddress(v.account), active: v.active, proof: toHex(v.proof) })),
    checkpointKeys: spec.checkpointKeys.map((key) => ({ publicKey: toHex(key) })),
    merchants: spec.merchants.map((m) => ({ account: formatAddress(m.account), name: m.name })),
    tills: spec.tills.map((m) => ({ tillNo: m.tillNo, merchant: formatAddress(m.merchant), publicKey: toHex(m.publicKey) })),
    farms: spec.farms.map((m) => ({ account: formatAddress(m.account), name: m.name })),
    plants: spec.plants.map((p) => ({ account: formatAddress(p.account), name: p.name, ceilingMl: p.ceilingMl.toString(), tollBps: p.tollBps, bondBps: p.bondBps, profileHash: toHex(p.profileHash) })),
    devices: spec.devices.map((d) => ({
      device: toHex(d.device), alg: d.alg, publicKey: toHex(d.publicKey), owner: formatAddress(d.owner), site: String.fromCharCode(...d.site), fromMs: d.fromMs, untilMs: d.untilMs, calibration: toHex(d.calibration), calibratedUntilMs: d.calibratedUntilMs,
    })),
    meters: spec.meters.map((m) => ({ meter: toHex(m.meter), plant: formatAddress(m.plant), total: m.total.toString() })),
    oracles: spec.oracles.map((o) => ({ publicKey: toHex(o.publicKey), name: o.name })),
    reporters: spec.reporters.map((r) => ({ account: formatAddress(r.account), name: r.name })),
    stateRoot: toHex(spec.stateRoot),
  };
}

export function makeTestGenesis(timeMs: number, params?: Partial<GenesisSpec['params']>, validators?: readonly TestValidator[], tills?: readonly TestTill[]): Genesis {
  const loaded = loadGenesis(prettyCanonicalJson(genesisJson(testSpec(timeMs, params, validators, tills))), verifyEd25519);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.fault));
  return loaded.value;
}

export interface TestFolders {
  readonly root: string;
  readonly config: Config;
  readonly genesis: Genesis;
  remove(): Promise<void>;
}

/** Genesis file, key folder with key and guard, empty data folder: what `billcoin keys` and `billcoin init` leave behind. */
export async function makeTestFolders(options: { readonly params?: Partial<GenesisSpec['params']>; readonly verifyThreads?: number } = {}): Promise<TestFolders> {
  const root = await mkdtemp(join(tmpdir(), 'billcoin-node-'));
  const genesis = makeTestGenesis(Date.now() - 1_000, options.params);
  const [genesisPath, dataDir, keyDir] = [join(root, 'genesis.json'), join(root, 'data'), join(root, 'keys')];
  await writeFile(genesisPath, genesis.text);
  await mkdir(keyDir, { mode: 0o700 });
  await createKeyFile(keyDir, CONSENSUS_KEY_FILE, KEYS.validator.seed);
  await createSignGuard(keyDir, { publicKey: KEYS.validator.publicKey, genesisHash: genesis.genesisHash });
  await createDataFolder(dataDir, genesis.genesisHash);
  const flags = { genesis: genesisPath, 'data-dir': dataDir, 'key-dir': keyDir, 'http-port': '0', 'log-level': 'silent', 'verify-threads': String(options.verifyThreads ?? 0) };
  return { root, genesis, config: makeConfig(flags, {}), remove: () => rm(root, { recursive: true, force: true }) };
}

type Kind = TxBody['kind'];

/** Builds and signs transactions of one network. */
export class TxMaker {
  readonly genesis: Genesis;
  constructor(genesis: Genesis) {
    this.genesis = genesis;
  }

  tx(signer: Key, kind: Kind, over: Partial<TxBody> = {}): Uint8Array {
    const feeMl = kind.case === 'transfer' || kind.case === 'refund' || kind.case === 'redeem' ? this.genesis.spec.params.minFeeMl : 0n;
    const body: TxBody = { chainTag: chainTag(this.genesis.genesisHash), sender: signer.address, salt: new Uint8Array(randomBytes(8)), validUntilMs: Date.now() + 600_000, feeMl, policies: [], kind, ...over };
    const bytes = encode(TxBody, body);
    const message = signingBytes('bill/tx/1', this.genesis.genesisHash, bytes);
    const sigs = [{ publicKey: signer.publicKey, signature: signEd25519(signer.seed, message) }].sort((a, b) => compareBytes(a.publicKey, b.publicKey));
    return encode(Tx, { body: bytes, sigs });
  }

  transfer(from: Key, to: Uint8Array, amountMl: bigint, over: Partial<TxBody> = {}): Uint8Array {
    return this.tx(from, { case: 'transfer', value: { to, amountMl } }, over);
  }

  /** An invoice, of till 1 unless another is given. 300 mL at RM 1.80 fits the price of 600 sen. */
  invoice(label: string, { amountMl = 300n, sen = 180n, expiresInS = 120, till = FIRST_TILL }: { amountMl?: bigint; sen?: bigint; expiresInS?: number; till?: TestTill } = {}): Uint8Array {
    const ref = sha256(utf8(label)).slice(0, 10);
    return signInvoice({ tillNo: till.tillNo, amountMl, sen, ref, expiresAtS: Math.floor(Date.now() / 1_000) + expiresInS }, this.genesis.genesisHash, till.key.seed);
  }

  voidInvoice(invoice: Uint8Array, till: Key = KEYS.till): Uint8Array {
    const expiresAtS = new DataView(invoice.buffer, invoice.byteOffset).getUint32(24);
    return this.tx(till, { case: 'voidInvoice', value: { invoice } }, { salt: undefined, feeMl: 1n, validUntilMs: expiresAtS * 1_000 });
  }

  pay(payer: Key, invoice: Uint8Array): Uint8Array {
    const expiresAtS = new DataView(invoice.buffer, invoice.byteOffset).getUint32(24);
    return this.tx(payer, { case: 'pay', value: { invoice } }, { salt: undefined, validUntilMs: expiresAtS * 1_000 });
  }

  /** Opens a batch and attests it: together they mint `volumeMl` to the farm. */
  mint(volumeMl: bigint): readonly [open: Uint8Array, attest: Uint8Array] {
    const lot = utf8('LOT-1');
    const productionDate = dateOf(this.genesis.spec.timeMs);
    const batch = batchKeyOf(KEYS.plant.address, lot, productionDate);
    const open = { lot, productionDate, expiresAtMs: Date.now() + 9 * DAY_MS, claimMl: volumeMl, meter: METER, totalFrom: 0n, totalTo: volumeMl, shares: [{ farm: KEYS.farm.address, weightMl: 1n }], manifestHash: new Uint8Array(32), attempt: 1 };
    return [
      this.tx(KEYS.plant, { case: 'openBatch', value: open }),
      this.tx(KEYS.oracle, { case: 'attest', value: { batch, attempt: 1, volumeMl, reject: 0, readingsRoot: new Uint8Array(32).fill(7), profileHash: PROFILE_HASH } }),
    ];
  }

  parse(bytes: Uint8Array): ParsedTx {
    const parsed = parseTx({ genesisHash: this.genesis.genesisHash, chainTag: this.genesis.chainTag, verify: verifyEd25519 }, bytes);
    if (!parsed.ok) throw new Error(parsed.fault.code);
    return parsed.value;
  }
}
