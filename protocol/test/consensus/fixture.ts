/**
 * Validators with keyed-hash signatures, headers and messages for the tests of the core. A keyed hash is as unforgeable
 * here as Ed25519 and a thousand times faster; real signatures are tested in the vectors.
 */
import {
  blockIdOf, concat, encode, Header, makeCertificate, makeSchedule, makeValidatorSet, proposerAt, sha256, unsignedPreimage, utf8, votePreimage,
  type BlockIdHex, type Certificate, type ConsensusParams, type SignedProposal, type SignedVote, type Unsigned, type ValidatorSet, type Verifier, type VoteType,
} from './core.ts';

export const GENESIS_HASH = sha256(utf8('test network'));

export const PARAMS: ConsensusParams = { timeoutProposeMs: 400, timeoutVoteMs: 200, minBlockIntervalMs: 100, idleBlockIntervalMs: 10_000, precisionMs: 250, msgDelayMs: 2_000 };

export const START_MS = 1_700_000_000_000;

/** n validators of equal power (or the powers given), in set order. */
export function makeSet(powers: readonly number[]): ValidatorSet {
  return makeValidatorSet(powers.map((power, i) => ({ power, publicKey: sha256(utf8(`validator ${i}`)) })));
}

/** Signature of the holder of a public key: a keyed hash, 64 bytes. */
export function fakeSignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = sha256(concat(utf8('secret of'), publicKey, message));
  return concat(half, sha256(half));
}

export const fakeVerify: Verifier = (publicKey, message, signature) => {
  const genuine = fakeSignature(publicKey, message);
  return signature.length === 64 && genuine.every((byte, i) => byte === signature[i]);
};

export interface HeaderFields {
  readonly height: number;
  readonly round: number;
  readonly timeMs: number;
  readonly proposerIndex: number;
  /** Makes two blocks of one height differ. */
  readonly label: string;
}

export function makeHeader({ label, ...fields }: HeaderFields): Uint8Array {
  const empty = new Uint8Array(32);
  return encode(Header, {
    version: 1, ...fields, prevBlockId: empty, prevCommitHash: empty, txRoot: sha256(utf8(label)), txCount: 0,
    resultRoot: empty, stateRoot: empty, validatorsHash: empty, nextValidatorsHash: empty, evidenceRoot: empty,
  });
}

export function makeFixture(powers: readonly number[], height = 1) {
  const validators = makeSet(powers);
  const schedule = makeSchedule(validators, 1);
  const keyOf = (index: number): Uint8Array => validators.validators[index]!.publicKey;
  /** p(1) proposes in round 0, p(2) in round 1 and so on: the names of the reference traces. */
  const p = (number: number): number => proposerAt(schedule, height, number - 1);

  function block(label: string, round = 0, timeMs = START_MS): { readonly id: BlockIdHex; readonly header: Uint8Array } {
    const header = makeHeader({ height, round, timeMs, proposerIndex: proposerAt(schedule, height, round), label });
    return { header, id: blockIdOf(GENESIS_HASH, header) };
  }
  function vote(type: VoteType, round: number, validatorIndex: number, blockId: BlockIdHex, atHeight = height): SignedVote {
    const signature = fakeSignature(keyOf(validatorIndex), votePreimage(GENESIS_HASH, { type, height: atHeight, round, blockId }));
    return { type, height: atHeight, round, blockId, validatorIndex, signature };
  }
  function proposal(round: number, value: { readonly id: BlockIdHex; readonly header: Uint8Array }, more: { readonly polRound?: number; readonly polka?: Certificate; readonly headerRound?: number; readonly timeMs?: number; readonly atHeight?: number } = {}): SignedProposal {
    const polRound = more.polRound ?? -1;
    const atHeight = more.atHeight ?? height;
    const body: Unsigned = { kind: 'proposal', height: atHeight, round, polRound, blockId: value.id, header: value.header };
    const signature = fakeSignature(keyOf(proposerAt(schedule, atHeight, round)), unsignedPreimage(GENESIS_HASH, body));
    return { height: atHeight, round, polRound, blockId: value.id, header: value.header, headerRound: more.headerRound ?? (polRound === -1 ? round : 0), headerTimeMs: more.timeMs ?? START_MS, signature, polka: more.polka };
  }
  function certificate(type: VoteType, round: number, blockId: BlockIdHex, signers: readonly number[]): Certificate {
    const votes = validators.validators.map((_, i) => (signers.includes(i) ? vote(type, round, i, blockId) : undefined));
    const made = makeCertificate(validators, { type, height, round, blockId }, votes);
    if (made === undefined) throw new Error('the signers are no quorum');
    return made;
  }
  return { validators, schedule, keyOf, p, block, vote, proposal, certificate, height };
}

export type Fixture = ReturnType<typeof makeFixture>;
