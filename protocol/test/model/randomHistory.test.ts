/** Random histories of every kind through the ledger agree with the independent naive model, transaction by transaction and in every sum. */
import t from 'tap';
import fc from 'fast-check';
import { KINDS } from '../../src/index.ts';
import { anyHistory } from './actions.ts';
import { History, type Seen } from './history.ts';

/** A smoke run; `npm run fuzz` draws new seeds for as long as it is told. */
const SEED = 20_261_121;
const RUNS = 30;
const LENGTH = 200;
/** Played by several validators in stakeHistory.test.ts. */
const STAKE_KINDS = ['stake', 'unstake', 'delegate', 'undelegate', 'editValidator', 'rejoin'];

t.test('random histories agree with the naive model', (t) => {
  const seen: Seen = new Map();
  fc.assert(fc.property(anyHistory(LENGTH), (actions) => {
    const history = new History(seen);
    history.openCampus();
    history.play(actions);
    history.replayOnFreshNode();
  }), { seed: SEED, numRuns: RUNS });
  const played = Object.keys(KINDS).filter((kind) => !STAKE_KINDS.includes(kind));
  for (const kind of played) t.ok((seen.get(`${kind} done`) ?? 0) > 0, `${kind} was done`);
  for (const kind of ['transfer', 'refund', 'redeem', 'bondWithdraw', 'bondDeposit']) t.ok((seen.get(`${kind} fault`) ?? 0) > 0, `${kind} ended with a fault`);
  t.end();
});
