/**
 * A small exhaustive explorer (consensus page §2.2): three correct cores and one Byzantine validator, rounds 0 and 1. In
 * each phase every way is tried in which the liar and the network can treat each node; states that are the same are
 * explored once. Whatever happens, nobody disagrees, and what was decided once stays.
 */
import t from 'tap';
import {
  NIL, blockIdOf, emptyHardState, initialState, maySign, recordSigned, signedInput, step, unsignedPreimage,
  type BlockIdHex, type ConsensusState, type Effect, type HardState, type Input, type SignAndSend, type SignedProposal, type SignedVote, type VoteType,
} from '../consensus/core.ts';
import { GENESIS_HASH, PARAMS, START_MS, fakeSignature, makeFixture, makeHeader } from '../consensus/fixture.ts';

const fixture = makeFixture([1, 1, 1, 1]);
const ROUNDS = 2;

interface Node {
  readonly state: ConsensusState;
  readonly guard: HardState;
}
/** Correct nodes by place, what they have sent, and what the liar made. */
interface World {
  readonly nodes: readonly Node[];
  readonly votes: readonly SignedVote[];
  readonly proposals: readonly SignedProposal[];
}

function explorer(liar: number) {
  const correct = [0, 1, 2, 3].filter((i) => i !== liar);
  let steps = 0;

  /** Gives an input to the node at `place` and does at once what it asks for; timers fire at the end of a phase only. */
  function give(world: World, place: number, input: Input): World {
    steps += 1;
    const node = world.nodes[place]!;
    const { state, effects } = step(node.state, input);
    let next: World = { ...world, nodes: world.nodes.map((one, i) => (i === place ? { ...one, state } : one)) };
    for (const effect of effects) next = perform(next, place, effect);
    return next;
  }

  function perform(world: World, place: number, effect: Effect): World {
    if (effect.kind === 'checkBlock' || effect.kind === 'fetchBlock') return give(world, place, { kind: 'blockVerdict', id: effect.id, valid: true });
    if (effect.kind === 'buildValue') {
      const header = makeHeader({ height: 1, round: effect.round, timeMs: START_MS, proposerIndex: correct[place]!, label: 'built' });
      return give(world, place, { kind: 'valueBuilt', height: 1, round: effect.round, block: { id: blockIdOf(GENESIS_HASH, header), header } });
    }
    if (effect.kind === 'halt') throw new Error(effect.reason);
    return effect.kind === 'signAndSend' ? sign(world, place, effect) : world;
  }

  function sign(world: World, place: number, effect: SignAndSend): World {
    const index = correct[place]!;
    const { guard } = world.nodes[place]!;
    const signed = effect.bodies.map((body) => {
      const decision = maySign(guard, body);
      if (decision.kind !== 'sign') throw new Error(`the guard does not sign what the core wants: ${decision.kind}`);
      return { body, signature: fakeSignature(fixture.keyOf(index), unsignedPreimage(GENESIS_HASH, body)) };
    });
    let next: World = { ...world, nodes: world.nodes.map((one, i) => (i === place ? { ...one, guard: recordSigned(guard, effect.hardState, signed) } : one)) };
    for (const { body, signature } of signed) {
      const input = signedInput(body, signature, index, START_MS);
      if (input.kind === 'voteMsg') next = { ...next, votes: [...next.votes, input.vote] };
      if (input.kind === 'proposalMsg') next = { ...next, proposals: [...next.proposals, input.proposal] };
      next = give(next, place, input);
    }
    return next;
  }

  function timer(world: World, kind: 'propose' | 'prevote' | 'precommit', round: number): World {
    return correct.reduce((next, _, place) => give(next, place, { kind: 'timerFired', timer: kind, height: 1, round }), world);
  }

  const lies = (round: number): readonly SignedProposal[] => ['a', 'b'].map((label) => fixture.proposal(round, fixture.block(`${label}${round}`, round)));

  /** Each correct node gets the proposal or not; from the liar one of two, or none. */
  function* propose(world: World, round: number): Generator<World> {
    const isLiars = fixture.p(round + 1) === liar;
    const offered = isLiars ? lies(round) : world.proposals.filter((one) => one.round === round);
    const made: World = isLiars ? { ...world, proposals: [...world.proposals, ...offered] } : world;
    for (const choice of choices(offered.length + 1)) {
      const shown = correct.reduce((next, _, place) => {
        const proposal = offered[choice[place]!];
        return proposal === undefined ? next : give(next, place, { kind: 'proposalMsg', proposal, receivedAtMs: START_MS });
      }, made);
      yield timer(shown, 'propose', round);
    }
  }

  /**
   * Each correct node hears all other correct ones or nobody in time, and the liar for this block or that. A liar that
   * prevotes nothing is as one that prevotes NIL, since the timers fire; one that precommits NIL as one that is silent.
   */
  function* vote(world: World, type: VoteType, round: number): Generator<World> {
    const ids = [...new Set(world.proposals.filter((one) => one.round === round).map((one) => one.blockId)), NIL];
    const told = (id: BlockIdHex | undefined): readonly SignedVote[] => (id === undefined || (id === NIL && type === 'precommit') ? [] : [fixture.vote(type, round, liar, id)]);
    const sent = world.votes.filter((one) => one.round === round && one.type === type);
    // Precommits of correct nodes all arrive, if late, and decide in any round: only the liar's are chosen.
    const hearing = type === 'prevote' ? 2 : 1;
    for (const choice of choices(hearing * ids.length)) {
      const heard = correct.reduce((next, _, place) => {
        const pick = choice[place]!;
        const votes = [...(pick % hearing === 0 ? sent : []), ...told(ids[(pick - (pick % hearing)) / hearing])];
        return votes.reduce((now, one) => give(now, place, { kind: 'voteMsg', vote: one }), next);
      }, world);
      yield timer(heard, type, round);
    }
  }

  /** What correct nodes have said arrives at all others before the next round, if late. */
  function late(world: World): World {
    return correct.reduce((next, _, place) => {
      const withProposals = next.proposals.reduce((now, proposal) => (now.nodes[place]!.state.rounds.some((held) => held.proposals.some((one) => one.proposal.blockId === proposal.blockId)) ? now : give(now, place, { kind: 'proposalMsg', proposal, receivedAtMs: START_MS })), next);
      return next.votes.reduce((now, one) => (isNews(now.nodes[place]!.state, one) ? give(now, place, { kind: 'voteMsg', vote: one }) : now), withProposals);
    }, world);
  }

  function decisions(world: World): ReadonlySet<BlockIdHex> {
    return new Set(world.nodes.map(({ state }) => state.decision).filter((id) => id !== NIL));
  }

  function explore(): { readonly worlds: number; readonly decided: number; readonly disagreements: number; readonly steps: number } {
    let front = [started()];
    let [worlds, decided, disagreements] = [0, 0, 0];
    for (let round = 0; round < ROUNDS; round++) {
      const phases: readonly ((world: World) => Iterable<World>)[] = [
        (world) => propose(world, round), (world) => vote(world, 'prevote', round),
        function* precommits(world) {
          for (const next of vote(world, 'precommit', round)) yield late(next);
        },
      ];
      for (const [phase, expand] of phases.entries()) {
        const found = new Map<string, World>();
        for (const world of front) for (const next of expand(world)) found.set(keyOf(next, liar, phase === phases.length - 1), next);
        front = [...found.values()];
        worlds += front.length;
        for (const world of front) {
          const ids = decisions(world);
          if (ids.size > 0) decided += 1;
          if (ids.size > 1) disagreements += 1;
        }
      }
    }
    return { worlds, decided, disagreements, steps };
  }

  function started(): World {
    const nodes = correct.map((i): Node => ({ state: initialState({ publicKey: fixture.keyOf(i) }), guard: emptyHardState(GENESIS_HASH, fixture.keyOf(i)) }));
    return correct.reduce<World>((world, _, place) => {
      const begun = give(world, place, { kind: 'startHeight', height: 1, validators: fixture.validators, since: 1, params: PARAMS, prevBlock: { id: NIL, timeMs: START_MS - 1 }, sign: true });
      return give(begun, place, { kind: 'workAvailable' });
    }, { nodes, votes: [], proposals: [] });
  }

  return { explore };
}

function isNews(state: ConsensusState, vote: SignedVote): boolean {
  return state.step !== 'decided' && state.rounds.find((held) => held.round === vote.round)?.[vote.type].votes[vote.validatorIndex] === undefined;
}

/** All lists of three numbers below n. */
function* choices(n: number): Generator<readonly number[]> {
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) for (let c = 0; c < n; c++) yield [a, b, c];
}

/**
 * Worlds with the same key go on in the same way: what correct nodes have said reaches everybody before the round is over,
 * so beside locks and valid values only what the liar has told each node matters, and that only while the round lasts.
 */
function keyOf(world: World, liar: number, isRoundOver: boolean): string {
  const nodes = world.nodes.map(({ state }) => [
    state.round, state.step, state.lockedRound, state.lockedId, state.validRound, state.validId, state.decision,
    isRoundOver ? '' : state.rounds.map(({ round, prevote, precommit, proposals }) => [round, prevote.votes[liar]?.blockId, precommit.votes[liar]?.blockId, round < state.round ? '' : proposals.map(({ proposal }) => proposal.blockId)]),
  ]);
  return JSON.stringify([nodes, isRoundOver ? '' : world.votes.filter((vote) => vote.round >= world.nodes[0]!.state.round - 1).map((vote) => [vote.validatorIndex, vote.round, vote.type, vote.blockId])]);
}

t.test(`three correct cores never disagree, whatever the first proposer and the network do in rounds 0 to ${ROUNDS - 1}`, async (t) => {
  const result = explorer(fixture.p(1)).explore();
  t.comment(`${result.worlds} worlds, ${result.decided} with a decision, ${result.steps} steps`);
  t.equal(result.disagreements, 0);
  t.ok(result.decided > 0 && result.worlds > 1_000, `${result.worlds} worlds`);
});
