/** Receipts of paid orders for whoever has the link (api page §2.5): no person stands in them, nothing in them runs. */
import t from 'tap';
import { blockIdBytes, Certificate, decode, decodeInvoiceFor, equalBytes, fromBase64Url, fromHex, Header, Order, orderRef, toHex, TxResult, verifyCertificate, verifyEd25519, verifyMerklePath, type OrderItem } from '@billcoin/protocol';
import { getReceipt, createClient, type Receipt } from '@billcoin/sdk';
import { escapeHtml } from '../../src/api/views/receiptPage.ts';
import { carton, openWorld, sdkKey, wallet, type Teardown, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

const ali = wallet('ali');
const cafeteria = sdkKey(KEYS.cafeteria);

/** A lot is minted, the cafeteria takes 5 L of it and sells. */
async function sell(t: Teardown, items: (lot: string) => readonly OrderItem[] = (lot) => [{ ...carton, lot }]): Promise<{ readonly world: World; readonly orderId: string; readonly lot: string; readonly txHash: string; readonly ref: Uint8Array }> {
  const world = await openWorld(t);
  const lot = await world.mint(20_000n);
  await world.transfer(sdkKey(KEYS.farm), ali.address, 2_000n);
  await world.transfer(sdkKey(KEYS.farm), cafeteria.address, 6_000n);
  await world.block();
  await world.redeem(cafeteria, lot, 5_000n);
  await world.block();
  const order = world.order({ items: items(lot) });
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const txHash = await world.pay(ali, order.invoice);
  return { world, orderId, lot, txHash, ref: order.ref };
}

t.test('a receipt shows what was bought, from which batch and farm, and proves that it is final', async (t) => {
  const { world, orderId, lot, txHash, ref } = await sell(t);
  t.equal((await world.get(`/receipts/${orderId}`)).status, 404, 'no receipt before the payment is final');
  await world.block();
  const answer = await world.get(`/receipts/${orderId}`);
  t.same(departures('getReceipt', answer), []);
  const receipt: Receipt = answer.json;
  t.match(receipt, { orderId, status: 'PAID_READY', rm: '1.80', paidRm: '1.80', couponLitres: '0.000', merchant: { name: 'Cafeteria' }, items: [{ name: carton.name, lot, finding: 'proven' }] });
  t.match(receipt.batches, [{ lotText: lot, plant: { name: 'Plant' }, farms: [{ name: 'Farm', percent: '100.00' }], state: 'minted', onHold: false }]);

  const { genesisHash, validators } = world.chain;
  const bytes = (text: string): Uint8Array => fromBase64Url(text) ?? new Uint8Array(0);
  const invoice = decodeInvoiceFor(genesisHash, bytes(receipt.invoice));
  t.ok(invoice.ok && equalBytes(invoice.value.ref, ref) && equalBytes(orderRef(bytes(receipt.salt), bytes(receipt.order)), ref), 'the till signed exactly these items');
  t.ok(decode(Order, bytes(receipt.order)).ok);
  const { proof } = receipt;
  const header = decode(Header, bytes(proof.header));
  const certificate = decode(Certificate, bytes(proof.certificate));
  const result = decode(TxResult, bytes(proof.result));
  if (!header.ok || !certificate.ok || !result.ok) throw new Error('the proof does not decode');
  t.ok(verifyCertificate(genesisHash, validators, certificate.value, verifyEd25519).ok && equalBytes(blockIdBytes(genesisHash, bytes(proof.header)), certificate.value.blockId), 'final');
  const { txCount: count, resultRoot: root } = header.value;
  t.ok(verifyMerklePath({ leaf: bytes(proof.result), index: proof.index, count, path: proof.resultPath.map((step) => fromHex(step) ?? new Uint8Array(0)), root }), 'executed in that block');
  t.match([toHex(result.value.txId), result.value.code, proof.txHash], [txHash, 0, txHash]);
  t.match(await getReceipt(createClient({ baseUrl: world.api.url }), { orderId }), { orderId });
});

t.test('neither address nor key of the payer stands in a receipt, in no form', async (t) => {
  const { world, orderId } = await sell(t);
  await world.block();
  for (const accept of ['application/json', 'text/html']) {
    const { text } = await world.get(`/receipts/${orderId}`, { accept });
    for (const secret of [ali.addressText, toHex(ali.address), toHex(ali.publicKey), ali.addressText.slice(-8)]) t.notOk(text.includes(secret), `${accept}: ${secret}`);
    for (const field of text.match(/[A-Za-z0-9_-]{32,}/g) ?? []) {
      const raw = Buffer.from(field, 'base64url');
      t.notOk(raw.includes(Buffer.from(ali.address)) || raw.includes(Buffer.from(ali.publicKey)), 'nor inside the bytes');
    }
  }
});

t.test('as a page it speaks the reader’s language, runs nothing and loads nothing', async (t) => {
  const evil = '<script src=//x>alert(1)</script>"&\'';
  const { world, orderId } = await sell(t, (lot) => [{ ...carton, lot, name: evil }]);
  await world.block();
  const en = await world.get(`/receipts/${orderId}`, { accept: 'text/html,application/xhtml+xml' });
  t.match(en.headers.get('content-type'), /^text\/html/);
  t.match(en.headers.get('content-security-policy'), /^default-src 'none'; style-src 'sha256-/);
  t.match(en.headers.get('vary'), /Accept/);
  t.notMatch(en.text, /<script|\son\w+=|https?:/i);
  t.match(en.text, /Paid – Ready/);
  t.match(en.text, /&lt;script src=\/\/x&gt;alert\(1\)&lt;\/script&gt;&quot;&amp;&#39;/);
  const ms = await world.get(`/receipts/${orderId}`, { accept: 'text/html', 'accept-language': 'ms-MY' });
  t.match(ms.text, /<html lang="ms">[\s\S]*Dibayar – Sedia[\s\S]*Asal susu ini/);
  t.equal(escapeHtml('<a b="c">\u2066'), '&lt;a b=&quot;c&quot;&gt;');
});

t.test('a refund stands on the receipt, a foreign order id opens nothing', async (t) => {
  const { world, orderId, ref } = await sell(t);
  await world.block();
  await world.refund(ref, 150n);
  await world.block();
  t.match((await world.get(`/receipts/${orderId}`)).json, { status: 'PART_REFUNDED', refunds: [{ litres: '0.150', rm: '0.90' }] });
  t.match((await world.get(`/receipts/${orderId}`, { accept: 'text/html' })).text, /Refunded<\/td><td class="n">RM 0.90/);
  t.equal((await world.get(`/receipts/ord_${'0'.repeat(26)}`)).status, 404);
  t.equal((await world.get('/receipts/..%2f')).status, 400);
});
