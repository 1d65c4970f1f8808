/** What holds an event stream together (threat 28): the ring of what was told, readers that do not keep up, places. */
import t, { type Test } from 'tap';
import { Hub, Places, UNREAD_MAX_BYTES } from '../../src/api/streams/hub.ts';
import { PUBLIC_STREAMS_MAX, STREAMS_MAX } from '../../src/api/streams/index.ts';
import { orderEntry, tellOrders, type OrderScope } from '../../src/api/streams/orders.ts';
import { openRing, RING_FRAMES_MAX, RING_MAX_BYTES, RING_MS } from '../../src/api/streams/ring.ts';
import type { StreamSink } from '../../src/api/entry.ts';
import type { OrderEvent, OrderRow, Orders } from '../../src/campusPorts.ts';
import { makeLog } from '../../src/log.ts';
import { ManualClock } from '../support/memoryChain.ts';
import { until } from '../support/until.ts';

t.test('the ring forgets after ten minutes and never grows beyond its bound', async (t) => {
  const ring = openRing();
  const push = (seq: number, atMs: number): void => ring.push({ seq, atMs, scope: undefined, text: '' });
  for (let seq = 1; seq <= 10; seq++) push(seq, seq * 1_000);
  t.same(ring.after(7, 10_000)?.map(({ seq }) => seq), [8, 9, 10]);
  t.same(ring.after(10, 10_000), []);
  t.equal(ring.after(11, 10_000), undefined, 'from the future');
  t.same(ring.after(5, RING_MS + 6_000)?.map(({ seq }) => seq), [6, 7, 8, 9, 10]);
  t.equal(ring.after(4, RING_MS + 6_000), undefined, 'event 5 is gone');
  for (let seq = 11; seq <= RING_FRAMES_MAX * 2; seq++) push(seq, 700_000);
  t.ok(ring.size() <= RING_FRAMES_MAX);
  ring.clear(RING_FRAMES_MAX * 2 + 1);
  t.equal(ring.after(RING_FRAMES_MAX * 2, 700_000), undefined);
  t.same(ring.after(RING_FRAMES_MAX * 2 + 1, 700_000), []);
  const large = openRing<undefined>();
  const frame = 'x'.repeat(RING_MAX_BYTES / 4);
  for (let seq = 1; seq <= 9; seq++) large.push({ seq, atMs: 1_000, scope: undefined, text: frame });
  t.ok(large.size() <= 4, 'nor beyond its bytes');
});

const MANAGER = { role: 'manager', sub: 'u', sid: 's', userId: 'u', merchantId: 'm' } as const;

function orderEvent(orderId: string): OrderEvent {
  const order: OrderRow = {
    orderId, tillNo: 1, ref: '00'.repeat(10), merchant: 'm', order: '', salt: '', invoice: '', amountMl: '300', sen: '180', priceSenPerBill: '600', priceEpoch: 1, expiresAtS: 1, createdAtMs: 1, status: 'AWAITING_PAYMENT',
    payment: null, history: [],
  };
  return { name: 'order.created', order, timeMs: 1_000 };
}

/** The stream on its own, with readers whose sockets the test holds. */
function bareStream(t: Test, { failReceipts = false, places = 100 } = {}) {
  let emit: (event: OrderEvent) => void = () => undefined;
  const orders = { subscribe: (listener: (event: OrderEvent) => void) => { emit = listener; return () => undefined; } } as unknown as Orders;
  const receipts = { of: async () => { if (failReceipts) throw new Error('disk'); return undefined; } };
  const clock = new ManualClock(1_000);
  const hub = new Hub<OrderScope>({ clock, log: makeLog({ level: 'silent', nodeName: 'test' }), places: new Places(places) });
  t.teardown(tellOrders(hub, { orders, receipts }));
  const entry = orderEntry(hub);
  const join = (unread: () => number, lastEventId?: string) => {
    const reader = { text: '', ended: false, close: () => undefined as void };
    const sink: StreamSink = { write: (text) => { reader.text += text; }, pendingBytes: unread, end: () => { reader.ended = true; }, onClose: (listener) => { reader.close = listener; } };
    const refusal = entry.open({ caller: MANAGER, query: {}, lastEventId, begin: () => sink });
    return { reader, refusal };
  };
  return { hub, clock, emit: (event: OrderEvent) => emit(event), join };
}

t.test('a reader that does not keep up is cut off, the others go on', async (t) => {
  const { hub, emit, join } = bareStream(t);
  const slow = join(() => UNREAD_MAX_BYTES + 1).reader;
  const quick = join(() => 0).reader;
  t.equal(hub.clients, 2);
  emit(orderEvent('ord_1'));
  await until(() => quick.text.includes('ord_1'));
  t.ok(slow.ended);
  t.notOk(slow.text.includes('ord_1'));
  t.equal(hub.clients, 1);
  quick.close();
  t.equal(hub.clients, 0, 'a closed connection is forgotten');
});

t.test('streams are bounded in number, and one too many is told to wait', async (t) => {
  const { hub, join } = bareStream(t, { places: 3 });
  const readers = [1, 2, 3].map(() => join(() => 0).reader);
  t.match(join(() => 0).refusal, { problem: 'rate_limited', violatedPolicies: ['streams-node'] });
  t.equal(hub.clients, 3);
  readers[0]?.close();
  t.equal(join(() => 0).refusal, undefined, 'a place that is left is free again');
  t.ok(PUBLIC_STREAMS_MAX < STREAMS_MAX && STREAMS_MAX + PUBLIC_STREAMS_MAX < 4_096, 'requests keep sockets');
});

t.test('an event whose proof cannot be made sends everybody to the list', async (t) => {
  const { emit, join } = bareStream(t, { failReceipts: true });
  const { reader } = join(() => 0);
  emit({ ...orderEvent('ord_1'), name: 'order.paid', final: { txHash: '', height: 1, index: 0, blockHash: '' } });
  await until(() => reader.text.includes('event: resync'));
  t.notOk(reader.text.includes('order.paid'));
  emit(orderEvent('ord_2'));
  await until(() => reader.text.includes('ord_2'));
});

t.test('what nobody can hear is not made; whoever was away for ten minutes reads the list', async (t) => {
  const { hub, clock, join } = bareStream(t);
  let made = 0;
  const tell = (orderId: string): void => hub.tell(async () => {
    made += 1;
    return [{ event: 'order.created', scope: { ...orderEvent(orderId).order }, data: { orderId } }];
  });
  tell('ord_unheard');
  t.equal(made, 0, 'nobody has ever read');

  const { reader } = join(() => 0);
  tell('ord_1');
  await until(() => reader.text.includes('ord_1'));
  t.notOk(reader.text.includes('ord_unheard'));
  const seen = /id: (\S+)/.exec(reader.text)?.[1];
  reader.close();
  clock.moveTo(1_000 + RING_MS);
  tell('ord_2');
  await until(() => made === 2);
  const back = join(() => 0, seen).reader;
  t.match(back.text, 'ord_2', 'who left may come back and resume');
  t.notMatch(back.text, 'resync');
  back.close();

  clock.moveTo(1_001 + 2 * RING_MS);
  tell('ord_3');
  t.equal(made, 2);
  t.match(join(() => 0, seen).reader.text, 'event: resync');
});
