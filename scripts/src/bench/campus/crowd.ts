/** Payments of a whole campus at the same moment: all are handed in at once and validated, over few kept connections. */
import { setTimeout as delay } from 'node:timers/promises';
import { fromHex, toBase64Url } from '@billcoin/protocol';
import { createClient, encodeTransaction, getStatus, postOrder, type Client, type Key, type TxDraft } from '@billcoin/sdk';
import { inParallel } from '../../devnet/parts/settle.ts';
import { BenchClient } from '../benchClient.ts';
import { benchPayerKey, benchTillKey } from '../benchNetwork.ts';
import { orderCarton, signCarton } from './carton.ts';
import type { ClientCalls, Crowded } from './clientCalls.ts';
import { indexesOf, nodesOf } from './desk.ts';
import { Tally } from './tally.ts';

/** Kept connections of one logged-in till: so that none asks for more than its 600 requests a minute. */
const CONNECTIONS_EACH = 25;
const ORDERS_AT_ONCE = 32;
const PATIENCE_MS = 60_000;
const POLL_MS = 50;

/** Orders of all tills in turn, posted, and their Pays, signed. */
async function prepare(params: Parameters<ClientCalls['crowd']>[0]): Promise<readonly TxDraft[]> {
  const genesisHash = fromHex(params.genesisHash) as Uint8Array;
  const desks = indexesOf(params.tills).map((till) => ({ tillNo: till + 1, key: benchTillKey(till), client: nodesOf({ ...params, nodes: params.nodes.slice(0, 1) }, till).client }));
  const payers = indexesOf(params.payers).map(benchPayerKey);
  return inParallel(Array.from({ length: params.payments }), ORDERS_AT_ONCE, async (_, n) => {
    const { key, tillNo, client } = desks[n % desks.length] as (typeof desks)[number];
    const order = orderCarton(genesisHash, key, tillNo);
    await postOrder(client, order);
    return signCarton(genesisHash, payers[n % payers.length] as Key, order);
  });
}

async function untilValid(client: BenchClient, txHash: string, tally: Tally): Promise<void> {
  for (const untilMs = performance.now() + PATIENCE_MS; ;) {
    const { valid, error } = await client.validate(txHash);
    if (valid) return;
    tally.refused(error ?? 'invalid');
    if (error !== 'not_final' || performance.now() > untilMs) throw new Error(`payment ${txHash} of the crowd is not valid: ${error ?? ''}`);
  }
}

/** Most payments in the pool of the node until it is over, and when it was seen empty after the last of them; at the end where it was never seen else. */
async function watchPool(client: Client, isOver: () => boolean): Promise<{ readonly most: number; readonly emptyAtMs: number }> {
  let [most, last] = [0, 0];
  let emptyAtMs: number | undefined;
  while (!isOver()) {
    const { pool: { transactions } } = await getStatus(client);
    if (last > 0 && transactions === 0) emptyAtMs = performance.now();
    [most, last] = [Math.max(most, transactions), transactions];
    await delay(POLL_MS);
  }
  return { most, emptyAtMs: emptyAtMs ?? performance.now() };
}

export async function crowd(params: Parameters<ClientCalls['crowd']>[0]): Promise<Crowded> {
  const { nodes: [url = ''], connections, tills } = params;
  const genesisHash = fromHex(params.genesisHash) as Uint8Array;
  const drafts = await prepare(params);
  const groups = Array.from({ length: Math.ceil(connections / CONNECTIONS_EACH) }, (_, i) => {
    const client = new BenchClient(url, Math.min(CONNECTIONS_EACH, connections));
    client.logIn(benchTillKey(tills.from + (i % (tills.to - tills.from))), genesisHash);
    return client;
  });
  await Promise.all(groups.map((client) => client.open()));
  const payments = drafts.map((draft) => ({ txHash: draft.txHash, tx: toBase64Url(encodeTransaction(draft)) }));
  const tally = new Tally();
  const validMs: number[] = [];
  let isOver = false;
  const watching = watchPool(createClient({ baseUrl: url }), () => isOver);
  const startMs = performance.now();
  await Promise.all(payments.map(async ({ txHash, tx }, n) => {
    const client = groups[n % groups.length] as BenchClient;
    tally.signed.push(txHash);
    try {
      await client.submit(tx);
      tally.accepted.push(txHash);
      await untilValid(client, txHash, tally);
      validMs.push(performance.now() - startMs);
    } catch (error) {
      tally.refused(/refused with \d+/.exec((error as Error).message)?.[0] ?? (error as Error).message);
    }
  }));
  isOver = true;
  const { most: pendingMax, emptyAtMs } = await watching;
  for (const client of groups) client.close();
  const { signed, accepted, refusals } = tally;
  return { signed, accepted, validMs, allFinalMs: emptyAtMs - startMs, pendingMax, refusals };
}
