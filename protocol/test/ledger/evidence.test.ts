/** Evidence of double signing in a block (consensus page §1.12): there if it proves an offence of a final height, once. */
import t from 'tap';
import { applyBlock, Block, Body, buildBlock, duplicateProposal, duplicateVote, encode, Evidence, Header, merkleRoot, NIL, offenceIn, proposalBodyBytes, signingBytes, votePreimage, type SignedProposal, type SignedVote, type VoteFields } from '../../src/index.ts';
import { KEYS, signFast, World } from '../support/world.ts';

const [A, B] = ['aa'.repeat(32), 'bb'.repeat(32)];

function grown(): World {
  const world = new World();
  world.mint(1_000_000n);
  return world;
}

function vote(world: World, fields: Partial<VoteFields>, signer = KEYS.validator): SignedVote {
  const whole = { type: 'prevote', height: 1, round: 0, blockId: A, ...fields } as const;
  return { ...whole, validatorIndex: 0, signature: signFast(signer.seed, votePreimage(world.genesis.genesisHash, whole)) };
}

function proposal(world: World, blockId: string, round = 0): SignedProposal {
  const fields = { height: 1, round, polRound: -1, blockId };
  const signature = signFast(KEYS.validator.seed, signingBytes('bill/proposal/1', world.genesis.genesisHash, proposalBodyBytes(fields)));
  return { ...fields, signature, header: new Uint8Array(1), headerRound: 0, headerTimeMs: 1 };
}

function bytesOf(evidence: Evidence): Uint8Array {
  return encode(Evidence, evidence);
}

/** A block with whatever evidence: a proposer of this code would leave out what proves nothing. */
function verdictWith(world: World, evidence: readonly Uint8Array[]): string {
  const built = buildBlock(world.chain, world.tip, [], world.tip.timeMs + 1_000, { proposerIndex: 0, round: 0, evidence });
  world.chain.tree.release(built.treeVersion);
  const header = encode(Header, { ...built.header, evidenceRoot: merkleRoot(evidence) });
  const body = encode(Body, { txs: [], evidence, prevCommit: world.tip.certificateBytes });
  const verdict = applyBlock(world.chain, world.tip, encode(Block, { header, body }));
  if (verdict.ok) world.chain.tree.release(verdict.value.treeVersion);
  return verdict.ok ? 'ok' : verdict.fault.code === 'invalid_block' ? verdict.fault.field : verdict.fault.code;
}

t.test('peer bug 35, CometBFT #4114: two votes or two proposals for one place make a valid block, each offender once', (t) => {
  const world = grown();
  const votes = bytesOf(duplicateVote(vote(world, {}), vote(world, { blockId: NIL })));
  const proposals = bytesOf(duplicateProposal(proposal(world, A), proposal(world, B)));
  t.match(offenceIn(world.chain, world.tip, votes), { key: '0|1|0|prevote', offender: 0, height: 1, round: 0 });
  t.match(offenceIn(world.chain, world.tip, proposals), { key: '0|1|0|proposal' });
  t.equal(verdictWith(world, [votes]), 'ok');
  t.equal(verdictWith(world, [proposals]), 'ok');
  t.equal(verdictWith(world, [votes, proposals]), 'evidence', 'one validator is punished once');
  t.equal(verdictWith(world, [votes, votes]), 'evidence', 'the same offence twice');
  const others = bytesOf(duplicateVote(vote(world, { blockId: B }), vote(world, { blockId: NIL })));
  t.equal(verdictWith(world, [votes, others]), 'evidence', 'the same offence by another pair');
  t.same(duplicateVote(vote(world, { blockId: NIL }), vote(world, {})), duplicateVote(vote(world, {}), vote(world, { blockId: NIL })), 'the order of arrival is no second offence');
  t.end();
});

t.test('what proves nothing makes the block invalid', (t) => {
  const world = grown();
  const { height } = world.tip;
  const pair = (a: SignedVote, b: SignedVote): Uint8Array => bytesOf(duplicateVote(a, b));
  const cases: Readonly<Record<string, Uint8Array>> = {
    'no evidence at all': Uint8Array.of(1),
    'the same vote twice': pair(vote(world, {}), vote(world, {})),
    'two rounds': pair(vote(world, {}), vote(world, { blockId: B, round: 1 })),
    'two types': pair(vote(world, {}), vote(world, { blockId: B, type: 'precommit' })),
    'two heights': pair(vote(world, {}), vote(world, { blockId: B, height: 2 })),
    'a signature of somebody else': pair(vote(world, {}), vote(world, { blockId: B }, KEYS.farmA)),
    'a validator that does not exist': pair({ ...vote(world, {}), validatorIndex: 1 }, { ...vote(world, { blockId: B }), validatorIndex: 1 }),
    'a height that is not final yet': pair(vote(world, { height: height + 1 }), vote(world, { height: height + 1, blockId: B })),
    'proposals of two rounds': bytesOf(duplicateProposal(proposal(world, A), proposal(world, B, 1))),
    'a proposal nobody signed': bytesOf(duplicateProposal(proposal(world, A), { ...proposal(world, B), signature: new Uint8Array(64) })),
  };
  for (const [what, evidence] of Object.entries(cases)) {
    t.equal(offenceIn(world.chain, world.tip, evidence), undefined, what);
    t.equal(verdictWith(world, [evidence]), 'evidence', what);
  }
  const { evidence } = duplicateVote(vote(world, {}), vote(world, { blockId: B }));
  if (evidence.case !== 'duplicateVote') throw new Error('it is one');
  const swapped = bytesOf({ evidence: { case: 'duplicateVote', value: { a: evidence.value.b, b: evidence.value.a } } });
  t.equal(verdictWith(world, [swapped]), 'evidence', 'the higher first');
  t.end();
});
