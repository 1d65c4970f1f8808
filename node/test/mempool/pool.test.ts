import t from 'tap';
import { BLOCK_MAX_TXS, type ParsedTx } from '@billcoin/protocol';
import { POOL_LIMITS } from '../../src/mempool/limits.ts';
import { Pool } from '../../src/mempool/pool.ts';
import { KEYS, TxMaker, keyOf, makeTestGenesis } from '../support/testNetwork.ts';

/** Parsed transactions of right form without the cost of thousands of signatures: copies of one under other ids. */
function copies(tx: ParsedTx, label: string, count: number, sender: Uint8Array): ParsedTx[] {
  return Array.from({ length: count }, (_, i) => ({ ...tx, txHash: `${label}${i}`, body: { ...tx.body, sender } }));
}

function fill(pool: Pool, txs: readonly ParsedTx[]): void {
  for (const tx of txs) pool.add({ tx, arrival: pool.size, acceptedAtMs: 0, payer: 'p', spendMl: 1n, durable: Promise.resolve(), parked: false });
}

void t.test('arrival order while all fits, round robin over senders when more waits than fits', async (test) => {
  const maker = new TxMaker(makeTestGenesis(Date.now()));
  const tx = maker.parse(maker.transfer(KEYS.farm, KEYS.plant.address, 1n));
  const pool = new Pool(POOL_LIMITS);
  const many = copies(tx, 'a', BLOCK_MAX_TXS - 2, keyOf('a').address);
  const few = copies(tx, 'b', 2, keyOf('b').address);
  fill(pool, many);
  fill(pool, few);
  test.same(pool.offer(BLOCK_MAX_TXS).map(({ txHash }) => txHash), [...many, ...few].map(({ txHash }) => txHash));
  fill(pool, copies(tx, 'c', 1, keyOf('c').address));
  test.same(pool.offer(BLOCK_MAX_TXS).slice(0, 6).map(({ txHash }) => txHash), ['a0', 'b0', 'c0', 'a1', 'b1', 'a2']);
  test.equal(pool.offer(BLOCK_MAX_TXS).length, BLOCK_MAX_TXS);
  test.same(pool.offer(2).map(({ txHash }) => txHash), ['a0', 'b0']);
});

void t.test('removing gives back every count', async (test) => {
  const maker = new TxMaker(makeTestGenesis(Date.now()));
  const pool = new Pool(POOL_LIMITS);
  const pay = maker.parse(maker.pay(KEYS.farm, maker.invoice('x')));
  fill(pool, [pay]);
  const entry = pool.get(pay.txHash);
  test.ok(entry);
  if (entry !== undefined) pool.setParked(entry, true);
  test.equal(pool.parkedCount, 1);
  test.equal(pool.ready, 0);
  test.equal(pool.reservedMl('p'), 1n);
  test.equal(pool.byLeaf(pay.leafHash), pay, 'a block that holds it finds it parsed');
  pool.remove(pay.txHash);
  test.same([pool.size, pool.bytes, pool.parkedCount, pool.reservedMl('p'), pool.refusal(pay)], [0, 0, 0, 0n, undefined]);
  test.equal(pool.byLeaf(pay.leafHash), undefined);
  test.equal(pool.remove(pay.txHash), undefined);
});

void t.test('one pending Pay holds a coupon; its end frees it', async (test) => {
  const maker = new TxMaker(makeTestGenesis(Date.now()));
  const pool = new Pool(POOL_LIMITS);
  const couponId = new Uint8Array(32).fill(7);
  const pay = (label: string, coupon?: Uint8Array): ParsedTx => {
    const { tx, body, ...rest } = maker.parse(maker.pay(KEYS.farm, maker.invoice(label)));
    if (body.kind.case !== 'pay') throw new Error('this is a Pay');
    return { ...rest, tx, body: { ...body, kind: { case: 'pay', value: { ...body.kind.value, couponId: coupon } } } };
  };
  const [first, second, other, plain] = [pay('first', couponId), pay('second', couponId), pay('third', new Uint8Array(32).fill(8)), pay('fourth')];
  fill(pool, [first]);
  test.same(pool.refusal(second), { code: 'coupon_not_usable' }, 'a second would only wait until it expires');
  test.same([pool.refusal(other), pool.refusal(plain)], [undefined, undefined], 'other coupons and none are free');
  pool.remove(first.txHash);
  test.equal(pool.refusal(second), undefined, 'it may be sent after all');
  fill(pool, [second]);
  test.same(pool.refusal(first), { code: 'coupon_not_usable' });
});
