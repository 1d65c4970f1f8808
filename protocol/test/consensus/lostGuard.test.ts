/** A key whose guard was lost (consensus page §1.9; §4 item 21): which block ends the observation, and what is signed after it. */
import t from 'tap';
import { closedHardState, decode, emptyHardState, encode, endsObservation, HardState, isClosed, maySign, NIL, recordSigned, type Unsigned } from './core.ts';
import { GENESIS_HASH, makeFixture, START_MS } from './fixture.ts';

const PRECISION_MS = 250;
const fixture = makeFixture([1, 1, 1, 1]);
const KEY = fixture.keyOf(0);
const { id, header } = fixture.block('v');

t.test('the block must be more than two precisions and five seconds younger than the start, to the millisecond', (t) => {
  const clocks = { bootMs: START_MS, nowMs: START_MS + 60_000, precisionMs: PRECISION_MS };
  const firstMs = START_MS + 2 * PRECISION_MS + 5_000 + 1;
  t.equal(endsObservation(firstMs - 1, clocks), false);
  t.equal(endsObservation(firstMs, clocks), true);
  t.equal(endsObservation(firstMs + 10_000, clocks), true);
  t.end();
});

t.test('a block ahead of the own clock by more than the precision proves that this clock is wrong', (t) => {
  const clocks = { bootMs: 0, nowMs: START_MS, precisionMs: PRECISION_MS };
  t.equal(endsObservation(START_MS + PRECISION_MS, clocks), true);
  t.equal(endsObservation(START_MS + PRECISION_MS + 1, clocks), false, 'as at a boot in 1970');
  t.end();
});

const ALL: readonly Unsigned['kind'][] = ['proposal', 'prevote', 'precommit'];
const body = (kind: Unsigned['kind'], height: number, round: number, blockId = id): Unsigned =>
  kind === 'proposal' ? { kind, height, round, polRound: -1, blockId: id, header } : { kind, height, round, blockId };

t.test('nothing is signed at h* or below, in whatever round; everything from h* + 1 on', (t) => {
  const record = closedHardState(GENESIS_HASH, KEY, 7);
  t.equal(isClosed(record), true);
  t.match(decode(HardState, encode(HardState, record)), { ok: true, value: { height: 7, round: 0xffff_ffff, step: 4 } });
  for (const kind of ALL) {
    for (const height of [1, 6, 7]) for (const round of [0, 1, 0xffff_fffe, 0xffff_ffff]) t.same(maySign(record, body(kind, height, round)), { kind: 'refuse', why: 'behind' }, `${kind} ${height}/${round}`);
    t.same(maySign(record, body(kind, 8, 0)), { kind: 'sign' }, `${kind} 8/0`);
    t.same(maySign(record, body(kind, 9, 3)), { kind: 'sign' }, `${kind} 9/3`);
  }
  t.end();
});

t.test('the first record after it is an ordinary one', (t) => {
  const vote = body('prevote', 8, 0, NIL);
  const next = recordSigned(closedHardState(GENESIS_HASH, KEY, 7), { height: 8, round: 0, step: 2, lockedRound: -1, lockedId: undefined, validRound: -1, validId: undefined, validPolka: undefined, roundCert: undefined }, [{ body: vote, signature: new Uint8Array(64) }]);
  t.same([next.seq, next.height, isClosed(next)], [2, 8, false]);
  t.equal(maySign(next, vote).kind, 'resend');
  t.same(maySign(next, body('prevote', 8, 0)), { kind: 'refuse', why: 'conflict' });
  t.end();
});

t.test('a key that has never signed is not closed at any height', (t) => {
  const record = emptyHardState(GENESIS_HASH, KEY);
  t.equal(isClosed(record), false);
  for (const kind of ALL) t.same(maySign(record, body(kind, 1, 0)), { kind: 'sign' });
  t.end();
});
