/** Order events as they happen (US-002), read with the SDK's own client and with a bare socket. */
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { fromBase64Url, toHex, verifyEd25519, verifyReceipt } from '@billcoin/protocol';
import { HEARTBEAT_MS, streamOrders, type OrderStreamEvent } from '@billcoin/sdk';
import { openRing, RING_FRAMES_MAX, RING_MS } from '../../src/api/streams/ring.ts';
import { openOrderStream, STREAMS_MAX, UNREAD_MAX_BYTES } from '../../src/api/streams/orders.ts';
import type { StreamSink } from '../../src/api/entry.ts';
import type { OrderEvent, OrderRow, Orders } from '../../src/campusPorts.ts';
import { makeLog } from '../../src/log.ts';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';
import { ManualClock } from '../support/memoryChain.ts';
import { KEYS } from '../support/testNetwork.ts';

const DEADLINE_MS = 10_000;

/** Waits until something holds; fails after ten seconds. */
async function until(what: () => boolean): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!what()) {
    if (Date.now() > end) throw new Error('not in time');
    await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}

interface Listening {
  readonly events: OrderStreamEvent[];
  readonly opened: () => number;
  stop(): Promise<void>;
}

function listen(t: Test, world: World, params: { readonly tillNo?: number; readonly orderId?: string; readonly lastEventId?: string } = {}, as: Parameters<World['as']>[0] = 'manager'): Listening {
  const abort = new AbortController();
  const events: OrderStreamEvent[] = [];
  let opened = 0;
  const reading = (async () => {
    for await (const event of streamOrders(await world.clientAs(as), { ...params, signal: abort.signal, onConnection: (state) => { if (state === 'open') opened++; } })) events.push(event);
  })();
  const stop = async (): Promise<void> => {
    abort.abort();
    await reading;
  };
  t.teardown(stop);
  return { events, opened: () => opened, stop };
}

const names = ({ events }: Listening): readonly string[] => events.map(({ event }) => event);

t.test('a till sees its orders change, and the payment with its proof', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const till = listen(t, world, { tillNo: 1 });
  const other = listen(t, world, { tillNo: 2 });
  await until(() => till.opened() === 1 && other.opened() === 1);
  const order = world.order();
  const lost = world.order({ lifeS: 5 });
  await world.postOrder(order);
  await world.postOrder(lost);
  const txHash = await world.pay(ali, order.invoice);
  await until(() => names(till).includes('order.submitted'));
  await world.block();
  await world.block(6_000);
  await until(() => names(till).includes('order.expired'));
  t.same(names(till), ['order.created', 'order.created', 'order.submitted', 'order.paid', 'order.expired']);
  t.same(other.events, [], 'nothing of another till');
  const paid = till.events[3];
  if (paid === undefined || paid.event === 'resync') throw new Error('no payment came');
  t.match(paid.data, { tillNo: 1, ref: toHex(order.ref), status: 'PAID_READY', label: { en: 'Paid – Ready', ms: 'Dibayar – Sedia' }, txHash, blockHeight: 4 });
  const verified = verifyReceipt({ genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 }, fromBase64Url(paid.data.proof ?? '') ?? new Uint8Array(0));
  t.ok(verified.ok && toHex(verified.value.txId) === txHash && verified.value.code === 0, 'the till believes the proof, not the server');
});

t.test('a till sees that its VoidInvoice is final, with its proof', async (t) => {
  const world = await openWorld(t);
  await world.fund(10_000n, wallet('ali'));
  await world.transfer(wallet('ali'), KEYS.cafeteria.address, 1_000n);
  await world.block();
  const till = listen(t, world, { tillNo: 1 });
  await until(() => till.opened() === 1);
  const order = world.order();
  await world.postOrder(order);
  const txHash = await world.voidInvoice(order.invoice);
  await world.block();
  await until(() => names(till).includes('order.cancelled'));
  const cancelled = till.events[1];
  if (cancelled === undefined || cancelled.event === 'resync') throw new Error('no end came');
  t.match(cancelled.data, { tillNo: 1, ref: toHex(order.ref), status: 'CANCELLED', txHash });
  const verified = verifyReceipt({ genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 }, fromBase64Url(cancelled.data.proof ?? '') ?? new Uint8Array(0));
  t.ok(verified.ok && toHex(verified.value.txId) === txHash);
});

t.test('a reader resumes after the last event it saw, or is sent to the list', async (t) => {
  const world = await openWorld(t);
  const first = listen(t, world);
  await until(() => first.opened() === 1);
  await world.postOrder(world.order());
  await until(() => first.events.length === 1);
  const lastEventId = first.events[0]?.id ?? '';
  await first.stop();
  const missed = world.order();
  const missedId = ((await world.postOrder(missed)).json as { orderId: string }).orderId;
  await world.postOrder(world.order());

  const resumed = listen(t, world, { lastEventId, orderId: missedId });
  await until(() => resumed.events.length === 1);
  const [event] = resumed.events;
  t.equal(event?.event === 'resync' ? '' : event?.data.ref, toHex(missed.ref), 'what was missed, of the order asked for');
  for (const unknown of ['aaaaaaaaaaaa-1', 'nonsense', lastEventId.replace(/\d+$/, '999')]) {
    const stranger = listen(t, world, { lastEventId: unknown });
    await until(() => stranger.events.length === 1);
    t.equal(stranger.events[0]?.event, 'resync', unknown);
    await stranger.stop();
  }
});

t.test('the ring forgets after ten minutes and never grows beyond its bound', async (t) => {
  const ring = openRing();
  const push = (seq: number, atMs: number): void => ring.push({ seq, atMs, tillNo: 1, orderId: 'o', merchant: 'm', text: '' });
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
function bareStream(t: Test, failReceipts = false) {
  let emit: (event: OrderEvent) => void = () => undefined;
  const orders = { subscribe: (listener: (event: OrderEvent) => void) => { emit = listener; return () => undefined; } } as unknown as Orders;
  const receipts = { of: async () => { if (failReceipts) throw new Error('disk'); return undefined; } };
  const stream = openOrderStream({ orders, receipts, clock: new ManualClock(1_000), log: makeLog({ level: 'silent', nodeName: 'test' }) });
  t.teardown(() => stream.close());
  const join = (unread: () => number) => {
    const reader = { text: '', ended: false, close: () => undefined as void };
    const sink: StreamSink = { write: (text) => { reader.text += text; }, pendingBytes: unread, end: () => { reader.ended = true; }, onClose: (listener) => { reader.close = listener; } };
    const refusal = stream.entry.open({ caller: MANAGER, query: {}, lastEventId: undefined, begin: () => sink });
    return { reader, refusal };
  };
  return { stream, emit: (event: OrderEvent) => emit(event), join };
}

t.test('a reader that does not keep up is cut off, the others go on', async (t) => {
  const { stream, emit, join } = bareStream(t);
  const slow = join(() => UNREAD_MAX_BYTES + 1).reader;
  const quick = join(() => 0).reader;
  t.equal(stream.clients(), 2);
  emit(orderEvent('ord_1'));
  await until(() => quick.text.includes('ord_1'));
  t.ok(slow.ended);
  t.notOk(slow.text.includes('ord_1'));
  t.equal(stream.clients(), 1);
  quick.close();
  t.equal(stream.clients(), 0, 'a closed connection is forgotten');
});

t.test('streams are bounded in number, and one too many is told to wait', async (t) => {
  const { stream, join } = bareStream(t);
  for (let i = 0; i < STREAMS_MAX; i++) join(() => 0);
  t.match(join(() => 0).refusal, { problem: 'rate_limited' });
  t.equal(stream.clients(), STREAMS_MAX);
});

t.test('an event whose proof cannot be made sends everybody to the list', async (t) => {
  const { emit, join } = bareStream(t, true);
  const { reader } = join(() => 0);
  emit({ ...orderEvent('ord_1'), name: 'order.paid', final: { txHash: '', height: 1, index: 0, blockHash: '' } });
  await until(() => reader.text.includes('event: resync'));
  t.notOk(reader.text.includes('order.paid'));
  emit(orderEvent('ord_2'));
  await until(() => reader.text.includes('ord_2'));
});

t.test('on the wire: an event stream with a heartbeat comment, ended with the server', async (t) => {
  const world = await openWorld(t);
  const { authorization } = await world.as('till');
  const socket = connect(world.api.port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.on('data', (data: Buffer) => { text += data.toString(); });
  socket.on('close', () => { closed = true; });
  socket.write(`GET /api/v1/streams/orders?tillNo=1 HTTP/1.1\r\nHost: 127.0.0.1:${world.api.port}\r\nAuthorization: ${authorization}\r\n\r\n`);
  await until(() => text.includes('retry: 1000'));
  t.match(text, /HTTP\/1\.1 200 OK/);
  t.match(text, /content-type: text\/event-stream/);
  t.match(text, /cache-control: no-store/);
  t.equal(HEARTBEAT_MS, 15_000);
  t.equal((await world.get('/streams/orders?tillNo=x', await world.as('till'))).status, 400);
  await world.api.close();
  await until(() => closed);
});
