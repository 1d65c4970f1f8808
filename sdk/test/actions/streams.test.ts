/** The order stream over a real socket: resume, reopening, silence, renewal of the login, ends. */
import type { ServerResponse } from 'node:http';
import t from 'tap';
import { createClient, FRAME_MAX_CHARS, POLL_MS, streamHeaders, streamOrders, streamWallet, type OrderStreamEvent } from '../../src/index.ts';
import { refuse, startServer, type Answer, type Request } from '../server.ts';

const ulid = '01JRF0000000000000000000AB';
const data = {
  orderId: `ord_${ulid}`, tillNo: 12, ref: '00'.repeat(10), status: 'PAID_READY', label: { en: 'Paid – Ready', ms: 'Dibayar – Sedia' }, time: '2026-04-10T08:15:23Z', txHash: 'ab'.repeat(32), blockHeight: 1, blockHash: 'cd'.repeat(32),
} as const;
const frame = (id: number, event = 'order.paid', body: unknown = data): string => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(body)}\n\n`;

/** An event stream of these chunks; `then` says what happens after them. */
function stream(chunks: readonly (string | Uint8Array)[], then: 'end' | 'hang' | 'destroy' = 'end'): Answer {
  return {
    raw(response: ServerResponse) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      for (const chunk of chunks) response.write(chunk);
      if (then === 'end') response.end();
      if (then === 'destroy') response.write('', () => void response.destroy());
    },
  };
}

async function take(events: AsyncIterable<OrderStreamEvent>, count: number): Promise<OrderStreamEvent[]> {
  const taken: OrderStreamEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

const idsOf = (events: readonly OrderStreamEvent[]): readonly (string | undefined)[] => events.map((event) => ('id' in event ? event.id : undefined));

async function serve(t: Parameters<typeof startServer>[0], answers: readonly (Answer | ((request: Request) => Answer))[]) {
  const server = await startServer(t, {
    streamOrders: (request) => {
      const answer = answers[Math.min(request.attempt, answers.length) - 1] ?? refuse('internal');
      return typeof answer === 'function' ? answer(request) : answer;
    },
  });
  return { ...server, client: createClient({ baseUrl: server.baseUrl }) };
}

t.test('events arrive in order, however the bytes are cut; comments and unknown events are skipped', async (t) => {
  const wire = new TextEncoder().encode(`: heartbeat\n\n${frame(1)}${frame(2, 'order.of-a-later-version')}id: 3\nevent: resync\ndata: {}\n\n${frame(4, 'order.expired')}`);
  const cut = [...wire].map((byte) => Uint8Array.of(byte));
  const { client, requests } = await serve(t, [stream(cut, 'hang')]);
  const events = await take(streamOrders(client, { tillNo: 12, orderId: data.orderId }), 3);
  t.same(events, [{ event: 'order.paid', id: '1', data }, { event: 'resync', id: '3' }, { event: 'order.expired', id: '4', data }]);
  t.same(requests[0]?.query, { tillNo: '12', orderId: data.orderId });
  t.match(requests[0]?.headers, { accept: 'text/event-stream' });
});

t.test('a lost stream is reopened after the last event seen, and the caller is told', async (t) => {
  const { client, requests } = await serve(t, [stream([frame(7)], 'destroy'), stream([]), refuse('chain_unavailable'), stream([frame(8)], 'hang')]);
  const states: string[] = [];
  const events = await take(streamOrders(client, { lastEventId: '6', onConnection: (state) => void states.push(state) }), 2);
  t.same(idsOf(events), ['7', '8']);
  t.same(requests.map(({ headers }) => headers['last-event-id']), ['6', '7', '7', '7']);
  t.same(states, ['open', 'lost', 'open', 'lost', 'lost', 'open']);
});

t.test('a silent stream is dead; heartbeats keep it alive', async (t) => {
  const { client, requests } = await serve(t, [stream([frame(1)], 'hang'), stream([frame(2)], 'hang')]);
  const events = await take(streamOrders(client, { silenceMaxMs: 100 }), 2);
  t.same(idsOf(events), ['1', '2']);
  t.equal(requests.length, 2);
  const beating = await serve(t, [{
    raw(response) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let beats = 0;
      const timer = setInterval(() => {
        beats++;
        response.write(beats < 10 ? ': heartbeat\n\n' : frame(1));
        if (beats === 10) clearInterval(timer);
      }, 30);
    },
  }]);
  t.equal((await take(streamOrders(beating.client, { silenceMaxMs: 200 }), 1)).length, 1);
  t.equal(beating.requests.length, 1, 'one connection held for longer than the silence');
});

t.test('at the end of a login the stream is reopened with a fresh token', async (t) => {
  const server = await serve(t, [stream([frame(1), 'event: reauth\ndata: {}\n\n'], 'hang'), stream([frame(2)], 'hang')]);
  let token = 0;
  const client = createClient({ baseUrl: server.baseUrl, accessToken: () => `token-${++token}` });
  t.equal((await take(streamOrders(client), 2)).length, 2);
  t.same(server.requests.map(({ headers }) => headers.authorization), ['Bearer token-1', 'Bearer token-2']);
});

t.test('a refusal that will not pass is thrown', async (t) => {
  const { client, requests } = await serve(t, [refuse('forbidden')]);
  await t.rejects(take(streamOrders(client), 1), { code: 'forbidden' });
  t.equal(requests.length, 1);
});

t.test('frames that are broken or too large end the connection, not the stream', async (t) => {
  const { client } = await serve(t, [
    stream(['id: 1\nevent: order.paid\ndata: {"orderId"\n\n'], 'hang'),
    stream([`data: ${'x'.repeat(FRAME_MAX_CHARS)}`, 'y'], 'hang'),
    { status: 200, body: 'no stream' },
    stream([frame(2)], 'hang'),
  ]);
  t.same(idsOf(await take(streamOrders(client), 1)), ['2']);
});

t.test('the caller ends the stream by its signal, also while it waits', async (t) => {
  const { client } = await serve(t, [stream([frame(1)], 'hang')]);
  const controller = new AbortController();
  const events: OrderStreamEvent[] = [];
  for await (const event of streamOrders(client, { signal: controller.signal })) {
    events.push(event);
    setImmediate(() => controller.abort());
  }
  t.equal(events.length, 1);
  const down = createClient({ baseUrl: 'http://127.0.0.1:1' });
  const waiting = new AbortController();
  const none = take(streamOrders(down, { signal: waiting.signal, onConnection: () => waiting.abort() }), 1);
  t.same(await none, []);
  t.same(await take(streamOrders(down, { signal: AbortSignal.abort() }), 1), []);
});

t.test('while there is no connection the list is polled every five seconds; then events go on', async (t) => {
  let isUp = false;
  let polls = 0;
  const { baseUrl } = await startServer(t, {
    streamOrders: () => (isUp ? stream([frame(9)], 'hang') : refuse('chain_unavailable')),
    listOrders: (request) => {
      t.match(request.query, { tillNo: '12' });
      isUp = ++polls === 2;
      return { status: 200, body: { data: [], nextCursor: null } };
    },
  });
  const startedMs = Date.now();
  const events = await take(streamOrders(createClient({ baseUrl }), { tillNo: 12 }), 3);
  t.same(events.map(({ event }) => event), ['list', 'list', 'order.paid']);
  t.ok(Date.now() - startedMs >= 2 * POLL_MS, 'no sooner: a gap of a moment is no reason to poll');
  t.equal(POLL_MS, 5_000);
});

t.test('a page that somebody looks at again opens its stream at once', async (t) => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  Object.defineProperty(globalThis, 'document', { value: page, configurable: true });
  t.teardown(() => void Reflect.deleteProperty(globalThis, 'document'));
  const { client, requests } = await serve(t, [...Array.from({ length: 6 }, () => refuse('chain_unavailable')), stream([frame(1)], 'hang')]);
  const look = setInterval(() => {
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
  }, 20);
  const startedMs = Date.now();
  t.same(idsOf(await take(streamOrders(client), 1)), ['1']);
  clearInterval(look);
  t.equal(requests.length, 7);
  t.ok(Date.now() - startedMs < 3_000, 'seven waits of up to 10 s were cut short');
});

t.test('wallet and header streams carry data of their own form', async (t) => {
  const recall = { txHash: 'ab'.repeat(32), time: '2026-04-10T08:15:23Z', blockHeight: 1, blockHash: 'cd'.repeat(32), batchKey: 'ef'.repeat(32), plant: `bill1${'q'.repeat(38)}`, lot: '4c4f54', lotText: 'LOT' };
  const { baseUrl } = await startServer(t, { streamWallet: () => stream([frame(1, 'recall.notice', recall)], 'hang'), streamHeaders: () => stream([frame(1, 'header.final', { height: 7, lightBlock: 'AA' })], 'hang') });
  const client = createClient({ baseUrl });
  for await (const told of streamWallet(client)) {
    t.same(told, { event: 'recall.notice', id: '1', data: recall });
    break;
  }
  for await (const told of streamHeaders(client)) {
    t.same(told, { event: 'header.final', id: '1', data: { height: 7, lightBlock: 'AA' } });
    break;
  }
});
