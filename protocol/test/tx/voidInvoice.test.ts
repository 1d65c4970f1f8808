/** VoidInvoice: an invoice is settled once, by whichever of Pay and VoidInvoice is included first. */
import t from 'tap';
import { balanceOf, DAY_MS, invoiceId, INVOICE_VOID, poolsOf, ROWS, stateRows, tillId, toHex, txIdOf, type Invoice } from '../../src/index.ts';
import { alice, bob, refundOf, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf } from '../support/world.ts';

const { cafeteria, till1, till2, till3 } = KEYS;

t.test('a void record holds the invoice and no payment, costs the merchant one fee, and lets no Pay settle it', (t) => {
  const world = rich();
  const invoice = world.invoice(till1, 1, 300n, 180n, 'void');
  const before = [balanceOf(world.tip.state, cafeteria.address), poolsOf(world.tip.state).feesMl] as const;
  const tx = world.voidInvoice(till1, invoice);
  const block = world.block([tx]);
  const { ref } = world.parse(tx).invoice as Invoice;
  t.same(block.events, [[{ case: 'invoiceVoided', value: { tillNo: 1, ref, merchant: cafeteria.address } }]]);
  t.match(world.tip.state.get(ROWS.invoice, invoiceId(1, ref)), {
    state: INVOICE_VOID, txId: world.txId(tx), merchant: cafeteria.address, amountMl: 300n, payer: undefined, cardId: undefined, ownMl: 0n, sen: 180n, refundedMl: 0n, expiresAtMs: world.parse(tx).body.validUntilMs,
  });
  t.equal(balanceOf(world.tip.state, cafeteria.address), before[0] - 1n);
  t.equal(poolsOf(world.tip.state).feesMl, before[1] + 1n);
  t.equal(world.tip.state.get(ROWS.done, toHex(world.txId(tx))), undefined, 'the invoice record is its replay record');
  t.equal(verdict(world, world.pay(alice, invoice)), 'invoice_void');
  t.equal(world.block([world.pay(alice, invoice)]).txs.length, 0);
  t.equal(verdict(world, refundOf(world, world.parse(world.pay(alice, invoice)), 1n)), 'invoice_void', 'nothing was paid, so nothing goes back');
  t.end();
});

t.test('whichever is included first settles the invoice', (t) => {
  const world = rich();
  const [a, b] = [world.invoice(till1, 1, 300n, 180n, 'a'), world.invoice(till1, 1, 300n, 180n, 'b')];
  const [payA, voidA, payB, voidB] = [world.pay(alice, a), world.voidInvoice(till1, a), world.pay(alice, b), world.voidInvoice(till1, b)];
  const block = world.block([payA, voidA, voidB, payB]);
  t.same(block.txs.map((tx) => tx.txHash), [payA, voidB].map((bytes) => toHex(world.txId(bytes))));
  t.equal(verdict(world, voidA), 'invoice_already_paid');
  t.equal(verdict(world, payB), 'invoice_void');
  t.equal(verdict(world, voidB), 'already_executed');
  t.equal(verdict(world, payA), 'already_executed');
  t.equal(verdict(world, world.voidInvoice(till1, b, { policies: [], feeMl: 2n })), 'over_till_cap', 'a till pays the least fee');
  t.end();
});

t.test('it is derivable: no salt, and the time is the invoice\'s', (t) => {
  const world = rich();
  const invoice = world.invoice(till1, 1, 300n, 180n, 'x');
  t.equal(verdict(world, world.voidInvoice(till1, invoice)), 'ok');
  t.equal(verdict(world, world.voidInvoice(till1, invoice, { salt: new Uint8Array(8) })), 'malformed');
  t.equal(verdict(world, world.voidInvoice(till1, invoice, { validUntilMs: world.timeMs + 60_000 })), 'malformed');
  t.equal(verdict(world, world.voidInvoice(till1, invoice, { feeMl: 0n })), 'fee_too_low');
  t.same(world.txId(world.voidInvoice(till1, invoice)), world.txId(world.voidInvoice(till1, invoice)), 'one invoice, one id');
  t.not(toHex(txIdOf(world.genesis.genesisHash, world.parse(world.voidInvoice(till1, invoice)).tx.body)), toHex(world.txId(world.pay(alice, invoice))));
  t.end();
});

t.test('the conditions of the invoice are those of a Pay', (t) => {
  const world = rich();
  const ask = (expiresInS: number) => world.invoice(till1, 1, 300n, 180n, `in ${expiresInS}`, expiresInS);
  t.equal(verdict(world, world.voidInvoice(till1, ask(-5))), 'invoice_expired');
  t.equal(verdict(world, world.voidInvoice(till1, ask(100_000))), 'invoice_too_far');
  t.equal(verdict(world, world.voidInvoice(till1, world.invoice(till2, 1, 300n, 180n, 'forged'))), 'bad_signature', 'an invoice that the till did not sign');
  const foreign = world.invoice(till1, 1, 300n, 180n, 'foreign');
  foreign[1] = (foreign[1] as number) ^ 1;
  t.equal(verdict(world, world.voidInvoice(till1, foreign)), 'wrong_network');
  t.equal(verdict(world, world.voidInvoice(till1, world.invoice(till1, 9, 300n, 180n, 'nine'))), 'unknown_till');
  setRow(world, ROWS.merchant, toHex(cafeteria.address), { status: stateRows.SUSPENDED });
  t.equal(verdict(world, world.voidInvoice(till1, ask(60))), 'merchant_not_active');
  setRow(world, ROWS.merchant, toHex(cafeteria.address), { status: stateRows.ACTIVE });
  setRow(world, ROWS.till, tillId(1), { status: stateRows.REVOKED });
  t.equal(verdict(world, world.voidInvoice(till1, ask(60))), 'till_not_active');
  t.end();
});

t.test('only the till may void: neither payer nor merchant nor another till of the merchant, present or not', (t) => {
  const world = rich();
  const invoice = world.invoice(till1, 1, 300n, 180n, 'mine');
  for (const key of [alice, bob, cafeteria, till2, till3, keyOf('stranger'), KEYS.campus, KEYS.regulator]) t.equal(verdict(world, world.voidInvoice(key, invoice)), 'wrong_signers');
  const poor = world.invoice(till3, 3, 300n, 180n, 'poor');
  t.equal(verdict(world, world.voidInvoice(till3, poor)), 'insufficient_balance', 'a merchant without a balance: nothing is written for nothing');
  t.end();
});

t.test('a till voids within its daily limit, so that a stolen one fills neither the state nor the fee pool', (t) => {
  const world = rich({ params: { tillRefundDailyMl: 3n } });
  const voids = [0, 1, 2, 3].map((index) => world.voidInvoice(till1, world.invoice(till1, 1, 300n, 180n, `v${index}`, 3_600)));
  t.equal(world.block(voids).txs.length, 3);
  t.equal(verdict(world, voids[3] as Uint8Array), 'over_till_cap');
  const next = world.voidInvoice(till1, world.invoice(till1, 1, 300n, 180n, 'next day', 86_400));
  world.block([], DAY_MS - 600_000);
  t.equal(world.block([next], 1_000).txs.length, 1, 'a new day, a new limit');
  t.end();
});
