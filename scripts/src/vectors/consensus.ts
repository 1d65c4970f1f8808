/**
 * Vectors of consensus: validator sets, proposer schedules, block ids, vote and proposal preimages, certificates. The
 * protobuf and the schedule are written here from the specification (with bigints and node:crypto), not with the code
 * that is tested against them.
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';

const SEED = 'billcoin consensus vectors 1';

interface Key {
  readonly seed: Buffer;
  readonly publicKey: Buffer;
  readonly address: Buffer;
  sign(message: Buffer): Buffer;
}
interface Member {
  readonly key: Key;
  readonly power: bigint;
}

function draw(label: string, length: number): Buffer {
  return createHash('sha512').update(`${SEED} ${label}`).digest().subarray(0, length);
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function tag(name: string): Buffer {
  return Buffer.from(`${name}\0`);
}

function keyOf(label: string): Key {
  const seed = draw(label, 32);
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
  const publicKey = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { seed, publicKey, address: sha256(tag('bill/address/1'), publicKey).subarray(0, 20), sign: (message) => sign(null, message, key) };
}

function varint(value: bigint): Buffer {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return Buffer.from([...out, Number(rest)]);
}

/** A number field; zero is absent. */
function num(no: number, value: bigint | number): Buffer {
  return BigInt(value) === 0n ? Buffer.alloc(0) : Buffer.concat([varint(BigInt(no << 3)), varint(BigInt(value))]);
}

/** A sint32 field (zigzag). */
function sint(no: number, value: number): Buffer {
  return num(no, value < 0 ? -2 * value - 1 : 2 * value);
}

/** A bytes or message field. */
function bin(no: number, ...parts: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([varint(BigInt((no << 3) | 2)), varint(BigInt(bytes.length)), bytes]);
}

const genesisHash = draw('genesis', 32);

/** Members of a set in its order: power descending, then address ascending. */
function setOf(label: string, powers: readonly bigint[]): readonly Member[] {
  const members = powers.map((power, i) => ({ power, key: keyOf(`${label} ${i}`) }));
  return members.sort((a, b) => (a.power === b.power ? Buffer.compare(a.key.address, b.key.address) : a.power > b.power ? -1 : 1));
}

function setBytes(members: readonly Member[]): Buffer {
  return Buffer.concat(members.map(({ key, power }) => bin(1, bin(1, key.publicKey), num(2, power))));
}

function hashOfSet(members: readonly Member[]): Buffer {
  return sha256(tag('bill/validators/1'), setBytes(members));
}

function gcd(a: bigint, b: bigint): bigint {
  return b === 0n ? a : gcd(b, a % b);
}

/** Consensus page §1.4 word for word, in bigints. */
function scheduleOf(members: readonly Member[], since: bigint): { readonly slots: readonly number[]; readonly offset: bigint } {
  const total = members.reduce((sum, { power }) => sum + power, 0n);
  const rough = members.map(({ power }) => (power * 1000n < total ? 1n : (power * 1000n) / total));
  const divisor = rough.reduce(gcd);
  const weights = rough.map((weight) => weight / divisor);
  const length = weights.reduce((sum, weight) => sum + weight, 0n);
  const current = weights.map(() => 0n);
  const slots = Array.from({ length: Number(length) }, () => {
    for (const [i, weight] of weights.entries()) current[i] = current[i]! + weight;
    const most = current.reduce((a, b) => (a > b ? a : b));
    const chosen = current.indexOf(most);
    current[chosen] = most - length;
    return chosen;
  });
  const height = Buffer.alloc(8);
  height.writeBigUInt64BE(since);
  const seed = sha256(tag('bill/schedule/1'), height, hashOfSet(members));
  return { slots, offset: BigInt(seed.readUInt32BE(0)) % length };
}

const SETS: readonly { readonly title: string; readonly powers: readonly bigint[]; readonly since: bigint }[] = [
  { title: 'one validator', powers: [1n], since: 1n },
  { title: 'four equal validators', powers: [1n, 1n, 1n, 1n], since: 1n },
  { title: 'the same four from another height', powers: [1n, 1n, 1n, 1n], since: 1_000_001n },
  { title: 'seven equal validators', powers: [1n, 1n, 1n, 1n, 1n, 1n, 1n], since: 360n },
  { title: 'weights 3, 1, 1', powers: [600n, 200n, 200n], since: 5n },
  { title: 'weights that are rounded', powers: [5n, 1n, 1n], since: 2n },
  { title: 'one with almost all power', powers: [1_099_511_627_000n, 1n, 1n], since: 9n },
  { title: 'fifty equal validators', powers: Array.from({ length: 50 }, () => 1n), since: 4_294_967_297n },
];

/** Set, hash and the first proposers of a schedule. */
function setVectors(): readonly object[] {
  return SETS.map(({ title, powers, since }) => {
    const members = setOf(title.replace('the same four from another height', 'four equal validators'), powers);
    const { slots, offset } = scheduleOf(members, since);
    const proposer = (height: bigint, round: bigint): number => slots[Number((offset + (height - since) + round) % BigInt(slots.length))]!;
    const at = [[since, 0n], [since, 1n], [since + 1n, 0n], [since + 2n, 5n], [since + 1_000_000n, 3n], [since, 4_294_967_295n]] as const;
    return {
      title, since: since.toString(),
      validators: members.map(({ key, power }) => ({ publicKey: key.publicKey.toString('hex'), power: power.toString() })),
      bytes: setBytes(members).toString('hex'), validatorsHash: hashOfSet(members).toString('hex'),
      weightsTotal: slots.length, slotsHash: sha256(Buffer.from(slots.join())).toString('hex'), offset: Number(offset),
      proposers: at.map(([height, round]) => ({ height: height.toString(), round: round.toString(), index: proposer(height, round) })),
    };
  });
}

interface HeaderFields {
  readonly height: bigint;
  readonly timeMs: bigint;
  readonly txCount: number;
  readonly proposerIndex: number;
  readonly round: number;
}

function headerBytes(label: string, fields: HeaderFields): { readonly bytes: Buffer; readonly fields: object } {
  const hash = (name: string): Buffer => draw(`${label} ${name}`, 32);
  const names = ['prevBlockId', 'prevCommitHash', 'txRoot', 'resultRoot', 'stateRoot', 'validatorsHash', 'nextValidatorsHash', 'evidenceRoot'] as const;
  const hashes = Object.fromEntries(names.map((name) => [name, hash(name).toString('hex')]));
  const { height, timeMs, txCount, proposerIndex, round } = fields;
  const bytes = Buffer.concat([
    num(1, 1), num(2, height), num(3, timeMs), bin(4, hash('prevBlockId')), bin(5, hash('prevCommitHash')), bin(6, hash('txRoot')), num(7, txCount), bin(8, hash('resultRoot')), bin(9, hash('stateRoot')),
    bin(10, hash('validatorsHash')), bin(11, hash('nextValidatorsHash')), bin(12, hash('evidenceRoot')), num(13, proposerIndex), num(14, round),
  ]);
  return { bytes, fields: { version: 1, height: height.toString(), timeMs: timeMs.toString(), txCount, proposerIndex, round, ...hashes } };
}

function blockIdOf(header: Buffer): Buffer {
  return sha256(tag('bill/header/1'), genesisHash, header);
}

function headerVectors(): readonly object[] {
  const cases: readonly [string, HeaderFields][] = [
    ['first block, all small numbers zero', { height: 1n, timeMs: 1_760_000_000_000n, txCount: 0, proposerIndex: 0, round: 0 }],
    ['later block', { height: 300n, timeMs: 1_760_000_123_456n, txCount: 2_000, proposerIndex: 49, round: 3 }],
    ['largest numbers', { height: 9_007_199_254_740_991n, timeMs: 9_007_199_254_740_991n, txCount: 2_000, proposerIndex: 49, round: 4_294_967_295 }],
  ];
  return cases.map(([title, fields]) => {
    const header = headerBytes(title, fields);
    return { title, header: header.fields, bytes: header.bytes.toString('hex'), blockId: blockIdOf(header.bytes).toString('hex') };
  });
}

interface VoteFields {
  readonly type: 'prevote' | 'precommit';
  readonly height: bigint;
  readonly round: number;
  /** Absent: NIL. */
  readonly blockId?: Buffer;
}

function voteBody({ type, height, round, blockId }: VoteFields): Buffer {
  return Buffer.concat([num(1, type === 'prevote' ? 1 : 2), num(2, height), num(3, round), ...(blockId === undefined ? [] : [bin(4, blockId)])]);
}

function votePreimage(vote: VoteFields): Buffer {
  return Buffer.concat([tag('bill/vote/1'), genesisHash, voteBody(vote)]);
}

const someId = draw('some block', 32);

function voteVectors(): readonly object[] {
  const signer = keyOf('voter');
  const cases: readonly VoteFields[] = [
    { type: 'prevote', height: 1n, round: 0, blockId: someId },
    { type: 'prevote', height: 1n, round: 0 },
    { type: 'precommit', height: 1n, round: 0, blockId: someId },
    { type: 'precommit', height: 128n, round: 7 },
    { type: 'precommit', height: 9_007_199_254_740_991n, round: 4_294_967_295, blockId: someId },
  ];
  return cases.map((vote) => ({
    type: vote.type, height: vote.height.toString(), round: vote.round, blockId: vote.blockId?.toString('hex') ?? 'nil', body: voteBody(vote).toString('hex'), preimage: votePreimage(vote).toString('hex'),
    publicKey: signer.publicKey.toString('hex'), signature: signer.sign(votePreimage(vote)).toString('hex'),
  }));
}

function proposalVectors(): readonly object[] {
  const cases = [{ height: 1n, round: 0, polRound: -1 }, { height: 300n, round: 1, polRound: 0 }, { height: 300n, round: 70_000, polRound: 69_999 }];
  return cases.map(({ height, round, polRound }) => {
    const body = Buffer.concat([num(1, height), num(2, round), sint(3, polRound), bin(4, someId)]);
    return { height: height.toString(), round, polRound, blockId: someId.toString('hex'), body: body.toString('hex'), preimage: Buffer.concat([tag('bill/proposal/1'), genesisHash, body]).toString('hex') };
  });
}

function certificateVectors(): readonly object[] {
  const cases: readonly { readonly title: string; readonly powers: readonly bigint[]; readonly vote: VoteFields; readonly signers: readonly number[] }[] = [
    { title: 'one validator', powers: [1n], vote: { type: 'precommit', height: 1n, round: 0, blockId: someId }, signers: [0] },
    { title: 'three of four', powers: [1n, 1n, 1n, 1n], vote: { type: 'precommit', height: 42n, round: 1, blockId: someId }, signers: [0, 2, 3] },
    { title: 'a polka of all ten', powers: Array.from({ length: 10 }, () => 1n), vote: { type: 'prevote', height: 42n, round: 0, blockId: someId }, signers: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] },
    { title: 'power, not heads', powers: [10n, 1n, 1n, 1n], vote: { type: 'precommit', height: 7n, round: 2, blockId: someId }, signers: [0] },
  ];
  return cases.map(({ title, powers, vote, signers }) => {
    const members = setOf(`certificate ${title}`, powers);
    const bitmap = Buffer.alloc(Math.ceil(powers.length / 8));
    for (const i of signers) bitmap[i >> 3] = bitmap[i >> 3]! | (0x80 >> (i & 7));
    const signatures = signers.map((i) => members[i]!.key.sign(votePreimage(vote)));
    const bytes = Buffer.concat([num(1, vote.type === 'prevote' ? 1 : 2), num(2, vote.height), num(3, vote.round), bin(4, someId), bin(5, bitmap), ...signatures.map((signature) => bin(6, signature))]);
    return { title, set: setBytes(members).toString('hex'), type: vote.type, height: vote.height.toString(), round: vote.round, blockId: someId.toString('hex'), signers, bytes: bytes.toString('hex'), commitHash: sha256(tag('bill/commit/1'), bytes).toString('hex') };
  });
}

/** The text of `protocol/vectors/consensus.json`: the same bytes on every run and machine. */
export function makeConsensusVectors(): string {
  const head = {
    title: 'Consensus',
    summary: 'Validator sets with hash and proposer schedule (consensus page §1.1, §1.4), block ids, preimages of votes and proposals, certificates (§1.1–1.2). Bytes are hex, numbers above 2^32 decimal text. slotsHash is the SHA-256 of the validator indices of all slots joined by commas. Written by an independent reference.',
    genesisHash: genesisHash.toString('hex'),
  };
  const list = (name: string, rows: readonly object[]): string => `  "${name}": [\n${rows.map((row) => `    ${JSON.stringify(row)}`).join(',\n')}\n  ]`;
  const lists = [list('sets', setVectors()), list('headers', headerVectors()), list('votes', voteVectors()), list('proposals', proposalVectors()), list('certificates', certificateVectors())];
  return `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n${lists.join(',\n')}\n}\n`;
}
