/** The receipt of a paid order as JSON (api page §2.5). No person stands in it: neither payer, nor transaction, nor coupon. */
import { assert, Certificate, decode, encode, formatLitres, formatRinggit, mulDiv, PaymentReceipt, toBase64Url, toHex } from '@billcoin/protocol';
import type { OrderDetail, Receipt, TxTrace } from '@billcoin/sdk';
import type { OrderRow, PaymentRow } from '../../campusPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';

export interface ReceiptSource {
  readonly order: OrderRow;
  readonly detail: OrderDetail;
  readonly payment: PaymentRow;
  readonly merchantName: string;
  readonly trace: TxTrace;
  /** PaymentReceipt bytes. */
  readonly proof: Uint8Array;
}

function proofView(payment: PaymentRow, bytes: Uint8Array): Receipt['proof'] {
  const decoded = decode(PaymentReceipt, bytes);
  assert(decoded.ok, 'this node made the receipt');
  const { header, certificate, index, result, resultPath } = decoded.value;
  return {
    txHash: payment.txHash, blockHeight: payment.height, blockHash: payment.blockHash, header: toBase64Url(header), certificate: toBase64Url(encode(Certificate, certificate)),
    index, result: toBase64Url(result), resultPath: resultPath.map(toHex),
  };
}

export function receiptView({ order, detail, payment, merchantName, trace, proof }: ReceiptSource): Receipt {
  const { orderId, tillNo, ref, matchCode, status, label, rm, litres, rmPerBill, refunds } = detail;
  const [amountMl, ownMl, sen] = [BigInt(payment.amountMl), BigInt(payment.ownMl), BigInt(payment.sen)];
  return {
    orderId, tillNo, ref, matchCode, merchant: { address: order.merchant, name: merchantName }, status, label, rm, litres, rmPerBill,
    couponLitres: formatLitres(amountMl - ownMl), paidRm: formatRinggit(mulDiv(sen, ownMl, amountMl, 'halfUp')), paidAt: rfc3339(payment.timeMs),
    items: trace.items, refunds: refunds.map(({ litres: back, rm: backRm, time }) => ({ litres: back, rm: backRm, time })),
    batches: trace.batches.map(({ batchKey, plant, lotText, productionDate, expiresAt, state, onHold, farms }) => ({ batchKey, plant, lotText, productionDate, expiresAt, state, onHold, farms })),
    order: order.order, salt: order.salt, invoice: order.invoice, proof: proofView(payment, proof),
  };
}
