/**
 * Events of a student's wallets: payments, refunds and coupons of his own, by the link in force. A recall goes to every
 * student: who bought the lot his wallet knows, and this server needs not.
 */
import { equalBytes, formatAddress, formatLitres, formatRinggit, ROWS, toBase64Url, toHex, type ChainEvent } from '@billcoin/protocol';
import { couponText, ROUTES, type WalletEventData, type WalletEventName } from '@billcoin/sdk';
import type { Campus } from '../../campusPorts.ts';
import type { ChainPort, FinalBlock, FinalTx } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { StreamEntry } from '../entry.ts';
import type { Receipts } from '../receipts.ts';
import { lotTextOf } from '../routes/milk.ts';
import type { Hub, Told } from './hub.ts';

/** Whose event it is; undefined: everybody's. */
export type WalletScope = { readonly address: Uint8Array; readonly studentRef: string | undefined } | undefined;

export interface WalletStreamDeps {
  readonly chain: ChainPort;
  readonly campus: Pick<Campus, 'onBlock' | 'wallets'>;
  readonly receipts: Receipts;
}

interface Happened<Name extends WalletEventName = WalletEventName> {
  readonly event: Name;
  /** undefined: everybody's. */
  readonly owner: Uint8Array | undefined;
  readonly data: Omit<WalletEventData[Name], 'txHash' | 'time' | 'blockHeight' | 'blockHash' | 'proof'>;
}

function saleOf({ tillNo, ref, merchant, sen, amountMl }: { readonly tillNo: number; readonly ref: Uint8Array; readonly merchant: Uint8Array; readonly sen: bigint; readonly amountMl: bigint }) {
  return { tillNo, ref: toHex(ref), merchantId: formatAddress(merchant), litres: formatLitres(amountMl), rm: formatRinggit(sen) };
}

function happened(event: ChainEvent): Happened | undefined {
  switch (event.case) {
    case 'paid':
      return { event: 'order.paid', owner: event.value.payer, data: { ...saleOf(event.value), couponLitres: formatLitres(event.value.amountMl - event.value.ownMl) } };
    case 'refunded':
      return { event: 'refund.final', owner: event.value.payer, data: saleOf(event.value) };
    case 'couponIssued': {
      const { account, merchant, couponId, couponMl, expiresAtMs } = event.value;
      return { event: 'coupon.issued', owner: account, data: { couponId: toHex(couponId), merchantId: formatAddress(merchant), litres: formatLitres(couponMl), expiresAt: rfc3339(expiresAtMs), qr: couponText(toHex(couponId)) } };
    }
    default:
      return undefined;
  }
}

function recalled(chain: ChainPort, { body, code }: FinalTx): Happened | undefined {
  if (body.kind.case !== 'recallBatch' || code !== 0) return undefined;
  const batchKey = toHex(body.kind.value.batch);
  const row = chain.state().get(ROWS.batch, batchKey);
  return row === undefined ? undefined : { event: 'recall.notice', owner: undefined, data: { batchKey, plant: formatAddress(row.plant), lot: toHex(row.lot), lotText: lotTextOf(row.lot) } };
}

/** Tells what each final block brought; returns the unsubscribe function. */
export function tellWallets(hub: Hub<WalletScope>, { chain, campus, receipts }: WalletStreamDeps): () => void {
  async function frames(block: FinalBlock, tx: FinalTx, all: readonly Happened[]): Promise<readonly Told<WalletScope>[]> {
    const proof = await receipts.of(block.height, tx.index);
    const place = { txHash: tx.txHash, time: rfc3339(block.timeMs), blockHeight: block.height, blockHash: toHex(block.blockId), ...(proof === undefined ? {} : { proof: toBase64Url(proof) }) };
    const told: Told<WalletScope>[] = [];
    for (const { event, owner, data } of all) {
      const scope = owner === undefined ? undefined : { address: owner, studentRef: await campus.wallets.studentOf(owner) };
      told.push({ event, scope, data: { ...place, ...data } });
    }
    return told;
  }
  return campus.onBlock((block) => {
    for (const tx of block.txs) {
      const all = [...tx.events.map(happened), recalled(chain, tx)].filter((one) => one !== undefined);
      if (all.length > 0) hub.tell(() => frames(block, tx, all));
    }
  });
}

export function walletEntry(hub: Hub<WalletScope>): StreamEntry {
  return {
    declaration: ROUTES.streamWallet,
    open(connection) {
      const { caller } = connection;
      if (caller.role !== 'student') return { problem: 'forbidden' };
      const { address, studentRef } = caller;
      return hub.open(connection, (scope) => scope === undefined || equalBytes(scope.address, address) || (studentRef !== undefined && scope.studentRef === studentRef));
    },
  };
}
