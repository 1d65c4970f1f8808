/** Random histories of stake agree with the independent naive model after every block, in every share, pool and set (SPEC §17). */
import t from 'tap';
import fc from 'fast-check';
import { anyRound, StakeHistory, type Seen } from './stakeHistory.ts';

const SEED = 20_261_121;
const RUNS = 15;
const ROUNDS = 90;

t.test('random histories of stake agree with the naive model', (t) => {
  const seen: Seen = new Map();
  fc.assert(fc.property(fc.array(anyRound, { maxLength: ROUNDS, size: 'max' }), (rounds) => {
    new StakeHistory(seen).play(rounds);
  }), { seed: SEED, numRuns: RUNS });
  for (const kind of ['stake', 'unstake', 'delegate', 'undelegate', 'editValidator', 'rejoin']) t.ok((seen.get(`${kind} done`) ?? 0) > 0, `${kind} was done`);
  for (const kind of ['stake', 'unstake', 'delegate', 'undelegate', 'rejoin']) t.ok((seen.get(`${kind} fault`) ?? 0) > 0, `${kind} ended with a fault`);
  for (const what of ['slash', 'set change', 'absent', 'unbonding']) t.ok((seen.get(what) ?? 0) > 0, `${what}: ${seen.get(what) ?? 0} times`);
  t.end();
});
