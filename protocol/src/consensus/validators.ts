/** The set of validators of a height: order, hash, thresholds (consensus page §1.1). */
import { addressOf } from '../lib/address.ts';
import { assert } from '../lib/assert.ts';
import { compareBytes, equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { taggedHash } from '../lib/hash.ts';
import { encode } from '../wire/codec.ts';
import { ValidatorSet, VALIDATORS_MAX, type Validator } from '../wire/consensus.ts';

/** Power of a whole set: 2^40, so that every product of a power and a weight stays exact. */
export const TOTAL_POWER_MAX = 2 ** 40;

/** More than two thirds of the power: 3p > 2T. Integers only. */
export function isQuorum(power: number, total: number): boolean {
  return 3 * power > 2 * total;
}

/** More than one third of the power, so at least one correct validator: 3p > T. */
export function isThird(power: number, total: number): boolean {
  return 3 * power > total;
}

/** Sum of the power of all validators. */
export function totalPowerOf(set: ValidatorSet): number {
  return set.validators.reduce((sum, validator) => sum + validator.power, 0);
}

/** Power at an index; the index is in range, or it is a bug. */
export function powerOf(set: ValidatorSet, index: number): number {
  const validator = set.validators[index];
  assert(validator !== undefined, `validator ${index} of ${set.validators.length} exists`);
  return validator.power;
}

/** Index of a public key in the set, or undefined. */
export function indexOfKey(set: ValidatorSet, publicKey: Uint8Array): number | undefined {
  const index = set.validators.findIndex((validator) => equalBytes(validator.publicKey, publicKey));
  return index === -1 ? undefined : index;
}

/** Order of a set: power descending, then address of the consensus key ascending. */
function compareValidators(a: Validator, b: Validator): number {
  return a.power === b.power ? compareBytes(addressOf(a.publicKey), addressOf(b.publicKey)) : b.power - a.power;
}

/** The validators in the order that makes them a set. */
export function makeValidatorSet(validators: readonly Validator[]): ValidatorSet {
  const set = { validators: [...validators].sort(compareValidators) };
  assert(checkValidatorSet(set).ok, 'a validator set has 1 to 50 different keys with power');
  return set;
}

/** Says whether a list is a validator set: 1 to 50, in strict order (so without repetition), power ≥ 1, T ≤ 2^40. */
export function checkValidatorSet(set: ValidatorSet): Result<ValidatorSet> {
  const { validators } = set;
  const bad = (why: string): Result<ValidatorSet> => fault('malformed', { path: 'ValidatorSet.validators', why });
  if (validators.length === 0 || validators.length > VALIDATORS_MAX) return bad(`has ${validators.length} items, not 1 to ${VALIDATORS_MAX}`);
  if (validators.some((validator) => validator.power < 1)) return bad('has a validator without power');
  if (totalPowerOf(set) > TOTAL_POWER_MAX) return bad('has too much power');
  const ordered = validators.every((validator, i) => i === 0 || compareValidators(validators[i - 1]!, validator) < 0);
  if (!ordered) return bad('is not in order of power, then address');
  const distinct = validators.every((validator, i) => indexOfKey(set, validator.publicKey) === i);
  return distinct ? ok(set) : bad('names a key twice');
}

/** Hashes of the sets in use; sets never change. */
const hashes = new WeakMap<ValidatorSet, Uint8Array>();

/** Hash(`bill/validators/1`, ValidatorSet bytes): what stands in headers. PERF: asked for several times a block, of the same set for hours. */
export function validatorsHash(set: ValidatorSet): Uint8Array {
  const known = hashes.get(set) ?? taggedHash('bill/validators/1', encode(ValidatorSet, set));
  hashes.set(set, known);
  return known.slice();
}
