/**
 * Reads server-sent events over fetch, with the login in a header and none in a URL: resumed by Last-Event-ID, reopened with
 * bounded patience, polled from elsewhere while there is no connection.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { HEARTBEAT_MS } from '../api/orderEvents.ts';
import type { Client } from './client.ts';
import { ApiError, ConnectionError } from './errors.ts';
import { problemOf } from './problemOf.ts';
import { asCaller, urlOf } from './request.ts';
import { asError, backoffMs, startDeadline, waitMs } from './wait.ts';

/** Two heartbeats and some: a stream that is silent this long is dead, whatever the socket says. */
export const SILENCE_MAX_MS = 2 * HEARTBEAT_MS + 5_000;
/** Largest frame: an event with the proof of its payment. A server that sends more is broken. */
export const FRAME_MAX_CHARS = 262_144;
const REOPEN_FIRST_MS = 250;
const REOPEN_MAX_MS = 10_000;
/** About five minutes in a row with neither an event nor a poll that succeeds; then the caller decides. */
export const REOPENS_MAX = 30;
/** A connection is open by then or is tried anew; and what is polled, is polled this often while there is none. */
export const POLL_MS = 5_000;

export interface StreamParams {
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal;
  /** Resume after this event, e.g. of the stream before. */
  readonly lastEventId?: string;
  /** Called when the connection opens and when it is lost: say how old is what you show. */
  readonly onConnection?: (state: 'open' | 'lost') => void;
  /** Longest silence before the stream is reopened; default two heartbeats and 5 s. */
  readonly silenceMaxMs?: number;
}

/** Events were missed for good: read again what they are about, then go on. */
export interface Resync {
  readonly event: 'resync';
  readonly id: string | undefined;
}

export interface EventSource<E> {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** Names this version knows; frames of any other are of a later one and skipped. */
  readonly names: readonly string[];
  /** An event with its JSON data. */
  event(name: string, id: string | undefined, data: unknown): E;
  /** Asked every POLL_MS while there is no connection. */
  poll?(signal: AbortSignal | undefined): Promise<E>;
}

/** When to poll: not in a gap of a moment, then every POLL_MS until the connection is back. */
class Poller<E> {
  readonly #poll: EventSource<E>['poll'];
  #dueMs: number | undefined;

  constructor(poll: EventSource<E>['poll']) {
    this.#poll = poll;
  }

  connected(): void {
    this.#dueMs = undefined;
  }

  /** How long until the next poll; undefined where there is none. */
  waitMs(): number | undefined {
    if (this.#poll === undefined) return undefined;
    this.#dueMs ??= Date.now() + POLL_MS;
    return Math.max(0, this.#dueMs - Date.now());
  }

  /** What was polled where it was time to and the server answered. */
  async due(signal: AbortSignal | undefined): Promise<E | undefined> {
    if (this.#poll === undefined || this.waitMs() !== 0) return undefined;
    this.#dueMs = Date.now() + POLL_MS;
    try {
      return await this.#poll(signal);
    } catch (error) {
      if (error instanceof ApiError && !error.retryable) throw error;
      return undefined; // as unreachable as the stream
    }
  }
}

/**
 * Events for ever: reconnects by itself, with a fresh access token each time.
 * @throws ApiError a refusal that another try cannot heal (401, 403 …) · ConnectionError after REOPENS_MAX failures in a row
 */
export async function* readEvents<E>(client: Client, source: EventSource<E>, params: StreamParams): AsyncGenerator<E | Resync, void, void> {
  const { signal, onConnection } = params;
  const isOver = (): boolean => signal?.aborted ?? false;
  const poller = new Poller(source.poll);
  let lastEventId = params.lastEventId;
  /** Connections in a row without an event; and how many of them since anything was heard of the server. */
  let [failures, silent] = [1, 1];
  for (; !isOver(); failures++, silent++) {
    try {
      for await (const message of connection(client, source, params, lastEventId, () => poller.connected())) {
        failures = silent = 0;
        lastEventId = message.id ?? lastEventId;
        if (message.event === 'reauth') break;
        const event = eventOf(source, message);
        if (event !== undefined) yield event;
      }
    } catch (error) {
      if (isOver()) return;
      if (!mayHeal(error) || silent >= REOPENS_MAX) throw error;
    }
    if (silent >= REOPENS_MAX) throw new ConnectionError(`the server closed the stream ${REOPENS_MAX} times without an event`);
    onConnection?.('lost');
    const polled = await poller.due(signal);
    if (polled !== undefined) {
      silent = 0;
      yield polled;
    }
    await pause(Math.min(backoffMs(Math.max(failures, 1), REOPEN_FIRST_MS, REOPEN_MAX_MS), poller.waitMs() ?? REOPEN_MAX_MS), signal);
  }
}

function mayHeal(error: unknown): boolean {
  return error instanceof ApiError ? error.retryable : error instanceof ConnectionError;
}

/** What a browser's page has and other platforms lack: it tells when somebody looks at it again. */
interface Page extends EventTarget {
  readonly visibilityState: string;
}

/** Waits; ends early and quietly when the caller gives up, or when somebody looks at the page again. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { document } = globalThis as { readonly document?: Page };
  const awake = new AbortController();
  const wake = (): void => {
    if (document === undefined || document.visibilityState === 'visible') awake.abort();
  };
  document?.addEventListener('visibilitychange', wake);
  signal?.addEventListener('abort', () => awake.abort(), { once: true, signal: awake.signal });
  if (signal?.aborted === true) awake.abort();
  try {
    await waitMs(ms, awake.signal);
  } catch {
    return; // the loop sees the signal
  } finally {
    document?.removeEventListener('visibilitychange', wake);
    awake.abort(); // takes the listener off the caller's signal
  }
}

/** A frame of a known event with JSON data; anything else is of a later version and skipped. */
function eventOf<E>(source: EventSource<E>, { event, id, data }: EventSourceMessage): E | Resync | undefined {
  if (event === 'resync') return { event, id };
  if (event === undefined || !source.names.includes(event)) return undefined;
  try {
    return source.event(event, id, JSON.parse(data));
  } catch (cause) {
    throw new ConnectionError(`stream event ${event} is no JSON`, { cause });
  }
}

/** One connection: yields messages until the server closes, the line is silent for too long, or the caller gives up. */
async function* connection<E>(client: Client, source: EventSource<E>, params: StreamParams, lastEventId: string | undefined, opened: () => void): AsyncGenerator<EventSourceMessage, void, void> {
  const silence = startDeadline(params.silenceMaxMs ?? SILENCE_MAX_MS, params.signal);
  try {
    const body = await open(client, source, lastEventId, silence.signal);
    opened();
    params.onConnection?.('open');
    yield* messages(body, () => silence.renew());
  } catch (error) {
    if (error instanceof ApiError || error instanceof ConnectionError) throw error;
    throw new ConnectionError(`${source.path}: ${asError(silence.signal.reason ?? error).message}`, { cause: error });
  } finally {
    silence.done();
  }
}

async function open<E>(client: Client, { path, query }: EventSource<E>, lastEventId: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const own = { accept: 'text/event-stream', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) };
  const limit = startDeadline(POLL_MS, signal);
  const opening = new AbortController();
  const giveUp = (): void => opening.abort(limit.signal.reason);
  limit.signal.addEventListener('abort', giveUp, { once: true });
  signal.addEventListener('abort', () => opening.abort(signal.reason), { once: true });
  try {
    const response = await asCaller(client, async (headers) => {
      const answer = await client.fetch(urlOf(client.base, path, undefined, query), { headers: { ...headers, ...own }, signal: opening.signal });
      if (!answer.ok) throw problemOf(answer, await answer.text());
      return answer;
    });
    if (response.body === null || response.headers.get('content-type')?.startsWith('text/event-stream') !== true) throw new ConnectionError('the answer is no event stream', { status: response.status });
    return response.body;
  } finally {
    // From now on only silence ends it.
    limit.signal.removeEventListener('abort', giveUp);
    limit.done();
  }
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
