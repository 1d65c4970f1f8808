/** protocol/vectors/consensus.json: what another implementation must match, with real signatures. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { verifyEd25519 } from '../../src/lib/signature.ts';
import {
  blockIdOf, Certificate, certificateBytes, checkValidatorSet, commitHash, decode, encode, fromHex, Header, makeSchedule, NIL, proposalBodyBytes, proposerAt, sha256, signingBytes, toHex, utf8,
  unsignedPreimage, ValidatorSet, validatorsHash, verifyCertificate, voteBodyBytes, votePreimage, votesOf, type VoteType,
} from './core.ts';

interface Vectors {
  readonly genesisHash: string;
  readonly sets: readonly { readonly title: string; readonly since: string; readonly validators: readonly { readonly publicKey: string; readonly power: string }[]; readonly bytes: string; readonly validatorsHash: string; readonly weightsTotal: number; readonly slotsHash: string; readonly offset: number; readonly proposers: readonly { readonly height: string; readonly round: string; readonly index: number }[] }[];
  readonly headers: readonly { readonly title: string; readonly header: Record<string, string | number>; readonly bytes: string; readonly blockId: string }[];
  readonly votes: readonly { readonly type: VoteType; readonly height: string; readonly round: number; readonly blockId: string; readonly body: string; readonly preimage: string; readonly publicKey: string; readonly signature: string }[];
  readonly proposals: readonly { readonly height: string; readonly round: number; readonly polRound: number; readonly blockId: string; readonly body: string; readonly preimage: string }[];
  readonly certificates: readonly { readonly title: string; readonly set: string; readonly type: VoteType; readonly height: string; readonly round: number; readonly blockId: string; readonly signers: readonly number[]; readonly bytes: string; readonly commitHash: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('../../vectors/consensus.json', import.meta.url), 'utf8')) as Vectors;
const bytes = (hex: string): Uint8Array => fromHex(hex)!;
const genesisHash = bytes(vectors.genesisHash);

for (const vector of vectors.sets) {
  t.test(`set: ${vector.title}`, async (t) => {
    const set = { validators: vector.validators.map(({ publicKey, power }) => ({ publicKey: bytes(publicKey), power: Number(power) })) };
    t.ok(checkValidatorSet(set).ok);
    t.equal(toHex(encode(ValidatorSet, set)), vector.bytes);
    t.equal(toHex(validatorsHash(set)), vector.validatorsHash);
    const schedule = makeSchedule(set, Number(vector.since));
    t.equal(schedule.slots.length, vector.weightsTotal);
    t.equal(schedule.offset, vector.offset);
    t.equal(toHex(sha256(utf8(schedule.slots.join()))), vector.slotsHash);
    for (const { height, round, index } of vector.proposers) t.equal(proposerAt(schedule, Number(height), Number(round)), index, `(${height}, ${round})`);
  });
}

t.test('headers', async (t) => {
  for (const vector of vectors.headers) {
    t.equal(blockIdOf(genesisHash, bytes(vector.bytes)), vector.blockId, vector.title);
    const read = decode(Header, bytes(vector.bytes));
    t.ok(read.ok, vector.title);
    if (read.ok) for (const [name, value] of Object.entries(read.value)) t.equal(value instanceof Uint8Array ? toHex(value) : String(value), String(vector.header[name]), name);
  }
});

t.test('votes', async (t) => {
  for (const { type, blockId, round, ...vector } of vectors.votes) {
    const vote = { type, round, height: Number(vector.height), blockId };
    t.equal(toHex(voteBodyBytes(vote)), vector.body, blockId === NIL ? 'NIL' : 'a block');
    t.equal(toHex(votePreimage(genesisHash, vote)), vector.preimage);
    t.equal(toHex(unsignedPreimage(genesisHash, { kind: type, ...vote })), vector.preimage);
    t.ok(verifyEd25519(bytes(vector.publicKey), bytes(vector.preimage), bytes(vector.signature)));
  }
});

t.test('proposals', async (t) => {
  for (const vector of vectors.proposals) {
    const body = proposalBodyBytes({ height: Number(vector.height), round: vector.round, polRound: vector.polRound, blockId: vector.blockId });
    t.equal(toHex(body), vector.body);
    t.equal(toHex(signingBytes('bill/proposal/1', genesisHash, body)), vector.preimage);
  }
});

t.test('certificates', async (t) => {
  for (const vector of vectors.certificates) {
    const set = decode(ValidatorSet, bytes(vector.set));
    const certificate = decode(Certificate, bytes(vector.bytes));
    t.ok(set.ok && certificate.ok, vector.title);
    if (!set.ok || !certificate.ok) continue;
    t.ok(verifyCertificate(genesisHash, set.value, certificate.value, verifyEd25519).ok);
    t.same(votesOf(certificate.value).map((vote) => vote.validatorIndex), vector.signers);
    t.match(votesOf(certificate.value)[0], { type: vector.type, height: Number(vector.height), round: vector.round, blockId: vector.blockId });
    t.equal(toHex(certificateBytes(certificate.value)), vector.bytes);
    t.equal(toHex(commitHash(bytes(vector.bytes))), vector.commitHash);
  }
});
