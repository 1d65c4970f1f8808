/** Stock: reserved with the order, sold with its final payment, back only when it is proven that nobody paid. */
import t from 'tap';
import { formatAddress, signInvoice, type OrderItem } from '@billcoin/protocol';
import type { Campus } from '../../src/campusPorts.ts';
import type { ProductTerms } from '../../src/merchantPorts.ts';
import { openWorld, wallet, type Answer } from '../support/campusWorld.ts';
import { addProduct, CAFETERIA, lineOf, terms } from '../support/shelf.ts';
import { KEYS } from '../support/testNetwork.ts';

const codeOf = (answer: Answer): string => (answer.status < 300 ? 'accepted' : (answer.json as { code: string }).code);
const shelf = async (campus: Campus): Promise<readonly { left: number; reserved: number; sold: number; oversold: number }[]> =>
  (await campus.products.list(CAFETERIA)).map(({ left, reserved, sold, oversold }) => ({ left, reserved, sold, oversold }));

t.test('stock is reserved with the order, sold with its final payment, and blocks who comes too late', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const milk = await addProduct(world.campus, 3);
  const two = world.order({ items: [lineOf(milk, 2)] });
  t.equal(codeOf(await world.postOrder(two)), 'accepted');
  t.same(await shelf(world.campus), [{ left: 1, reserved: 2, sold: 0, oversold: 0 }]);
  const late = await world.postOrder(world.order({ items: [lineOf(milk, 1), lineOf(milk, 1)] }));
  t.match(late.json, { code: 'out_of_stock', status: 409, data: { product: milk.productId, left: '1' } }, 'both lines of a product count together');
  await world.pay(ali, two.invoice);
  t.same(await shelf(world.campus), [{ left: 1, reserved: 2, sold: 0, oversold: 0 }], 'a payment in the pool is none yet');
  await world.block();
  t.same(await shelf(world.campus), [{ left: 1, reserved: 0, sold: 2, oversold: 0 }]);
  t.match((await world.get(`/products?merchantId=${CAFETERIA}`)).json, { data: [{ productId: milk.productId, stock: 1, sold: 2, received: 3, price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.250', lot: 'LOT-1' }], nextCursor: null });
});

t.test('stock comes back only when it is proven that nobody paid: a final void, or a final block past the end', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  await world.transfer(ali, KEYS.cafeteria.address, 1_000n);
  await world.block();
  const milk = await addProduct(world.campus, 5);
  const [voided, over] = [world.order({ items: [lineOf(milk, 2)] }), world.order({ items: [lineOf(milk, 3)], lifeS: 60 })];
  await world.postOrder(voided);
  await world.postOrder(over);
  await world.voidInvoice(voided.invoice);
  t.match(await shelf(world.campus), [{ left: 0, reserved: 5 }], 'a void in the pool proves nothing');
  await world.block();
  t.match(await shelf(world.campus), [{ left: 2, reserved: 3 }]);
  world.chain.clock.moveTo(world.nowMs + 600_000);
  t.match(await shelf(world.campus), [{ left: 2, reserved: 3 }], 'a clock proves nothing');
  await world.block();
  t.match(await shelf(world.campus), [{ left: 5, reserved: 0, sold: 0 }]);
});

t.test('a refund puts nothing back on the shelf: what was paid for may have left the counter', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  await world.transfer(ali, KEYS.cafeteria.address, 1_000n);
  const milk = await addProduct(world.campus, 5);
  const order = world.order({ items: [lineOf(milk, 1)] });
  await world.postOrder(order);
  await world.pay(ali, order.invoice);
  await world.block();
  await world.refund(order.ref, 300n);
  await world.block();
  t.match(await shelf(world.campus), [{ left: 4, reserved: 0, sold: 1 }]);
});

t.test('a line is what its product says, or the order is refused', async (t) => {
  const world = await openWorld(t);
  const milk = await addProduct(world.campus, 50);
  const cream = await addProduct(world.campus, 50, { name: { en: 'Cream', ms: 'Krim' }, price: { rule: 'litres', amountMl: '333' } });
  const foreign = await world.campus.products.add(formatAddress(KEYS.farm.address), terms(50));
  if (!foreign.ok) throw new Error('added');
  const line = lineOf(milk, 2);
  t.equal(line.senLine, 360n);
  t.match(lineOf(cream, 2), { senLine: 400n, lineMl: 666n }, 'RM 3.996 is RM 4.00');
  const post = async (...items: OrderItem[]): Promise<string> => codeOf(await world.postOrder(world.order({ items })));
  t.equal(await post(line, lineOf(cream, 3)), 'accepted');
  t.equal(await post({ ...line, name: 'Susu segar' }), 'accepted', 'either language');
  t.equal(await post({ ...line, senLine: 359n }), 'product_mismatch', 'a sen cheaper');
  t.equal(await post({ ...line, quantity: 3 }), 'product_mismatch', 'three for the price of two');
  t.equal(await post({ ...line, name: 'Water' }), 'product_mismatch', 'another name on the wallet');
  t.equal(await post({ ...line, lineMl: 600n }), 'product_mismatch', 'litres where the price is fixed');
  t.equal(await post({ ...lineOf(cream, 1), lineMl: 332n }), 'product_mismatch');
  t.equal(await post({ ...lineOf(cream, 3), senLine: 400n }), 'price_out_of_band', 'the whole is judged first');
  t.equal(await post({ ...lineOf(cream, 3), senLine: 499n }, { ...lineOf(cream, 3), senLine: 700n }), 'product_mismatch', 'a dearer line cannot pay for a cheaper one');
  t.equal(await post(lineOf(foreign.product, 1)), 'unknown_product', 'of another merchant');
  t.equal(await post({ ...line, product: `prd_${'0'.repeat(26)}` }), 'unknown_product');
  t.equal(await post({ ...line, product: 'birthday-cake', name: 'Cake', senLine: 4_000n }), 'accepted', 'goods outside the list reserve nothing');
});

t.test('an order names its product as it was signed: name and price hold still while it is open', async (t) => {
  const world = await openWorld(t);
  const { products } = world.campus;
  const milk = await addProduct(world.campus, 5);
  const change = async (over: Partial<ProductTerms>): Promise<string> => {
    const done = await products.change(CAFETERIA, milk.productId, over);
    return done.ok ? 'done' : done.refusal.code;
  };
  await world.postOrder(world.order({ items: [lineOf(milk, 2)], lifeS: 60 }));
  t.equal(await change({ price: { rule: 'rm', sen: '200' } }), 'product_in_use');
  t.equal(await change({ name: { en: 'Milk', ms: 'Susu' } }), 'product_in_use');
  t.equal(await change({ cartonMl: '500' }), 'product_in_use');
  t.match(await products.remove(CAFETERIA, milk.productId), { ok: false, refusal: { code: 'product_in_use' } });
  t.equal(await change({ lot: 'LOT-2', received: 45 }), 'done', 'the next tray comes at lunch');
  t.match(await shelf(world.campus), [{ left: 43 }]);
  t.match(await products.change(CAFETERIA, milk.productId, { received: 1 }), { ok: false, refusal: { code: 'stock_below_sales', sold: 0, reserved: 2 } });
  t.match(await products.change(formatAddress(KEYS.farm.address), milk.productId, { received: 9 }), { ok: false, refusal: { code: 'not_found' } }, 'another merchant cannot');
  await world.block(61_000);
  t.equal(await change({ price: { rule: 'rm', sen: '200' } }), 'done');
  t.match(await products.remove(CAFETERIA, milk.productId), { ok: true });
  t.same(await shelf(world.campus), []);
});

t.test('a till that was offline sells what is no longer there: the sale stands, and the list says by how much', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const milk = await addProduct(world.campus, 1);
  const order = world.order({ items: [lineOf(milk, 3)] });
  await world.pay(ali, order.invoice);
  await world.block();
  t.equal(codeOf(await world.postOrder(order)), 'accepted');
  t.same(await shelf(world.campus), [{ left: 0, reserved: 0, sold: 3, oversold: 2 }]);
  t.equal(codeOf(await world.postOrder(world.order({ items: [lineOf(milk, 1)] }))), 'out_of_stock');
  await world.campus.products.change(CAFETERIA, milk.productId, { received: 10 });
  t.same(await shelf(world.campus), [{ left: 7, reserved: 0, sold: 3, oversold: 0 }], 'nothing was lost');
});

t.test('one reference signed twice: the order that was not paid gives its units back at its end', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const milk = await addProduct(world.campus, 5);
  const order = world.order({ items: [lineOf(milk, 2)], lifeS: 60 });
  await world.postOrder(order);
  const expiresAtS = new DataView(order.invoice.buffer, order.invoice.byteOffset).getUint32(24);
  await world.pay(ali, signInvoice({ tillNo: 1, amountMl: 30n, sen: 18n, ref: order.ref, expiresAtS }, world.chain.genesisHash, KEYS.till.seed));
  await world.block();
  t.match(await shelf(world.campus), [{ left: 3, reserved: 2, sold: 0 }]);
  await world.block(61_000);
  t.match(await shelf(world.campus), [{ left: 5, reserved: 0, sold: 0 }]);
});
