/** The sign rule as a table (consensus page §1.9, §4 items 16, 21), and the guard record. */
import t from 'tap';
import { decode, emptyHardState, encode, HardState, maySign, NIL, recordSigned, wireBlockId, type HardStateContent, type Unsigned } from './core.ts';
import { GENESIS_HASH, makeFixture } from './fixture.ts';

const [A, B] = ['aa'.repeat(32), 'bb'.repeat(32)];
const { keyOf, block, certificate } = makeFixture([1, 1, 1, 1]);
const fresh = emptyHardState(GENESIS_HASH, keyOf(0));
const signature = new Uint8Array(64).fill(7);

const at = (height: number, round: number, step: number, lock?: { readonly round: number; readonly id: string }): HardStateContent => ({
  height, round, step, lockedRound: lock?.round ?? -1, lockedId: lock === undefined ? undefined : wireBlockId(lock.id)!, validRound: lock?.round ?? -1, validId: lock === undefined ? undefined : wireBlockId(lock.id)!,
});
const prevote = (height: number, round: number, blockId: string, polka?: ReturnType<typeof certificate>): Unsigned => ({ kind: 'prevote', height, round, blockId, polka });
const precommit = (height: number, round: number, blockId: string): Unsigned => ({ kind: 'precommit', height, round, blockId });
const proposal = (height: number, round: number, label: string): Unsigned => ({ kind: 'proposal', height, round, polRound: -1, blockId: block(label).id, header: block(label).header });
const answer = (record: HardState, body: Unsigned): string => {
  const decision = maySign(record, body);
  return decision.kind === 'refuse' ? decision.why : decision.kind;
};

t.test('after a prevote at (5, 2): what may be signed', async (t) => {
  const record = recordSigned(fresh, at(5, 2, 2), [{ body: prevote(5, 2, A), signature }]);
  const table: readonly [Unsigned, string][] = [
    [prevote(5, 2, A), 'resend'],
    [prevote(5, 2, B), 'conflict'],
    [prevote(5, 2, NIL), 'conflict'],
    [proposal(5, 2, 'v'), 'behind'],
    [precommit(5, 2, A), 'sign'],
    [precommit(5, 2, NIL), 'sign'],
    [precommit(5, 1, NIL), 'behind'],
    [prevote(5, 1, A), 'behind'],
    [prevote(5, 0, NIL), 'behind'],
    [precommit(4, 9, NIL), 'behind'],
    [proposal(4, 9, 'v'), 'behind'],
    [proposal(5, 3, 'v'), 'sign'],
    [prevote(5, 3, B), 'sign'],
    [prevote(6, 0, B), 'sign'],
    [proposal(6, 0, 'v'), 'sign'],
  ];
  for (const [body, expected] of table) t.equal(answer(record, body), expected, `${body.kind} (${body.height}, ${body.round})`);
  t.same(maySign(record, prevote(5, 2, A)), { kind: 'resend', signature }, 'with the stored signature');
});

t.test('after a proposal or a precommit: the slots of the same round', async (t) => {
  const proposed = recordSigned(fresh, at(5, 0, 1), [{ body: proposal(5, 0, 'v'), signature }]);
  t.same([proposal(5, 0, 'v'), proposal(5, 0, 'w'), prevote(5, 0, A), precommit(5, 0, NIL)].map((body) => answer(proposed, body)), ['resend', 'conflict', 'sign', 'sign']);
  const committed = recordSigned(proposed, at(5, 0, 3), [{ body: precommit(5, 0, NIL), signature }]);
  t.same([proposal(5, 0, 'v'), prevote(5, 0, A), precommit(5, 0, NIL), precommit(5, 0, A)].map((body) => answer(committed, body)), ['resend', 'behind', 'resend', 'conflict'], 'a missed prevote is not made up for');
});

t.test('a key that has signed nothing may sign anything, at round 0 too', async (t) => {
  t.same([proposal(1, 0, 'v'), prevote(1, 0, NIL), precommit(1, 0, NIL)].map((body) => answer(fresh, body)), ['sign', 'sign', 'sign']);
});

t.test('the lock rule: a lock of round 0 is a lock', async (t) => {
  for (const lockRound of [0, 2]) {
    const record = recordSigned(fresh, at(5, lockRound, 3, { round: lockRound, id: A }), [{ body: precommit(5, lockRound, A), signature }]);
    const polka = (round: number, id = B, type: 'prevote' | 'precommit' = 'prevote') => ({ ...certificate(type, round, id, [0, 1, 2]), height: 5 });
    const next = lockRound + 2;
    t.equal(answer(record, prevote(5, next, A)), 'sign', 'the locked block');
    t.equal(answer(record, prevote(5, next, NIL)), 'sign', 'NIL');
    t.equal(answer(record, prevote(5, next, B)), 'locked', 'another block');
    t.equal(answer(record, prevote(5, next, B, polka(lockRound))), 'sign', 'with a polka of the lock’s round');
    t.equal(answer(record, prevote(5, next, B, polka(lockRound + 1))), 'sign', 'or a later one');
    t.equal(answer(record, prevote(5, next, B, polka(next))), 'locked', 'not of the round itself');
    if (lockRound > 0) t.equal(answer(record, prevote(5, next, B, polka(lockRound - 1))), 'locked', 'not of an earlier one');
    t.equal(answer(record, prevote(5, next, B, polka(lockRound, A))), 'locked', 'not for another block');
    t.equal(answer(record, prevote(5, next, B, polka(lockRound, B, 'precommit'))), 'locked', 'not a commit');
    t.equal(answer(record, prevote(5, next, B, { ...polka(lockRound), height: 4 })), 'locked', 'not of another height');
    t.equal(answer(record, prevote(6, 0, B)), 'sign', 'the next height is free');
  }
});

t.test('the record counts up, keeps the slots of its round and forgets those of the last', async (t) => {
  const one = recordSigned(fresh, at(5, 2, 2), [{ body: proposal(5, 2, 'v'), signature }, { body: prevote(5, 2, block('v').id), signature }]);
  const two = recordSigned(one, at(5, 2, 3, { round: 2, id: block('v').id }), [{ body: precommit(5, 2, block('v').id), signature }]);
  t.same([fresh.seq, one.seq, two.seq], [1, 2, 3]);
  t.same([two.lastProposal, two.lastPrevote], [one.lastProposal, one.lastPrevote]);
  t.same([two.lockedRound, two.step], [2, 3]);
  const read = decode(HardState, encode(HardState, two));
  t.ok(read.ok);
  if (read.ok) t.same(encode(HardState, read.value), encode(HardState, two), 'it survives the disk');
  const three = recordSigned(two, at(5, 3, 2, { round: 2, id: block('v').id }), [{ body: prevote(5, 3, NIL), signature }]);
  t.same([three.lastProposal, three.lastPrecommit], [undefined, undefined]);
  t.ok(decode(HardState, encode(HardState, fresh)).ok, 'the first record too');
});

t.test('the record never goes back', async (t) => {
  const record = recordSigned(fresh, at(5, 2, 3, { round: 2, id: A }), [{ body: precommit(5, 2, A), signature }]);
  const bug = { name: 'AssertionError' };
  t.throws(() => recordSigned(record, at(5, 1, 2), []), bug, 'to an earlier round');
  t.throws(() => recordSigned(record, at(4, 9, 2), []), bug, 'to an earlier height');
  t.throws(() => recordSigned(record, at(5, 3, 2), [{ body: prevote(5, 3, NIL), signature }]), bug, 'behind its lock');
  t.throws(() => recordSigned(record, at(6, 0, 3), [{ body: precommit(6, 0, B), signature }]), bug, 'to a precommit without its lock');
  t.throws(() => recordSigned(record, at(6, 1, 2), [{ body: prevote(6, 0, NIL), signature }]), bug, 'to a body of another round');
});
