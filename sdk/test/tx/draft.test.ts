/** Keys and drafts: signing by several parties, ids, defaults, refusals. */
import t from 'tap';
import { compareBytes, formatAddress, parseTx, toHex, verifyEd25519, chainTag } from '@billcoin/protocol';
import {
  addSignature, attachSignature, buildAnchor, buildPay, buildRedeem, buildRevokeTill, buildTransfer, buildVoidInvoice, createKey, decodeTransaction, encodeTransaction, keyFromSeed, signTransfer, TX_LIFE_MS, txSigningBytes,
  type Key, type TxDraft,
} from '../../src/index.ts';
import { genesisHash, keys, makeOrder } from '../fixture.ts';

const { student, merchant, plant } = keys;

t.test('a key shows its address and hands its seed out only as a copy', (t) => {
  const key = createKey();
  const again = keyFromSeed(key.exportSeed());
  t.equal(again.addressText, key.addressText);
  t.equal(formatAddress(key.address), key.addressText);
  key.exportSeed().fill(0);
  t.same(keyFromSeed(key.exportSeed()).publicKey, key.publicKey);
  t.notOk(JSON.stringify(key).includes(toHex(key.exportSeed())), 'a key that is logged does not show its seed');
  t.not(toHex(createKey().publicKey), toHex(key.publicKey));
  t.throws(() => keyFromSeed(new Uint8Array(31)), RangeError);
  t.end();
});

t.test('two drafts of the same Transfer differ by their salt; each lives ten minutes', (t) => {
  const params = { genesisHash, sender: student.address, to: merchant.address, amountMl: 300n };
  const before = Date.now();
  const [a, b] = [buildTransfer(params), buildTransfer(params)];
  t.not(a.txHash, b.txHash);
  const opened = decodeTransaction(genesisHash, encodeTransaction(addSignature(a, student)));
  t.ok(opened.ok && opened.value.body.validUntilMs >= before + TX_LIFE_MS && opened.value.body.validUntilMs <= Date.now() + TX_LIFE_MS);
  t.ok(opened.ok && opened.value.body.feeMl === 1n && opened.value.body.salt?.length === 8);
  t.end();
});

t.test('the law accepts the form of what the SDK signs', (t) => {
  const network = { genesisHash, chainTag: chainTag(genesisHash), verify: verifyEd25519 };
  const transfer = signTransfer({ genesisHash, to: merchant.address, amountMl: 300n }, student);
  const parsed = parseTx(network, encodeTransaction(transfer));
  t.ok(parsed.ok && parsed.value.txHash === transfer.txHash);
  const pay = buildPay({ genesisHash, invoice: makeOrder().invoice, payer: student.address });
  t.ok(pay.ok && parseTx(network, encodeTransaction(addSignature(pay.value, student))).ok);
  t.end();
});

t.test('holder and plant sign one Redeem in any order; signing twice changes nothing', (t) => {
  const draft = buildRedeem({ genesisHash, holder: merchant.address, batch: new Uint8Array(32).fill(3), amountMl: 250_000n, noteHash: new Uint8Array(32).fill(4) });
  const byHolder = addSignature(draft, merchant);
  const received = decodeTransaction(genesisHash, encodeTransaction(byHolder));
  if (!received.ok) {
    t.fail(received.fault.code);
    return;
  }
  const both = addSignature(received.value.draft, plant);
  t.same(encodeTransaction(both), encodeTransaction(addSignature(addSignature(draft, plant), merchant)));
  t.same(addSignature(both, plant).sigs, both.sigs);
  t.ok(both.sigs.length === 2 && compareBytes(both.sigs[0]?.publicKey ?? new Uint8Array(), both.sigs[1]?.publicKey ?? new Uint8Array()) < 0);
  t.equal(both.txHash, draft.txHash, 'signatures are no part of the id');
  const elsewhere = { publicKey: plant.publicKey, signature: plant.sign(txSigningBytes(draft)) };
  t.same(attachSignature(byHolder, elsewhere).sigs, both.sigs, 'a signature made by a device fits as well');
  t.end();
});

t.test('a till voids its invoice: derivable, of the right form, under the same id each time', (t) => {
  const network = { genesisHash, chainTag: chainTag(genesisHash), verify: verifyEd25519 };
  const { invoice } = makeOrder();
  const [a, b] = [buildVoidInvoice({ genesisHash, invoice, till: keys.till.address }), buildVoidInvoice({ genesisHash, invoice, till: keys.till.address })];
  if (!a.ok || !b.ok) throw new Error('the invoice is refused');
  t.equal(a.value.txHash, b.value.txHash);
  const parsed = parseTx(network, encodeTransaction(addSignature(a.value, keys.till)));
  t.ok(parsed.ok && parsed.value.body.salt === undefined && parsed.value.body.feeMl === 1n);
  t.match(buildVoidInvoice({ genesisHash, invoice: invoice.subarray(1), till: keys.till.address }), { ok: false, fault: { code: 'malformed' } });
  t.end();
});

t.test('a free kind has no fee, a merchant who revokes a till pays one', (t) => {
  const tillNo = 3;
  const feeOf = (draft: TxDraft, by: Key): bigint | undefined => {
    const opened = decodeTransaction(genesisHash, encodeTransaction(addSignature(draft, by)));
    return opened.ok ? opened.value.body.feeMl : undefined;
  };
  t.equal(feeOf(buildRevokeTill({ genesisHash, sender: plant.address, tillNo }), plant), 0n);
  t.equal(feeOf(buildRevokeTill({ genesisHash, sender: merchant.address, tillNo, feeMl: 1n }), merchant), 1n);
  t.equal(feeOf(buildAnchor({ genesisHash, authority: plant.address, topic: 'audit', hash: new Uint8Array(32) }), plant), 0n);
  t.throws(() => buildAnchor({ genesisHash, authority: plant.address, topic: '', hash: new Uint8Array(32) }), 'a topic has a name');
  t.end();
});

t.test('foreign or broken transactions are refused as values', (t) => {
  const tx = encodeTransaction(signTransfer({ genesisHash, to: merchant.address, amountMl: 1n }, student));
  const other = genesisHash.map((byte) => byte ^ 1);
  t.match(decodeTransaction(other, tx), { ok: false, fault: { code: 'wrong_network' } });
  t.match(decodeTransaction(genesisHash, tx.subarray(1)), { ok: false, fault: { code: 'malformed' } });
  t.match(decodeTransaction(genesisHash, new Uint8Array()), { ok: false, fault: { code: 'malformed' } });
  t.match(buildPay({ genesisHash: other, invoice: makeOrder().invoice, payer: student.address }), { ok: false, fault: { code: 'wrong_network' } });
  t.match(buildPay({ genesisHash, invoice: new Uint8Array(91), payer: student.address }), { ok: false, fault: { code: 'malformed' } });
  t.throws(() => buildTransfer({ genesisHash, sender: student.address, to: merchant.address, amountMl: 0n }), 'zero litres is a bug of the caller');
  t.throws(() => encodeTransaction(buildTransfer({ genesisHash, sender: student.address, to: merchant.address, amountMl: 1n })), 'nobody signed');
  t.end();
});
