/**
 * A running network of real processes under payments, and what the acts of a story share. An act does something bad, waits until
 * the network has got over it, asserts what must hold, and says what it measured. Bounds of waiting only end what hangs:
 * nothing here asserts a speed.
 */
import { strict as assert } from 'node:assert';
import { formatAddress } from '@billcoin/protocol';
import { LOAD_TILLS, PaymentLoad, fund } from '../../support/paymentLoad.ts';
import { makeProcesses, type ProcessNetwork } from '../../support/processes.ts';
import { makeRandom } from '../../support/random.ts';
import type { TestProcess } from '../../support/testProcess.ts';
import { TxMaker, keyOf, type Key } from '../../support/testNetwork.ts';

/** Several full rounds of consensus, restarts included, on a machine that is busy with other things. */
export const WAIT_MS = 120_000;
/** What an institution of the story can stake; ten times the minimum. */
const ACCOUNT_ML = 1_000_000n;
/** Keys of peers that are no nodes: those who attack, and twins. */
const GUESTS = 12;

export interface Story {
  readonly network: ProcessNetwork;
  readonly load: PaymentLoad;
  readonly maker: TxMaker;
  readonly random: () => number;
  /** Seeds of node keys that all nodes admit. */
  readonly guests: readonly Uint8Array[];
  /** Founding validators. */
  readonly validators: number;
  /** One line for people. */
  say(line: string): void;
}

export interface StorySetup {
  readonly validators: number;
  readonly perS: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** Starts the validators and the payments. One institution more is admitted, whose node is not started yet: the last one. */
export async function openStory({ validators, perS, seed, say }: StorySetup): Promise<Story> {
  const guests = Array.from({ length: GUESTS }, (_, i) => keyOf(`guest ${i}`).seed);
  // Short pauses: more blocks, so that a late node has much to fetch.
  const network = await makeProcesses({ validators, waiting: 1, guests, tills: LOAD_TILLS, params: { idleBlockIntervalMs: 500, minBlockIntervalMs: 50 } });
  const random = makeRandom(seed);
  const maker = new TxMaker(network.genesis);
  const load = new PaymentLoad({ network, maker, perS, random });
  try {
    const founders = network.nodes.slice(0, validators);
    await Promise.all(founders.map((node) => node.start()));
    await Promise.all(founders.map((node) => node.reach(2, WAIT_MS)));
    await fund({ nodes: founders, genesis: network.genesis, nowMs: () => network.nowMs() }, maker, network.keys.map(({ address }) => ({ address, amountMl: ACCOUNT_ML })), WAIT_MS);
  } catch (error) {
    await network.remove();
    throw error;
  }
  load.start();
  return { network, load, maker, random, guests, validators, say };
}

export async function closeStory({ network, load }: Story): Promise<void> {
  await load.end();
  await network.remove();
}

/** Nodes that run and answer. */
export function awake({ network }: Story): readonly TestProcess[] {
  return network.nodes.filter(({ isAwake }) => isAwake);
}

export async function highest(nodes: readonly TestProcess[]): Promise<number> {
  return Math.max(...await Promise.all(nodes.map((node) => node.height())));
}

/** Waits until all of these nodes are `by` blocks above where the first of them is now. Resolves with that height. */
export async function advance(nodes: readonly TestProcess[], by: number): Promise<number> {
  const height = (await highest(nodes)) + by;
  await Promise.all(nodes.map((node) => node.reach(height, WAIT_MS)));
  return height;
}

export function addressText(key: Key): string {
  return formatAddress(key.address);
}

/** Those who vote on the next block, by the rows of a node. */
export interface Institution {
  readonly address: string;
  readonly power: number;
  readonly litres: string;
  readonly shares: string;
  readonly standing: string;
}

export async function institution(node: TestProcess, key: Key): Promise<Institution> {
  const { data } = await node.get<{ data: readonly Institution[] }>('/api/v1/validators');
  const found = data.find(({ address }) => address === addressText(key));
  assert(found !== undefined, 'genesis admits it');
  return found;
}

/** Nodes whose institution votes now, as the first node that runs tells. */
export async function voting(story: Story): Promise<readonly TestProcess[]> {
  const { network } = story;
  const [one] = awake(story);
  assert(one !== undefined, 'some node runs');
  const { data } = await one.get<{ data: readonly Institution[] }>('/api/v1/validators');
  const voters = new Set(data.filter(({ power }) => power > 0).map(({ address }) => address));
  return network.nodes.filter((_, i) => network.keys[i] !== undefined && voters.has(addressText(network.keys[i])));
}

export function pickOne<T>({ random }: Story, from: readonly T[]): T {
  const picked = from[Math.floor(random() * from.length)];
  assert(picked !== undefined, 'there is one to pick');
  return picked;
}

export function secondsSince(startMs: number): string {
  return `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
}

/** The value below which that part of ascending values lies. */
export function percentile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * part))] ?? NaN;
}

export function describeMs(ascending: readonly number[]): string {
  const [p50, p99] = [0.5, 0.99].map((part) => percentile(ascending, part).toFixed(0));
  return `p50 ${p50} ms, p99 ${p99} ms of ${ascending.length}`;
}
