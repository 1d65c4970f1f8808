/** Peer bug 16 (consensus page §4): the four of Mainsail, which JavaScript's truthiness made, exactly; and the lint rule against it. */
import { ESLint } from 'eslint';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { NIL, step } from '../consensus/core.ts';
import { brief, lockedAtZero, makeSolo } from '../consensus/solo.ts';

const prevotes = (effects: Parameters<typeof brief>[0], round: number): readonly string[] => brief(effects).filter((line) => line.startsWith(`prevote@${round}`));

t.test('peer bug 16a, Mainsail: a verdict that says false is no vote for the block', async (t) => {
  const solo = makeSolo(t);
  const value = solo.fixture.block('v');
  solo.propose(0, value);
  const verdict = { kind: 'blockVerdict', id: value.id, valid: false } as const;
  t.ok(verdict, 'the answer is an object, so it is truthy');
  t.same(prevotes(solo.give(verdict), 0), ['prevote@0 nil']);
});

t.test('peer bug 16b, Mainsail: a fresh proposal is held against the lock', async (t) => {
  const { solo } = lockedAtZero(t);
  const fresh = solo.fixture.block('w', 1);
  solo.propose(1, fresh);
  t.same(prevotes(solo.verdict(fresh.id), 1), ['prevote@1 nil'], 'valid, timely, and not what this node is locked on');
});

t.test('peer bug 16c, Mainsail: round 0 is a lock like any other', async (t) => {
  const { solo, value } = lockedAtZero(t);
  t.same([solo.state().lockedRound, solo.state().lockedId], [0, value.id]);
  t.notOk(solo.state().lockedRound, 'a number that is falsy, and a lock all the same');
  const fresh = solo.fixture.block('w', 1);
  solo.propose(1, fresh);
  t.same(prevotes(solo.verdict(fresh.id), 1), ['prevote@1 nil']);
  t.equal(solo.hardState().lockedRound, 0, 'also in the record that outlives the process');
});

t.test('peer bug 16d, Mainsail: the locked value proposed again gets the vote, whatever round its polka is of', async (t) => {
  const { solo, value } = lockedAtZero(t);
  const { p, proposal, certificate } = solo.fixture;
  const again = step(solo.state(), { kind: 'proposalMsg', receivedAtMs: 0, proposal: proposal(1, value, { polRound: 0, polka: solo.state().validPolka!, headerRound: 0 }) });
  t.same(prevotes(again.effects, 1), [`prevote@1 ${value.id.slice(0, 6)}`]);
  // Locked at round 2 on v, v comes with its polka of round 0: lockedRound ≤ polRound fails, lockedValue = v holds.
  const later = makeSolo(t);
  later.enter();
  for (const i of [1, 2]) later.vote('precommit', 2, p(i), NIL);
  later.propose(2, value, { polRound: 0, polka: certificate('prevote', 0, value.id, [p(1), p(2), p(3)]), headerRound: 0 });
  for (const i of [1, 2, 3]) later.vote('prevote', 2, p(i), value.id);
  later.sign(later.verdict(value.id));
  t.equal(later.state().lockedRound, 2);
  for (const i of [1, 2]) later.vote('precommit', 5, p(i), NIL);
  t.equal(later.state().round, 5);
  t.same(prevotes(later.propose(5, value, { polRound: 0, polka: certificate('prevote', 0, value.id, [p(1), p(2), p(3)]), headerRound: 0 }), 5), [`prevote@5 ${value.id.slice(0, 6)}`]);
});

t.test('peer bug 16, Mainsail: the lint rule refuses a truthiness test in the core', async (t) => {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  // Text for the place of a file of the core: the rules of that place, with types.
  const lint = new ESLint({ cwd: root });
  const filePath = fileURLToPath(new URL('../../src/consensus/timeouts.ts', import.meta.url));
  const sample = (test: string): string => `
    export function sample(lockedRound: number, verdict: { readonly valid: boolean } | undefined, id: string): boolean {
      if (${test}) return true;
      return lockedRound === 0 && verdict === undefined && id === '';
    }
  `;
  const findings = async (test: string): Promise<readonly (string | null)[]> => {
    const [result] = await lint.lintText(sample(test), { filePath });
    return result?.messages.filter(({ ruleId, fatal }) => fatal === true || ruleId === '@typescript-eslint/strict-boolean-expressions').map(({ ruleId }) => ruleId) ?? ['no result'];
  };
  for (const test of ['!lockedRound', 'lockedRound', 'verdict', '!id']) t.same(await findings(test), ['@typescript-eslint/strict-boolean-expressions'], test);
  for (const test of ['lockedRound === -1', 'verdict !== undefined && verdict.valid', "id === ''"]) t.same(await findings(test), [], test);
});
