/** What a till and a manager do with an order after posting it: each call sends what its declaration asks for. */
import t from 'tap';
import { toBase64Url, toHex } from '@billcoin/protocol';
import {
  addSignature, approveRefund, buildRefund, buildVoidInvoice, cancelOrder, collectOrder, createClient, encodeTransaction, getRefund, getRefundOptions, listRefunds, ORDER_STATUS, postRefund, REFUND_STATUS, rejectRefund, type Refund, type TxDraft,
} from '../../src/index.ts';
import { genesisHash, keys, makeOrder, TILL_NO } from '../fixture.ts';
import { refuse, startServer } from '../server.ts';

const time = '2026-04-10T08:15:23Z';
const orderId = 'ord_01JRF0000000000000000000AB';
const refundId = 'rfd_01JRF0000000000000000000AB';
const order = makeOrder();

function refundDraft(): TxDraft {
  return addSignature(buildRefund({ genesisHash, sender: keys.till.address, tillNo: TILL_NO, ref: order.ref, amountMl: 300n }), keys.till);
}

function refund(status: Refund['status'], tx?: TxDraft): Refund {
  return {
    refundId, orderId, merchantId: keys.merchant.addressText, tillNo: TILL_NO, ref: toHex(order.ref), status, label: REFUND_STATUS[status], litres: '0.300', rm: '1.80', txHash: tx?.txHash ?? null, reason: 'sour', requestedBy: 'csh_1', createdAt: time,
    decidedBy: null, decidedAt: null, failure: null, refundedAt: null, blockHeight: null, blockHash: null,
  };
}

t.test('a till takes an order back with its VoidInvoice, and says once that it was handed out', async (t) => {
  const built = buildVoidInvoice({ genesisHash, invoice: order.invoice, till: keys.till.address });
  if (!built.ok) throw new Error(built.fault.code);
  const tx = addSignature(built.value, keys.till);
  const cancelled = { orderId, txHash: tx.txHash, status: 'AWAITING_PAYMENT', label: ORDER_STATUS.AWAITING_PAYMENT } as const;
  const summary = {
    orderId, tillNo: TILL_NO, ref: toHex(order.ref), matchCode: order.matchCode, rm: '1.80', litres: '0.300', rmPerBill: '6.00', priceEpoch: 20553, expiresAt: time, qr: order.qr, status: 'COLLECTED', label: ORDER_STATUS.COLLECTED,
    merchantId: keys.merchant.addressText, createdAt: time, payment: null,
  } as const;
  const { baseUrl, requests } = await startServer(t, {
    cancelOrder: ({ attempt }) => (attempt === 1 ? refuse('pool_full', {}, { 'retry-after': '0' }) : { status: 202, body: cancelled }),
    collectOrder: ({ attempt }) => (attempt === 1 ? refuse('pool_full', {}, { 'retry-after': '0' }) : { status: 200, body: summary }),
  });
  const client = createClient({ baseUrl });
  t.same(await cancelOrder(client, { orderId, reason: 'changed his mind', tx }), cancelled, 'asked again by itself');
  t.same(requests.at(-1)?.body, { reason: 'changed his mind', tx: toBase64Url(encodeTransaction(tx)) });
  await t.rejects(collectOrder(client, { orderId }), { code: 'pool_full' }, 'not asked again by itself');
  t.same(await collectOrder(client, { orderId }), summary);
});

t.test('a refund is asked for under a key of its own: its transaction, the caller’s, or one of this call', async (t) => {
  const tx = refundDraft();
  const { baseUrl, requests } = await startServer(t, {
    getRefundOptions: () => ({ status: 200, body: { orderId, refundableLitres: '0.300', refundableRm: '1.80', pointTaken: true, couponEffect: 'none', couponLitres: '0.000', tillCapLeft: '19.999', until: time } }),
    postRefund: ({ body }) => ({ status: 202, body: 'tx' in (body as object) ? refund('PENDING', tx) : refund('NEEDS_MANAGER') }),
  });
  const client = createClient({ baseUrl });
  t.match(await getRefundOptions(client, { orderId }), { refundableRm: '1.80' });
  t.match(await postRefund(client, { orderId, reason: 'sour', tx }), { status: 'PENDING', txHash: tx.txHash });
  t.equal(requests.at(-1)?.headers['idempotency-key'], `refund-${tx.txHash}`);
  t.same(requests.at(-1)?.body, { reason: 'sour', tx: toBase64Url(encodeTransaction(tx)) });
  t.match(await postRefund(client, { orderId, reason: 'sour', litres: '0.1', idempotencyKey: 'mine' }), { status: 'NEEDS_MANAGER' });
  t.equal(requests.at(-1)?.headers['idempotency-key'], 'mine');
  const keysOfCalls = new Set<unknown>();
  for (let i = 0; i < 2; i++) {
    await postRefund(client, { orderId, reason: 'sour', items: [{ line: 0, quantity: 1 }] });
    keysOfCalls.add(requests.at(-1)?.headers['idempotency-key']);
  }
  t.equal(keysOfCalls.size, 2, 'two wishes are two refunds');
});

t.test('a manager reads, approves and rejects refunds', async (t) => {
  const tx = refundDraft();
  const { baseUrl, requests } = await startServer(t, {
    getRefund: () => ({ status: 200, body: refund('NEEDS_MANAGER') }),
    listRefunds: () => ({ status: 200, body: { data: [refund('NEEDS_MANAGER')], nextCursor: null } }),
    approveRefund: () => ({ status: 200, body: refund('PENDING', tx) }),
    rejectRefund: () => ({ status: 200, body: refund('REJECTED') }),
  });
  const client = createClient({ baseUrl });
  t.match(await listRefunds(client, { status: 'NEEDS_MANAGER' }), { data: [{ refundId }] });
  t.same(requests.at(-1)?.query, { status: 'NEEDS_MANAGER' });
  t.match(await getRefund(client, { refundId }), { status: 'NEEDS_MANAGER' });
  t.match(await approveRefund(client, { refundId, tx }), { status: 'PENDING' });
  t.same(requests.at(-1)?.body, { tx: toBase64Url(encodeTransaction(tx)) });
  t.match(await rejectRefund(client, { refundId }), { status: 'REJECTED' });
  t.equal(requests.at(-1)?.body, undefined);
});
