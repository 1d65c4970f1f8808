/** One core, fed by hand: the test plays everybody else. Each step is checked to be pure. */
import {
  emptyHardState, initialState, makeSchedule, maySign, NIL, proposerAt, recordSigned, signedInput, step, unsignedPreimage,
  type ConsensusState, type Effect, type HardState, type Input, type SignAndSend, type StartHeight, type TimerKind, type VoteType,
} from './core.ts';
import { fakeSignature, GENESIS_HASH, makeFixture, PARAMS, START_MS, type Fixture } from './fixture.ts';

/** Freezes everything but bytes, whose elements cannot be frozen. */
function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
}

export interface SoloOptions {
  readonly powers?: readonly number[];
  /** Which proposer of the traces this node is: 1 proposes in round 0, … ; default 4. */
  readonly me?: number;
  readonly watch?: boolean;
  readonly start?: Partial<StartHeight>;
}

export function makeSolo(t: { same(a: unknown, b: unknown, message: string): unknown }, options: SoloOptions = {}) {
  const fixture: Fixture = makeFixture(options.powers ?? [1, 1, 1, 1]);
  const me = fixture.p(options.me ?? 4);
  const publicKey = options.watch === true ? undefined : fixture.keyOf(me);
  let state: ConsensusState = initialState({ publicKey });
  let hardState: HardState = emptyHardState(GENESIS_HASH, fixture.keyOf(me));

  /** Gives one input: twice, to a frozen state and to a copy, which must come to the same. */
  function give(input: Input): readonly Effect[] {
    deepFreeze(state);
    deepFreeze(input);
    const again = step(structuredClone(state), structuredClone(input));
    const done = step(state, input);
    t.same(done, again, `${input.kind}: the same input gives the same state and effects`);
    state = done.state;
    return done.effects;
  }
  /** Signs what the effects want signed and gives it back, as the driver does; the effects of that. */
  function sign(effects: readonly Effect[]): readonly Effect[] {
    return effects.filter((effect): effect is SignAndSend => effect.kind === 'signAndSend').flatMap((effect) => {
      const signed = effect.bodies.map((body) => {
        const decision = maySign(hardState, body);
        if (decision.kind === 'refuse') throw new Error(`the guard refuses: ${decision.why}`);
        return { body, signature: decision.kind === 'resend' ? decision.signature : fakeSignature(fixture.keyOf(me), unsignedPreimage(GENESIS_HASH, body)) };
      });
      hardState = recordSigned(hardState, effect.hardState, signed);
      return signed.flatMap(({ body, signature }) => give(signedInput(body, signature, me, START_MS)));
    });
  }
  const startHeight = (height: number, more: Partial<StartHeight> = {}): readonly Effect[] =>
    give({ kind: 'startHeight', height, validators: fixture.validators, since: 1, params: PARAMS, prevBlock: { id: '00'.repeat(32), timeMs: START_MS - 1 }, sign: true, ...more });
  startHeight(fixture.height, options.start);

  return {
    fixture, me, give, sign, startHeight,
    state: () => state,
    hardState: () => hardState,
    work: () => give({ kind: 'workAvailable' }),
    vote: (type: VoteType, round: number, from: number, blockId: string, height?: number) => give({ kind: 'voteMsg', vote: fixture.vote(type, round, from, blockId, height) }),
    propose: (...args: Parameters<Fixture['proposal']>) => give({ kind: 'proposalMsg', proposal: fixture.proposal(...args), receivedAtMs: START_MS }),
    verdict: (id: string, valid = true) => give({ kind: 'blockVerdict', id, valid }),
    timer: (timer: TimerKind, round: number, height = fixture.height) => give({ kind: 'timerFired', timer, height, round }),
    /** Enters round 0 as a node that does not propose. */
    enter() {
      return give({ kind: 'timerFired', timer: 'idle', height: state.height, round: 0 });
    },
    proposerAt: (height: number, round: number) => proposerAt(makeSchedule(fixture.validators, 1), height, round),
  };
}

/** A node that has locked v at round 0, in round 0: three others prevoted it before its own verdict. */
export function lockedSolo(t: Parameters<typeof makeSolo>[0]) {
  const solo = makeSolo(t);
  const { p, block } = solo.fixture;
  const value = block('v');
  solo.propose(0, value);
  for (const i of [1, 2, 3]) solo.vote('prevote', 0, p(i), value.id);
  solo.sign(solo.verdict(value.id));
  return { solo, value };
}

/** The same in round 1, with nothing proposed there yet. */
export function lockedAtZero(t: Parameters<typeof makeSolo>[0]) {
  const { solo, value } = lockedSolo(t);
  for (const i of [1, 2]) solo.vote('precommit', 0, solo.fixture.p(i), NIL);
  solo.sign(solo.timer('precommit', 0));
  return { solo, value };
}

/** Effects in short: "prevote@0 nil", "startTimer propose@0 400", "decide". */
export function brief(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect): readonly string[] => {
    switch (effect.kind) {
      case 'signAndSend': return effect.bodies.map((body) => `${body.kind}@${body.round} ${body.blockId.slice(0, 6)}`);
      case 'startTimer': return [`${effect.timer}Timer@${effect.timer === 'pace' || effect.timer === 'idle' ? `h${effect.height}` : effect.round} ${effect.ms}`];
      case 'cancelTimers': return [`cancel<${effect.belowRound}`];
      case 'send': return [`send ${effect.message.kind}`];
      default: return [effect.kind];
    }
  });
}
