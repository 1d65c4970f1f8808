/**
 * `npm run fuzz -- --minutes M [--seed S]`: the long form of the random tests. A million damaged inputs to every decoder,
 * then random histories against the naive model for the rest of the time. A finding is printed with the seed that
 * finds it again, and the exit code is 1.
 */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { anyHistory, type Action } from '../model/actions.ts';
import { History, type Seen } from '../model/history.ts';
import { anyRound, StakeHistory } from '../model/stakeHistory.ts';
import { fuzzDecoders } from './fuzzDecoders.ts';

const INPUTS = 1_000_000;
/** Long enough for coupons, refunds and expiries to meet, short enough to shrink in a minute. */
const ACTIONS_PER_HISTORY = 400;
const HISTORIES_PER_SEED = 200;
/** Of stake: months each, with epochs, evidence and absences. */
const ROUNDS_PER_STAKE_HISTORY = 200;
const STAKE_HISTORIES_PER_SEED = 25;
const MINUTE_MS = 60_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function runDecoders(seed: number): void {
  const started = performance.now();
  const counts = fuzzDecoders(seed, () => performance.now(), (inputs) => inputs >= INPUTS);
  let inputs = 0;
  let accepted = 0;
  for (const [name, count] of counts) {
    inputs += count.inputs;
    accepted += count.accepted;
    say(`  ${name}: ${count.inputs} inputs, ${count.accepted} accepted, ${Math.round((count.inputs / Math.max(1, count.ms)) * 1_000)}/s`);
  }
  const seconds = (performance.now() - started) / 1_000;
  say(`decoders: seed ${seed}, ${inputs} inputs, ${accepted} accepted and written back alike, none threw; ${Math.round(inputs / seconds)} inputs/s`);
}

/** One seed's histories, or as many as fit before `endMs`. */
function runHistories(seed: number, endMs: number): { readonly histories: number; readonly actions: number; readonly blocks: number } {
  const seen: Seen = new Map();
  let actions = 0;
  let blocks = 0;
  const result = fc.check(fc.property(anyHistory(ACTIONS_PER_HISTORY), (drawn) => {
    const history = new History(seen);
    history.openCampus();
    history.play(drawn);
    history.replayOnFreshNode();
    actions += drawn.length;
    blocks += history.blocks.length;
  }), { seed, numRuns: HISTORIES_PER_SEED, interruptAfterTimeLimit: Math.max(1, endMs - performance.now()) });
  if (result.counterexample !== null) {
    const [history] = result.counterexample as [Action[]];
    say(`histories: seed ${seed}, path ${result.counterexamplePath ?? ''} fails:\n${history.map((action) => `  ${JSON.stringify(action)},`).join('\n')}`);
    throw result.errorInstance;
  }
  return { histories: result.numRuns, actions, blocks };
}

/** One seed's histories of stake, or as many as fit before `endMs`. */
function runStakeHistories(seed: number, endMs: number): number {
  const rounds = fc.array(anyRound, { maxLength: ROUNDS_PER_STAKE_HISTORY, size: 'max' });
  const property = fc.property(rounds, (drawn) => new StakeHistory(new Map()).play(drawn));
  const result = fc.check(property, { seed, numRuns: STAKE_HISTORIES_PER_SEED, interruptAfterTimeLimit: Math.max(1, endMs - performance.now()) });
  if (result.counterexample !== null) {
    say(`stake: seed ${seed}, path ${result.counterexamplePath ?? ''} fails:\n${JSON.stringify(result.counterexample)}`);
    throw result.errorInstance;
  }
  return result.numRuns;
}

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now() % 2 ** 31) } } });
const minutes = Number(values.minutes);
const firstSeed = Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(firstSeed)) throw new RangeError('--minutes is a number above 0, --seed an integer');

const endMs = performance.now() + minutes * MINUTE_MS;
runDecoders(firstSeed);
const total = { histories: 0, actions: 0, blocks: 0, stake: 0 };
const started = performance.now();
for (let seed = firstSeed; performance.now() < endMs; seed++) {
  total.stake += runStakeHistories(seed, endMs);
  const { histories, actions, blocks } = runHistories(seed, endMs);
  total.histories += histories;
  total.actions += actions;
  total.blocks += blocks;
  const seconds = (performance.now() - started) / 1_000;
  say(`histories: up to seed ${seed}, ${total.histories} histories of ${total.actions} actions in ${total.blocks} blocks and ${total.stake} of stake agree with their models; ${Math.round(total.actions / seconds)} actions/s`);
}
