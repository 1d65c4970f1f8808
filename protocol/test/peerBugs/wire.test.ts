/**
 * Peer bugs 1 to 4 and 6 (consensus page §4): what comes from outside is bound to what is signed, and its size to what it
 * says. test/consensus/certificate.test.ts has 1, 3 and 4 field by field; here they meet whole blocks and Status.
 */
import t from 'tap';
import {
  applyBlock, Block, BLOCK_MAX_BYTES, Body, buildBlock, Certificate, commitHash, concat, decode, encode, encodeChange, equalBytes, Header, makeCertificate, makeValidatorSet, merklePath, merkleRoot, Proposal, RoundCert, ROWS, toHex, u32be, verifyMerklePath, votePreimage, wireProposal,
  type Executed, type Tip,
} from '../../src/index.ts';
import type { Message } from '../../src/wire/codec.ts';
import { NIL, readVote, wireVote } from '../consensus/core.ts';
import { fakeVerify, GENESIS_HASH, makeFixture } from '../consensus/fixture.ts';
import { lockedSolo } from '../consensus/solo.ts';
import { KEYS, keyOf, signFast, World } from '../support/world.ts';

const SIGNERS = [1, 2, 3, 4].map((i) => keyOf(`validator ${i}`));

/** A tip whose four validators have committed it; `who` of them stand in the certificate. */
function committedBy(world: World, who: readonly number[]): Tip {
  const validators = makeValidatorSet(SIGNERS.map(({ publicKey }) => ({ publicKey, power: 1 })));
  const at = { type: 'precommit', height: world.tip.height, round: 0, blockId: toHex(world.tip.blockId) } as const;
  const votes = validators.validators.map(({ publicKey }, validatorIndex) => {
    const { seed } = SIGNERS.find((key) => equalBytes(key.publicKey, publicKey))!;
    return who.includes(validatorIndex) ? { ...at, validatorIndex, signature: signFast(seed, votePreimage(world.genesis.genesisHash, at)) } : undefined;
  });
  return { ...world.tip, signers: validators, validators, validatorsSince: 1, certificateBytes: encode(Certificate, makeCertificate(validators, at, votes)!) };
}

function blockOn(world: World, tip: Tip, txs: readonly Uint8Array[] = []) {
  const built = buildBlock(world.chain, tip, txs.map((bytes) => world.parse(bytes)), tip.timeMs + 1_000, { proposerIndex: proposerOf(world, tip), round: 0 });
  world.chain.tree.release(built.treeVersion);
  return built;
}

function proposerOf(world: World, tip: Tip): number {
  for (const proposerIndex of [0, 1, 2, 3]) {
    const tried = buildBlock(world.chain, tip, [], tip.timeMs + 1_000, { proposerIndex, round: 0 });
    world.chain.tree.release(tried.treeVersion);
    if (isValid(world, tip, tried.blockBytes)) return proposerIndex;
  }
  throw new Error('one of four proposes');
}

function isValid(world: World, tip: Tip, blockBytes: Uint8Array): boolean {
  const verdict = applyBlock(world.chain, tip, blockBytes);
  if (verdict.ok) world.chain.tree.release(verdict.value.treeVersion);
  return verdict.ok;
}

/** Everything a block comes to, but for the row that notes who was seen to sign: absence is judged by it (SPEC §17). */
function outcome({ header: { timeMs, resultRoot, txRoot, nextValidatorsHash }, changes }: Executed): string {
  const rows = changes.filter(({ type }) => type !== ROWS.seen).map(encodeChange).map(({ key, value }) => `${toHex(key)}=${value === undefined ? 'gone' : toHex(value)}`);
  return [timeMs, toHex(resultRoot), toHex(txRoot), toHex(nextValidatorsHash), ...rows].join();
}

t.test('peer bug 1, Tachyon GHSA-c32p-wcqj-j677: who stands in a commit moves neither time nor money, and no byte of it passes changed', async (t) => {
  const world = new World();
  world.mint(1_000_000n);
  const paid = world.transfer(KEYS.farmA, KEYS.vet.address, 5n);
  const blocks = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3], [0, 1, 2, 3]].map((who) => blockOn(world, committedBy(world, who), [paid]));
  t.equal(new Set(blocks.map(outcome)).size, 1, 'the same whoever signed');
  t.equal(new Set(blocks.map(({ header }) => toHex(header.prevCommitHash))).size, 5, 'and bound: another commit is another block');

  // Bits of the commit inside a block, the header naming it rightly: none passes.
  const tip = committedBy(world, [0, 1, 2, 3]);
  const heldByAll = committedBy(world, [0, 1, 2]);
  const genuine = blockOn(world, tip);
  const body = partOf(genuine.blockBytes, 'body', Body);
  const header = partOf(genuine.blockBytes, 'header', Header);
  const passed: number[] = [];
  for (let bit = 0; bit < body.prevCommit!.length * 8; bit += 7) {
    const prevCommit = body.prevCommit!.slice();
    prevCommit[bit >> 3]! ^= 1 << (bit & 7);
    const forged = encode(Block, { header: encode(Header, { ...header, prevCommitHash: commitHash(prevCommit) }), body: encode(Body, { ...body, prevCommit }) });
    if (isValid(world, heldByAll, forged)) passed.push(bit);
  }
  t.same(passed, []);
  t.ok(isValid(world, heldByAll, genuine.blockBytes), 'the genuine one does, though this node holds another');
});

function partOf<T>(blockBytes: Uint8Array, part: 'header' | 'body', type: Message<T>): T {
  const block = decode(Block, blockBytes);
  const read = block.ok ? decode(type, block.value[part]) : block;
  if (!read.ok) throw new Error('the block was built here');
  return read.value;
}

t.test('peer bug 2, ASA-2025-002: index, length and path of every item of a list are one claim', async (t) => {
  for (let count = 1; count <= 9; count++) {
    const leaves = Array.from({ length: count }, (_, i) => u32be(i));
    const root = merkleRoot(leaves);
    for (let index = 0; index < count; index++) {
      const claim = { leaf: leaves[index]!, index, count, path: merklePath(leaves, index), root };
      t.ok(verifyMerklePath(claim), `${index} of ${count}`);
      const wrong = [
        ...[-1, index + 1, index - 1, index ^ 1, count, 2 ** 31, Number.NaN, index + 0.5].filter((other) => other !== index).map((other) => ({ ...claim, index: other })),
        ...[0, index, 2 ** 31].filter((other) => other !== count).map((other) => ({ ...claim, count: other })),
        { ...claim, path: [...claim.path, root] },
        ...(claim.path.length > 0 ? [{ ...claim, path: claim.path.slice(1) }, { ...claim, path: claim.path.map((hash) => hash.slice(1)) }] : []),
        ...claim.path.map((_, at) => ({ ...claim, path: claim.path.map((hash, i) => (i === at ? hash.map((byte, j) => (j === 0 ? byte ^ 1 : byte)) : hash)) })),
        ...(claim.path.length > 1 ? [{ ...claim, path: [...claim.path].reverse() }] : []),
      ];
      for (const one of wrong) if (verifyMerklePath(one)) t.fail(`${index} of ${count} passes as ${one.index} of ${one.count} with ${one.path.length} hashes`);
    }
  }
});

t.test('peer bug 3, ASA-2025-003: bitmaps of a Status may have any length and any trailing bits', async (t) => {
  const { solo } = lockedSolo(t);
  const answers = [0, 1, 2, 7, 1_000].flatMap((length) => [0, 0xff].map((fill) => {
    const bitmap = new Uint8Array(length).fill(fill);
    const status = { height: 1, round: 0, step: 'prevote', rounds: [{ round: 0, hasProposal: true, prevotes: bitmap, precommits: bitmap }] } as const;
    return solo.give({ kind: 'peerStatus', peer: 'q', status }).filter((effect) => effect.kind === 'send' && effect.message.kind === 'vote').length;
  }));
  t.same(answers, [5, 5, 5, 0, 5, 0, 5, 0, 5, 0], 'a missing bit is a vote that is lacking, a bit beyond the set is nothing');
  const rounds = Array.from({ length: 1_000 }, (_, round) => ({ round, hasProposal: false, prevotes: new Uint8Array(1), precommits: new Uint8Array(1) }));
  t.ok(solo.give({ kind: 'peerStatus', peer: 'q', status: { height: 1, round: 0, step: 'prevote', rounds } }).length < 20, 'nor does it matter of how many rounds it tells');
});

t.test('peer bug 4, ASA-2024-011: an index that is none of the set is refused in votes, round certificates and headers', async (t) => {
  const { validators, vote } = makeFixture([1, 1, 1, 1]);
  const good = wireVote(vote('prevote', 0, 3, NIL));
  for (const validatorIndex of [-1, 4, 49, 2 ** 31, 2 ** 32, 1.5, Number.NaN]) {
    t.equal(readVote({ genesisHash: GENESIS_HASH, validators, verify: fakeVerify }, { ...good, validatorIndex }).ok, false, `${validatorIndex}`);
  }
  // On the wire: the varint of 2^31, 2^32 and −1 in the place of 3.
  const bytes = encode(RoundCert, { votes: [good] });
  const at = bytes.findIndex((byte, i) => byte === 0x10 && bytes[i + 1] === 3);
  for (const varint of [[0x80, 0x80, 0x80, 0x80, 0x08], [0x80, 0x80, 0x80, 0x80, 0x10], [...new Array<number>(9).fill(0xff), 0x01], [50]]) {
    t.equal(decode(RoundCert, concat(bytes.subarray(0, at + 1), Uint8Array.from(varint), bytes.subarray(at + 2))).ok, false, `varint ${varint.join()}`);
  }
  const world = new World();
  world.mint(1_000n);
  const tip = committedBy(world, [0, 1, 2, 3]);
  const wrong = [0, 1, 2, 3, 4, 49].filter((proposerIndex) => {
    const built = buildBlock(world.chain, tip, [], tip.timeMs + 1_000, { proposerIndex, round: 0 });
    world.chain.tree.release(built.treeVersion);
    return isValid(world, tip, built.blockBytes);
  });
  t.equal(wrong.length, 1, 'one proposer of a round');
});

t.test('peer bug 6, CometBFT #5324: what says it is large is refused by its length, before anything is made of it', async (t) => {
  const field = (no: number, claimed: number): Uint8Array => {
    const varint: number[] = [];
    for (let left = claimed; ; left = Math.floor(left / 128)) {
      varint.push(left < 128 ? left : (left % 128) | 0x80);
      if (left < 128) return Uint8Array.from([no * 8 + 2, ...varint]);
    }
  };
  const before = process.memoryUsage().arrayBuffers;
  for (const claimed of [11, 1_000_000, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 52]) {
    const bytes = concat(field(1, claimed), new Uint8Array(10));
    t.same([decode(Block, bytes), decode(Body, bytes), decode(Proposal, bytes), decode(RoundCert, bytes)].map(({ ok }) => ok), [false, false, false, false], `claims ${claimed} and has 10`);
  }
  t.ok(process.memoryUsage().arrayBuffers - before < BLOCK_MAX_BYTES, 'no room was made for a claim');

  const header = new Uint8Array(200);
  for (const bytes of [BLOCK_MAX_BYTES - 1_000, BLOCK_MAX_BYTES, BLOCK_MAX_BYTES + 1, 2 * BLOCK_MAX_BYTES]) {
    const whole = concat(field(1, header.length), header, field(2, bytes), new Uint8Array(bytes));
    t.equal(decode(Block, whole).ok, whole.length <= BLOCK_MAX_BYTES, `a block of ${whole.length} bytes`);
  }
  const txs = Array.from({ length: 2_001 }, () => concat(field(1, 1), Uint8Array.of(0)));
  t.equal(decode(Body, concat(...txs)).ok, false, '2,001 transactions');
  t.equal(decode(Body, concat(...txs.slice(1))).ok, true, '2,000');
  const { proposal, block } = makeFixture([1, 1, 1, 1]);
  const sent = encode(Proposal, wireProposal(proposal(0, block('v'))));
  t.equal(decode(Proposal, concat(sent, field(3, 2_000), new Uint8Array(2_000))).ok, false, 'a header larger than headers are, and a second one');
});
