/** Vectors of the light client: steps of trust, syncs with what is asked for, checkpoints, and who is guilty of two headers. */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import {
  attackEvidence, attackOffenders, blockIdBytes, checkpointJson, checkpointPreimage, compareBytes, ed25519PublicKey, encode, followTo, Header, LightBlock, lightState, makeCertificate, makeValidatorSet, passTrust, readCandidate, takeAnswer, toHex,
  trustCheckpoint, trustGenesis, TRUSTING_PERIOD_MS, ValidatorSet, validatorsHash, verifyEd25519, votePreimage, withSignature,
  type Checkpoint, type ProofContext, type SignedCheckpoint, type TrustedHeader,
} from '@billcoin/protocol';

const SEED = 'billcoin light client vectors 1';
const START_MS = 1_780_000_000_000;
const BLOCK_MS = 10_000;
const genesisHash = hashOf('genesis');
const context: ProofContext = { genesisHash, verify: verifyEd25519 };

function hashOf(label: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`${SEED} ${label}`).digest());
}

interface Key {
  readonly name: string;
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
}
const keyOf = (name: string): Key => ({ name, seed: hashOf(name), publicKey: ed25519PublicKey(hashOf(name)) });
const KEYS = 'abcdefgh'.split('').map(keyOf);
const HOLDERS = ['checkpoint 1', 'checkpoint 2', 'checkpoint 3', 'checkpoint 4'].map(keyOf);

/** RFC 8032 signatures have one value, so the library does not matter. */
function signWith({ seed }: Key, message: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
  return new Uint8Array(sign(null, message, key));
}

const setOf = (names: string): ValidatorSet => makeValidatorSet(KEYS.filter(({ name }) => names.includes(name)).map(({ publicKey }) => ({ publicKey, power: 1 })));
const namesOf = (keys: readonly Uint8Array[]): string => KEYS.filter(({ publicKey }) => keys.some((key) => compareBytes(key, publicKey) === 0)).map(({ name }) => name).join('');

interface Plan {
  readonly height: number;
  readonly set: string;
  readonly next: string;
  readonly prevBlockId: Uint8Array;
  readonly signers?: string;
  readonly mark?: number;
  readonly round?: number;
}

function blockOf({ height, set, next, prevBlockId, signers = set, mark = 0, round = 0 }: Plan): LightBlock {
  const [validators, nextValidators] = [setOf(set), setOf(next)];
  const root = new Uint8Array(32).fill(mark);
  const header = encode(Header, {
    version: 1, height, timeMs: START_MS + height * BLOCK_MS, prevBlockId, prevCommitHash: root, txRoot: root, txCount: 0, resultRoot: root, stateRoot: root, validatorsHash: validatorsHash(validators),
    nextValidatorsHash: validatorsHash(nextValidators), evidenceRoot: root, proposerIndex: 0, round: 0,
  });
  const vote = { type: 'precommit', height, round, blockId: toHex(blockIdBytes(genesisHash, header)) } as const;
  const votes = validators.validators.map(({ publicKey }, validatorIndex) => {
    const key = KEYS.find((one) => compareBytes(one.publicKey, publicKey) === 0)!;
    return signers.includes(key.name) ? { ...vote, validatorIndex, signature: signWith(key, votePreimage(genesisHash, vote)) } : undefined;
  });
  const certificate = makeCertificate(validators, vote, votes);
  if (certificate === undefined) throw new Error('no quorum');
  return { header, certificate, validators, nextValidators: set === next ? undefined : nextValidators };
}

/** Sets by height: one validator of four is replaced every three blocks, from height 4 on. */
const setAt = (height: number): string => 'abcdefgh'.slice(Math.floor((height - 1) / 3), Math.floor((height - 1) / 3) + 4);

function chainOf(length: number): readonly LightBlock[] {
  const blocks: LightBlock[] = [];
  let prevBlockId: Uint8Array = new Uint8Array(32);
  for (let height = 1; height <= length; height++) {
    const block = blockOf({ height, set: setAt(height), next: setAt(height + 1), prevBlockId });
    blocks.push(block);
    prevBlockId = blockIdBytes(genesisHash, block.header);
  }
  return blocks;
}

const hex = (block: LightBlock): string => toHex(encode(LightBlock, block));
const readable = ({ height, timeMs, blockId, nextValidators }: TrustedHeader): object => ({ height, timeMs, blockId: toHex(blockId), nextValidators: toHex(encode(ValidatorSet, nextValidators)) });

function trustCase(title: string, trusted: TrustedHeader, block: LightBlock, nowMs: number): object {
  const read = readCandidate(context, block);
  const step = read.ok ? passTrust(context, trusted, read.value, nowMs) : { kind: 'refused' as const, refusal: read.refusal };
  const output = step.kind === 'trusted' ? { trusted: readable(step.trusted) } : step.kind === 'bisect' ? { bisect: true } : { refused: step.refusal.code };
  return { title, input: { trusted: readable(trusted), lightBlock: hex(block), nowMs }, output };
}

function trustCases(blocks: readonly LightBlock[], root: TrustedHeader): readonly object[] {
  const at = (height: number): LightBlock => blocks[height - 1]!;
  const nowMs = START_MS + 100 * BLOCK_MS;
  const [first] = [at(1)];
  const { certificate } = first;
  const four = first.validators.validators;
  return [
    trustCase('adjacent', root, first, nowMs),
    trustCase('skipping: three of four known', root, at(6), nowMs),
    trustCase('skipping: half of the trusted is enough', root, at(9), nowMs),
    trustCase('skipping: one of four is too little trust', root, at(12), nowMs),
    trustCase('the trusting period is over', root, first, root.timeMs + TRUSTING_PERIOD_MS),
    trustCase('its last millisecond', root, first, root.timeMs + TRUSTING_PERIOD_MS - 1),
    trustCase('two seconds ahead of the clock', root, at(2), START_MS + 2 * BLOCK_MS - 2_000),
    trustCase('a millisecond less', root, at(2), START_MS + 2 * BLOCK_MS - 1_999),
    trustCase('not above the trusted height', { ...root, height: 6, timeMs: root.timeMs + 1 }, at(6), nowMs),
    trustCase('not after the trusted time', { ...root, timeMs: START_MS + 6 * BLOCK_MS }, at(6), nowMs),
    trustCase('adjacent with another set', root, blockOf({ height: 1, set: 'bcde', next: 'bcde', prevBlockId: new Uint8Array(32) }), nowMs),
    trustCase('adjacent, linked to another block', { ...root, height: 1, blockId: hashOf('another'), nextValidators: at(2).validators }, at(2), nowMs),
    trustCase('two of four is no quorum', root, { ...first, certificate: { ...certificate, bitmap: Uint8Array.of(0xc0), signatures: certificate.signatures.slice(0, 2) } }, nowMs),
    trustCase('a signer doubled', root, { ...first, certificate: { ...certificate, signatures: [certificate.signatures[0]!, certificate.signatures[0]!, ...certificate.signatures.slice(2)] } }, nowMs),
    trustCase('the certificate of another block', root, { ...first, certificate: at(2).certificate }, nowMs),
    trustCase('the set in another order', root, { ...first, validators: { validators: [four[1]!, four[0]!, ...four.slice(2)] } }, nowMs),
    trustCase('another power', root, { ...first, validators: { validators: [{ ...four[0]!, power: 2 }, ...four.slice(1)] } }, nowMs),
    trustCase('another next set', root, { ...first, nextValidators: setOf('efgh') }, nowMs),
  ];
}

/** What a client asks for on the way to a height, and where it ends. */
function syncCase(title: string, root: TrustedHeader, target: number, blocks: readonly LightBlock[]): object {
  const nowMs = START_MS + 100 * BLOCK_MS;
  const asked: number[] = [];
  let step = followTo(lightState(root, 0), target, nowMs);
  while (step.action.kind === 'ask') {
    asked.push(step.action.height);
    step = takeAnswer(context, step.state, blocks[step.action.height - 1], nowMs);
  }
  const output = step.action.kind === 'trusted' ? { trusted: readable(step.action.trusted) } : step.action.kind === 'refused' ? { refused: step.action.refusal.code } : {};
  return { title, input: { root: readable(root), target, nowMs }, output: { asked, ...output } };
}

function checkpointCases(blocks: readonly LightBlock[]): readonly object[] {
  const block = blocks[4]!;
  const header = readCandidate(context, block);
  if (!header.ok) throw new Error('a candidate');
  const checkpoint: Checkpoint = { height: 5, blockId: header.value.blockId, validatorsHash: validatorsHash(header.value.nextValidators), timeMs: header.value.header.timeMs };
  const by = (...holders: readonly number[]): SignedCheckpoint =>
    holders.reduce<SignedCheckpoint>((signed, i) => withSignature(signed, HOLDERS[i]!.publicKey, signWith(HOLDERS[i]!, checkpointPreimage(genesisHash, checkpoint))), { checkpoint, signatures: [] });
  const pinned = HOLDERS.map(({ publicKey }) => publicKey);
  const one = (title: string, signed: SignedCheckpoint, nowMs: number): object => {
    const trusted = trustCheckpoint(context, pinned, signed, header.value.nextValidators, nowMs);
    return { title, input: { checkpoint: JSON.parse(checkpointJson(signed)) as object, validators: toHex(encode(ValidatorSet, header.value.nextValidators)), nowMs }, output: trusted.ok ? { trusted: readable(trusted.value) } : { refused: trusted.refusal.code } };
  };
  return [
    one('signed by three of four', by(0, 1, 2), checkpoint.timeMs + 1_000),
    one('signed by two of four', by(0, 3), checkpoint.timeMs + 1_000),
    one('14 days old', by(0, 1, 2), checkpoint.timeMs + TRUSTING_PERIOD_MS),
    one('signatures of another height', { ...by(0, 1, 2), checkpoint: { ...checkpoint, height: 6 } }, checkpoint.timeMs + 1_000),
  ];
}

function attackCases(blocks: readonly LightBlock[]): readonly object[] {
  const prevBlockId = blockIdBytes(genesisHash, blocks[0]!.header);
  const decided = blockOf({ height: 2, set: 'abcd', next: 'abcd', prevBlockId, signers: 'abc' });
  const one = (title: string, other: LightBlock): object => ({ title, input: { decided: hex(decided), other: hex(other) }, output: { offenders: namesOf(attackOffenders(context, decided, attackEvidence(other))) } });
  return [
    one('both signed in one round: b and c', blockOf({ height: 2, set: 'abcd', next: 'abcd', prevBlockId, signers: 'bcd', mark: 1 })),
    one('in another round: nobody for sure', blockOf({ height: 2, set: 'abcd', next: 'abcd', prevBlockId, signers: 'bcd', mark: 1, round: 1 })),
    one('a false set on the decided parent: its true members', blockOf({ height: 2, set: 'abef', next: 'abef', prevBlockId, mark: 1, round: 2 })),
    one('a false set on another parent: those that signed both in one round', blockOf({ height: 2, set: 'abef', next: 'abef', prevBlockId: hashOf('parent'), mark: 1 })),
    one('the same block', decided),
  ];
}

/** The JSON text of protocol/vectors/lightClient.json; the same text on every run. */
export function makeLightClientVectors(): string {
  const blocks = chainOf(15);
  const root = trustGenesis({ spec: { timeMs: START_MS }, validators: setOf(setAt(1)) });
  return `${JSON.stringify({
    title: 'Light client',
    summary: 'trust: one step from a trusted header to a light block at a time (SPEC §16.1). sync: the heights a client asks for on its way through chain (§16.3). checkpoints and attacks: §16.2, §16.4; '
      + 'offenders by the letters of keys. Bytes are hex: LightBlock, ValidatorSet.',
    seed: SEED,
    genesisHash: toHex(genesisHash),
    keys: Object.fromEntries(KEYS.map(({ name, publicKey }) => [name, toHex(publicKey)])),
    checkpointKeys: HOLDERS.map(({ publicKey }) => toHex(publicKey)),
    chain: blocks.map(hex),
    trust: trustCases(blocks, root),
    sync: [syncCase('three sets further', root, 9, blocks), syncCase('four sets further: half the way first', root, 15, blocks), syncCase('a height nobody has', root, 16, blocks)],
    checkpoints: checkpointCases(blocks),
    attacks: attackCases(blocks),
  }, undefined, 2)}\n`;
}
