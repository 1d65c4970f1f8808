/**
 * The outbox: every statement that was signed is sent until it is on chain, through any crash (oracle page §4, kill
 * points 5–7). The chain's natural key (oracle, batch, attempt) is asked first: present is done, whatever transaction
 * brought it; absent with a live transaction is sent again unchanged; absent and expired is signed again.
 */
import { bytesOfHex } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import type { ChainReader } from '../registry/chainReader.ts';
import { finishedKey, outboxKey, signKey } from '../store/keys.ts';
import type { OutboxRow, SignRow } from '../store/rows.ts';
import { parseJson, type Store } from '../store/store.ts';
import { attestOfRow, sameAsOnChain, signRound } from './statement.ts';

/** Pending rows of one pass: 8 open batches a plant; the rest wait for the next pass. */
const ROWS_MAX = 10_000;

export interface OutboxDesk {
  readonly store: Store;
  readonly chain: ChainReader;
  readonly oracle: Signer;
  readonly nowMs: () => number;
  /** A statement is on chain. */
  readonly onDone: (row: OutboxRow) => void;
  /** It can never be included, or the chain holds another statement of ours: the operator must look. */
  readonly onAlarm: (row: OutboxRow, reason: string) => void;
}

/** Pending rows stand in the outbox, finished ones beside it, so that a pass reads only what is to be done. */
async function save({ store }: OutboxDesk, row: OutboxRow): Promise<OutboxRow> {
  const unit = store.begin();
  if (row.state === 'pending') unit.putJson(outboxKey(row.batch, row.attempt), row);
  else {
    unit.remove(outboxKey(row.batch, row.attempt));
    unit.putJson(finishedKey(row.batch, row.attempt), row);
  }
  await store.commit(unit);
  return row;
}

async function close(desk: OutboxDesk, row: OutboxRow, reason: string): Promise<void> {
  desk.onAlarm(await save(desk, { ...row, state: 'closed', reason }), reason);
}

/** Rows that are not done yet. */
export async function pendingRows(store: Store): Promise<readonly OutboxRow[]> {
  return (await store.list({ prefix: 'o', limit: ROWS_MAX })).map(({ value }) => parseJson<OutboxRow>(value));
}

/** True where the chain has our statement of this row's key. */
async function settledByChain(desk: OutboxDesk, row: OutboxRow, signed: SignRow): Promise<boolean> {
  const held = await desk.chain.attestation(bytesOfHex(row.batch), row.attempt, desk.oracle.address);
  if (held === undefined) return false;
  if (sameAsOnChain(attestOfRow(signed), held)) desk.onDone(await save(desk, { ...row, state: 'done' }));
  else await close(desk, row, 'the chain holds another statement of this oracle');
  return true;
}

async function submit(desk: OutboxDesk, row: OutboxRow): Promise<void> {
  const answer = await desk.chain.submit(bytesOfHex(row.tx));
  if (answer.ok || answer.passing) return;
  // Included meanwhile, or known under another round: the next look at the natural key settles it.
  if (answer.code === 'already_attested' || answer.code === 'already_executed' || answer.code === 'expired') return;
  await close(desk, row, `refused: ${answer.code}`);
}

async function advance(desk: OutboxDesk, row: OutboxRow): Promise<void> {
  const signed = desk.store.getJson<SignRow>(signKey(row.batch, row.attempt));
  if (signed === undefined) throw new Error(`The outbox holds ${row.batch}/${row.attempt} without its register row. Restore the data folder or start with an empty one.`);
  if (await settledByChain(desk, row, signed)) return;
  const status = await desk.chain.txStatus(row.txHash);
  if (status === 'pending') return;
  const { timeMs } = await desk.chain.latest();
  let due = row;
  // By the chain's own clock: a block with a later time can no longer include it, so two rounds are never both alive.
  if (status === 'expired' || timeMs > row.validUntilMs) {
    due = await save(desk, signRound(desk.chain.genesisHash, desk.oracle, attestOfRow(signed), Math.max(timeMs, desk.nowMs()), row.round + 1));
  }
  await submit(desk, due);
}

/** One pass over the outbox. Rejects when the node cannot be reached; what is not done stays for the next pass. */
export async function sendOutbox(desk: OutboxDesk): Promise<void> {
  for (const row of await pendingRows(desk.store)) await advance(desk, row);
}
