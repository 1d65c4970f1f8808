/**
 * How institutions get into a genesis without their seeds leaving home: each makes its entry file, which proves that it
 * holds its key, and whoever writes the genesis collects them.
 */
import { ADDRESS_BYTES, ed25519PublicKey, fault, formatAddress, fromHex, gentxBytes, ok, parseAddress, parseGenesisJson, prettyCanonicalJson, signEd25519, toHex, verifyEd25519, type Result } from '@billcoin/protocol';
import type { GenesisInput, ValidatorInput } from './genesisInput.ts';
import { outline } from './makeGenesis.ts';

const FORMAT = 'billcoin-genesis-entry/1';
/** Where a genesis needs a time and a price to be read, and which ones does not matter. */
const SOME_TIME_MS = 1_780_000_000_000;
const SOME_PRICE_SEN = '600';

/** What an institution states of itself. */
export interface Institution {
  readonly name: string;
  /** bill1… of its account. */
  readonly account: string;
  /** Whether it votes from the first block. */
  readonly active: boolean;
}

export interface GenesisEntry {
  readonly format: typeof FORMAT;
  readonly network: string;
  readonly validator: ValidatorInput & { readonly proof: string };
}

/** A genesis of this institution alone: its fields are read by the rules of the file they will stand in. */
function alone(network: string, validator: ValidatorInput): GenesisInput {
  // Some account must hold the roles; which, does not matter here.
  const anybody = formatAddress(new Uint8Array(ADDRESS_BYTES));
  return {
    network, timeMs: SOME_TIME_MS, priceSenPerBill: SOME_PRICE_SEN, roles: { regulator: anybody, campusAuthority: anybody, treasury: anybody }, validators: [{ ...validator, active: true }],
    checkpointKeys: [{ publicKey: validator.publicKey }], merchants: [], tills: [], farms: [], plants: [], devices: [], meters: [], oracles: [], reporters: [],
  };
}

/**
 * The entry of one institution, made where its seed lives.
 * @param seed 32-byte consensus seed.
 * @returns the text of the entry file, or `malformed` with the field that is wrong.
 */
export function makeEntry(network: string, institution: Institution, seed: Uint8Array): Result<string> {
  const { name, account, active } = institution;
  const publicKey = ed25519PublicKey(seed);
  const validator = { name, publicKey: toHex(publicKey), account, active };
  const parsed = parseGenesisJson(prettyCanonicalJson(outline(alone(network, validator))));
  if (!parsed.ok) return parsed;
  const [read] = parsed.value.spec.validators;
  if (read === undefined) return fault('malformed', { path: 'genesis.validators', why: 'is empty' });
  const proof = toHex(signEd25519(seed, gentxBytes(network, { ...read, active })));
  return ok(prettyCanonicalJson({ format: FORMAT, network, validator: { ...validator, proof } }));
}

/** What is wrong with an entry for this network, or undefined. */
function entryProblem(entry: unknown, network: string): string | undefined {
  const { format, network: of, validator } = entry as Partial<GenesisEntry>;
  if (format !== FORMAT) return `is not an entry file: its format is not ${FORMAT}`;
  if (of !== network) return `is an entry for the network ${String(of)}, not ${network}`;
  const { name, publicKey, account, active, proof } = (validator ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || typeof publicKey !== 'string' || typeof account !== 'string' || typeof active !== 'boolean' || typeof proof !== 'string') return 'lacks name, publicKey, account, active or proof';
  const [key, address, signature] = [fromHex(publicKey), parseAddress(account), fromHex(proof)];
  if (key?.length !== 32 || address === undefined || signature?.length !== 64) return 'has a key, account or proof of a wrong form';
  const holds = verifyEd25519(key, gentxBytes(network, { name, publicKey: key, account: address, active }), signature);
  return holds ? undefined : `does not prove that ${name} holds its key: was it edited? Ask for a new one`;
}

/**
 * Puts entries into the input of a genesis. They are sorted by name, so whoever collects the same entries gets the same file.
 * @param entries file name, for messages, and parsed content.
 * @returns the input with all institutions, or `malformed` naming the file and what is wrong.
 */
export function collectEntries(input: GenesisInput, entries: readonly { readonly path: string; readonly content: unknown }[]): Result<GenesisInput> {
  const found: { readonly from: string; readonly validator: ValidatorInput }[] = input.validators.map((validator) => ({ from: 'the input', validator }));
  for (const { path, content } of entries) {
    const why = typeof content === 'object' && content !== null ? entryProblem(content, input.network) : 'is not an entry file';
    if (why !== undefined) return fault('malformed', { path, why });
    const { validator } = content as GenesisEntry;
    for (const field of ['name', 'publicKey', 'account'] as const) {
      const other = found.find((one) => one.validator[field] === validator[field]);
      if (other !== undefined) return fault('malformed', { path, why: `has the ${field} ${validator[field]}, which stands in ${other.from} already` });
    }
    found.push({ from: path, validator });
  }
  const validators = found.map(({ validator }) => validator).sort((a, b) => (a.name < b.name ? -1 : 1));
  return ok({ ...input, validators });
}
