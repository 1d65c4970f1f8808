/** Attacks on the replay rule (SPEC §4): nothing is charged twice, nothing that failed comes back, no second id for one body. */
import t from 'tap';
import { buildBlock, compareBytes, concat, decode, encode, encodePolicy, parseTx, policyAddress, ROWS, toHex, Tx } from '../../src/index.ts';
import { alice, bob, rich, verdict } from '../support/cases.ts';
import { KEYS, keyOf, type Key, type World } from '../support/world.ts';

const DAY = 86_400_000;
const poor = keyOf('poor');
const balance = (world: World, key: Key): bigint => world.tip.state.get(ROWS.account, toHex(key.address))?.balanceMl ?? 0n;
const included = (world: World, txs: readonly Uint8Array[], afterMs = 1_000): readonly number[] => world.block(txs, afterMs).codes;

t.test('a Pay that failed is not charged later, once its till has taken the invoice back', (t) => {
  const world = rich();
  const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, 'failed');
  const pay = world.pay(poor, invoice);
  const expiresAtMs = world.parse(pay).body.validUntilMs;
  t.same(included(world, [pay]), [], 'without a balance it stands in no block');
  const taken = world.tx(KEYS.till1, { case: 'voidInvoice', value: { invoice } }, { salt: undefined, feeMl: 1n, validUntilMs: expiresAtMs });
  t.same(included(world, [taken, world.transfer(alice, poor.address, 1_000n)]), [0, 0]);
  t.same(included(world, [pay]), [], 'whoever kept it cannot charge it any more');
  t.equal(verdict(world, pay), 'invoice_void');
  t.equal(balance(world, poor), 1_000n);
  t.end();
});

t.test('a Pay that failed dies with its invoice, whoever kept it', (t) => {
  const world = rich();
  const pay = world.pay(poor, world.invoice(KEYS.till1, 1, 300n, 180n, 'kept'));
  const expiresAtMs = world.parse(pay).body.validUntilMs;
  t.same(included(world, [pay, world.transfer(alice, poor.address, 1_000n)]), [0], 'only the transfer');
  t.equal(verdict(world, pay, expiresAtMs - world.timeMs), 'ok', 'at the instant of the expiry it still counts');
  t.equal(verdict(world, pay, expiresAtMs - world.timeMs + 1), 'invoice_expired');
  t.same(included(world, [pay], expiresAtMs - world.timeMs + 1), []);
  t.end();
});

t.test('other signatures are no other transaction', (t) => {
  const world = rich();
  const members = ['a', 'b', 'c'].map((name) => keyOf(name)).sort((x, y) => compareBytes(x.publicKey, y.publicKey)) as [Key, Key, Key];
  const policy = encodePolicy(2, members.map((key) => key.publicKey));
  const shared = policyAddress(policy);
  t.same(included(world, [world.transfer(alice, shared, 1_000n)]), [0]);
  const body = world.body(shared, { case: 'transfer', value: { to: bob.address, amountMl: 10n } }, { policies: [policy] });
  const [first, second, third] = [[members[0], members[1]], [members[1], members[2]], [members[2], members[0]]].map((pair) => world.sign(body, ...pair)) as [Uint8Array, Uint8Array, Uint8Array];
  t.same([toHex(world.txId(second)), toHex(world.txId(third))], [toHex(world.txId(first)), toHex(world.txId(first))], 'one body, one id');
  t.same(included(world, [first, second, third]), [0], 'one of them in a block');
  t.same(included(world, [second]), [], 'and none later');
  t.equal(verdict(world, third), 'already_executed');
  t.equal(balance(world, bob), 1_010n);

  const tx = decode(Tx, first);
  if (!tx.ok) return t.fail();
  t.equal(verdict(world, encode(Tx, { ...tx.value, sigs: [...tx.value.sigs].reverse() })), 'malformed', 'signatures have one order');
  return t.end();
});

t.test('a signature of the same key with S + L is none', (t) => {
  const world = rich();
  const tx = decode(Tx, world.transfer(alice, bob.address, 10n));
  if (!tx.ok) return t.fail();
  const [sig] = tx.value.sigs;
  if (sig === undefined) return t.fail();
  const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
  const little = [...sig.signature.slice(32)].reduceRight((value, byte) => value * 256n + BigInt(byte), 0n) + order;
  const s = Uint8Array.from({ length: 32 }, (_, index) => Number((little >> BigInt(8 * index)) & 0xffn));
  const other = encode(Tx, { ...tx.value, sigs: [{ ...sig, signature: concat(sig.signature.slice(0, 32), s) }] });
  t.equal(verdict(world, other), 'bad_signature');
  t.same(included(world, [other]), []);
  return t.end();
});

t.test('valid until its last millisecond, and not one longer', (t) => {
  const world = rich();
  const at = world.timeMs + 60_000;
  const make = (amountMl: bigint): Uint8Array => world.tx(alice, { case: 'transfer', value: { to: bob.address, amountMl } }, { validUntilMs: at });
  const [last, late] = [make(1n), make(2n)];
  t.same(included(world, [last], 60_000), [0], 'a block of exactly validUntilMs');
  t.same(included(world, [late], 1), [], 'one of a millisecond later');
  t.equal(verdict(world, late, 1), 'expired');
  const far = world.tx(alice, { case: 'transfer', value: { to: bob.address, amountMl: 3n } }, { validUntilMs: world.timeMs + 1_000 + 3_600_001 });
  t.equal(verdict(world, far, 1_000), 'valid_until_too_far');
  t.equal(verdict(world, far, 1_001), 'ok', 'at most an hour ahead');
  t.end();
});

t.test('a record of a transaction that was swept lets nothing in again', (t) => {
  const world = rich();
  const tx = world.transfer(alice, bob.address, 10n);
  const id = toHex(world.txId(tx));
  t.same(included(world, [tx]), [0]);
  t.same(included(world, [tx]), []);
  included(world, [], 26 * 3_600_000);
  included(world, []);
  t.equal(world.tip.state.get(ROWS.done, id), undefined, 'a day after its end it is swept');
  t.same(included(world, [tx]), []);
  t.equal(verdict(world, tx), 'expired', 'but its time is over for good');
  t.equal(balance(world, bob), 1_010n);
  t.end();
});

t.test('a record of an invoice that was swept lets nobody pay or refund again', (t) => {
  const world = rich();
  const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, 'swept');
  const pay = world.pay(alice, invoice);
  t.same(included(world, [pay]), [0]);
  included(world, [], 9 * DAY);
  included(world, []);
  const { ref = new Uint8Array(10) } = world.parse(pay).invoice ?? {};
  t.equal([...world.tip.state.rows(ROWS.invoice)].length, 0);
  t.same([verdict(world, pay), verdict(world, world.pay(bob, invoice))], ['invoice_expired', 'invoice_expired']);
  t.equal(verdict(world, world.tx(KEYS.cafeteria, { case: 'refund', value: { tillNo: 1, ref, amountMl: 1n } })), 'unknown_invoice');
  t.end();
});

t.test('a fault leaves the fee and the replay record, and nothing else', (t) => {
  const world = rich();
  const batch = world.batchKey();
  for (const [name, tx] of [
    ['Transfer', world.transfer(alice, bob.address, 10n ** 9n)],
    ['Transfer to an account that has no row', world.transfer(alice, keyOf('nobody').address, 10n ** 9n)],
    ['Redeem', world.tx(alice, { case: 'redeem', value: { batch, amountMl: 10n ** 9n, noteHash: new Uint8Array(32) } }, {}, [KEYS.plant])],
    ['BondDeposit', world.tx(KEYS.plant, { case: 'bondDeposit', value: { amountMl: 10n ** 12n } })],
    ['BondWithdraw', world.tx(KEYS.plant, { case: 'bondWithdraw', value: { amountMl: 10n ** 12n } })],
  ] as const) {
    const payer = toHex(world.parse(tx).body.sender);
    const before = world.tip.state.get(ROWS.account, payer);
    const { codes, changes, events } = world.block([tx]);
    t.not(codes[0], 0, `${name} fails`);
    t.same(events, [[]]);
    t.same(changes.map(({ type, id }) => `${type.name} ${id}`).sort(), [`account ${payer}`, `done ${toHex(world.txId(tx))}`, 'pools '], name);
    t.same(world.tip.state.get(ROWS.account, payer), { ...before, balanceMl: (before?.balanceMl ?? 0n) - 1n });
  }
  t.end();
});

t.test('the proposer who offers a transaction twice in one block gets it in once', (t) => {
  const world = rich();
  const { chain, tip } = world;
  const parsed = parseTx(chain, world.transfer(alice, bob.address, 10n));
  if (!parsed.ok) return t.fail();
  const built = buildBlock(chain, tip, [parsed.value, parsed.value, parsed.value], tip.timeMs + 1, { proposerIndex: 0, round: 0 });
  t.equal(built.txs.length, 1);
  chain.tree.release(built.treeVersion);
  return t.end();
});
