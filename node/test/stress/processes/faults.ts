/** Acts about machines, cables and clocks. */
import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestProcess } from '../../support/testProcess.ts';
import { WAIT_MS, addressText, advance, awake, highest, percentile, pickOne, secondsSince, voting, type Story } from './story.ts';

/** Blocks by which the others show that they go on. */
const GO_ON_BLOCKS = 5;

function others(story: Story, victim: TestProcess): readonly TestProcess[] {
  return awake(story).filter((node) => node !== victim);
}

/** kill -9 of one at random, again and again: the others go on, and it comes back to the same blocks. */
export async function killInLoop(story: Story, rounds: number): Promise<void> {
  const startMs = performance.now();
  for (let round = 0; round < rounds; round++) {
    const victim = pickOne(story, await voting(story));
    await victim.end('SIGKILL');
    await advance(others(story, victim), GO_ON_BLOCKS);
    await victim.start();
    const height = await advance(awake(story), 2);
    const [own, theirs] = await Promise.all([victim, pickOne(story, others(story, victim))].map((node) => node.blockId(height)));
    assert.equal(own, theirs, `node ${victim.index} has the block ${height} of the others`);
  }
  story.say(`${rounds} × kill -9 in ${secondsSince(startMs)}; ${story.load.open} payments not final yet`);
}

/** A validator that stands still for some of its turns: the chain goes on, each such turn costs a round. */
export async function standStill(story: Story, turns: number): Promise<void> {
  const voters = await voting(story);
  const victim = pickOne(story, voters);
  victim.pause();
  const rest = others(story, victim);
  const from = await highest(rest);
  const to = await advance(rest, turns * voters.length);
  victim.resume();
  await advance(awake(story), 2);
  const gaps = await blockTimes(story, rest, from + 1, to);
  const [usual, skipped] = [gaps.filter(({ round }) => round === 0), gaps.filter(({ round }) => round > 0)].map((some) => some.map(({ ms }) => ms).sort((a, b) => a - b)) as [number[], number[]];
  assert(skipped.length > 0, `no block of ${from + 1} to ${to} took a second round, though a proposer stood still`);
  const extraMs = percentile(skipped, 0.5) - percentile(usual, 0.5);
  story.say(`a dead proposer: ${skipped.length} of ${gaps.length} blocks took another round, ${extraMs} ms more than the others (medians)`);
}

/** Time of each block after the one before, and the round in which it was made. */
async function blockTimes(story: Story, nodes: readonly TestProcess[], from: number, to: number): Promise<readonly { readonly ms: number; readonly round: number }[]> {
  const [node] = nodes;
  assert(node !== undefined);
  await node.until('is followed', WAIT_MS, () => Promise.resolve(story.load.blocks.length >= to));
  const blocks = story.load.blocks.slice(from - 1, to);
  return blocks.slice(1).map(({ timeMs, round }, i) => ({ ms: timeMs - (blocks[i]?.timeMs ?? timeMs), round }));
}

/** Two halves that do not hear each other: no height is decided, and after the healing the chain goes on. */
export async function partition(story: Story, forMs: number): Promise<void> {
  const { network } = story;
  const all = awake(story);
  const voters = await voting(story);
  const half = Math.floor(voters.length / 2);
  const first = Math.floor(story.random() * voters.length);
  const side = new Set(Array.from({ length: half }, (_, i) => voters[(first + i) % voters.length]?.index ?? -1));
  const sides = [all.filter(({ index }) => side.has(index)), all.filter(({ index }) => !side.has(index))].map((nodes) => nodes.map(({ index }) => index)) as [number[], number[]];
  network.cut(sides[0], sides[1]);
  const before = await highest(all);
  await delay(forMs);
  const during = await highest(all);
  // What was under way at the cut may end one height, no more.
  assert(during <= before + 1, `heights ${before + 1} to ${during} were decided by halves`);
  const healedMs = performance.now();
  network.heal();
  await awaitHeight(all, during + 1);
  story.say(`halves [${String(sides[0])}] and [${String(sides[1])}] for ${(forMs / 1_000).toFixed(1)} s: nothing decided; the next block ${secondsSince(healedMs)} after the healing`);
  await advance(all, 2);
}

async function awaitHeight(nodes: readonly TestProcess[], height: number): Promise<void> {
  await Promise.any(nodes.map((node) => node.reach(height, WAIT_MS)));
}

/** kill -9 of all at once, and a start of all: what was final is final, and the chain goes on. */
export async function restartAll(story: Story): Promise<void> {
  const { load } = story;
  const nodes = awake(story);
  const final = [...load.blocks];
  await Promise.all(nodes.map((node) => node.end('SIGKILL')));
  const startMs = performance.now();
  await Promise.all(nodes.map((node) => node.start()));
  await advance(nodes, 3);
  for (const node of nodes) {
    for (const block of final.slice(-20)) assert.equal(await node.blockId(block.height), block.hash, `node ${node.index} has kept block ${block.height}`);
  }
  story.say(`all ${nodes.length} killed at height ${final.length} and started: three more blocks at all after ${secondsSince(startMs)}`);
}

/** One clock that is wrong: nobody takes its proposals, its node says so, the chain goes on, and once it is set right they are taken again. */
export async function skewClock(story: Story, byMs: number): Promise<void> {
  const { network, load } = story;
  const voters = await voting(story);
  const victim = pickOne(story, voters);
  const key = network.keys[victim.index];
  assert(key !== undefined, 'who votes has a key');
  victim.setClock(network.clockMs + byMs);
  // What it proposed with the right clock is over by then.
  const from = await advance(awake(story), 2);
  const to = await advance(awake(story), 2 * voters.length);
  const proposed = (above: number): number => load.blocks.filter(({ height, proposer }) => height > above && proposer === addressText(key)).length;
  await victim.until('is followed', WAIT_MS, () => Promise.resolve(load.blocks.length >= to));
  const bad = load.blocks.slice(from, to).filter(({ proposer }) => proposer === addressText(key));
  assert.deepEqual(bad, [], `blocks of node ${victim.index} were taken although its clock is off by ${byMs} ms`);
  await victim.until('tells that its clock is off', WAIT_MS, async () => (await victim.metric('billcoin_consensus_clock_offset_seconds')) > Math.abs(byMs) / 2_000);
  victim.setClock(network.clockMs);
  await victim.until('proposes again', WAIT_MS, () => Promise.resolve(proposed(to) > 0));
  story.say(`a clock off by ${byMs / 1_000} s: ${to - from} blocks without one of node ${victim.index}, then its own again`);
}

/** A node that is far behind catches up while payments go on; nobody else is started again. */
export async function catchUp(story: Story, node: TestProcess, behind: number, ...options: readonly string[]): Promise<void> {
  const others = awake(story);
  const pids = others.map(({ pid }) => pid);
  const own = node.pid === undefined ? 0 : story.load.blocks.length;
  await Promise.all(others.map((one) => one.reach(own + behind, WAIT_MS * 10)));
  const target = await highest(others);
  const startMs = performance.now();
  await node.start(...options);
  await node.reach(target, WAIT_MS);
  const tookS = (performance.now() - startMs) / 1_000;
  await advance([...others, node], 2);
  assert.deepEqual(others.map(({ pid }) => pid), pids, 'the others ran all the time');
  await node.until('has nothing left to fetch', WAIT_MS, async () => (await node.metric('billcoin_sync_held_blocks')) === 0);
  story.say(`node ${node.index} was ${target - own} blocks behind and caught up in ${tookS.toFixed(1)} s with its start (${Math.round((target - own) / tookS)} blocks/s), payments going on`);
}
