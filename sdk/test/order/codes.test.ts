/** Simple codes and Pays of phones without a connection (SPEC §6.8). What else parsers refuse, enrolText.test.ts tries on all of them. */
import t from 'tap';
import { decodeInvoice, equalBytes, toBase64Url } from '@billcoin/protocol';
import {
  addSignature, buildPay, buildTransfer, createClient, encodeTransaction, offlinePayText, parseOfflinePay, parseSimpleCode, readSimpleCode, signPay, simpleCodeText, type CheckedInvoice, type ReadInvoiceContext, type TillOrder,
} from '../../src/index.ts';
import { carton, genesisHash, keys, makeOrder, TILL_NO } from '../fixture.ts';
import { startServer } from '../server.ts';

const order = makeOrder();
const QR_ALPHANUMERIC = /^[0-9A-Z $%*+\-./:]+$/;
const elsewhere = new Uint8Array(32).fill(9);

const till = { publicKey: keys.till.publicKey, merchant: keys.merchant.address, merchantName: 'Cafeteria', merchantStatus: 'active', status: 'active' } as const;
const context: ReadInvoiceContext = { genesisHash, lookup: { till: () => Promise.resolve(till), prices: () => Promise.resolve(undefined) } };

function invoiceOf({ invoice }: TillOrder): CheckedInvoice {
  const decoded = decodeInvoice(invoice);
  if (!decoded.ok) throw new Error(decoded.fault.code);
  return { ...decoded.value, bytes: invoice, merchant: keys.merchant.address, merchantName: 'Cafeteria', matchCode: order.matchCode };
}

t.test('a simple code names an order of a till, in a QR code of version 2', (t) => {
  const text = simpleCodeText({ tillNo: TILL_NO, ref: order.ref }, genesisHash);
  t.equal(text.length, 31, 'version 2-M holds 38');
  t.match(text, QR_ALPHANUMERIC);
  t.match(parseSimpleCode(text, genesisHash), { ok: true, value: { tillNo: TILL_NO, ref: order.ref } });
  t.match(parseSimpleCode(simpleCodeText({ tillNo: 4_294_967_295, ref: order.ref }, genesisHash), genesisHash), { ok: true, value: { tillNo: 4_294_967_295 } });
  t.match(parseSimpleCode(text, elsewhere), { ok: false, fault: { code: 'wrong_network' } });
  for (const wrong of ['', text.toLowerCase(), `${text}A`, text.slice(0, -1), text.replace('MMU0', 'MMU1'), order.qr, simpleCodeText({ tillNo: 0, ref: order.ref }, genesisHash)]) t.match(parseSimpleCode(wrong, genesisHash), { ok: false, fault: { code: 'malformed' } }, wrong);
  t.end();
});

t.test('the invoice of a simple code is believed only as the till’s own signature of this very order', async (t) => {
  const text = simpleCodeText({ tillNo: TILL_NO, ref: order.ref }, genesisHash);
  const other = makeOrder({ items: [{ ...carton, quantity: 2 }] });
  const forged = order.invoice.slice();
  forged[13] = (forged[13] ?? 0) ^ 1; // its price
  const invoices = [order.invoice, other.invoice, forged, new Uint8Array(92)];
  const { baseUrl } = await startServer(t, { getOrderByRef: ({ attempt }) => ({ status: 200, body: { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(invoices[attempt - 1] ?? forged), status: 'AWAITING_PAYMENT' } }) });
  const client = createClient({ baseUrl });
  const read = async () => await readSimpleCode(client, text, context);
  const checked = await read();
  t.match(checked, { ok: true, value: { tillNo: TILL_NO, merchantName: 'Cafeteria', matchCode: order.matchCode, sen: 180n } });
  t.ok(checked.ok && equalBytes(checked.value.bytes, order.invoice));
  t.match(await read(), { ok: false, fault: { code: 'malformed' } }, 'another order of the till');
  t.match(await read(), { ok: false, fault: { code: 'bad_signature' } }, 'another price');
  t.match(await read(), { ok: false, fault: { code: 'malformed' } }, 'no invoice');
  t.match(await readSimpleCode(client, order.qr, context), { ok: false, fault: { code: 'malformed' } }, 'no simple code');
});

t.test('a Pay that a phone shows is rebuilt bit by bit', (t) => {
  const draft = signPay({ genesisHash, invoice: invoiceOf(order), key: keys.student });
  const text = offlinePayText(draft);
  t.equal(text.length, 306, 'version 10-M holds 311');
  t.match(text, QR_ALPHANUMERIC);
  const read = parseOfflinePay(text, genesisHash);
  if (!read.ok) throw new Error(read.fault.code);
  t.equal(read.value.draft.txHash, draft.txHash);
  t.ok(equalBytes(encodeTransaction(read.value.draft), encodeTransaction(draft)), 'the till posts what the phone has signed');
  t.match(read.value, { invoice: { tillNo: TILL_NO, ref: order.ref }, payer: keys.student.address });
  t.equal(offlinePayText(read.value.draft), text);
  t.match(parseOfflinePay(text, elsewhere), { ok: false, fault: { code: 'wrong_network' } });
  for (const wrong of ['', text.toLowerCase(), `${text}A`, text.slice(0, -1), text.replace('MMU3', 'MMU1'), order.qr]) t.match(parseOfflinePay(wrong, genesisHash), { ok: false, fault: { code: 'malformed' } }, wrong.slice(0, 20));
  t.end();
});

t.test('any changed letter of a shown Pay is seen', (t) => {
  const text = offlinePayText(signPay({ genesisHash, invoice: invoiceOf(order), key: keys.student }));
  for (let at = 5; at < text.length; at += 7) {
    const letter = text.charAt(at) === 'A' ? 'B' : 'A';
    t.notOk(parseOfflinePay(text.slice(0, at) + letter + text.slice(at + 1), genesisHash).ok, `letter ${at}`);
  }
  t.end();
});

t.test('what does not fit is not shown: a coupon, other signers, other kinds, no signature', (t) => {
  const pay = (couponId?: Uint8Array) => {
    const built = buildPay({ genesisHash, invoice: order.invoice, payer: keys.student.address, ...(couponId === undefined ? {} : { couponId }) });
    if (!built.ok) throw new Error(built.fault.code);
    return built.value;
  };
  const transfer = addSignature(buildTransfer({ genesisHash, sender: keys.student.address, to: keys.merchant.address, amountMl: 1n }), keys.student);
  for (const draft of [addSignature(pay(new Uint8Array(32)), keys.student), addSignature(pay(), keys.merchant), addSignature(addSignature(pay(), keys.student), keys.merchant), transfer]) t.throws(() => offlinePayText(draft), RangeError);
  t.throws(() => offlinePayText(pay()));
  t.end();
});
