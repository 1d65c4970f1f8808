/**
 * Events of a student's wallets: payments, refunds and coupons of his own, by the link in force, and recalls of lots that
 * one of them bought. Nobody looks at a phone in the very moment of a recall, so those are told at each opening as well.
 */
import { equalBytes, formatAddress, formatLitres, formatRinggit, fromHex, toBase64Url, toHex, type ChainEvent } from '@billcoin/protocol';
import { couponText, ROUTES, type WalletEventData, type WalletEventName } from '@billcoin/sdk';
import type { Campus } from '../../campusPorts.ts';
import type { FinalBlock, FinalTx } from '../../ports.ts';
import type { Recall } from '../../recallPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { StreamEntry } from '../entry.ts';
import type { Receipts } from '../receipts.ts';
import { lotTextOf } from '../routes/milk.ts';
import type { Hub, Told } from './hub.ts';

/** Whose event it is. */
export interface WalletScope {
  readonly address: Uint8Array;
  readonly studentRef: string | undefined;
}

export interface WalletStreamDeps {
  readonly campus: Pick<Campus, 'onBlock' | 'wallets' | 'recalls'>;
  readonly receipts: Receipts;
}

interface Happened<Name extends WalletEventName = WalletEventName> {
  readonly event: Name;
  readonly owner: Uint8Array;
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

type Place = Pick<Recall, 'txHash' | 'height' | 'index' | 'timeMs' | 'blockHash'>;

async function placeOf({ receipts }: WalletStreamDeps, { txHash, height, index, timeMs, blockHash }: Place) {
  const proof = await receipts.of(height, index);
  return { txHash, time: rfc3339(timeMs), blockHeight: height, blockHash, ...(proof === undefined ? {} : { proof: toBase64Url(proof) }) };
}

async function scopeOf({ campus }: WalletStreamDeps, owner: Uint8Array): Promise<WalletScope> {
  return { address: owner, studentRef: await campus.wallets.studentOf(owner) };
}

async function recallNotice(deps: WalletStreamDeps, recall: Recall): Promise<{ readonly event: 'recall.notice'; readonly data: WalletEventData['recall.notice'] }> {
  const { batchKey, plant, lot } = recall;
  return { event: 'recall.notice', data: { ...(await placeOf(deps, recall)), batchKey, plant, lot, lotText: lotTextOf(fromHex(lot) ?? new Uint8Array()) } };
}

/** Tells what each final block brought, and recalls to whom they concern; returns the unsubscribe function. */
export function tellWallets(hub: Hub<WalletScope>, deps: WalletStreamDeps): () => void {
  const { campus } = deps;
  async function frames(block: FinalBlock, tx: FinalTx): Promise<readonly Told<WalletScope>[]> {
    const all = tx.events.map(happened).filter((one) => one !== undefined);
    if (all.length === 0) return [];
    const place = await placeOf(deps, { txHash: tx.txHash, height: block.height, index: tx.index, timeMs: block.timeMs, blockHash: toHex(block.blockId) });
    const told: Told<WalletScope>[] = [];
    for (const { event, owner, data } of all) told.push({ event, scope: await scopeOf(deps, owner), data: { ...place, ...data } });
    return told;
  }
  async function recallFrames(recall: Recall, buyers: readonly Uint8Array[]): Promise<readonly Told<WalletScope>[]> {
    const notice = await recallNotice(deps, recall);
    const told: Told<WalletScope>[] = [];
    for (const buyer of buyers) told.push({ ...notice, scope: await scopeOf(deps, buyer) });
    return told;
  }
  const ends = [
    campus.onBlock((block) => {
      for (const tx of block.txs) hub.tell(() => frames(block, tx));
    }),
    campus.recalls.onTold((recall, buyers) => hub.tell(() => recallFrames(recall, buyers))),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Recalls of lots that a wallet of the student bought, each once. */
async function noticesOf(deps: WalletStreamDeps, address: Uint8Array, studentRef: string | undefined): Promise<readonly Awaited<ReturnType<typeof recallNotice>>[]> {
  const { wallets, recalls } = deps.campus;
  const own = [address, ...(studentRef === undefined ? [] : (await wallets.list(studentRef)).map((wallet) => wallet.address))];
  const all = new Map<string, Recall>();
  for (const one of own) for (const recall of await recalls.noticesOf(one)) all.set(recall.batchKey, recall);
  return await Promise.all([...all.values()].map((recall) => recallNotice(deps, recall)));
}

export function walletEntry(hub: Hub<WalletScope>, deps: WalletStreamDeps): StreamEntry {
  return {
    declaration: ROUTES.streamWallet,
    open(connection) {
      const { caller } = connection;
      if (caller.role !== 'student') return { problem: 'forbidden' };
      const { address, studentRef } = caller;
      const wants = (scope: WalletScope): boolean => equalBytes(scope.address, address) || (studentRef !== undefined && scope.studentRef === studentRef);
      return hub.open(connection, wants, () => noticesOf(deps, address, studentRef));
    },
  };
}
