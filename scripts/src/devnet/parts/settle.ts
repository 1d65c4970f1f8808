/** Sending a transaction until it is settled, through restarts of the node: the same bytes, so it never counts twice. */
import { parseLitres, type Millilitres } from '@billcoin/protocol';
import {
  ApiError, ConnectionError, getAccount, getTransaction, sendTransaction, TimeoutError, waitForTransaction, type Client, type TxDraft, type TxStatus,
} from '@billcoin/sdk';

/** A node that was killed is back within seconds; a minute is a fault worth telling. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 250;
/** After this long without an end the bytes are handed in again. */
const WAIT_MS = 5_000;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Whether another try can help: no answer, or an answer that passes by itself. */
export function isPassing(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof TimeoutError || (error instanceof ApiError && error.retryable);
}

/** Asks until it is answered; refusals that will not pass are thrown. */
export async function persist<T>(ask: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const endMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error) || Date.now() > endMs) throw error;
    }
    await pause(PAUSE_MS);
  }
}

async function sendOnce(client: Client, draft: TxDraft): Promise<TxStatus> {
  const { txHash } = draft;
  const { status } = await sendTransaction(client, draft);
  return status === 'pending' ? waitForTransaction(client, { txHash, timeoutMs: WAIT_MS }) : getTransaction(client, { txHash });
}

/**
 * Sends a draft and waits for its end: final, superseded or expired.
 * @throws ApiError where the chain refuses it, TimeoutError after a minute.
 */
export function settle(client: Client, draft: TxDraft): Promise<TxStatus> {
  return persist(() => sendOnce(client, draft));
}

/** The same where only success will do. */
export async function mustSettle(client: Client, draft: TxDraft): Promise<TxStatus> {
  const end = await settle(client, draft);
  if (end.status !== 'final' || end.code !== 0) throw new Error(`transaction ${end.txHash} (${end.kind}) ended ${end.status}${end.fault === null ? '' : ` with ${end.fault}`}`);
  return end;
}

/** Balance of an account, 0 where the chain has never seen it. */
export async function balanceOf(client: Client, address: string): Promise<Millilitres> {
  try {
    return litresOf((await persist(() => getAccount(client, { address }))).litres);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return 0n;
    throw error;
  }
}

export function litresOf(text: string): Millilitres {
  const amountMl = parseLitres(text);
  if (amountMl === undefined) throw new Error(`"${text}" is no amount of litres`);
  return amountMl;
}

/** Runs tasks with at most `width` at a time; results in order. */
export async function inParallel<T, R>(items: readonly T[], width: number, run: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await run(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  return results;
}
