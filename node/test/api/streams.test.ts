/** Events as they happen (US-002; threat 28), read with the SDK's own client and with bare sockets. */
import { connect, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { fromBase64Url, toHex, verifyEd25519, verifyReceipt } from '@billcoin/protocol';
import { HEARTBEAT_MS, linkWallet, streamAdmin, streamHeaders, streamOrders, streamWallet, type OrderStreamEvent, type Resync, type StreamParams } from '@billcoin/sdk';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { until } from '../support/until.ts';

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
  if (paid === undefined || !('data' in paid)) throw new Error('no payment came');
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
  if (cancelled === undefined || !('data' in cancelled)) throw new Error('no end came');
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
  const [seen] = first.events;
  const lastEventId = seen !== undefined && 'id' in seen ? (seen.id ?? '') : '';
  await first.stop();
  const missed = world.order();
  const missedId = ((await world.postOrder(missed)).json as { orderId: string }).orderId;
  await world.postOrder(world.order());

  const resumed = listen(t, world, { lastEventId, orderId: missedId });
  await until(() => resumed.events.length === 1);
  const [event] = resumed.events;
  t.equal(event !== undefined && 'data' in event ? event.data.ref : '', toHex(missed.ref), 'what was missed, of the order asked for');
  for (const unknown of ['aaaaaaaaaaaa-1', 'nonsense', lastEventId.replace(/\d+$/, '999')]) {
    const stranger = listen(t, world, { lastEventId: unknown });
    await until(() => stranger.events.length === 1);
    t.equal(stranger.events[0]?.event, 'resync', unknown);
    await stranger.stop();
  }
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

/** Everything a stream says until the test ends. */
function gather<E extends { readonly event: string }>(t: Test, open: (params: StreamParams) => AsyncGenerator<E, void, void>): { readonly events: E[]; readonly isOpen: () => boolean } {
  const abort = new AbortController();
  const events: E[] = [];
  let isOpen = false;
  const reading = (async () => {
    for await (const event of open({ signal: abort.signal, onConnection: (state) => { isOpen = state === 'open'; } })) events.push(event);
  })();
  t.teardown(async () => {
    abort.abort();
    await reading;
  });
  return { events, isOpen: () => isOpen };
}

type Data<E> = Exclude<E, Resync> extends { readonly data: infer D } ? D : never;
const dataOf = <E extends { readonly event: string }>(events: readonly E[], name: string): readonly Data<E>[] => events.filter(({ event }) => event === name).map((event) => (event as unknown as { readonly data: Data<E> }).data);

t.test('a student hears of payments, refunds and coupons of all own wallets and of nobody else’s, each with its proof', async (t) => {
  const world = await openWorld(t);
  const [phone, tablet, siti] = [wallet('phone'), wallet('tablet'), wallet('siti')];
  await world.fund(10_000n, phone, tablet, siti);
  await world.transfer(siti, KEYS.cafeteria.address, 3_000n);
  const imported = await world.campus.students.importRoster('studentId\nA001\n');
  const [student] = imported.ok ? imported.codes : [];
  const { genesisHash } = world.chain;
  await linkWallet(world.client, { linkCode: student?.linkCode ?? '', key: phone, genesisHash });
  await linkWallet(world.client, { linkCode: (await world.campus.students.secondLinkCode(student?.studentRef ?? ''))?.linkCode ?? '', key: tablet, genesisHash });
  const [ownClient, otherClient] = [await world.clientAs(phone), await world.clientAs(siti)];
  const own = gather(t, (params) => streamWallet(ownClient, params));
  const other = gather(t, (params) => streamWallet(otherClient, params));
  await until(() => own.isOpen() && other.isOpen());

  const orders = Array.from({ length: 5 }, () => world.order());
  for (const [i, order] of orders.entries()) {
    const txHash = await world.pay(i === 0 ? tablet : phone, order.invoice);
    await world.block();
    await until(() => dataOf(own.events, 'order.paid').length === i + 1);
    const paid = dataOf(own.events, 'order.paid')[i];
    t.match(paid, { txHash, tillNo: 1, ref: toHex(order.ref), rm: '1.80', litres: '0.300', couponLitres: '0.000' });
    const proof = paid !== undefined && 'proof' in paid ? fromBase64Url(paid.proof ?? '') : undefined;
    t.ok(verifyReceipt({ genesisHash, validators: world.chain.validators, verify: verifyEd25519 }, proof ?? new Uint8Array(0)).ok);
  }
  await world.pay(phone, world.order().invoice);
  await world.block();
  await until(() => dataOf(own.events, 'coupon.issued').length === 1);
  t.match(dataOf(own.events, 'coupon.issued'), [{ litres: '0.300', qr: /^MMU2:/ }], 'the fifth point made a coupon');
  await world.refund(orders[0]?.ref ?? new Uint8Array(10), 100n);
  await world.block();
  await until(() => dataOf(own.events, 'refund.final').length === 1);
  t.match(dataOf(own.events, 'refund.final'), [{ rm: '0.60', litres: '0.100' }]);
  t.same(other.events, [], 'nothing of another student');
});

t.test('whoever reads headers gets each final one with its certificate, without a login', async (t) => {
  const world = await openWorld(t);
  const { events, isOpen } = gather(t, (params) => streamHeaders(world.client, params));
  await until(isOpen);
  await world.block();
  await world.block();
  await until(() => events.length === 2);
  const listed = (await world.get('/light/headers?from=1')).json as { data: readonly { height: number; lightBlock: string }[] };
  t.same(dataOf(events, 'header.final'), listed.data, 'the same bytes as /light/headers');
});

t.test('an administrator hears of flags; a student may not open that stream', async (t) => {
  const world = await openWorld(t);
  const admin = await world.clientAs('admin');
  const { events, isOpen } = gather(t, (params) => streamAdmin(admin, params));
  await until(isOpen);
  for (let i = 0; i < 4; i++) await world.campus.abuse.flags.failed({ person: 'till:7', code: 'tx_not_found', requestId: 'req_1' });
  await until(() => dataOf(events, 'flag.raised').length === 1);
  t.match(dataOf(events, 'flag.raised'), [{ subject: 'till:7' }]);
  t.equal((await world.get('/streams/admin', await world.as('student'))).status, 403);
  t.equal((await world.get('/streams/wallet')).status, 401);
});

/** A bare stream, and what came over it. */
function openSocket(world: World, path: string, authorization: string): { readonly socket: Socket; readonly text: () => string; readonly isClosed: () => boolean } {
  const socket = connect(world.api.port, '127.0.0.1');
  let text = '';
  let closed = false;
  socket.setEncoding('utf8').on('data', (data: string) => { text += data; }).on('close', () => { closed = true; }).on('error', () => undefined);
  socket.write(`GET /api/v1${path} HTTP/1.1\r\nHost: 127.0.0.1:${world.api.port}\r\nAuthorization: ${authorization}\r\n\r\n`);
  return { socket, text: () => text, isClosed: () => closed };
}

t.test('one subject opens five streams, the sixth waits until one is closed', async (t) => {
  const world = await openWorld(t);
  const { authorization } = await world.as('till');
  const streams = Array.from({ length: 5 }, () => openSocket(world, '/streams/orders', authorization));
  t.teardown(async () => { for (const { socket } of streams) socket.destroy(); });
  await until(() => streams.every(({ text }) => text().includes('retry:')));
  const sixth = await world.get('/streams/orders', { authorization });
  t.equal(sixth.status, 429);
  t.match(sixth.json, { code: 'rate_limited' });
  streams[0]?.socket.destroy();
  let again = openSocket(world, '/streams/orders', authorization);
  await until(() => {
    if (again.text().includes(' 429 ')) again = openSocket(world, '/streams/orders', authorization);
    return again.text().includes('retry:');
  });
  again.socket.destroy();
});

const STREAMS = 1_000;
/** Both ends of a socket in one process. */
const BYTES_PER_STREAM_MAX = 100_000;

/** Resolves when so many sockets have said something. */
function heard(sockets: readonly Socket[], what: string): Promise<void> {
  let left = sockets.length;
  return new Promise((resolve) => {
    for (const socket of sockets) {
      socket.on('data', function listen(data: string | Buffer) {
        if (!data.includes(what)) return;
        socket.off('data', listen);
        if (--left === 0) resolve();
      });
    }
  });
}

t.test('1,000 open streams get an event at once and take little memory', async (t) => {
  const world = await openWorld(t);
  await world.campus.abuse.limits.change({ streams: { q: STREAMS, windowS: 0 }, user: { q: 10 * STREAMS, windowS: 60 } });
  const { authorization } = await world.as('manager');
  const before = process.memoryUsage().rss;
  const sockets = Array.from({ length: STREAMS }, () => openSocket(world, '/streams/orders', authorization).socket);
  t.teardown(async () => { for (const socket of sockets) socket.destroy(); });
  await heard(sockets, 'retry:');
  const told = heard(sockets, 'order.created');
  const startedMs = performance.now();
  await world.postOrder(world.order());
  await told;
  const tookMs = performance.now() - startedMs;
  const bytes = (process.memoryUsage().rss - before) / STREAMS;
  t.comment(`${Math.round(tookMs)} ms until the last of ${STREAMS} had it; ${Math.round(bytes / 1_000)} kB of resident memory each, the client's end included`);
  t.ok(bytes < BYTES_PER_STREAM_MAX, `${Math.round(bytes)} bytes a stream`);
});
