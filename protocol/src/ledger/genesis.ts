/**
 * Genesis (SPEC §12): from the file to the first state. The same functions make a genesis and load one, so the two
 * cannot disagree. Supply begins at zero; the first BILL is the first mint.
 */
import { addressOf } from '../lib/address.ts';
import { compareBytes, equalBytes, toHex, utf8 } from '../lib/bytes.ts';
import { canonicalJson } from '../lib/canonicalJson.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { chainTag, signingBytes, taggedHash } from '../lib/hash.ts';
import { formatAddress } from '../lib/address.ts';
import { checkPublicKey, type Verifier } from '../lib/signature.ts';
import { makeValidatorSet, validatorsHash } from '../consensus/validators.ts';
import { dayId, dayOf, ROLE, roleId, ROWS, SINGLE, tillId, type RowType } from '../state/layout.ts';
import { newValidator, STAKE_GRACE_MS } from '../state/stake.ts';
import { epochEndMs } from '../state/stakeEpochs.ts';
import { StateTree, type TreeVersion } from '../state/tree.ts';
import { encodeChange, FlatState, type RowChange } from '../state/view.ts';
import { isDeviceKey } from '../tx/registerDevice.ts';
import type { ValidatorSet } from '../wire/consensus.ts';
import { assertReserveWhole } from './invariants.ts';
import { setsAt, type Chain, type Tip } from './chain.ts';
import { parseGenesisJson, type GenesisSpec, type GenesisValidator } from './genesisSpec.ts';

const ZERO_HASH = new Uint8Array(32);

/** What a validator signs to prove that it holds its consensus key; there is no genesis hash yet, so zeros stand for it. */
export function gentxBytes(network: string, validator: Omit<GenesisValidator, 'proof' | 'status'>): Uint8Array {
  const { name, publicKey, account, active } = validator;
  const text = canonicalJson({ network, name, publicKey: toHex(publicKey), account: formatAddress(account), active });
  return signingBytes('bill/gentx/1', ZERO_HASH, utf8(text));
}

function rowsOf<V>(type: RowType<V>, items: readonly V[], id: (item: V) => string): readonly RowChange[] {
  return items.map((value) => ({ type: type as RowType<unknown>, id: id(value), value }));
}

/** The first validator set: the active institutions, one vote each. */
function firstSet(spec: GenesisSpec): ValidatorSet {
  return makeValidatorSet(spec.validators.filter(({ active }) => active).map(({ publicKey }) => ({ publicKey, power: 1 })));
}

/** Institutions, the first set and its stake epoch, which begins with genesis. */
function stakeRows(spec: GenesisSpec): readonly RowChange[] {
  const one = <V>(type: RowType<V>, id: string, value: V): RowChange => ({ type: type as RowType<unknown>, id, value });
  const { timeMs, params } = spec;
  const set = firstSet(spec);
  const setHash = validatorsHash(set);
  const members = set.validators.map(({ publicKey }) => ({ validator: addressOf(publicKey), stakeMl: 0n, commissionBps: 0, seenMs: timeMs, seenHeight: 0 }));
  return [
    one(ROWS.admitted, SINGLE, { validators: spec.validators.map(({ publicKey }) => addressOf(publicKey)).sort(compareBytes) }),
    ...spec.validators.map((entry) => one(ROWS.validator, toHex(addressOf(entry.publicKey)), newValidator(entry, entry.active ? timeMs + STAKE_GRACE_MS : 0))),
    one(ROWS.validatorSet, toHex(setHash), { validators: set.validators }),
    one(ROWS.stake, SINGLE, { no: 0, sinceHeight: 1, sinceMs: timeMs, endsAtMs: epochEndMs(timeMs, params.stakeEpochMs), setHash, setSince: 1, members }),
  ];
}

/** The rows of the first state. */
export function genesisRows(spec: GenesisSpec): readonly RowChange[] {
  const one = <V>(type: RowType<V>, id: string, value: V): RowChange => ({ type: type as RowType<unknown>, id, value });
  const oracles = spec.oracles.map((oracle) => addressOf(oracle.publicKey)).sort(compareBytes);
  return [
    one(ROWS.params, SINGLE, spec.params),
    one(ROWS.supply, SINGLE, { supplyMl: 0n, owedMl: 0n }),
    one(ROWS.pools, SINGLE, { feesMl: 0n, insuranceMl: 0n, subsidyMl: 0n }),
    one(ROWS.oracleSet, SINGLE, { oracles }),
    one(ROWS.price, dayId(dayOf(spec.timeMs)), { senPerBill: spec.priceSenPerBill, reports: [] }),
    one(ROWS.role, roleId(ROLE.regulator), { address: spec.roles.regulator }),
    one(ROWS.role, roleId(ROLE.campusAuthority), { address: spec.roles.campusAuthority }),
    one(ROWS.role, roleId(ROLE.treasury), { address: spec.roles.treasury }),
    ...stakeRows(spec),
    ...rowsOf(ROWS.merchant, spec.merchants, (row) => toHex(row.account)),
    ...rowsOf(ROWS.till, spec.tills, (row) => tillId(row.tillNo)),
    ...rowsOf(ROWS.farm, spec.farms, (row) => toHex(row.account)),
    ...rowsOf(ROWS.plant, spec.plants, (row) => toHex(row.account)),
    ...rowsOf(ROWS.device, spec.devices, (row) => toHex(row.device)),
    ...rowsOf(ROWS.meter, spec.meters, (row) => toHex(row.meter)),
    ...rowsOf(ROWS.oracle, spec.oracles, (row) => toHex(addressOf(row.publicKey))),
    ...rowsOf(ROWS.reporter, spec.reporters, (row) => toHex(row.account)),
  ];
}

/** Root of the first state: what a genesis file must state about itself. */
export function genesisStateRoot(spec: GenesisSpec): Uint8Array {
  const tree = new StateTree();
  return tree.root(tree.update(tree.empty(), genesisRows(spec).map(encodeChange)));
}

/** Keys of validators with their proofs of possession, of devices, tills and oracles. */
function keyProblemOf(spec: GenesisSpec, verify: Verifier): string | undefined {
  for (const validator of spec.validators) {
    if (!checkPublicKey(validator.publicKey)) return `validator ${validator.name}: the key is not a valid Ed25519 key`;
    if (!verify(validator.publicKey, gentxBytes(spec.network, validator), validator.proof)) return `validator ${validator.name}: the proof of possession does not verify`;
  }
  for (const { device, alg, publicKey, fromMs, untilMs } of spec.devices) {
    if (!isDeviceKey(alg, publicKey)) return `device ${toHex(device)}: the key is not a valid key of alg ${alg}`;
    if (fromMs >= untilMs) return `device ${toHex(device)}: untilMs is not above fromMs`;
  }
  for (const { tillNo, publicKey } of spec.tills) if (!checkPublicKey(publicKey)) return `till ${tillNo}: the key is not a valid Ed25519 key`;
  for (const { name, publicKey } of spec.oracles) if (!checkPublicKey(publicKey)) return `oracle ${name}: the key is not a valid Ed25519 key`;
  return undefined;
}

/** Rows that name other rows. */
function referenceProblemOf(spec: GenesisSpec): string | undefined {
  const rows = genesisRows(spec).map((change) => change.type.name + change.id);
  if (new Set(rows).size !== rows.length) return 'a registry names the same id twice';
  const accounts = (items: readonly { readonly account: Uint8Array }[]): Set<string> => new Set(items.map((item) => toHex(item.account)));
  const merchants = accounts(spec.merchants);
  const plants = accounts(spec.plants);
  const devices = new Set(spec.devices.map((device) => toHex(device.device)));
  for (const till of spec.tills) if (!merchants.has(toHex(till.merchant))) return `till ${till.tillNo}: its merchant is not registered`;
  for (const meter of spec.meters) if (!plants.has(toHex(meter.plant)) || !devices.has(toHex(meter.meter))) return `meter ${toHex(meter.meter)}: its plant or device is not registered`;
  return undefined;
}

/** Things the fields do not show one by one. */
function problemOf(spec: GenesisSpec, verify: Verifier): string | undefined {
  if (spec.priceSenPerBill === 0n) return 'priceSenPerBill is zero';
  const active = spec.validators.filter((validator) => validator.active).length;
  if (active === 0) return 'validators: none is active';
  if (active > spec.params.maxValidators) return `validators: ${active} are active, maxValidators is ${spec.params.maxValidators}`;
  if (new Set(spec.validators.map(({ publicKey }) => toHex(publicKey))).size !== spec.validators.length) return 'validators: a key stands twice';
  if (spec.params.stakeMinMl > spec.params.stakeMaxMl) return 'params.stakeMinMl is above stakeMaxMl';
  return keyProblemOf(spec, verify) ?? referenceProblemOf(spec);
}

export interface Genesis {
  readonly spec: GenesisSpec;
  readonly genesisHash: Uint8Array;
  readonly chainTag: Uint8Array;
  /** network-xxxxxxxx: for people, never signed. */
  readonly chainId: string;
  /** The first validator set, sorted. */
  readonly validators: ValidatorSet;
  readonly text: string;
}

/**
 * Loads a genesis file and checks all that it says about itself.
 * @returns the genesis, or `malformed` with what is wrong; a state root that does not come out names both roots.
 */
export function loadGenesis(text: string, verify: Verifier): Result<Genesis> {
  const parsed = parseGenesisJson(text);
  if (!parsed.ok) return parsed;
  const { spec, canonical } = parsed.value;
  const problem = problemOf(spec, verify);
  if (problem !== undefined) return fault('malformed', { path: 'genesis', why: problem });
  const root = genesisStateRoot(spec);
  if (!equalBytes(root, spec.stateRoot)) return fault('malformed', { path: 'genesis.stateRoot', why: `is ${toHex(spec.stateRoot)}, the registries give ${toHex(root)}` });
  const genesisHash = taggedHash('bill/genesis/1', utf8(canonical));
  return ok({ spec, genesisHash, chainTag: chainTag(genesisHash), chainId: `${spec.network}-${toHex(genesisHash).slice(0, 8)}`, validators: firstSet(spec), text });
}

/** The tip before the first block. */
export function genesisTip(chain: Chain, genesis: Genesis): Tip {
  const state = new FlatState();
  const rows = genesisRows(genesis.spec);
  state.apply(rows);
  assertReserveWhole(state);
  const empty = chain.tree.empty();
  const treeVersion: TreeVersion = chain.tree.update(empty, rows.map(encodeChange));
  chain.tree.release(empty);
  return { height: 0, timeMs: genesis.spec.timeMs, blockId: ZERO_HASH, certificateBytes: undefined, state, treeVersion, ...setsAt(state, 0) };
}

/** A chain for a genesis: `verify` is the node's native verifier or the portable one, `tree` holds its state tree. */
export function makeChain(genesis: Genesis, verify: Verifier, tree: StateTree): Chain {
  return { genesisHash: genesis.genesisHash, chainTag: genesis.chainTag, verify, tree };
}
