/** The receipt of a paid order, for whoever has its link: what was bought, from which batches, and that it is final. Nobody stands in it. */
import { INVOICE_BYTES } from '@billcoin/protocol';
import { Type, type Static } from 'typebox';
import { ORDER_BYTES_MAX, OrderStatusName, SALT_BYTES } from './orders.ts';
import { route } from './route.ts';
import { BatchTrace, TxTrace } from './trace.ts';
import { Address, base64Url, closed, Hash, Height, Label, Litres, OrderId, Ref, Rm, TillNo, Time, TxHash } from './values.ts';

/** Parts of a PaymentReceipt without the transaction, which names the payer's key: that this id was executed in a final block. */
const Execution = closed({
  txHash: TxHash, blockHeight: Height, blockHash: Hash, header: base64Url(1_024, 'Header bytes'), certificate: base64Url(49_152, 'Certificate bytes'),
  index: Type.Integer({ minimum: 0 }), result: base64Url(128, 'TxResult bytes'), resultPath: Type.Array(Hash, { maxItems: 16, description: 'From the leaf up' }),
});
/** Of a batch what a customer asks for; the rest is at /trace/batch. */
const { batchKey, plant, lotText, productionDate, expiresAt, state, onHold, farms } = BatchTrace.properties;

export const Receipt = closed({
  orderId: OrderId, tillNo: TillNo, ref: Ref, matchCode: Type.String(), merchant: closed({ address: Address, name: Type.String() }), status: OrderStatusName, label: Label,
  rm: Rm, litres: Litres, rmPerBill: Rm, couponLitres: Litres, paidRm: Rm, paidAt: Time,
  items: TxTrace.properties.items, refunds: Type.Array(closed({ litres: Litres, rm: Rm, time: Time })),
  batches: Type.Array(closed({ batchKey, plant, lotText, productionDate, expiresAt, state, onHold, farms })),
  order: base64Url(ORDER_BYTES_MAX, 'Order bytes'), salt: base64Url(SALT_BYTES, '16 bytes'), invoice: base64Url(INVOICE_BYTES, 'The 92-byte invoice: the till’s signature over reference and amounts'),
  proof: Execution,
}, 'rm and litres are of the invoice, paidRm what the wallet itself paid.');
export type Receipt = Static<typeof Receipt>;

export const getReceipt = route({
  method: 'GET',
  path: '/receipts/{orderId}',
  summary: 'The receipt of a paid order, as a page or as JSON. Its id has 80 random bits: whoever has the link may read it.',
  who: ['public'],
  params: closed({ orderId: OrderId }),
  responses: { 200: Receipt },
  alternative: { 'text/html': Type.String() },
  problems: ['not_found', 'pruned'],
});
