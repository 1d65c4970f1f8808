/** Orders as answers: rows of the campus store in the words of the API. */
import { assert, formatLitres, formatRinggit, fromHex, invoiceText, matchCode, toBase64Url, type OrderItem } from '@billcoin/protocol';
import { ORDER_STATUS, type OrderCreated, type OrderDetail, type OrderEventData, type OrderSummary } from '@billcoin/sdk';
import type { OrderEvent, OrderRow, PaymentRow } from '../../campusPorts.ts';
import { itemsOf } from '../../orderItems.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { fromField } from '../../rowBytes.ts';

function matchCodeOf(ref: string): string {
  const bytes = fromHex(ref);
  assert(bytes !== undefined, 'a stored reference is hex');
  return matchCode(bytes);
}

export function orderCreated(order: OrderRow): OrderCreated {
  const { orderId, tillNo, ref, status } = order;
  return {
    orderId, tillNo, ref, matchCode: matchCodeOf(ref), rm: formatRinggit(BigInt(order.sen)), litres: formatLitres(BigInt(order.amountMl)),
    rmPerBill: formatRinggit(BigInt(order.priceSenPerBill)), priceEpoch: order.priceEpoch, expiresAt: rfc3339(order.expiresAtS * 1_000),
    qr: invoiceText(fromField(order.invoice)), status, label: ORDER_STATUS[status],
  };
}

function paymentView({ payment }: OrderRow): OrderSummary['payment'] {
  if (payment === null) return null;
  const { txHash, final } = payment;
  if (final === null) return { txHash, status: 'pending', time: null, blockHeight: null, blockHash: null };
  return { txHash, status: 'final', time: rfc3339(final.timeMs), blockHeight: final.height, blockHash: final.blockHash };
}

export function orderSummary(order: OrderRow): OrderSummary {
  return { ...orderCreated(order), merchantId: order.merchant, createdAt: rfc3339(order.createdAtMs), payment: paymentView(order) };
}

function itemView({ product, name, quantity, senLine, lineMl, lot }: OrderItem): OrderDetail['items'][number] {
  return { product, name, quantity, rm: formatRinggit(senLine), litres: lineMl === 0n ? null : formatLitres(lineMl), lot: lot === '' ? null : lot };
}

export function orderDetail(order: OrderRow, payment: PaymentRow | undefined): OrderDetail {
  const refunds = (payment?.refunds ?? []).map(({ txHash, amountMl, sen, timeMs }) => ({ txHash, litres: formatLitres(BigInt(amountMl)), rm: formatRinggit(BigInt(sen)), time: rfc3339(timeMs) }));
  const history = order.history.map(({ status, atMs }) => ({ status, time: rfc3339(atMs) }));
  return { ...orderSummary(order), items: itemsOf(order).map(itemView), refunds, history };
}

/** Data of a stream event; `proof` are PaymentReceipt bytes. */
export function orderEventData({ order, timeMs, final }: OrderEvent, proof: Uint8Array | undefined): OrderEventData {
  const { orderId, tillNo, ref, status, payment } = order;
  return {
    orderId, tillNo, ref, status, label: ORDER_STATUS[status], time: rfc3339(timeMs), txHash: final?.txHash ?? payment?.txHash ?? null,
    blockHeight: final?.height ?? null, blockHash: final?.blockHash ?? null, ...(proof === undefined ? {} : { proof: toBase64Url(proof) }),
  };
}
