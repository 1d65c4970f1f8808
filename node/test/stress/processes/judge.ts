/** What must hold at the end, whatever happened: nothing lost, nothing doubled, all final, the sums right, all nodes the same. */
import { strict as assert } from 'node:assert';
import { formatAddress, formatLitres } from '@billcoin/protocol';
import { getAccount, getReserve, getTransaction, listBlocks } from '@billcoin/sdk';
import { LOAD_PAYERS, PAYER_ML } from '../../support/paymentLoad.ts';
import { KEYS, type Key } from '../../support/testNetwork.ts';
import type { TestProcess } from '../../support/testProcess.ts';
import { WAIT_MS, advance, awake, describeMs, highest, type Story } from './story.ts';

/** Blocks a page; the longest that the API gives. */
const PAGE = 100;
/** Payments whose status every node is asked for; the others are in the same blocks. */
const ASKED = 200;

/** Ends the payments and holds every node that runs against them. */
export async function judge(story: Story): Promise<void> {
  const { load } = story;
  const ended = await load.drain(WAIT_MS);
  assert.deepEqual(load.faults, [], 'no payment was refused, failed or made twice');
  const lost = [...load.payments.values()].filter(({ final }) => final === undefined);
  assert(ended && lost.length === 0, `${lost.length} of ${load.payments.size} payments are lost: ${lost.slice(0, 3).map(({ draft, isAccepted }) => `${draft.txHash}${isAccepted ? ' accepted' : ''}`).join(', ')}`);
  const nodes = awake(story);
  const height = await advance(nodes, 1);
  for (const node of nodes) {
    await sameBlocks(story, node);
    await sameStatuses(story, node);
    await sameSums(story, node);
  }
  const roots = await Promise.all(nodes.map(async (node) => (await node.get<{ stateRoot: string }>(`/api/v1/blocks/${height}`)).stateRoot));
  assert.equal(new Set(roots).size, 1, `all nodes have the same state root at height ${height}`);
  story.say(`${load.payments.size} payments, each final once on each of ${nodes.length} nodes, at height ${await highest(nodes)}; made to final ${describeMs(load.latenciesMs(0, Infinity))}`);
}

/** The node holds the very blocks in which the payments were found. */
async function sameBlocks({ load }: Story, node: TestProcess): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await listBlocks(node.client, { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    for (const { height, hash } of page.data) {
      const seen = load.blocks[height - 1];
      if (seen !== undefined) assert.equal(hash, seen.hash, `node ${node.index} has another block ${height}`);
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

async function sameStatuses({ load }: Story, node: TestProcess): Promise<void> {
  const all = [...load.payments.values()];
  const step = Math.max(1, Math.floor(all.length / ASKED));
  for (let i = 0; i < all.length; i += step) {
    const { draft: { txHash }, final } = all[i]!;
    const { status, height, code } = await getTransaction(node.client, { txHash });
    assert.deepEqual({ status, height, code }, { status: 'final', height: final?.height, code: 0 }, `payment ${txHash} at node ${node.index}`);
  }
}

async function sameSums({ load }: Story, node: TestProcess): Promise<void> {
  const balance = async ({ address }: Key): Promise<string> => (await getAccount(node.client, { address: formatAddress(address) })).litres;
  for (const [payer, key] of LOAD_PAYERS.entries()) assert.equal(await balance(key), formatLitres(PAYER_ML - load.paidMl(payer)), `payer ${payer} at node ${node.index}`);
  assert.equal(await balance(KEYS.cafeteria), formatLitres(load.takenMl()), `the cafeteria at node ${node.index}`);
  const { supply, custody, gap } = await getReserve(node.client);
  assert.deepEqual({ custody, gap }, { custody: supply, gap: formatLitres(0n) }, `the reserve at node ${node.index}`);
}
