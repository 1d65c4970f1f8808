/** Peer bugs 12, 19 and 21 (consensus page §4): what may be signed, by whom, and how often a key counts. One test each. */
import t from 'tap';
import { applyBlock, buildBlock, commitBlock } from '../../src/index.ts';
import { checkValidatorSet, decode, emptyHardState, encode, makeBitmap, makeValidatorSet, maySign, NIL, recordSigned, ValidatorSet, verifyCertificate, type HardState, type HardStateContent, type Unsigned } from '../consensus/core.ts';
import { fakeVerify, GENESIS_HASH, makeFixture } from '../consensus/fixture.ts';
import { makeSolo } from '../consensus/solo.ts';
import { randomOf } from '../support/random.ts';
import { KEYS, keyOf, World } from '../support/world.ts';

t.test('peer bug 12, CometBFT #5204: what a proposer builds of anything offered is what every receiver finds valid', async (t) => {
  const world = new World();
  world.mint(1_000_000n);
  const random = randomOf(12);
  const people = Array.from({ length: 4 }, (_, i) => keyOf(`person ${i}`));
  world.block(people.map((person) => world.transfer(KEYS.farmA, person.address, 1_000n)));
  const pick = (): typeof people[number] => people[random.below(people.length)]!;
  let leftOut = 0;
  for (let i = 0; i < 40; i++) {
    // Rich and poor senders, invoices that are settled already, the same twice, in any order.
    const offered = Array.from({ length: random.below(12) }, () => {
      const kind = random.below(4);
      if (kind === 0) return world.transfer(keyOf(`poor ${random.below(9)}`), pick().address, 5n);
      if (kind === 1) return world.pay(pick(), world.invoice(KEYS.till1, 1, 300n, 180n, `order ${random.below(6)}`));
      return world.transfer(pick(), pick().address, BigInt(1 + random.below(900)));
    });
    const txs = [...offered, ...offered.slice(0, 2)].map((bytes) => world.parse(bytes));
    const built = buildBlock(world.chain, world.tip, txs, world.tip.timeMs + 1 + random.below(5_000), { proposerIndex: 0, round: 0 });
    world.chain.tree.release(built.treeVersion);
    leftOut += txs.length - built.txs.length;
    const verdict = applyBlock(world.chain, world.tip, built.blockBytes);
    if (verdict.ok) world.tip = commitBlock(world.chain, world.tip, verdict.value, world.certificate(verdict.value));
    else t.fail(`block ${i}: ${JSON.stringify(verdict.fault)}`);
  }
  t.ok(leftOut > 40, `${leftOut} were left out and left no trace`);
});

t.test('peer bug 19, Jepsen 2017: a key stands in a set once, and counts once in every quorum', async (t) => {
  const { validators, certificate, vote, p } = makeFixture([1, 1, 1, 1, 1, 1, 1]);
  const [first, ...others] = validators.validators;
  t.equal(checkValidatorSet({ validators: [first!, first!, ...others] }).ok, false, 'the same entry twice');
  for (const power of [1, 2, 4]) {
    const doubled = [...others, first!, { ...first!, power }];
    t.throws(() => makeValidatorSet(doubled), { name: 'AssertionError' }, `once more with power ${power}`);
  }
  t.equal(decode(ValidatorSet, encode(ValidatorSet, validators)).ok, true);

  // Five of seven make a quorum; four keys and one of them again do not.
  const id = 'ab'.repeat(32);
  const genuine = certificate('precommit', 0, id, [0, 1, 2, 3, 4]);
  t.ok(verifyCertificate(GENESIS_HASH, validators, genuine, fakeVerify).ok);
  const again = { ...genuine, signatures: [...genuine.signatures.slice(0, 4), genuine.signatures[0]!] };
  t.equal(verifyCertificate(GENESIS_HASH, validators, again, fakeVerify).ok, false, 'under another name');
  t.equal(verifyCertificate(GENESIS_HASH, validators, { ...again, bitmap: makeBitmap(7, (i) => i < 4) }, fakeVerify).ok, false, 'under its own');

  const solo = makeSolo(t, { powers: [1, 1, 1, 1, 1, 1, 1], watch: true });
  solo.enter();
  const voters = [1, 2, 3].map(p);
  for (let time = 0; time < 3; time++) for (const i of voters) solo.give({ kind: 'voteMsg', vote: { ...vote('precommit', 0, i, id), signature: new Uint8Array(64).fill(time) } });
  t.equal(solo.state().rounds[0]?.precommit.power, 3, 'three processes with three keys are three votes, however often and under whatever signatures');
});

/** Every place in the neighbourhood of (5, 5), in the order of signing. */
function places(): readonly Unsigned[] {
  const { block } = makeFixture([1, 1, 1, 1]);
  const value = block('v');
  return [4, 5, 6].flatMap((height) => [4, 5, 6].flatMap((round): readonly Unsigned[] => [
    { kind: 'proposal', height, round, polRound: -1, blockId: value.id, header: value.header },
    { kind: 'prevote', height, round, blockId: NIL },
    { kind: 'precommit', height, round, blockId: NIL },
  ]));
}

function signedAt(body: Unsigned): HardState {
  const { keyOf: publicKeyOf } = makeFixture([1, 1, 1, 1]);
  const content: HardStateContent = { height: body.height, round: body.round, step: { proposal: 1, prevote: 2, precommit: 3 }[body.kind], lockedRound: -1, lockedId: undefined, validRound: -1, validId: undefined };
  return recordSigned(emptyHardState(GENESIS_HASH, publicKeyOf(0)), content, [{ body, signature: new Uint8Array(64) }]);
}

t.test('peer bug 21, tendermint double_sign_check_height: one place before is refused, the same is repeated, one after is signed', async (t) => {
  const all = places();
  t.equal(all.length, 27);
  for (const [i, last] of all.entries()) {
    const record = signedAt(last);
    const answers = all.map((body) => maySign(record, body).kind);
    const expected = all.map((_, j) => (j < i ? 'refuse' : j === i ? 'resend' : 'sign'));
    t.same(answers, expected, `after ${last.kind} of (${last.height}, ${last.round})`);
  }
});
