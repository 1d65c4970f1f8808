/**
 * Signed checkpoints (SPEC §16.2): where a client begins that was away longer than the trusting period. The keys stand
 * in genesis; the file and the API carry the same JSON.
 */
import { compareBytes, equalBytes, toHex } from '../lib/bytes.ts';
import { prettyCanonicalJson, type Json } from '../lib/canonicalJson.ts';
import { signingBytes } from '../lib/hash.ts';
import { JsonProblem, JsonReader } from '../lib/jsonReader.ts';
import { isQuorum } from '../consensus/validators.ts';
import { checkSetOf, type ProofContext } from '../proof/finalHeader.ts';
import { malformedProof, refuseProof, type Verdict } from '../proof/refusal.ts';
import { encode } from '../wire/codec.ts';
import { Checkpoint, type ValidatorSet } from '../wire/consensus.ts';
import { CLOCK_DRIFT_MAX_MS, TRUSTING_PERIOD_MS, type TrustedHeader } from './trust.ts';

/** As many as a genesis may pin. */
export const CHECKPOINT_SIGNATURES_MAX = 50;
/** A checkpoint file with every signature it may have. */
export const CHECKPOINT_MAX_CHARACTERS = 16_384;

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Ascending by public key. */
  readonly signatures: readonly { readonly publicKey: Uint8Array; readonly signature: Uint8Array }[];
}

/** What a checkpoint key signs. */
export function checkpointPreimage(genesisHash: Uint8Array, checkpoint: Checkpoint): Uint8Array {
  return signingBytes('bill/checkpoint/1', genesisHash, encode(Checkpoint, checkpoint));
}

/** The same checkpoint with one more signature; one by the same key is replaced. */
export function withSignature(signed: SignedCheckpoint, publicKey: Uint8Array, signature: Uint8Array): SignedCheckpoint {
  const others = signed.signatures.filter((one) => !equalBytes(one.publicKey, publicKey));
  return { ...signed, signatures: [...others, { publicKey, signature }].sort((a, b) => compareBytes(a.publicKey, b.publicKey)) };
}

/** The file's text: canonical JSON (sorted keys), indented by two spaces. */
export function checkpointJson({ checkpoint: { height, blockId, validatorsHash, timeMs }, signatures }: SignedCheckpoint): string {
  const json: Json = {
    height, blockId: toHex(blockId), validatorsHash: toHex(validatorsHash), timeMs, signatures: signatures.map(({ publicKey, signature }) => ({ publicKey: toHex(publicKey), signature: toHex(signature) })),
  };
  return prettyCanonicalJson(json);
}

/** Reads a checkpoint from JSON, strictly: no unknown key, keys ascending and each once. */
export function parseCheckpoint(text: string): Verdict<SignedCheckpoint> {
  if (text.length > CHECKPOINT_MAX_CHARACTERS) return refuseProof('malformed', `checkpoint has ${text.length} characters`);
  try {
    const reader = new JsonReader(JSON.parse(text) as Json, 'checkpoint');
    const checkpoint: Checkpoint = {
      height: reader.int('height', 1, Number.MAX_SAFE_INTEGER), blockId: reader.hex('blockId', 32), validatorsHash: reader.hex('validatorsHash', 32), timeMs: reader.int('timeMs', 1, Number.MAX_SAFE_INTEGER),
    };
    const signatures = reader.list('signatures', 0, CHECKPOINT_SIGNATURES_MAX, (one) => ({ publicKey: one.hex('publicKey', 32), signature: one.hex('signature', 64) }));
    reader.end();
    const ascending = signatures.every(({ publicKey }, i) => i === 0 || compareBytes(signatures[i - 1]!.publicKey, publicKey) < 0);
    return ascending ? { ok: true, value: { checkpoint, signatures } } : refuseProof('malformed', 'checkpoint.signatures is not ascending by key');
  } catch (error) {
    if (error instanceof JsonProblem) return malformedProof({ code: 'malformed', path: error.path, why: error.why });
    if (error instanceof SyntaxError) return refuseProof('malformed', 'checkpoint is not JSON');
    throw error;
  }
}

/** Whether more than two thirds of the pinned keys signed it; a signature by another key, or a wrong one, refuses the whole. */
export function verifyCheckpointSignatures({ genesisHash, verify }: ProofContext, pinned: readonly Uint8Array[], { checkpoint, signatures }: SignedCheckpoint): Verdict<Checkpoint> {
  const message = checkpointPreimage(genesisHash, checkpoint);
  for (const { publicKey, signature } of signatures) {
    if (!pinned.some((key) => equalBytes(key, publicKey))) return refuseProof('checkpoint_not_signed', `${toHex(publicKey)} is no checkpoint key of this network`);
    if (!verify(publicKey, message, signature)) return refuseProof('bad_signature', `of checkpoint key ${toHex(publicKey)}`);
  }
  // Distinct: parsed signatures are ascending; whoever built the value in memory may have repeated a key.
  const signers = new Set(signatures.map(({ publicKey }) => toHex(publicKey))).size;
  return isQuorum(signers, pinned.length) ? { ok: true, value: checkpoint } : refuseProof('checkpoint_not_signed', `${signers} of ${pinned.length} keys signed`);
}

/**
 * A checkpoint as the beginning of trust: signatures, age of at most 14 d, not from the future, and the set it names.
 * @param validators the set that votes on the block after it, from anybody: its hash is in the checkpoint
 */
export function trustCheckpoint(context: ProofContext, pinned: readonly Uint8Array[], signed: SignedCheckpoint, validators: ValidatorSet, nowMs: number): Verdict<TrustedHeader> {
  const verified = verifyCheckpointSignatures(context, pinned, signed);
  if (!verified.ok) return verified;
  const { height, timeMs, blockId } = verified.value;
  if (timeMs + TRUSTING_PERIOD_MS <= nowMs) return refuseProof('trust_expired', `the checkpoint is of ${timeMs} ms`);
  if (timeMs >= nowMs + CLOCK_DRIFT_MAX_MS) return refuseProof('from_future', `the checkpoint is of ${timeMs} ms, clock ${nowMs}`);
  const set = checkSetOf(verified.value.validatorsHash, validators);
  if (!set.ok) return set;
  return { ok: true, value: { height, timeMs, blockId, nextValidators: set.value, header: undefined } };
}
