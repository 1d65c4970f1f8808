/**
 * "Every quorum seen by one correct node is eventually seen by all" (consensus page §1.13), through crashes: the votes that
 * let a node enter its round outlive the memory of those who cast them.
 */
import t from 'tap';
import { decode, encode, HardState, NIL, voteBodyBytes, wireVote, type SendMessage } from './core.ts';
import { makeNet, type NetNode } from './net.ts';
import { makeFixture } from './fixture.ts';
import { makeSolo } from './solo.ts';

t.test('simulator seed 3247: a node that is alone in a round has crashed; the votes that brought it there bring the others', (t) => {
  let isCut = true;
  const net = makeNet({
    powers: [1, 1, 1, 1], statusEveryMs: 200,
    link: (_from, to, message) => (isCut && cuts(to, message) ? undefined : 1),
  });
  const [alone, second, third, liar] = [1, 2, 3, 4].map(net.fixture.p) as [number, number, number, number];
  /** The liar never sees the block; only `alone` hears its precommit, nobody a vote of round 1 of it; the two others hear each other's precommits only. */
  function cuts(to: number, message: SendMessage): boolean {
    if (message.kind === 'roundCert') return true;
    if (message.kind === 'block') return to === liar;
    if (message.kind !== 'vote') return false;
    if (message.vote.round > 0) return message.vote.validatorIndex === liar;
    if (message.vote.type === 'prevote') return false;
    return (to === alone ? third : liar) === message.vote.validatorIndex || (to !== alone && message.vote.validatorIndex === alone);
  }
  const nodeOf = (index: number): NetNode => net.nodes[index]!;
  for (let i = 0; i < 4; i++) net.boot(i);
  net.work(alone);
  t.ok(net.run(() => nodeOf(alone).hardState.round === 1), 'it sees three precommits of different kinds and votes in round 1');
  t.same([second, third].map((i) => [nodeOf(i).hardState.round, nodeOf(i).state.step]), [[0, 'precommit'], [0, 'precommit']], 'the others see two and wait');

  net.crash(alone);
  net.crash(liar); // for good: it says nothing any more
  isCut = false;
  net.boot(alone);
  t.ok(net.run(() => net.decidedBy([alone, second, third]), 10_000), 'the three correct ones decide');
  t.end();
});

/** A node at step precommit of round 0 that three precommits of different kinds let into round 1, where it has voted. */
function inRound1(t: Parameters<typeof makeSolo>[0]) {
  const solo = makeSolo(t);
  const { p } = solo.fixture;
  solo.enter();
  solo.sign(solo.timer('propose', 0));
  for (const i of [1, 2, 3]) solo.vote('precommit', 0, p(i), i === 1 ? solo.fixture.block('v').id : NIL);
  solo.sign(solo.timer('precommit', 0));
  t.same(solo.hardState().roundCert, undefined, 'round 0 needs no reason');
  solo.sign(solo.timer('propose', 1));
  return solo;
}

t.test('the guard holds why the round was entered, as long as the node is in it', (t) => {
  const solo = inRound1(t);
  const { p, vote, block } = solo.fixture;
  const why = [1, 2, 3].map((i) => vote('precommit', 0, p(i), i === 1 ? block('v').id : NIL)).sort((a, b) => a.validatorIndex - b.validatorIndex);
  t.same(solo.hardState().roundCert, { votes: why.map(wireVote) });
  for (const i of [1, 2]) solo.vote('prevote', 3, p(i), NIL);
  solo.sign(solo.timer('propose', 3));
  t.same(solo.hardState().round, 3, 'skipped by R8');
  t.same(solo.hardState().roundCert?.votes.length, 2, 'two of four are more than a third');
  t.end();
});

t.test('the record of 50 validators at the highest numbers, with polka and reason, is 10 kB', (t) => {
  const { block, validators } = makeFixture(new Array<number>(50).fill(1));
  const [height, round] = [Number.MAX_SAFE_INTEGER, 0xffff_ffff];
  const id = block('v').id;
  const blockId = new Uint8Array(32).fill(0xff);
  const signature = new Uint8Array(64);
  const votes = validators.validators.map((_, validatorIndex) => wireVote({ type: 'precommit', height, round, blockId: id, validatorIndex, signature }));
  const signed = { body: voteBodyBytes({ type: 'precommit', height, round, blockId: id }), signature };
  const record: HardState = {
    seq: height, genesisHash: new Uint8Array(32), publicKey: new Uint8Array(32), height, round, step: 3, lockedRound: 0x7fff_ffff, lockedId: blockId, validRound: 0x7fff_ffff, validId: blockId,
    validPolka: { type: 1, height, round, blockId, bitmap: new Uint8Array(7).fill(0xff), signatures: validators.validators.map(() => signature) },
    lastProposal: signed, lastPrevote: signed, lastPrecommit: signed, roundCert: { votes },
  };
  const bytes = encode(HardState, record);
  t.ok(bytes.length < 11_000, `${bytes.length} bytes; a copy in the guard file has 16,384`);
  t.same(decode(HardState, bytes), { ok: true, value: record });
  t.end();
});
