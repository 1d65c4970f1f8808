/**
 * `npm run processes -- --minutes M --validators N [--rate R] [--behind BLOCKS] [--seed S]`: a long story of real processes. Payments flow all the time; what
 * goes wrong is drawn from the seed until the time is over (a node that was away has missed BLOCKS); then a key runs twice, and every payment is looked for. Ends with 1 where something did not hold.
 */
import { parseArgs } from 'node:util';
import { attack } from './processes/hostile.ts';
import { catchUp, killInLoop, partition, restartAll, skewClock, standStill } from './processes/faults.ts';
import { judge } from './processes/judge.ts';
import { accuse, join, leave, runTwice, stake } from './processes/stake.ts';
import type { TestProcess } from '../support/testProcess.ts';
import { awake, closeStory, openStory, pickOne, voting, type Story } from './processes/story.ts';

/** Beyond silentMs (15 s) connections end, below it they wait. */
const PARTITION_MAX_MS = 25_000;
/** Below it proposals are still timely (precisionMs), so a clock is wrong by more. */
const SKEW_MIN_MS = 2_500;
const SKEW_MAX_MS = 30_000;
const ATTACK_MS = 15_000;
const ATTACK_PAUSE_MS = 300_000;

/** Ends a validator for many blocks. */
async function missMuch(story: Story, blocks: number): Promise<void> {
  const victim = pickOne(story, await voting(story));
  await victim.end('SIGKILL');
  await catchUp(story, victim, blocks);
}

/** Acts that leave everything as it was, and how often each is drawn. */
const ACTS: readonly (readonly [weight: number, act: (story: Story, behind: number) => Promise<void>])[] = [
  [6, (story) => killInLoop(story, 3)],
  [3, (story) => standStill(story, 3)],
  [3, (story) => partition(story, 2_000 + story.random() * PARTITION_MAX_MS)],
  [2, (story) => skewClock(story, (story.random() < 0.5 ? -1 : 1) * (SKEW_MIN_MS + story.random() * SKEW_MAX_MS))],
  [2, (story) => restartAll(story)],
  [1, missMuch],
];

/** Hostile peers against a node that has none of them banned: bans last longer each time, until it is started again. */
async function attackOne(story: Story): Promise<void> {
  const banned = await Promise.all(awake(story).map((node) => node.metric('billcoin_network_banned_peers')));
  const free = awake(story).filter((_, i) => banned[i] === 0);
  if (free.length > 0) await attack(story, pickOne(story, free), ATTACK_MS);
}

async function act(story: Story, behind: number): Promise<void> {
  const bag = ACTS.flatMap(([weight, one]) => Array.from({ length: weight }, () => one));
  await pickOne(story, bag)(story, behind);
}

/** What grows if something is not given back. */
const VITALS = { billcoin_process_resident_memory_bytes: 'resident MiB', billcoin_nodejs_heap_size_used_bytes: 'heap MiB', billcoin_process_open_fds: 'files', billcoin_network_streams: 'streams', billcoin_state_rows: 'rows', billcoin_mempool_transactions: 'pool' } as const;

async function sayVitals(story: Story): Promise<void> {
  for (const node of awake(story)) {
    const values = await Promise.all(Object.entries(VITALS).map(async ([name, what]) => `${Math.round(await node.metric(name) / (name.endsWith('_bytes') ? 2 ** 20 : 1))} ${what}`));
    story.say(`  node ${node.index}: ${values.join(', ')}`);
  }
}

async function tell(story: Story, endMs: number, behind: number): Promise<void> {
  const joiner = story.network.nodes[story.validators]!;
  const [accused, offender] = story.network.nodes.slice(story.validators - 2, story.validators) as [TestProcess, TestProcess];
  const { stakeMinMl } = story.network.genesis.spec.params;
  await killInLoop(story, 1);
  await catchUp(story, joiner, behind, '--i-am-the-only-one');
  for (const node of [accused, offender]) await stake(story, node, stakeMinMl);
  await join(story, joiner);
  let attackFromMs = performance.now();
  for (let acts = 0; performance.now() < endMs; acts++) {
    if (performance.now() > attackFromMs) {
      await attackOne(story);
      attackFromMs = performance.now() + ATTACK_PAUSE_MS;
    } else await act(story, behind);
    if (acts % 5 === 0) await sayVitals(story);
  }
  await runTwice(story, offender, story.guests[0]!);
  await leave(story, joiner);
  await accuse(story, accused);
  await judge(story);
  await sayVitals(story);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: {
    minutes: { type: 'string', default: '10' }, validators: { type: 'string', default: '4' }, rate: { type: 'string', default: '50' }, behind: { type: 'string', default: '1000' }, seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  } });
  const startMs = performance.now();
  const say = (line: string): void => console.log(`${((performance.now() - startMs) / 60_000).toFixed(1).padStart(6)} min  ${line}`);
  say(`${values.validators} validators, ${values.rate} payments a second, ${values.minutes} minutes, seed ${values.seed}`);
  const story = await openStory({ validators: Number(values.validators), perS: Number(values.rate), seed: Number(values.seed), say });
  try {
    await tell(story, startMs + Number(values.minutes) * 60_000, Number(values.behind));
    say('everything held');
  } catch (error) {
    console.error(error);
    for (const node of story.network.nodes) console.error(`--- node ${node.index}\n${node.output.slice(-30).join('\n')}`);
    process.exitCode = 1;
  } finally {
    await closeStory(story);
  }
}

await main();
