import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import type { PoolLimits } from '../../src/mempool/limits.ts';
import type { Submitted, TxStatus } from '../../src/ports.ts';
import { PoolWorld } from '../support/poolWorld.ts';
import { KEYS, keyOf } from '../support/testNetwork.ts';
import { until } from '../support/until.ts';

const ANNA = keyOf('anna');
const BEN = keyOf('ben');
const FUNDED = [ANNA.address, BEN.address];

async function makeWorld(test: Test, limits: Partial<PoolLimits> = {}): Promise<PoolWorld> {
  const world = await PoolWorld.make(limits, FUNDED);
  test.teardown(() => world.remove());
  return world;
}

const codeOf = (submitted: Submitted): string => (submitted.ok ? `ok ${submitted.status.status}` : submitted.refusal.code);
const statusOf = async (world: PoolWorld, bytes: Uint8Array): Promise<TxStatus['status'] | undefined> => (await world.pool.status(world.maker.parse(bytes).txHash))?.status;

void t.test('an accepted transaction is pending, then final; sent again it answers how it stands', async (test) => {
  const world = await makeWorld(test);
  const tx = world.maker.transfer(ANNA, BEN.address, 100n);
  test.equal(await statusOf(world, tx), undefined);
  test.match(await world.pool.submit(tx), { ok: true, fresh: true, status: { status: 'pending' } });
  test.match(await world.pool.submit(tx), { ok: true, fresh: false, status: { status: 'pending' } });
  test.equal(world.pool.info().transactions, 1);
  const { txHash } = world.maker.parse(tx);
  test.same(world.pool.pending(txHash)?.bytes, tx);
  const block = world.poolBlock();
  test.equal(world.pool.pending(txHash), undefined);
  test.match(await world.pool.submit(tx), { ok: true, fresh: false, status: { status: 'final', height: block.height, index: 0, code: 0 } });
  test.equal(world.pool.info().transactions, 0);
  test.equal(world.pool.ready, 0);
});

void t.test('a transaction in hand is known while it waits and once it is final, after a restart too; one that never came asks no disk', async (test) => {
  const world = await makeWorld(test);
  const [never, tx] = [1n, 2n].map((amountMl) => world.maker.parse(world.maker.transfer(ANNA, BEN.address, amountMl)));
  if (never === undefined || tx === undefined) throw new Error('both are made');
  await world.pool.submit(tx);
  test.match(await world.pool.statusOf(tx), { status: 'pending' });
  const { height } = world.poolBlock();
  test.match(await world.pool.statusOf(tx), { status: 'final', height });
  await world.reopen();
  test.match(await world.pool.statusOf(tx), { status: 'final', height });
  const before = world.asked;
  test.equal(await world.pool.statusOf(never), undefined);
  test.equal(world.asked, before);
});

void t.test('what a peer brought stays in memory until a client is promised something', async (test) => {
  const world = await makeWorld(test);
  const [told, promised] = [world.maker.transfer(ANNA, BEN.address, 100n), world.maker.transfer(ANNA, BEN.address, 200n)];
  for (const bytes of [told, promised]) await world.pool.take(world.maker.parse(bytes));
  test.equal(world.pool.info().transactions, 2, 'both are offered to blocks');
  test.match(await world.pool.submit(promised), { ok: true, fresh: false, status: { status: 'pending' } });
  await world.reopen();
  test.equal(await statusOf(world, told), undefined, 'whoever took it from a client has it on disk');
  test.equal(await statusOf(world, promised), 'pending');
  await world.pool.take(world.maker.parse(told));
  world.poolBlock();
  await world.reopen();
  test.same([await statusOf(world, told), await statusOf(world, promised)], ['final', 'final']);
  test.equal(world.pool.info().transactions, 0);
});

void t.test('a peer that brings what has ended asks no disk', async (test) => {
  const world = await makeWorld(test);
  const [final, late] = [1n, 2n].map((amountMl) => world.maker.parse(world.maker.transfer(ANNA, BEN.address, amountMl)));
  if (final === undefined || late === undefined) throw new Error('both are made');
  await world.pool.take(final);
  world.poolBlock();
  await world.reopen(); // it remembers no end of what a peer brought
  world.block([], Number(late.body.validUntilMs) + 1);
  for (const tx of [final, late]) await world.pool.take(tx);
  test.equal(world.pool.info().transactions, 0);
  test.equal(world.asked, 0);
  test.match(await world.pool.submit(final), { ok: true, fresh: false, status: { status: 'final' } }, 'a client is answered from there');
  test.equal(codeOf(await world.pool.submit(late)), 'expired');
  test.equal(world.asked, 2);
});

void t.test('how a transaction of a peer ended is on disk once a client is told', async (test) => {
  const world = await makeWorld(test);
  world.pool.afterBlock(world.block([world.maker.parse(world.maker.transfer(ANNA, KEYS.cafeteria.address, 1_000n))]));
  const invoice = world.maker.invoice('a');
  const [pay, voided] = [world.maker.pay(ANNA, invoice), world.maker.voidInvoice(invoice)];
  for (const bytes of [pay, voided]) await world.pool.take(world.maker.parse(bytes));
  world.pool.afterBlock(world.block([world.maker.parse(voided)]));
  test.match(await world.pool.submit(pay), { ok: true, fresh: false, status: { status: 'superseded' } });
  await world.reopen();
  test.equal(await statusOf(world, pay), 'superseded');
});

void t.test('who sent what is not final is known while it waits and once it has ended, through restarts; whose a final one is its block says', async (test) => {
  const world = await makeWorld(test);
  world.pool.afterBlock(world.block([world.maker.parse(world.maker.transfer(ANNA, KEYS.cafeteria.address, 1_000n))]));
  const invoice = world.maker.invoice('a');
  const [waits, expires, paid, voided] = [
    world.maker.transfer(ANNA, BEN.address, 100n), world.maker.transfer(BEN, ANNA.address, 100n, { validUntilMs: world.nowMs + 5_000 }), world.maker.pay(ANNA, invoice), world.maker.voidInvoice(invoice),
  ];
  for (const bytes of [waits, expires, paid, voided]) await world.pool.submit(bytes);
  const { invoice: terms } = world.maker.parse(paid);
  if (terms === undefined) throw new Error('a Pay has an invoice');
  test.same(world.pool.pendingPayOf(terms)?.bytes, paid);
  const senders = (): readonly (Uint8Array | undefined)[] => [waits, expires, paid, voided].map((bytes) => world.pool.senderOf(world.maker.parse(bytes).txHash));
  test.same(senders(), [ANNA.address, BEN.address, ANNA.address, KEYS.till.address]);
  await world.reopen();
  test.same(senders(), [ANNA.address, BEN.address, ANNA.address, KEYS.till.address]);
  world.pool.afterBlock(world.block([world.maker.parse(voided)], world.nowMs + 6_000));
  test.same([await statusOf(world, expires), await statusOf(world, paid)], ['expired', 'superseded']);
  test.equal(world.pool.pendingPayOf(terms), undefined);
  test.same(senders(), [ANNA.address, BEN.address, ANNA.address, undefined]);
  await world.reopen();
  test.same([await statusOf(world, waits), await statusOf(world, expires), await statusOf(world, paid)], ['pending', 'expired', 'superseded']);
  test.same(senders(), [ANNA.address, BEN.address, ANNA.address, undefined]);
});

void t.test('what waits for longer than others do is overdue', async (test) => {
  const world = await makeWorld(test);
  const old = [world.maker.transfer(ANNA, BEN.address, 100n), world.maker.transfer(ANNA, BEN.address, 200n)];
  for (const bytes of old) await world.pool.submit(bytes);
  world.nowMs += 600;
  await world.pool.submit(world.maker.transfer(BEN, ANNA.address, 300n));
  test.same(world.pool.overdue(500, 10).map(({ bytes }) => bytes), old);
  test.equal(world.pool.overdue(500, 1).length, 1);
  test.equal(world.pool.overdue(700, 10).length, 0);
});

void t.test('the same transaction many times at once is one transaction', async (test) => {
  const world = await makeWorld(test);
  const tx = world.maker.transfer(ANNA, BEN.address, 100n);
  const answers = await Promise.all(Array.from({ length: 20 }, () => world.pool.submit(tx)));
  test.equal(answers.filter((answer) => answer.ok && answer.fresh).length, 1);
  test.ok(answers.every((answer) => answer.ok));
  test.equal(world.pool.info().transactions, 1);
});

void t.test('signatures are verified once, at admission', async (test) => {
  const world = await makeWorld(test);
  const before = world.verifications.length;
  await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 100n));
  await world.pool.submit(world.maker.pay(ANNA, world.maker.invoice('a')));
  test.equal(world.verifications.length - before, 3, 'a transfer has one, a payment two');
  world.poolBlock();
  test.equal(world.verifications.length - before, 3, 'the block verifies none again');
});

void t.test('what the rules refuse is refused with their code and is not remembered', async (test) => {
  const world = await makeWorld(test);
  const refused = async (bytes: Uint8Array): Promise<string> => codeOf(await world.pool.submit(bytes));
  const good = world.maker.transfer(ANNA, BEN.address, 100n);
  const forged = good.map((byte, i) => (i === good.length - 1 ? byte ^ 1 : byte));
  test.equal(await refused(forged), 'bad_signature');
  test.equal(await refused(new Uint8Array([1, 2, 3])), 'malformed');
  test.equal(await refused(world.maker.transfer(ANNA, BEN.address, 10_000_000n)), 'insufficient_balance');
  test.equal(await refused(world.maker.transfer(ANNA, BEN.address, 1n, { validUntilMs: world.nowMs - 60_000 })), 'expired');
  test.equal(await refused(world.maker.transfer(ANNA, BEN.address, 1n, { chainTag: new Uint8Array(8) })), 'wrong_network');
  test.equal(await refused(world.maker.pay(ANNA, world.maker.invoice('dear', { sen: 300n }))), 'price_out_of_band');
  test.equal(await refused(good), 'ok pending', 'a forged copy does not stand in the way');
});

void t.test('pending spends are set aside: together they never exceed the balance', async (test) => {
  const world = await makeWorld(test);
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 60_000n))), 'ok pending');
  const second = await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 60_000n));
  test.match(second, { ok: false, refusal: { code: 'insufficient_balance', needMl: 60_001n, haveMl: 39_999n } });
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 39_998n))), 'ok pending');
  world.poolBlock();
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 1n))), 'insufficient_balance');
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(BEN, ANNA.address, 150_000n))), 'ok pending', 'what arrived can be spent at once');
});

void t.test('one pending payment per invoice; the loser of a race elsewhere is superseded', async (test) => {
  const world = await makeWorld(test);
  const invoice = world.maker.invoice('carton');
  const [byAnna, byBen] = [world.maker.pay(ANNA, invoice), world.maker.pay(BEN, invoice)];
  test.equal(codeOf(await world.pool.submit(byAnna)), 'ok pending');
  test.match(await world.pool.submit(byBen), { ok: false, refusal: { code: 'invoice_already_paid', txId: world.maker.parse(byAnna).txHash } });
  const block = world.block([world.maker.parse(byBen)]); // another proposer had Ben's
  world.pool.afterBlock(block);
  test.same(await world.pool.status(world.maker.parse(byAnna).txHash), { status: 'superseded', by: world.maker.parse(byBen).txHash });
  test.equal(await statusOf(world, byBen), 'final');
  test.equal(world.pool.info().transactions, 0);
});

void t.test('a Pay and a VoidInvoice of one invoice may both wait; the one that a block takes first supersedes the other', async (test) => {
  for (const first of ['pay', 'void'] as const) {
    const world = await makeWorld(test);
    const { maker, pool } = world;
    pool.afterBlock(world.block([maker.parse(maker.transfer(ANNA, KEYS.cafeteria.address, 1_000n))]));
    const invoice = maker.invoice(`carton ${first}`);
    const [pay, voiding] = [maker.pay(ANNA, invoice), maker.voidInvoice(invoice)];
    test.equal(codeOf(await pool.submit(pay)), 'ok pending');
    test.equal(codeOf(await pool.submit(voiding)), 'ok pending');
    test.match(await pool.submit(maker.voidInvoice(invoice)), { ok: true, fresh: false }, 'the same void has the same id');
    const [taken, left] = first === 'pay' ? [pay, voiding] : [voiding, pay];
    pool.afterBlock(world.block([maker.parse(taken)]));
    test.equal(await statusOf(world, taken), 'final');
    test.same(await pool.status(maker.parse(left).txHash), { status: 'superseded', by: maker.parse(taken).txHash });
    test.equal(pool.info().transactions, 0);
  }
});

void t.test('a transaction whose time runs out ends expired, its reservation is given back', async (test) => {
  const world = await makeWorld(test);
  const tx = world.maker.transfer(ANNA, BEN.address, 99_000n, { validUntilMs: world.nowMs + 5_000 });
  test.equal(codeOf(await world.pool.submit(tx)), 'ok pending');
  world.nowMs += 6_000;
  world.pool.afterBlock(world.block([]));
  test.equal(await statusOf(world, tx), 'expired');
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 99_000n))), 'ok pending');
});

void t.test('what was accepted survives a restart; what ended meanwhile is taken out with its end', async (test) => {
  const world = await makeWorld(test);
  const invoice = world.maker.invoice('carton');
  const stays = world.maker.transfer(ANNA, BEN.address, 1n);
  const becomesFinal = world.maker.transfer(ANNA, BEN.address, 2n);
  const expires = world.maker.transfer(ANNA, BEN.address, 3n, { validUntilMs: world.nowMs + 2_000 });
  const loses = world.maker.pay(ANNA, invoice);
  for (const tx of [stays, becomesFinal, expires, loses]) test.equal(codeOf(await world.pool.submit(tx)), 'ok pending');
  world.nowMs += 3_000;
  world.block([world.maker.parse(becomesFinal), world.maker.parse(world.maker.pay(BEN, invoice))]); // the pool never hears of it
  for (const time of ['once', 'twice']) {
    await world.reopen();
    test.equal(await statusOf(world, stays), 'pending', time);
    test.equal(await statusOf(world, becomesFinal), 'final', time);
    test.equal(await statusOf(world, expires), 'expired', time);
    test.equal(await statusOf(world, loses), 'superseded', time);
    test.equal(world.pool.info().transactions, 1, time);
  }
  world.poolBlock();
  await world.reopen();
  test.equal(world.pool.info().transactions, 0);
});

void t.test('a full pool refuses and never evicts; a third is kept for payments', async (test) => {
  const world = await makeWorld(test, { transactionsMax: 6 });
  const transfers = Array.from({ length: 5 }, () => world.maker.transfer(ANNA, BEN.address, 1n));
  const answers: string[] = [];
  for (const tx of transfers) answers.push(codeOf(await world.pool.submit(tx)));
  test.same(answers, ['ok pending', 'ok pending', 'ok pending', 'ok pending', 'pool_full']);
  test.equal(codeOf(await world.pool.submit(world.maker.pay(ANNA, world.maker.invoice('1')))), 'ok pending');
  test.equal(codeOf(await world.pool.submit(world.maker.pay(ANNA, world.maker.invoice('2')))), 'ok pending');
  test.equal(codeOf(await world.pool.submit(world.maker.pay(ANNA, world.maker.invoice('3')))), 'pool_full');
  const block = world.poolBlock();
  test.equal(block.txs.length, 6);
  test.equal(codeOf(await world.pool.submit(transfers[4] ?? new Uint8Array(0))), 'ok pending', 'a refused id is not held against it');
});

void t.test('a full pool by bytes refuses', async (test) => {
  const world = await makeWorld(test, { bytesMax: 700 });
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 1n))), 'ok pending');
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 1n))), 'ok pending');
  test.equal(codeOf(await world.pool.submit(world.maker.transfer(ANNA, BEN.address, 1n))), 'pool_full');
});

void t.test('senders and tills have a bounded number of places', async (test) => {
  const world = await makeWorld(test, { perSenderMax: 2, paysPerTillMax: 3 });
  const submit = async (bytes: Uint8Array): Promise<string> => codeOf(await world.pool.submit(bytes));
  test.equal(await submit(world.maker.pay(ANNA, world.maker.invoice('1'))), 'ok pending');
  test.equal(await submit(world.maker.pay(ANNA, world.maker.invoice('2'))), 'ok pending');
  test.equal(await submit(world.maker.pay(ANNA, world.maker.invoice('3'))), 'too_many_pending');
  test.equal(await submit(world.maker.pay(BEN, world.maker.invoice('3'))), 'ok pending');
  test.equal(await submit(world.maker.pay(BEN, world.maker.invoice('4'))), 'too_many_pending', 'the till is full');
  test.equal(await submit(world.maker.transfer(BEN, ANNA.address, 1n)), 'ok pending');
  world.poolBlock();
  test.equal(await submit(world.maker.pay(ANNA, world.maker.invoice('4'))), 'ok pending');
});

void t.test('what would fail now waits without waking the chain, and is offered again when it can succeed', async (test) => {
  const world = await makeWorld(test);
  const spend = world.maker.transfer(ANNA, BEN.address, 90_000n);
  test.equal(codeOf(await world.pool.submit(spend)), 'ok pending');
  world.pool.afterBlock(world.block([world.maker.parse(world.maker.transfer(ANNA, BEN.address, 99_999n))])); // spent to the last drop through another node
  const block = world.poolBlock();
  test.equal(block.txs.length, 0);
  test.equal(world.pool.ready, 0);
  test.equal(await statusOf(world, spend), 'pending');
  world.pool.afterBlock(world.block([world.maker.parse(world.maker.transfer(BEN, ANNA.address, 95_000n))]));
  test.equal(world.pool.ready, 1);
  test.equal(world.poolBlock().txs.length, 1);
  test.equal(await statusOf(world, spend), 'final');
});

void t.test('few are checked again after a block, but each in its turn', async (test) => {
  const world = await makeWorld(test, { recheckPerBlock: 1 });
  const [big, small] = [world.maker.transfer(ANNA, BEN.address, 90_000n), world.maker.transfer(ANNA, BEN.address, 5_000n)];
  for (const tx of [big, small]) test.equal(codeOf(await world.pool.submit(tx)), 'ok pending');
  world.pool.afterBlock(world.block([world.maker.parse(world.maker.transfer(ANNA, BEN.address, 99_999n))]));
  world.poolBlock();
  test.equal(world.pool.ready, 0, 'both are parked');
  world.block([world.maker.parse(world.maker.transfer(BEN, ANNA.address, 6_000n))]);
  for (let i = 0; i < 2 && world.pool.ready === 0; i++) world.pool.afterBlock(world.block([]));
  world.poolBlock();
  test.equal(await statusOf(world, small), 'final', 'the one before it, which still fails, does not keep it waiting');
  test.equal(await statusOf(world, big), 'pending');
});

void t.test('what ends while the disk is busy with its promise leaves nothing there', async (test) => {
  const world = await makeWorld(test);
  const [final, late] = [1n, 2n].map((amountMl) => world.maker.parse(world.maker.transfer(ANNA, BEN.address, amountMl)));
  if (final === undefined || late === undefined) throw new Error('both are made');
  let free: () => void = () => undefined;
  world.busy = new Promise((resolve) => {
    free = resolve;
  });
  for (const tx of [final, late]) await world.pool.take(tx);
  const promised = [final, late].map((tx) => world.pool.submit(tx));
  await setImmediate();
  world.pool.afterBlock(world.block([final]));
  world.pool.afterBlock(world.block([], Number(late.body.validUntilMs) + 1));
  await setImmediate();
  free();
  test.match(await Promise.all(promised), [{ ok: true, status: { status: 'final' } }, { ok: true, status: { status: 'expired' } }]);
  await until(async () => (await world.storedCount()) === 0);
  await world.reopen();
  test.equal(await statusOf(world, late.bytes), 'expired');
});

void t.test('ends are remembered up to a bound, on disk as well', async (test) => {
  const world = await makeWorld(test, { endedMax: 3 });
  const expiring = Array.from({ length: 5 }, (_, i) => world.maker.transfer(ANNA, BEN.address, BigInt(i + 1), { validUntilMs: world.nowMs + 1_000 }));
  for (const tx of expiring) await world.pool.submit(tx);
  world.nowMs += 2_000;
  world.pool.afterBlock(world.block([]));
  const statuses = async (): Promise<(string | undefined)[]> => Promise.all(expiring.map((tx) => statusOf(world, tx)));
  test.same(await statuses(), [undefined, undefined, 'expired', 'expired', 'expired']);
  await world.reopen();
  test.equal((await statuses()).filter((status) => status === 'expired').length, 3);
});
