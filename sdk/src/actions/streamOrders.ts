/** Order events as they happen: SSE over fetch, resumed by Last-Event-ID, reopened with bounded patience. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { HEARTBEAT_MS, ORDER_EVENTS, type OrderEventName } from '../api/orderEvents.ts';
import type { OrderEventData } from '../api/streams.ts';
import type { Client } from '../client/client.ts';
import { ApiError, ConnectionError } from '../client/errors.ts';
import { problemOf } from '../client/problemOf.ts';
import { asCaller, urlOf } from '../client/request.ts';
import { asError, backoffMs, startDeadline, waitMs } from '../client/wait.ts';

/** Two heartbeats and some: a stream that is silent this long is dead, whatever the socket says. */
export const SILENCE_MAX_MS = 2 * HEARTBEAT_MS + 5_000;
/** Largest frame: an event with the proof of its payment. A server that sends more is broken. */
export const FRAME_MAX_CHARS = 262_144;
const REOPEN_FIRST_MS = 250;
const REOPEN_MAX_MS = 10_000;
/** About five minutes of failures in a row; then the caller decides. */
export const REOPENS_MAX = 30;

export interface StreamParams {
  readonly tillNo?: number;
  readonly orderId?: string;
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal;
  /** Resume after this event, e.g. of the stream before. */
  readonly lastEventId?: string;
  /** Called when the connection opens and when it is lost: while lost, poll `listOrders`. */
  readonly onConnection?: (state: 'open' | 'lost') => void;
  /** Longest silence before the stream is reopened; default two heartbeats and 5 s. */
  readonly silenceMaxMs?: number;
}

export type OrderStreamEvent =
  | { readonly event: OrderEventName; readonly id: string | undefined; readonly data: OrderEventData }
  /** Events were missed for good: read the list again, then go on. */
  | { readonly event: 'resync'; readonly id: string | undefined };

const NAMES: ReadonlySet<string> = new Set(ORDER_EVENTS);

/**
 * Events of orders, for ever: reconnects by itself, with a fresh access token each time.
 * @throws ApiError a refusal that another try cannot heal (401, 403 …) · ConnectionError after REOPENS_MAX failures in a row
 * @example for await (const { event, data } of streamOrders(client, { tillNo: 12, signal })) show(event, data)
 */
export async function* streamOrders(client: Client, params: StreamParams = {}): AsyncGenerator<OrderStreamEvent, void, void> {
  const { signal, onConnection } = params;
  const isOver = (): boolean => signal?.aborted ?? false;
  let lastEventId = params.lastEventId;
  for (let failures = 1; !isOver(); failures++) {
    try {
      for await (const message of connection(client, params, lastEventId)) {
        failures = 0;
        lastEventId = message.id ?? lastEventId;
        if (message.event === 'reauth') break;
        const event = orderEvent(message);
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (isOver()) return;
      if (!mayHeal(error) || failures >= REOPENS_MAX) throw error;
    }
    if (failures >= REOPENS_MAX) throw new ConnectionError(`the server closed the stream ${REOPENS_MAX} times without an event`);
    onConnection?.('lost');
    await pause(backoffMs(Math.max(failures, 1), REOPEN_FIRST_MS, REOPEN_MAX_MS), signal);
  }
}

function mayHeal(error: unknown): boolean {
  return error instanceof ApiError ? error.retryable : error instanceof ConnectionError;
}

/** Waits; ends early and quietly when the caller gives up. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await waitMs(ms, signal ?? new AbortController().signal);
  } catch {
    return; // the loop sees the signal
  }
}

/** A frame of a known event with JSON data; anything else is of a later version and skipped. */
function orderEvent({ event, id, data }: EventSourceMessage): OrderStreamEvent | undefined {
  if (event === 'resync') return { event, id };
  if (event === undefined || !NAMES.has(event)) return undefined;
  try {
    return { event: event as OrderEventName, id, data: JSON.parse(data) as OrderEventData };
  } catch (cause) {
    throw new ConnectionError(`stream event ${event} is no JSON`, { cause });
  }
}

/** One connection: yields messages until the server closes, the line is silent for too long, or the caller gives up. */
async function* connection(client: Client, params: StreamParams, lastEventId: string | undefined): AsyncGenerator<EventSourceMessage, void, void> {
  const silence = startDeadline(params.silenceMaxMs ?? SILENCE_MAX_MS, params.signal);
  try {
    const body = await open(client, params, lastEventId, silence.signal);
    params.onConnection?.('open');
    yield* messages(body, () => silence.renew());
  } catch (error) {
    if (error instanceof ApiError || error instanceof ConnectionError) throw error;
    throw new ConnectionError(`order stream: ${asError(silence.signal.reason ?? error).message}`, { cause: error });
  } finally {
    silence.done();
  }
}

async function open(client: Client, { tillNo, orderId }: StreamParams, lastEventId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const own = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
  const response = await asCaller(client, async (headers) => {
    const answer = await client.fetch(urlOf(client.base, '/streams/orders', undefined, { tillNo, orderId }), { headers: { ...headers, ...own }, signal });
    if (!answer.ok) throw problemOf(answer, await answer.text());
    return answer;
  });
  if (response.body === null || response.headers.get('content-type')?.startsWith('text/event-stream') !== true) throw new ConnectionError('the answer is no event stream', { status: response.status });
  return response.body;
}

async function* messages(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<EventSourceMessage, void, void> {
  const queue: EventSourceMessage[] = [];
  let pending = 0;
  const parser = createParser({
    onEvent: (message) => {
      queue.push(message);
      pending = 0;
    },
    onComment: () => {
      pending = 0;
    },
  });
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      pending += value.length;
      parser.feed(decoder.decode(value, { stream: true }));
      if (pending > FRAME_MAX_CHARS) throw new ConnectionError(`the stream sent a frame of more than ${FRAME_MAX_CHARS} characters`);
      yield* queue.splice(0);
    }
  } finally {
    await reader.cancel().catch(() => undefined); // the connection is over either way
  }
}
