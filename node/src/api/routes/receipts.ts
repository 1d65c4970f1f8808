/** /receipts: what somebody bought, as a page or as JSON. */
import { assert, parseAddress, ROWS, toHex } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { Orders } from '../../campusPorts.ts';
import type { ChainPort } from '../../ports.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { Receipts } from '../receipts.ts';
import { orderDetail } from '../views/order.ts';
import { receiptView } from '../views/receipt.ts';
import { RECEIPT_CSP, receiptPage } from '../views/receiptPage.ts';
import { traceOfPayment } from './trace.ts';

type Get = typeof ROUTES.getReceipt;

export interface ReceiptDeps {
  readonly chain: ChainPort;
  readonly orders: Orders;
  readonly receipts: Receipts;
}

async function get({ chain, orders, receipts }: ReceiptDeps, { params, accept, language }: ApiRequest<Get>): Promise<Reply<Get>> {
  const order = await orders.get(params.orderId);
  const payment = order === undefined ? undefined : await orders.paymentOf(order);
  if (order === undefined || payment === undefined || order.payment?.final === null || order.payment?.txHash !== payment.txHash) return { problem: 'not_found', detail: 'There is a receipt once the payment is final.' };
  const merchant = parseAddress(order.merchant);
  assert(merchant !== undefined, 'a stored address is one');
  const trace = await traceOfPayment({ chain, orders }, payment);
  const proof = await receipts.of(payment.height, payment.index);
  if (trace === undefined || proof === undefined) return { problem: 'pruned' };
  const receipt = receiptView({
    order, payment, trace, proof, detail: orderDetail(order, payment), merchantName: chain.state().get(ROWS.merchant, toHex(merchant))?.name ?? '',
  });
  const headers = { vary: 'Accept, Accept-Language' };
  if (!accept.toLowerCase().includes('text/html')) return { status: 200, body: receipt, headers };
  return { status: 200, text: receiptPage(receipt, language), type: 'text/html; charset=utf-8', headers: { ...headers, 'content-security-policy': RECEIPT_CSP, 'x-robots-tag': 'noindex' } };
}

export function receiptRoutes(deps: ReceiptDeps): readonly Entry[] {
  return [serve(ROUTES.getReceipt, (request) => get(deps, request))];
}
