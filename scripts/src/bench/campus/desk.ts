/** Tills that sell: each logs in by key, posts an order, has it paid, and validates (US-004), over and over. */
import { setTimeout as delay } from 'node:timers/promises';
import { fromHex } from '@billcoin/protocol';
import { createClient, getOrder, openFailover, postOrder, sendTransaction, validatePayment, withLogin, type Client, type Failover, type Key, type TillOrder, type TxDraft } from '@billcoin/sdk';
import { inParallel } from '../../devnet/parts/settle.ts';
import { benchPayerKey, benchTillKey } from '../benchNetwork.ts';
import { CARTON_RM, orderCarton, signCarton } from './carton.ts';
import type { ClientCalls, Crew, Range, Sold } from './clientCalls.ts';
import { Tally } from './tally.ts';

const WAIT_MS = 3_000;
/** A payment that is not valid after this long is given up; whether it was lost the audit says. */
const PATIENCE_MS = 30_000;
const LOGINS_AT_ONCE = 8;
/** A node that just took an order again may be a block behind. */
const SHOWN_MS = 5_000;
const SHOWN_POLL_MS = 100;

class DeskTally extends Tally {
  readonly validateMs: number[] = [];
  readonly wholeMs: number[] = [];
  atOnce = 0;
  elsewhere = 0;
  failedCalls = 0;
}

interface Reposted {
  readonly client: Client;
  readonly orderId: string;
}

interface DeskParts {
  readonly genesisHash: Uint8Array;
  readonly tillNo: number;
  readonly key: Key;
  readonly nodes: Failover;
  readonly tally: DeskTally;
}

class Desk {
  readonly #parts: DeskParts;
  readonly reposted: Reposted[] = [];

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  async sell(payer: Key): Promise<void> {
    const { genesisHash, key, tillNo, tally } = this.#parts;
    const order = orderCarton(genesisHash, key, tillNo);
    const draft = signCarton(genesisHash, payer, order);
    tally.signed.push(draft.txHash);
    const startMs = performance.now();
    const orderAt = await this.#call(async (client) => (await postOrder(client, order), client));
    const paidAt = await this.#pay(draft);
    tally.accepted.push(draft.txHash);
    const askedMs = performance.now();
    await this.#validate(order, draft, orderAt, paidAt);
    const endMs = performance.now();
    tally.validateMs.push(endMs - askedMs);
    tally.wholeMs.push(endMs - startMs);
  }

  /** The node that has the payment. */
  #pay(draft: TxDraft): Promise<Client> {
    return this.#call(async (client) => (await sendTransaction(client, draft), client));
  }

  /** Where the till has moved to another node, its order and the payment follow before it asks there. */
  async #validate(order: TillOrder, draft: TxDraft, orderAt: Client, paidAt: Client): Promise<void> {
    const { nodes, tally } = this.#parts;
    let [hasOrder, hasPayment] = [orderAt, paidAt];
    for (const untilMs = performance.now() + PATIENCE_MS; ;) {
      if (hasOrder !== nodes.client) hasOrder = await this.#postAgain(order);
      if (hasPayment !== nodes.client) hasPayment = await this.#pay(draft);
      const { valid, error } = await this.#call((client) => validatePayment(client, { txHash: draft.txHash, expectedAmount: CARTON_RM, waitMs: WAIT_MS }));
      // The node may have died while it was asked: the other one knows the payment from the chain, the order from nobody.
      if (valid) return void (hasOrder === nodes.client || await this.#postAgain(order));
      tally.refused(error ?? 'invalid');
      if (error !== 'not_final' && error !== 'tx_not_found') throw new Error(`payment ${draft.txHash} is not valid: ${error ?? ''}`);
      if (performance.now() > untilMs) throw new Error(`payment ${draft.txHash} is not final after ${PATIENCE_MS} ms`);
    }
  }

  async #postAgain(order: TillOrder): Promise<Client> {
    return this.#call(async (client) => {
      const { orderId } = await postOrder(client, order);
      this.reposted.push({ client, orderId });
      return client;
    });
  }

  async #call<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const { nodes, tally } = this.#parts;
    let asked = 0;
    try {
      const answer = await nodes.call((client) => {
        asked += 1;
        return use(client);
      });
      if (asked === 1) tally.atOnce += 1;
      else tally.elsewhere += 1;
      return answer;
    } catch (error) {
      tally.failedCalls += 1;
      tally.failed(error);
      throw error;
    }
  }
}

/** Clients of all nodes, logged in as one till; even and odd tills prefer another node. */
export function nodesOf({ genesisHash, nodes }: Crew, till: number): Failover {
  const login = { key: benchTillKey(till), genesisHash: fromHex(genesisHash) as Uint8Array };
  const ordered = till % 2 === 0 ? nodes : [...nodes].reverse();
  return openFailover(ordered.map((baseUrl) => withLogin(createClient({ baseUrl }), login)));
}

export function indexesOf({ from, to }: Range): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Whether an order that was posted again has become Paid – Ready at that node. */
async function isShown({ client, orderId }: Reposted): Promise<boolean> {
  for (const untilMs = performance.now() + SHOWN_MS; performance.now() < untilMs; await delay(SHOWN_POLL_MS)) {
    if ((await getOrder(client, { orderId })).status === 'PAID_READY') return true;
  }
  return false;
}

export async function sell(params: Parameters<ClientCalls['sell']>[0]): Promise<Sold> {
  const { tills, payers, seconds, everyMs } = params;
  const tally = new DeskTally();
  const payerKeys = indexesOf(payers).map(benchPayerKey);
  const desks = indexesOf(tills).map((till) => ({ till, nodes: nodesOf(params, till) }));
  await inParallel(desks, LOGINS_AT_ONCE, async ({ nodes }) => await nodes.client.accessToken());
  const open = desks.map(({ till, nodes }) => new Desk({ genesisHash: fromHex(params.genesisHash) as Uint8Array, tillNo: till + 1, key: benchTillKey(till), nodes, tally }));
  const startMs = performance.now();
  let [planned, turn] = [0, 0];
  await Promise.all(open.map(async (desk, i) => {
    // Tills begin one after the other, as people come.
    for (let dueMs = startMs + (everyMs * i) / open.length; dueMs < startMs + seconds * 1_000; dueMs += everyMs) {
      planned += 1;
      await delay(Math.max(0, dueMs - performance.now()));
      await desk.sell(payerKeys[turn++ % payerKeys.length] as Key).catch(noted);
    }
  }));
  const reposted = open.flatMap((desk) => desk.reposted);
  const shown = await inParallel(reposted, LOGINS_AT_ONCE, isShown);
  const { signed, accepted, validateMs, wholeMs, refusals, atOnce, elsewhere, failedCalls } = tally;
  return {
    planned, signed, accepted, validated: validateMs.length, validateMs, wholeMs, refusals, calls: { atOnce, elsewhere, failed: failedCalls },
    reposted: reposted.length, unpaid: shown.filter((is) => !is).length,
  };
}

/** A payment that failed stands in the counts; the till goes on with its next customer. */
function noted(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
}
