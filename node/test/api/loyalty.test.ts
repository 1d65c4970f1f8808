/** Points and coupons are of one block (US-005): no answer in which the fifth point is neither a point nor a coupon, or both. */
import t from 'tap';
import type { Loyalty } from '@billcoin/sdk';
import { TABLES } from '../../src/campus/store.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';

const ali = wallet('ali');

/** A store that lets something happen while ids of coupons are being read. */
function watched(): { readonly store: KeyValueStore; meanwhile: (() => void) | undefined } {
  const inner = openKeyValueMemory();
  const desk: { store: KeyValueStore; meanwhile: (() => void) | undefined } = {
    meanwhile: undefined,
    store: {
      ...inner, get: inner.get.bind(inner), batch: inner.batch.bind(inner), compact: inner.compact.bind(inner), close: inner.close.bind(inner),
      async list(range) {
        const rows = await inner.list(range);
        if (range.gte.startsWith(`${TABLES.coupon.prefix}/`)) desk.meanwhile?.();
        return rows;
      },
    },
  };
  return desk;
}

async function heldBy(world: World): Promise<readonly [points: number, coupons: number, height: number]> {
  const { merchants: [first], height } = (await world.get(`/loyalty/${ali.addressText}`, await world.as(ali))).json as Loyalty;
  return [first?.points ?? 0, first?.coupons.length ?? 0, height];
}

t.test('a block that comes while coupons are looked up is in the answer whole', async (t) => {
  const desk = watched();
  const world = await openWorld(t, { store: desk.store });
  await world.fund(20_000n, ali);
  for (let i = 0; i < 4; i++) {
    await world.pay(ali, world.order().invoice);
    await world.block();
  }
  t.same(await heldBy(world), [4, 0, world.chain.tip().height]);
  await world.pay(ali, world.order().invoice);
  desk.meanwhile = () => {
    desk.meanwhile = undefined;
    world.chain.block();
  };
  t.same(await heldBy(world), [0, 1, world.chain.tip().height]);

  let blocks = 0;
  desk.meanwhile = () => {
    blocks += 1;
    world.chain.block();
  };
  const answer = await world.get(`/loyalty/${ali.addressText}`, await world.as(ali));
  t.match([answer.status, answer.json], [503, { code: 'chain_unavailable', retryable: true }], 'a node that never catches up says so');
  t.equal(blocks, 8);
});
