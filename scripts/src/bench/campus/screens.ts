/** Screens of tills and kitchens: order streams that stay open, and how many payments they were told. */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { streamOrders, type Client } from '@billcoin/sdk';
import { inParallel } from '../../devnet/parts/settle.ts';
import type { ClientCalls, Streamed } from './clientCalls.ts';
import { indexesOf, nodesOf } from './desk.ts';

const LOGINS_AT_ONCE = 8;
const OPEN_MS = 60_000;
/** The last proofs are made after the last payment was validated. */
const TOLD_MS = 20_000;
const POLL_MS = 50;

export interface Screens {
  open(params: Parameters<ClientCalls['openStreams']>[0]): Promise<{ readonly open: number }>;
  close(params: Parameters<ClientCalls['closeStreams']>[0]): Promise<Streamed>;
}

export function openScreens(): Screens {
  let over = new AbortController();
  let counts = { open: 0, lost: 0, paid: 0 };
  let watching: Promise<void>[] = [];

  async function watch(client: Client, tillNo: number): Promise<void> {
    const onConnection = (state: 'open' | 'lost'): void => {
      counts.open += state === 'open' ? 1 : -1;
      if (state === 'lost' && !over.signal.aborted) counts.lost += 1;
    };
    // Payments of orders from before may still be told: what counts is what this screen saw begin.
    const begun = new Set<string>();
    for await (const message of streamOrders(client, { tillNo, signal: over.signal, onConnection })) {
      if (message.event === 'order.created') begun.add(message.data.orderId);
      else if (message.event === 'order.paid' && begun.delete(message.data.orderId)) counts.paid += 1;
    }
  }

  return {
    async open(params) {
      over = new AbortController();
      counts = { open: 0, lost: 0, paid: 0 };
      const tills = indexesOf(params.tills);
      setMaxListeners(0, over.signal); // each stream is one
      const clients = await inParallel(tills, LOGINS_AT_ONCE, async (till) => {
        const { client } = nodesOf({ ...params, nodes: params.nodes.slice(0, 1) }, till);
        await client.accessToken();
        return client;
      });
      watching = tills.flatMap((till, i) => Array.from({ length: params.each }, () => watch(clients[i] as Client, till + 1)));
      for (const one of watching) one.catch((error: unknown) => void console.error(error)); // told again by close
      for (const untilMs = performance.now() + OPEN_MS; counts.open < watching.length && performance.now() < untilMs;) await delay(POLL_MS);
      return { open: counts.open };
    },
    async close({ expected }) {
      for (const untilMs = performance.now() + TOLD_MS; counts.paid < expected && performance.now() < untilMs;) await delay(POLL_MS);
      const { open, lost, paid } = counts;
      over.abort();
      await Promise.allSettled(watching);
      return { open, lost, paid };
    },
  };
}
