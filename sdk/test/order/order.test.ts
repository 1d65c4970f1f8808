/** Orders and invoices: what a till makes, what a wallet checks before it signs, what both verify afterwards. */
import t from 'tap';
import {
  chainHash, decode, decodeInvoice, encode, formatAddress, Header, makeCertificate, makeReceipt, makeValidatorSet, merkleRoot, Order, toHex, TxResult, validatorsHash, votePreimage,
} from '@billcoin/protocol';
import {
  couponText, createClient, createOrder, encodeTransaction, lookupFrom, orderTotals, parseCouponText, readInvoice, signPay, signTransfer, UntrustedAnswerError, verifyPayment,
  type ChainLookup, type CheckedInvoice, type KnownTill, type TxDraft,
} from '../../src/index.ts';
import { carton, genesisHash, keys, makeOrder, TILL_NO } from '../fixture.ts';
import { refuse, startServer } from '../server.ts';

const known: KnownTill = { publicKey: keys.till.publicKey, status: 'active', merchant: keys.merchant.address, merchantName: 'Cafeteria', merchantStatus: 'active' };
function lookup(till: Partial<KnownTill> | undefined = {}, prices: { senPerBill: bigint; previousSenPerBill: bigint } | undefined = { senPerBill: 600n, previousSenPerBill: 600n }): ChainLookup {
  return { till: (tillNo) => Promise.resolve(tillNo === TILL_NO ? { ...known, ...till } : undefined), prices: () => Promise.resolve(prices) };
}

async function checked(): Promise<CheckedInvoice> {
  const result = await readInvoice(makeOrder().qr, { genesisHash, lookup: lookup() });
  if (!result.ok) throw new Error(result.fault.code);
  return result.value;
}

t.test('a carton of RM 1.80 at 600 sen per BILL is an invoice over 300 mL', (t) => {
  const order = makeOrder({ expiresAtS: 1_775_808_923 });
  t.match(decodeInvoice(order.invoice), { ok: true, value: { tillNo: TILL_NO, amountMl: 300n, sen: 180n, expiresAtS: 1_775_808_923, ref: order.ref } });
  t.same(decode(Order, order.order), { ok: true, value: { items: [carton] } });
  t.end();
});

t.test('totals round once, up, over all shelf-priced lines; lines of a fixed amount keep theirs', (t) => {
  const shelf = { ...carton, senLine: 101n };
  t.same(orderTotals([shelf, shelf, shelf], 600n), { sen: 303n, amountMl: 505n }, 'not three times 169');
  t.same(orderTotals([shelf, { ...carton, senLine: 60n, lineMl: 100n }], 600n), { sen: 161n, amountMl: 269n });
  t.same(orderTotals([{ ...carton, senLine: 60n, lineMl: 100n }], 600n), { sen: 60n, amountMl: 100n });
  t.throws(() => makeOrder({ items: [{ ...carton, senLine: 0n, lineMl: 100n }] }), RangeError);
  t.throws(() => createOrder({ genesisHash, till: keys.till, tillNo: 1, items: [{ ...carton, senLine: 0x100_0000n }], priceSenPerBill: 600n }), RangeError);
  t.end();
});

t.test('a wallet accepts the invoice of a till in force and shows the name from the chain', async (t) => {
  const order = makeOrder();
  const result = await readInvoice(order.qr, { genesisHash, lookup: lookup() });
  t.match(result, { ok: true, value: { merchantName: 'Cafeteria', matchCode: order.matchCode, amountMl: 300n, sen: 180n, bytes: order.invoice } });
  t.ok((await readInvoice(order.qr, { genesisHash, lookup: lookup({}, { senPerBill: 700n, previousSenPerBill: 600n }) })).ok, 'the price of the day before still counts');
  t.ok((await readInvoice(order.qr, { genesisHash, lookup: { ...lookup(), prices: () => Promise.resolve(undefined) } })).ok, 'without signal the chain judges the price');
});

t.test('a wallet refuses before signing whatever is wrong with an invoice', async (t) => {
  const order = makeOrder();
  const flipped = order.qr.slice(0, 40) + (order.qr.charAt(40) === 'A' ? 'B' : 'A') + order.qr.slice(41);
  const context = { genesisHash, lookup: lookup() };
  const cases: [string, string, Parameters<typeof readInvoice>[1]][] = [
    ['malformed', 'https://evil.example/pay', context],
    ['malformed', order.qr.toLowerCase(), context],
    ['wrong_network', order.qr, { ...context, genesisHash: new Uint8Array(32) }],
    ['unknown_till', makeOrder({ tillNo: 13 }).qr, context],
    ['till_not_active', order.qr, { ...context, lookup: lookup({ status: 'revoked' }) }],
    ['merchant_not_active', order.qr, { ...context, lookup: lookup({ merchantStatus: 'suspended' }) }],
    ['bad_signature', flipped, context],
    ['bad_signature', order.qr, { ...context, lookup: lookup({ publicKey: keys.student.publicKey }) }],
    ['invoice_expired', order.qr, { ...context, nowMs: Date.now() + 121_000 }],
    ['price_out_of_band', order.qr, { ...context, lookup: lookup({}, { senPerBill: 700n, previousSenPerBill: 700n }) }],
  ];
  for (const [code, text, where] of cases) t.match(await readInvoice(text, where), { ok: false, fault: { code } }, code);
});

t.test('the node is the lookup; an answer about another till or without a key is not believed', async (t) => {
  const till = { tillNo: TILL_NO, merchantId: keys.merchant.addressText, merchantName: 'Cafeteria', merchantStatus: 'active', publicKey: toHex(keys.till.publicKey), status: 'active', height: 7 };
  const { baseUrl } = await startServer(t, {
    getTill: ({ params }) => (params['tillNo'] === '99' ? refuse('not_found') : { status: 200, body: till }),
    getPrice: ({ attempt }) => ({ status: 200, body: { epoch: 20553, rmPerBill: attempt === 1 ? '6.00' : '-6.00', previousRmPerBill: '6.00', validFrom: '2026-04-10T00:00:00Z', validTo: '2026-04-11T00:00:00Z', reports: 3, stale: false, rowKey: '1300005049' } }),
  });
  const chain = lookupFrom(createClient({ baseUrl }));
  t.ok((await readInvoice(makeOrder().qr, { genesisHash, lookup: chain })).ok);
  t.equal(await chain.till(99), undefined);
  await t.rejects(chain.till(13), UntrustedAnswerError);
  await t.rejects(chain.prices(), UntrustedAnswerError);
});

t.test('signing the same payment again gives the same bytes', async (t) => {
  const invoice = await checked();
  const params = { genesisHash, invoice, key: keys.student };
  t.same(encodeTransaction(signPay(params)), encodeTransaction(signPay(params)));
  t.not(signPay({ ...params, couponId: new Uint8Array(32).fill(9) }).txHash, signPay(params).txHash);
  t.throws(() => signPay({ ...params, genesisHash: new Uint8Array(32) }), TypeError);
});

/** A block with these transactions, final by three of four validators, and the receipt of the one at `index`. */
function receiptOf(drafts: readonly TxDraft[], index: number, code = 0) {
  const { validators } = keys;
  const set = makeValidatorSet(validators.map(({ publicKey }) => ({ publicKey, power: 1 })));
  const txs = drafts.map(encodeTransaction);
  const results = drafts.map(({ body }) => encode(TxResult, { txId: chainHash('bill/tx-id/1', genesisHash, body), code, eventsHash: new Uint8Array(32).fill(1) }));
  const filled = new Uint8Array(32).fill(2);
  const headerBytes = encode(Header, {
    version: 1, height: 7, timeMs: 1_775_808_923_000, prevBlockId: filled, prevCommitHash: filled, txRoot: merkleRoot(txs), txCount: txs.length, resultRoot: merkleRoot(results),
    stateRoot: filled, validatorsHash: validatorsHash(set), nextValidatorsHash: validatorsHash(set), evidenceRoot: filled, proposerIndex: 0, round: 0,
  });
  const blockId = toHex(chainHash('bill/header/1', genesisHash, headerBytes));
  const at = { type: 'precommit', height: 7, round: 0, blockId } as const;
  const votes = set.validators.map(({ publicKey }, validatorIndex) => {
    const key = validators.find((candidate) => toHex(candidate.publicKey) === toHex(publicKey));
    return validatorIndex === 3 || key === undefined ? undefined : { ...at, validatorIndex, signature: key.sign(votePreimage(genesisHash, at)) };
  });
  const certificate = makeCertificate(set, at, votes);
  if (certificate === undefined) throw new Error('no quorum');
  return { receipt: makeReceipt({ headerBytes, certificate, txs, results }, index), validators: set, blockId };
}

t.test('a receipt proves the payment of exactly this invoice, and of no other', async (t) => {
  const invoice = await checked();
  const pay = signPay({ genesisHash, invoice, key: keys.student });
  const transfer = signTransfer({ genesisHash, to: keys.merchant.address, amountMl: 300n }, keys.student);
  const { receipt, validators, blockId } = receiptOf([transfer, pay], 1);
  const trust = { genesisHash, validators };
  const proven = verifyPayment(trust, receipt, invoice.bytes);
  t.match(proven, { ok: true, value: { txHash: pay.txHash, blockHash: blockId, height: 7, timeMs: 1_775_808_923_000 } });
  t.equal(proven.ok ? formatAddress(proven.value.payer) : '', keys.student.addressText);
  const refused = (code: string): object => ({ ok: false, refusal: { code } });
  t.match(verifyPayment(trust, receipt, makeOrder().invoice), refused('other_invoice'), 'another order');
  t.match(verifyPayment(trust, receiptOf([transfer, pay], 0).receipt, invoice.bytes), refused('other_invoice'), 'a Transfer is no payment');
  t.match(verifyPayment(trust, receiptOf([pay], 0, 9).receipt, invoice.bytes), refused('not_done'), 'a fault is no payment');
  t.match(verifyPayment(trust, receipt.subarray(1), invoice.bytes), refused('malformed'));
  t.match(verifyPayment(trust, receipt, new Uint8Array(92)), refused('other_invoice'));
  t.match(verifyPayment({ genesisHash, validators: { validators: validators.validators.slice(1) } }, receipt, invoice.bytes), refused('other_validator_set'), 'another set');
});

t.test('the coupon text has one spelling', (t) => {
  const couponId = '00ff'.repeat(16);
  const text = couponText(couponId);
  t.equal(text, `MMU2:${'AD7QB7YA74AP6AH7AD7QB7YA74AP6AH7AD7QB7YA74AP6AH7AD7Q'}`);
  t.same(parseCouponText(text), { ok: true, value: couponId });
  for (const wrong of [text.slice(0, -1), text.toLowerCase(), `${text.slice(0, -1)}R`, text.replace('MMU2', 'MMU1')]) t.notOk(parseCouponText(wrong).ok, wrong);
  t.throws(() => couponText('00'), RangeError);
  t.end();
});
