/** How the clocks of others are told from their proposals, and when an operator hears of it. */
import t from 'tap';
import { DEFAULT_PARAMS, NIL, ed25519PublicKey, formatAddress, addressOf, initialState, makeValidatorSet, proposerAt, sha256, step, toHex, utf8, type ConsensusState, type Input } from '@billcoin/protocol';
import { ClockOffsets } from '../../src/driver/clockOffsets.ts';
import type { Log } from '../../src/ports.ts';

const PREV_MS = 1_000_000;
const SET = makeValidatorSet(Array.from({ length: 4 }, (_, i) => ({ publicKey: ed25519PublicKey(sha256(utf8(`clock ${i}`))), power: 1 })));
const OWN = 0;

function stateOf(validators = SET): ConsensusState {
  const start = initialState({ publicKey: validators.validators[OWN]!.publicKey });
  return step(start, { kind: 'startHeight', height: 1, validators, since: 1, params: DEFAULT_PARAMS, prevBlock: { id: NIL, timeMs: PREV_MS }, sign: true, resume: undefined }).state;
}

function makeWorld() {
  let nowMs = 0;
  const lines: { readonly text: string; readonly off: readonly { readonly validator: string; readonly offsetMs: number }[] }[] = [];
  const log: Log = { debug: () => undefined, info: () => undefined, error: () => undefined, child: () => log, warn: (fields, text) => void lines.push({ text, off: (fields as { off: never }).off }) };
  const clocks = new ClockOffsets({ clock: { nowMs: () => nowMs, monotonicMs: () => nowMs }, log });
  const state = stateOf();
  /** A proposal of that validator, whose clock is ahead by so much; it came after `wayMs`. */
  const hear = (validator: number, aheadMs: number, wayMs: number, over: object = {}): void => {
    const round = [0, 1, 2, 3].find((one) => proposerAt(state.schedule, 1, one) === validator)!;
    const proposal = { height: 1, round, polRound: -1, blockId: toHex(sha256(utf8('block'))), signature: new Uint8Array(64), header: new Uint8Array(0), headerRound: round, headerTimeMs: PREV_MS + 5_000 + aheadMs, polka: undefined, ...over };
    clocks.hear(state, { kind: 'proposalMsg', proposal, receivedAtMs: PREV_MS + 5_000 + wayMs } as Input, PREV_MS);
  };
  const hearAll = (validator: number, aheadMs: number, wayMs: number): void => {
    for (let i = 0; i < 4; i++) hear(validator, aheadMs, wayMs);
  };
  return { clocks, hear, hearAll, lines, wait: (ms: number) => { nowMs += ms; } };
}

void t.test('of the newest proposals the one that came fastest says most', async (test) => {
  const { clocks, hear, hearAll, lines } = makeWorld();
  hear(1, 0, 5_000);
  hear(1, 0, 20);
  hear(1, 0, 90);
  test.equal(clocks.worstMs, 0, 'too little is known');
  hear(1, 0, 60);
  test.equal(clocks.worstMs, 20);
  hearAll(2, 40, 10);
  test.equal(clocks.worstMs, 30);
  hear(2, 0, 5_000);
  test.equal(clocks.worstMs, 30, 'one that was told late by somebody');
  test.same(lines, []);
});

void t.test('one clock that is off is named, at most once a minute', async (test) => {
  const { clocks, hearAll, lines, wait } = makeWorld();
  hearAll(1, 0, 10);
  hearAll(3, 0, 10);
  hearAll(2, 3_000, 10);
  hearAll(2, 3_000, 10);
  test.equal(clocks.worstMs, 2_990);
  test.same(lines, [{ text: 'The clock of a validator differs from this one, or its proposals take that long', off: [{ validator: formatAddress(addressOf(SET.validators[2]!.publicKey)), offsetMs: 2_990 }] }]);
  hearAll(2, 0, 10);
  wait(60_000);
  hearAll(2, 0, 10);
  test.equal(clocks.worstMs, 10, 'it was set right');
  test.equal(lines.length, 1);
});

void t.test('a clock that differs from most others is the own one', async (test) => {
  const { hearAll, lines, wait } = makeWorld();
  hearAll(1, -2_000, 10);
  test.match(lines, [{ text: /of a validator/ }], 'one alone may be wrong itself');
  wait(60_000);
  hearAll(3, 0, 10);
  test.equal(lines.length, 2, 'one of two');
  wait(60_000);
  hearAll(2, -2_000, 10);
  test.match(lines.at(-1), { text: /of a validator/, off: { length: 1 } }, 'two, but little is known of one yet');
  wait(60_000);
  hearAll(1, -2_000, 10);
  test.match(lines.at(-1), { text: /of this node/, off: { length: 2 } }, 'two of three');
});

void t.test('what shows no clock is not heard', async (test) => {
  const { clocks, hear, hearAll } = makeWorld();
  for (let i = 0; i < 4; i++) {
    hear(1, 3_000, 0, { polRound: 0 });
    hear(1, 3_000, 0, { headerRound: 7 });
    hear(1, 0, 3_000, { headerTimeMs: PREV_MS + 1 });
  }
  hearAll(OWN, 3_000, 0);
  test.equal(clocks.worstMs, 0);
});

void t.test('who votes no more is forgotten', async (test) => {
  const { clocks, hearAll } = makeWorld();
  hearAll(3, 3_000, 0);
  test.equal(clocks.worstMs, 3_000);
  const others = stateOf(makeValidatorSet(SET.validators.slice(0, 3)));
  const round = [0, 1, 2].find((one) => proposerAt(others.schedule, 1, one) === 1)!;
  clocks.hear(others, { kind: 'proposalMsg', receivedAtMs: PREV_MS + 50, proposal: { height: 1, round, polRound: -1, headerRound: round, headerTimeMs: PREV_MS + 10 } } as Input, PREV_MS);
  test.equal(clocks.worstMs, 0);
});
