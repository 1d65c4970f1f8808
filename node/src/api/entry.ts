/**
 * One served route: its declaration (sdk) and the function that answers it. Handlers are plain functions from a checked
 * request to a reply; refusals are replies too. What Fastify is stands in mount.ts alone.
 */
import type { Caller } from './caller.ts';
import type { Call } from './call.ts';
import type { AnswerOf, BodyOf, ParamsOf, ProblemCode, QueryOf, Route } from '@billcoin/sdk';

export interface ApiRequest<R extends Route = Route> {
  /** Told in the answer and in the log, so that people can name a request. */
  readonly id: string;
  readonly caller: Caller;
  /** When the caller's access token ends; undefined for nobody's. */
  readonly expiresAtMs: number | undefined;
  readonly params: ParamsOf<R>;
  readonly query: QueryOf<R>;
  readonly body: BodyOf<R>;
  /** Exact text of a JSON body. */
  readonly bodyText: string;
  /** What limits know of it; undefined on a node of the chain alone, which has none. */
  readonly call: Call | undefined;
  readonly language: Language;
  /** Host header: one of this server's own names, checked before anything else. */
  readonly host: string;
  readonly idempotencyKey: string | undefined;
  /** The header Accept as it came; empty without one. */
  readonly accept: string;
}
export type Language = 'en' | 'ms';

type Headers = Readonly<Record<string, string>>;

export interface Answer<B> {
  readonly status: number;
  readonly body: B;
  readonly headers?: Headers;
  /** What the answer is known by for ever: the client may keep it and ask with If-None-Match. */
  readonly immutable?: string;
}
/** The answer in one of the other forms its declaration names: JSON of another media type. */
export interface OtherAnswer {
  readonly status: number;
  readonly other: object;
  readonly type: string;
  readonly headers?: Headers;
}
/** Text as it stands, e.g. a stored answer or a file that must keep its bytes: JSON unless it says what it is. */
export interface TextAnswer {
  readonly status: number;
  readonly text: string;
  /** One of the forms its declaration names beside JSON. */
  readonly type?: string;
  readonly headers?: Headers;
  readonly immutable?: string;
}
/** A file of one of the other forms its declaration names. */
export interface BytesAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly headers?: Headers;
}
export interface StreamAnswer {
  readonly status: number;
  readonly stream: NodeJS.ReadableStream;
  readonly headers?: Headers;
}
/** A refusal: the code's row in PROBLEMS gives status, title and what to do; `detail` names the values of this case. */
export interface Refusal {
  readonly problem: ProblemCode;
  readonly detail?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly errors?: readonly { readonly pointer: string; readonly code: string }[];
  readonly headers?: Headers;
  /** Rate policies that have no room, of rate_limited. */
  readonly violatedPolicies?: readonly string[];
}
export type Reply<R extends Route> = Answer<AnswerOf<R>> | OtherAnswer | TextAnswer | BytesAnswer | StreamAnswer | Refusal;

export interface Entry {
  readonly declaration: Route;
  readonly handle: (request: ApiRequest) => Promise<Reply<Route>>;
  /** Extension members that problems of this route carry beside the standard ones. */
  readonly extendProblem?: (code: ProblemCode) => Readonly<Record<string, unknown>>;
  /** Code of an unexpected error of ours; `internal` unless the route has its own. */
  readonly internalCode?: ProblemCode;
}

/** Binds a declaration to its handler; the types of both must agree. */
export function serve<R extends Route>(declaration: R, handle: (request: ApiRequest<R>) => Promise<Reply<R>>, more: Pick<Entry, 'extendProblem' | 'internalCode'> = {}): Entry {
  return { declaration, handle: handle as unknown as Entry['handle'], ...more };
}

/** A route that keeps the connection open and writes to it itself (event streams). */
export interface StreamEntry {
  readonly declaration: Route;
  readonly open: (connection: StreamConnection) => Refusal | undefined;
}
export interface StreamConnection {
  readonly caller: Caller;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly lastEventId: string | undefined;
  /** Sends the head of the answer; nothing may be refused after it. */
  readonly begin: () => StreamSink;
}
export interface StreamSink {
  write(text: string): void;
  /** Bytes that the reader has not taken yet. */
  pendingBytes(): number;
  end(): void;
  onClose(listener: () => void): void;
}
