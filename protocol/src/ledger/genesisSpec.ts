/** The genesis file (SPEC §12): its fields, read strictly from JSON. Registries that the first state holds. */
import { utf8 } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { canonicalJson, prettyCanonicalJson, type Json } from '../lib/canonicalJson.ts';
import { JsonProblem, JsonReader } from '../lib/jsonReader.ts';
import { AMOUNT_MAX } from '../lib/amount.ts';
import { DEFAULT_PARAMS } from '../state/params.ts';
import { newValidator } from '../state/stake.ts';
import { isSiteText } from '../tx/registerDevice.ts';
import type { Message } from '../wire/codec.ts';
import { textScalar } from '../wire/scalar.ts';
import { ACTIVE, DeviceRow, FarmRow, MerchantRow, MeterRow, OracleRow, ParamsRow, PlantRow, ReporterRow, REPORTERS_MAX, TillRow, ValidatorRow } from '../wire/state.ts';
import { TIME_MAX_MS, TIME_MIN_MS } from '../wire/tx.ts';

/** A genesis larger than this would be a ledger, not a beginning. */
export const GENESIS_MAX_CHARACTERS = 4_194_304;
const REGISTRY_MAX = 10_000;
const U32_MAX = 0xffff_ffff;

/** An admitted institution. Stake begins at nothing, as all BILL does. */
export interface GenesisValidator extends Pick<ValidatorRow, 'name' | 'publicKey' | 'account' | 'status'> {
  /** In the first validator set, its stake due after STAKE_GRACE_MS; others are admitted and join by staking. */
  readonly active: boolean;
  /** Signature over bill/gentx/1 ‖ 0 ‖ 32 zero bytes ‖ canonical JSON of network and entry without the proof. */
  readonly proof: Uint8Array;
}

export interface GenesisSpec {
  readonly network: string;
  readonly timeMs: number;
  readonly params: ParamsRow;
  readonly priceSenPerBill: bigint;
  readonly roles: { readonly regulator: Uint8Array; readonly campusAuthority: Uint8Array; readonly treasury: Uint8Array };
  readonly validators: readonly GenesisValidator[];
  readonly checkpointKeys: readonly Uint8Array[];
  readonly merchants: readonly MerchantRow[];
  readonly tills: readonly TillRow[];
  readonly farms: readonly FarmRow[];
  readonly plants: readonly PlantRow[];
  readonly devices: readonly DeviceRow[];
  readonly meters: readonly MeterRow[];
  readonly oracles: readonly OracleRow[];
  readonly reporters: readonly ReporterRow[];
  readonly stateRoot: Uint8Array;
}

const NETWORK = textScalar(1, 32);
const name = (r: JsonReader): string => r.text('name', 1, 64);
const time = (r: JsonReader, key: string): number => r.int(key, TIME_MIN_MS, TIME_MAX_MS);

/** Holds a row against the bounds of its schema, so that a file is refused here and never crashes the encoder. */
function checked<V extends object>(r: JsonReader, type: Message<V>, row: V): V {
  for (const [key, field] of Object.entries(type.fields)) {
    const problem = field.problem?.((row as Readonly<Record<string, unknown>>)[key]);
    if (problem !== undefined) throw new JsonProblem(`${r.path}.${key}`, problem);
  }
  return row;
}

function readNetwork(r: JsonReader): string {
  const network = r.text('network', 1, 32);
  const problem = NETWORK.problem(network);
  if (problem !== undefined) throw new JsonProblem(`${r.path}.network`, problem);
  return network;
}

function readParams(r: JsonReader): ParamsRow {
  const entries = Object.entries(DEFAULT_PARAMS).map(([key, sample]) => [key, typeof sample === 'bigint' ? r.amount(key) : r.int(key, 0, Number(AMOUNT_MAX))]);
  return checked(r, ParamsRow, Object.fromEntries(entries) as ParamsRow);
}

function readValidator(r: JsonReader): GenesisValidator {
  const row = { name: name(r), publicKey: r.hex('publicKey', 32), account: r.address('account'), status: ACTIVE };
  checked(r, ValidatorRow, newValidator(row, 0));
  return { ...row, active: r.bool('active'), proof: r.hex('proof', 64) };
}

function readPlant(r: JsonReader): PlantRow {
  return checked(r, PlantRow, {
    account: r.address('account'), name: name(r), status: ACTIVE, ceilingMl: r.amount('ceilingMl'), tollBps: r.int('tollBps', 0, 10_000), bondBps: r.int('bondBps', 0, 10_000),
    profileHash: r.hex('profileHash', 32), bondMl: 0n, owedMl: 0n, availableMl: 0n, openBatches: 0, day: 0, mintedMl: 0n, heldMl: 0n,
  });
}

function readDevice(r: JsonReader): DeviceRow {
  const site = utf8(r.text('site', 1, 16));
  if (!isSiteText(site)) throw new JsonProblem(`${r.path}.site`, 'is not 1 to 16 of a-z, 0-9 and -');
  return checked(r, DeviceRow, {
    device: r.hex('device', 16), alg: r.int('alg', 1, 2), publicKey: r.hex('publicKey', 32, 33), owner: r.address('owner'), site,
    fromMs: time(r, 'fromMs'), untilMs: time(r, 'untilMs'), calibration: r.hex('calibration', 16), calibratedUntilMs: time(r, 'calibratedUntilMs'), status: ACTIVE,
  });
}

function readMeter(r: JsonReader): MeterRow {
  const total = r.amount('total');
  return checked(r, MeterRow, { meter: r.hex('meter', 16), plant: r.address('plant'), total, opened: total });
}

function readSpec(r: JsonReader): GenesisSpec {
  r.int('format', 1, 1);
  return {
    network: readNetwork(r), timeMs: time(r, 'timeMs'), params: r.object('params', readParams), priceSenPerBill: r.amount('priceSenPerBill'),
    roles: r.object('roles', (roles) => ({ regulator: roles.address('regulator'), campusAuthority: roles.address('campusAuthority'), treasury: roles.address('treasury') })),
    validators: r.list('validators', 1, 50, readValidator),
    checkpointKeys: r.list('checkpointKeys', 1, 50, (key) => key.hex('publicKey', 32)),
    merchants: r.list('merchants', 0, REGISTRY_MAX, (m) => checked(m, MerchantRow, { account: m.address('account'), name: name(m), status: ACTIVE })),
    tills: r.list('tills', 0, REGISTRY_MAX, (m) => checked(m, TillRow, { tillNo: m.int('tillNo', 1, U32_MAX), merchant: m.address('merchant'), publicKey: m.hex('publicKey', 32), status: ACTIVE, day: 0, refundedMl: 0n })),
    farms: r.list('farms', 0, REGISTRY_MAX, (m) => checked(m, FarmRow, { account: m.address('account'), name: name(m), status: ACTIVE })),
    plants: r.list('plants', 0, REGISTRY_MAX, readPlant),
    devices: r.list('devices', 0, REGISTRY_MAX, readDevice),
    meters: r.list('meters', 0, REGISTRY_MAX, readMeter),
    oracles: r.list('oracles', 0, 31, (m) => checked(m, OracleRow, { publicKey: m.hex('publicKey', 32), name: name(m), status: ACTIVE })),
    reporters: r.list('reporters', 0, REPORTERS_MAX, (m) => checked(m, ReporterRow, { account: m.address('account'), name: name(m), status: ACTIVE })),
    stateRoot: r.hex('stateRoot', 32),
  };
}

export interface ParsedGenesis {
  readonly spec: GenesisSpec;
  /** The canonical text whose hash names the network. */
  readonly canonical: string;
}

/**
 * Reads a genesis file. Only two texts of one genesis exist: the canonical one (RFC 8785) and the same with sorted keys
 * and two spaces of indent; so a doubled or reordered key cannot hide.
 */
export function parseGenesisJson(text: string): Result<ParsedGenesis> {
  if (text.length > GENESIS_MAX_CHARACTERS) return fault('malformed', { path: 'genesis', why: `has ${text.length} characters, the limit is ${GENESIS_MAX_CHARACTERS}` });
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (error) {
    return fault('malformed', { path: 'genesis', why: `is not JSON: ${error instanceof Error ? error.message : 'unreadable'}` });
  }
  try {
    const reader = new JsonReader(json, 'genesis');
    const spec = readSpec(reader);
    reader.end();
    const canonical = canonicalJson(json);
    if (text !== canonical && text !== prettyCanonicalJson(json)) return fault('malformed', { path: 'genesis', why: 'is neither canonical JSON nor canonical JSON indented by two spaces' });
    return ok({ spec, canonical });
  } catch (error) {
    if (error instanceof JsonProblem) return fault('malformed', { path: error.path, why: error.why });
    throw error;
  }
}
