/** A line of an order from a product and its price rule. */
import t from 'tap';
import { orderTotals, productItem, type Product } from '../../src/index.ts';

const milk: Pick<Product, 'productId' | 'name' | 'price' | 'lot'> = { productId: `prd_${'0'.repeat(26)}`, name: { en: 'Fresh milk', ms: 'Susu segar' }, price: { rule: 'rm', rm: '1.80' }, lot: 'LOT-1' };
const cream = { ...milk, price: { rule: 'litres', litres: '0.333' } as const, lot: null };

t.test('with a fixed shelf price the litres follow from the whole order, with fixed litres the ringgit from the line', (t) => {
  t.same(productItem(milk, { quantity: 3, priceSenPerBill: 600n }), { product: milk.productId, name: 'Fresh milk', quantity: 3, senLine: 540n, lineMl: 0n, lot: 'LOT-1' });
  t.same(productItem(cream, { quantity: 2, priceSenPerBill: 601n, language: 'ms' }), { product: milk.productId, name: 'Susu segar', quantity: 2, senLine: 400n, lineMl: 666n, lot: '' }, 'RM 4.00266 is RM 4.00');
  t.equal(productItem(cream, { quantity: 1, priceSenPerBill: 500n }).senLine, 167n, 'half a sen goes up');
  t.equal(productItem(milk, { quantity: 1, priceSenPerBill: 600n, lot: 'LOT-2' }).lot, 'LOT-2');
  t.same(orderTotals([productItem(milk, { quantity: 1, priceSenPerBill: 600n }), productItem(cream, { quantity: 1, priceSenPerBill: 600n })], 600n), { sen: 380n, amountMl: 633n });
  t.end();
});

t.test('a price that is no amount makes no line', (t) => {
  for (const rm of ['1,80', '1e2', '-1', '١', '']) t.throws(() => productItem({ ...milk, price: { rule: 'rm', rm } }, { quantity: 1, priceSenPerBill: 600n }), RangeError, rm);
  t.end();
});
