/**
 * Real validator processes over libp2p on loopback, under payments all the time: one story in which everything happens that an
 * operator fears. `npm run processes` tells longer ones.
 */
import t from 'tap';
import { attack } from './processes/hostile.ts';
import { catchUp, killInLoop, partition, restartAll, skewClock, standStill } from './processes/faults.ts';
import { judge } from './processes/judge.ts';
import { accuse, join, leave, runTwice, stake } from './processes/stake.ts';
import { advance, awake, closeStory, openStory, type Story } from './processes/story.ts';

const VALIDATORS = 4;
const PER_S = 50;
/** A story of its own for each run; what it drew stands in the output. */
const seed = Number(process.env['BILLCOIN_SEED'] ?? Date.now() % 1_000_000);

void t.test(`four validators under ${PER_S} payments a second, seed ${seed}`, { timeout: 540_000 }, async (test) => {
  const story = await openStory({ validators: VALIDATORS, perS: PER_S, seed, say: (line) => test.comment(line) });
  test.teardown(() => closeStory(story));
  const { nodes } = story.network;
  const [first, , third, fourth] = nodes;
  const joiner = nodes[VALIDATORS];
  if (first === undefined || third === undefined || fourth === undefined || joiner === undefined) throw new Error('there are five');
  const acts: readonly (readonly [string, (story: Story) => Promise<void>])[] = [
    ['a full mesh of three streams a peer', async () => {
      await advance(awake(story), 3);
      test.same(await Promise.all(awake(story).map((node) => node.metric('billcoin_network_peers'))), [3, 3, 3, 3], 'peers');
      test.same(await Promise.all(awake(story).map((node) => node.metric('billcoin_network_streams'))), [9, 9, 9, 9], 'streams');
    }],
    ['one is killed, again and again', () => killInLoop(story, 2)],
    ['a proposer stands still', () => standStill(story, 2)],
    ['two halves do not hear each other', () => partition(story, 3_000)],
    ['a clock is wrong', () => skewClock(story, 3_000)],
    ['all are killed at once', () => restartAll(story)],
    ['hostile peers', () => attack(story, first, 4_000)],
    ['a node is far behind', () => catchUp(story, joiner, 300, '--i-am-the-only-one')],
    ['an institution joins', async () => {
      for (const node of [third, fourth]) await stake(story, node, story.network.genesis.spec.params.stakeMinMl);
      await join(story, joiner);
    }],
    ['a key runs twice', () => runTwice(story, fourth, story.guests[0]!)],
    ['an institution leaves', () => leave(story, joiner)],
    ['a double vote is reported', () => accuse(story, third)],
    ['every payment is final once, everywhere', () => judge(story)],
    ['a node with peers stops in order', async () => {
      test.equal(await first.end('SIGTERM'), 0, 'exit code');
    }],
  ];
  for (const [name, act] of acts) {
    const startMs = performance.now();
    await act(story);
    test.pass(`${name} (${((performance.now() - startMs) / 1_000).toFixed(1)} s)`);
  }
});
