/**
 * Makes a genesis file (SPEC §12): fills in the parameters, the proofs of possession and the state root, and loads the
 * result with the same function every node uses, so that what is made here is what they accept.
 */
import {
  DEFAULT_PARAMS, ed25519PublicKey, fault, genesisStateRoot, gentxBytes, loadGenesis, ok, parseGenesisJson, prettyCanonicalJson, signEd25519, toHex, verifyEd25519,
  type Fault, type GenesisSpec, type Json, type Result,
} from '@billcoin/protocol';
import { asJson, type GenesisInput } from './genesisInput.ts';

export interface MadeGenesis {
  /** Text of the file: canonical JSON with two spaces of indent. */
  readonly text: string;
  /** 32 bytes; pinned by every node, wallet, till and device of the network. */
  readonly genesisHash: Uint8Array;
  /** network-xxxxxxxx, for people. */
  readonly chainId: string;
}

const NO_PROOF = '00'.repeat(64);
const NO_ROOT = '00'.repeat(32);

function defaultParams(): { readonly [name: string]: Json } {
  return Object.fromEntries(Object.entries(DEFAULT_PARAMS).map(([name, value]) => [name, typeof value === 'bigint' ? value.toString() : value]));
}

/** The whole file with zeros where something is computed. */
export function outline(input: GenesisInput): { readonly [key: string]: Json } {
  const { params, validators, ...rest } = input;
  return {
    ...asJson({ ...rest, validators: validators.map((entry) => ({ ...entry, proof: entry.proof ?? NO_PROOF })) }),
    format: 1,
    params: { ...defaultParams(), ...params },
    stateRoot: NO_ROOT,
  };
}

/** The proofs of all validators in order, signed where a seed is at hand. */
function proofsOf(input: GenesisInput, spec: GenesisSpec, seeds: readonly Uint8Array[]): Result<readonly string[]> {
  const seedOf = new Map(seeds.map((seed) => [toHex(ed25519PublicKey(seed)), seed]));
  const proofs: string[] = [];
  for (const [index, validator] of spec.validators.entries()) {
    const given = input.validators[index]?.proof;
    const seed = seedOf.get(toHex(validator.publicKey));
    if (given === undefined && seed === undefined) return fault('malformed', { path: `genesis.validators[${index}].proof`, why: `is missing and the seed of ${validator.name} was not given` });
    proofs.push(given ?? toHex(signEd25519(seed as Uint8Array, gentxBytes(spec.network, validator))));
  }
  return ok(proofs);
}

function isAboutRoot(refusal: Fault): boolean {
  return refusal.code === 'malformed' && refusal.path === 'genesis.stateRoot';
}

/**
 * Makes the genesis of a network.
 * @param seeds 32-byte consensus seeds of the validators whose proof is not in the input.
 * @returns the file, or `malformed` with the path of the first value that is wrong.
 */
export function makeGenesis(input: GenesisInput, seeds: readonly Uint8Array[] = []): Result<MadeGenesis> {
  const file = outline(input);
  const parsed = parseGenesisJson(prettyCanonicalJson(file));
  if (!parsed.ok) return parsed;
  const { spec } = parsed.value;
  const proofs = proofsOf(input, spec, seeds);
  if (!proofs.ok) return proofs;
  const validators = input.validators.map((entry, index) => ({ ...entry, proof: proofs.value[index] as string }));
  const rootless = loadGenesis(prettyCanonicalJson({ ...file, validators }), verifyEd25519);
  // Everything but the root is in order: only then the registries can be encoded at all.
  if (!rootless.ok && !isAboutRoot(rootless.fault)) return rootless;
  const text = prettyCanonicalJson({ ...file, validators, stateRoot: toHex(genesisStateRoot(spec)) });
  const loaded = loadGenesis(text, verifyEd25519);
  return loaded.ok ? ok({ text, genesisHash: loaded.value.genesisHash, chainId: loaded.value.chainId }) : loaded;
}
