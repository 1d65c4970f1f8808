import t from 'tap';
import { ANSWER_LIFE_MS, openIdempotency } from '../../src/campus/idempotency.ts';
import { openLane } from '../../src/campus/lane.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld } from '../support/campusWorld.ts';
import { ManualClock } from '../support/memoryChain.ts';

t.test('a repeated request gets the stored answer, another under the key is refused', async (t) => {
  const world = await openWorld(t);
  const [order, other] = [world.order(), world.order()];
  const first = await world.postOrder(order, 'key-1');
  const again = await world.postOrder(order, 'key-1');
  t.equal(again.status, 201);
  t.equal(again.text, first.text);
  t.equal(first.headers.get('idempotency-replayed'), null);
  t.equal(again.headers.get('idempotency-replayed'), 'true');
  t.match((await world.postOrder(other, 'key-1')).json, { status: 422, code: 'idempotency_key_reused' });
  t.equal((await world.postOrder(other, 'key-2')).status, 201);
  t.match((await world.postOrder(order, 'key-3')).json, { status: 409, code: 'ref_reused' });
  const refused = await world.postOrder(order, 'key-3');
  t.equal(refused.headers.get('idempotency-replayed'), 'true', 'a refusal is an answer too');
  t.equal(refused.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  world.chain.clock.moveTo(world.nowMs + ANSWER_LIFE_MS + 1);
  t.match((await world.postOrder(order, 'key-1')).json, { code: 'invoice_expired' }, 'forgotten after 24 h');
});

t.test('the key is required and printable', async (t) => {
  const world = await openWorld(t);
  const body = { order: 'AA', salt: 'AA', invoice: 'AA' };
  const till = await world.as('till');
  t.match((await world.post('/orders', body, till)).json, { status: 400, code: 'idempotency_key_missing' });
  t.match((await world.post('/orders', body, { ...till, 'idempotency-key': 'x'.repeat(129) })).json, { status: 400, code: 'malformed_request' });
  t.match((await world.post('/orders', body, { ...till, 'idempotency-key': 'a b' })).json, { status: 400, code: 'malformed_request' });
});

t.test('two requests with one key at the same time do the work once', async (t) => {
  const run = openIdempotency({ store: openKeyValueMemory(), clock: new ManualClock(1_000), lane: openLane() });
  let works = 0;
  const request = { subject: 's', key: 'k', request: 'r', work: async () => {
    works++;
    return { answer: { status: 201, body: '{}' }, operations: [], after: () => undefined };
  } };
  const both = await Promise.all([run(request), run(request)]);
  t.same(both.map(({ kind }) => kind).sort(), ['answer', 'in_progress']);
  t.equal(works, 1);
  t.match(await run({ ...request, subject: 'another' }), { kind: 'answer', replayed: false }, 'nobody gets another subject\'s answer');
  t.equal(works, 2);
});

t.test('work that fails stores nothing, and old answers are swept', async (t) => {
  const store = openKeyValueMemory();
  const clock = new ManualClock(1_000);
  const run = openIdempotency({ store, clock, lane: openLane() });
  await t.rejects(run({ subject: 's', key: 'bad', request: 'r', work: async () => Promise.reject(new Error('disk')) }), { message: 'disk' });
  const answers = async (): Promise<number> => (await store.list({ gte: 'i/', lt: 'i0', limit: 100 })).length;
  t.equal(await answers(), 0);
  const work = async () => ({ answer: { status: 200, body: '' }, operations: [], after: () => undefined });
  for (const key of ['a', 'b', 'c']) await run({ subject: 's', key, request: 'r', work });
  clock.moveTo(1_000 + ANSWER_LIFE_MS + 1);
  await run({ subject: 's', key: 'a', request: 'other', work });
  t.equal(await answers(), 1, 'the three old ones are gone, the new one is there');
});
