/**
 * Strays (api page §2.6): plain Transfers to a merchant from nobody who is registered. What came and what went back the chain
 * says (saleRows.ts); that finance has booked one stands here alone.
 */
import { assert, formatAddress, fromHex } from '@billcoin/protocol';
import type { StrayFilter, StrayPage, Strays, StrayView } from '../campusPorts.ts';
import type { ChainPort, Clock, KeyValueStore } from '../ports.ts';
import { referenceOf } from '../sales/saleBook.ts';
import type { Lane } from './lane.ts';
import { originOf } from './saleRows.ts';
import { scanBack } from './scanBack.ts';
import { getRow, putRow, TABLES } from './store.ts';

export interface StrayDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly lane: Lane;
}

async function viewOf({ chain, store }: StrayDeps, reference: string): Promise<StrayView | undefined> {
  const row = await getRow(store, TABLES.stray, reference);
  if (row === undefined) return undefined;
  const { txHash, height, timeMs, amountMl, sen, returnedMl } = row;
  const booked = await getRow(store, TABLES.strayBooked, reference);
  const { payer, blockHash } = await originOf(chain, row);
  const merchant = fromHex(row.merchant);
  assert(merchant !== undefined, 'a stray names its merchant');
  return {
    txHash, height, timeMs, blockHash, merchant: formatAddress(merchant), from: formatAddress(payer),
    amountMl: BigInt(amountMl), sen: BigInt(sen), returnedMl: BigInt(returnedMl), reference, bookedAtMs: booked?.atMs,
    status: BigInt(returnedMl) >= BigInt(amountMl) ? 'RETURNED' : booked === undefined ? 'OPEN' : 'BOOKED',
  };
}

async function list(deps: StrayDeps, { status, merchant, limit, before }: StrayFilter): Promise<StrayPage> {
  const { found, next } = await scanBack(deps.store, { table: TABLES.strayAt, before }, limit, async ({ value }) => {
    const stray = await viewOf(deps, value);
    return (status ?? stray?.status) === stray?.status && (merchant ?? stray?.merchant) === stray?.merchant ? stray : undefined;
  });
  return { strays: found, next };
}

/** Runs in the lane: a return that comes in the same moment is seen before or after, never half. */
async function book(deps: StrayDeps, txHash: string, by: string): Promise<StrayView | 'not_open' | undefined> {
  const reference = referenceOf(txHash);
  const stray = await viewOf(deps, reference);
  if (stray?.txHash !== txHash) return undefined;
  if (stray.status !== 'OPEN') return 'not_open';
  const bookedAtMs = deps.clock.nowMs();
  await deps.store.batch([putRow(TABLES.strayBooked, reference, { atMs: bookedAtMs, by })], { sync: true });
  return { ...stray, status: 'BOOKED', bookedAtMs };
}

export function openStrays(deps: StrayDeps): Strays {
  return { list: (filter) => list(deps, filter), book: (txHash, by) => deps.lane.run(() => book(deps, txHash, by)) };
}
