/** Stock against a naive model: no sequence of orders, payments, voids, expiries, crashes and late tills makes it negative or loses a unit. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { toHex } from '@billcoin/protocol';
import type { TillOrder } from '@billcoin/sdk';
import type { Campus, OrderRow } from '../../src/campusPorts.ts';
import type { ShelfProduct } from '../../src/merchantPorts.ts';
import type { KeyValueOperation, KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { makeKeyFolder, openWorld, wallet, type Teardown, type World } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { makeRandom } from '../support/random.ts';
import { addProduct, CAFETERIA, lineOf } from '../support/shelf.ts';
import { KEYS, makeTestGenesis } from '../support/testNetwork.ts';

/** A store that fails one batch in a while, before it writes. */
function failingStore(inner: KeyValueStore, fails: () => boolean): KeyValueStore {
  return {
    isExclusive: inner.isExclusive, get: (key) => inner.get(key), list: (range) => inner.list(range), compact: (range) => inner.compact(range), close: () => inner.close(),
    async batch(operations: readonly KeyValueOperation[], options) {
      if (fails()) throw new Error('the disk is gone');
      await inner.batch(operations, options);
    },
  };
}

/** Without HTTP and login: thousands of orders of one till. */
async function postTo(campus: Campus, order: TillOrder): Promise<string> {
  const posted = await campus.orders.post({
    posted: order, idempotency: { subject: 'story', key: randomUUID(), request: 'POST /orders' },
    accepted: () => ({ status: 201, body: 'accepted' }), refused: ({ code }) => ({ status: 422, body: code }),
  });
  return posted.kind === 'answer' ? posted.answer.body : posted.kind;
}

interface Known {
  readonly order: TillOrder;
  readonly units: ReadonlyMap<string, number>;
  readonly endMs: number;
  posted: boolean;
  paid: boolean;
  voided: boolean;
}

/** One seeded story; the model knows only what was posted and what stands in blocks. */
class Story {
  readonly #t: Teardown;
  readonly #draw: () => number;
  readonly #inner = openKeyValueMemory();
  readonly #chain = new MemoryChain(makeTestGenesis(Date.now()));
  readonly #keyFolder: string;
  readonly #known: Known[] = [];
  readonly #payer = wallet('story');
  #failNext = 0;
  world!: World;
  products: ShelfProduct[] = [];

  constructor(t: Teardown, seed: number, keyFolder: string) {
    this.#t = t;
    this.#draw = makeRandom(seed);
    this.#keyFolder = keyFolder;
  }

  #below(n: number): number {
    return Math.floor(this.#draw() * n);
  }

  async start(): Promise<void> {
    const store = failingStore(this.#inner, () => this.#failNext-- === 1);
    this.world = await openWorld(this.#t, { chain: this.#chain, store, keyFolder: this.#keyFolder });
    await this.world.campus.caughtUp();
  }

  async open(): Promise<void> {
    await this.start();
    await this.world.fund(90_000n, this.#payer);
    await this.world.transfer(this.#payer, KEYS.cafeteria.address, 1_000n);
    await this.world.block();
    for (const received of [4, 9, 2]) this.products.push(await addProduct(this.world.campus, received));
  }

  /** The process dies and comes back; what was not written never was. */
  async crash(): Promise<void> {
    this.#failNext = 0;
    await this.world.campus.close();
    await this.start();
  }

  async step(): Promise<void> {
    await this.world.as('till'); // a login writes too, and is not what fails here
    const { world } = this;
    const some = this.#known[this.#below(this.#known.length)];
    switch (this.#below(9)) {
      case 0:
      case 1:
      case 2:
        return await this.#order(this.#below(5) > 0);
      case 3:
      case 4:
        if (some !== undefined) await world.pay(this.#payer, some.order.invoice).catch(() => undefined);
        return;
      case 5:
        if (some !== undefined) await world.voidInvoice(some.order.invoice).catch(() => undefined);
        return;
      case 6:
        if (some !== undefined && !some.posted) await this.#post(some);
        return;
      case 7:
        await this.#restock();
        return;
      default:
        await this.#block();
    }
  }

  async #order(post: boolean): Promise<void> {
    const lines = [...Array(1 + this.#below(2)).keys()].map(() => lineOf(this.products[this.#below(this.products.length)] as ShelfProduct, 1 + this.#below(3)));
    const lifeS = [60, 120, 600][this.#below(3)] as number;
    const order = this.world.order({ items: lines, lifeS });
    const units = new Map<string, number>();
    for (const { product, quantity } of lines) units.set(product, (units.get(product) ?? 0) + quantity);
    const known: Known = { order, units, endMs: (Math.floor(this.world.nowMs / 1_000) + lifeS) * 1_000, posted: false, paid: false, voided: false };
    this.#known.push(known);
    if (post) await this.#post(known);
  }

  async #post(known: Known): Promise<void> {
    const before = await this.expected();
    if (this.#below(16) === 0) this.#failNext = 1;
    let code: string;
    try {
      code = await postTo(this.world.campus, known.order);
    } catch {
      return await this.crash();
    }
    this.#failNext = 0;
    const fits = [...known.units].every(([productId, units]) => units <= (before.get(productId)?.left ?? 0));
    if (code === 'accepted') {
      if (!known.paid && !fits) throw new Error('sold what is not there');
      known.posted = true;
    } else if (code === 'out_of_stock' && fits) throw new Error('refused what is there');
  }

  async #restock(): Promise<void> {
    const { productId } = this.products[this.#below(this.products.length)] as ShelfProduct;
    const now = (await this.world.campus.products.list(CAFETERIA)).find((product) => product.productId === productId) as ShelfProduct;
    const received = Math.max(0, now.received + this.#below(9) - 3);
    const changed = await this.world.campus.products.change(CAFETERIA, productId, { received });
    if (!changed.ok && received >= now.sold + now.reserved) throw new Error('refused a right count');
  }

  async #block(): Promise<void> {
    if (this.#below(12) === 0) this.#failNext = 1;
    const block = this.#chain.block([500, 5_000, 70_000, 200_000][this.#below(4)]);
    for (const { events } of block.txs) {
      for (const event of events) {
        if (event.case !== 'paid' && event.case !== 'invoiceVoided') continue;
        const known = this.#known.find(({ order }) => toHex(order.ref) === toHex(event.value.ref));
        if (known === undefined) throw new Error('an invoice of nobody');
        if (event.case === 'paid') known.paid = true;
        else known.voided = true;
      }
    }
    await this.world.campus.caughtUp().catch(() => this.crash());
  }

  /** What must be on the shelf, counted anew from everything that ever happened. */
  async expected(): Promise<ReadonlyMap<string, { left: number; reserved: number; sold: number }>> {
    const { timeMs } = this.#chain.tip();
    const rows = await this.world.campus.products.list(CAFETERIA);
    return new Map(rows.map(({ productId, received }) => {
      let [reserved, sold] = [0, 0];
      for (const { units, posted, paid, voided, endMs } of this.#known) {
        const count = posted ? units.get(productId) ?? 0 : 0;
        if (paid) sold += count;
        else if (!voided && timeMs <= endMs) reserved += count;
      }
      return [productId, { left: Math.max(0, received - reserved - sold), reserved, sold }];
    }));
  }

  async check(): Promise<string | undefined> {
    const expected = await this.expected();
    for (const { productId, left, reserved, sold } of await this.world.campus.products.list(CAFETERIA)) {
      const model = expected.get(productId);
      if (left < 0 || model?.left !== left || model.reserved !== reserved || model.sold !== sold) return `left ${left}, reserved ${reserved}, sold ${sold}, not ${JSON.stringify(model)}`;
    }
    return undefined;
  }

  /** The same list from block 0 and the orders as they were posted, in a store that knows nothing else. */
  async rebuilt(): Promise<readonly ShelfProduct[]> {
    const store = openKeyValueMemory();
    const rows = await this.#inner.list({ gte: 'o', lt: 'p~', limit: 10_000 });
    const decoder = new TextDecoder();
    const put = (key: string, value: unknown): KeyValueOperation => ({ type: 'put', key, value: new TextEncoder().encode(JSON.stringify(value)) });
    const reserved = new Map<string, number>();
    const operations: KeyValueOperation[] = [];
    for (const { key, value } of rows.filter((row) => /^o[rt]?\//.test(row.key))) {
      if (!key.startsWith('o/')) {
        operations.push({ type: 'put', key, value });
        continue;
      }
      const order = JSON.parse(decoder.decode(value)) as OrderRow;
      operations.push(put(key, { ...order, status: 'AWAITING_PAYMENT', payment: null, history: order.history.slice(0, 1) }), put(`oo/${String(order.expiresAtS).padStart(12, '0')}/${order.orderId}`, 1));
      const known = this.#known.find(({ order: { ref } }) => toHex(ref) === order.ref) as Known;
      for (const [productId, units] of known.units) reserved.set(productId, (reserved.get(productId) ?? 0) + units);
    }
    for (const { left: _left, oversold: _oversold, recalledBatch: _recalledBatch, ...row } of await this.world.campus.products.list(CAFETERIA)) operations.push(put(`pr/${CAFETERIA}/${row.productId}`, { ...row, sold: 0, reserved: reserved.get(row.productId) ?? 0 }));
    await store.batch(operations, { sync: true });
    const { campus } = await openWorld(this.#t, { chain: this.#chain, store, keyFolder: this.#keyFolder });
    await campus.caughtUp();
    return await campus.products.list(CAFETERIA);
  }
}

t.test('no sequence of orders, payments, voids, expiries, crashes and late posts makes stock negative or loses a unit', { timeout: 120_000 }, async (t) => {
  for (let seed = 1; seed <= 4; seed++) {
    const story = new Story(t, seed, await makeKeyFolder(t));
    await story.open();
    for (let step = 0; step < 50; step++) {
      await story.step();
      const wrong = await story.check();
      if (wrong !== undefined) t.fail(`seed ${seed}, step ${step}: ${wrong}`);
    }
    await story.crash();
    t.equal(await story.check(), undefined, `seed ${seed}`);
    t.same(await story.rebuilt(), await story.world.campus.products.list(CAFETERIA), `seed ${seed}: rebuilt from block 0 and the posted orders`);
  }
});
