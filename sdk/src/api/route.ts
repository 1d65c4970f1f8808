/**
 * One declaration per HTTP route. It drives the server's validation, the client's types and OpenAPI 3.1, so the three
 * cannot drift apart. The node imports the declarations at run time; the client imports only their types.
 */
import type { Static, TObject, TSchema } from 'typebox';
import type { ProblemCode } from './problems.ts';

/** Who may call a route (`public`: no login). Object checks ("only its own") belong to the handler; `own` says so. */
export const ROLES = ['public', 'student', 'till', 'staff', 'manager', 'finance', 'auditor', 'admin', 'partner', 'service'] as const;
export type Role = (typeof ROLES)[number];

export type MediaType = 'application/json' | 'application/ld+json' | 'text/csv' | 'text/event-stream' | 'text/html' | 'text/plain' | 'image/svg+xml' | 'image/png';

/** Base path of every route but the health checks. */
export const API_BASE = '/api/v1';
/** Largest request body unless a route says otherwise: the largest order with its invoice fits. */
export const BODY_MAX_BYTES = 16_384;

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below API_BASE, parameters in braces: `/orders/{orderId}`. */
  readonly path: string;
  readonly summary: string;
  readonly who: readonly Role[];
  /** What of the resource a caller may touch, where it is not all of it. */
  readonly own?: string;
  /** True: the path stands at the root of the server, not below API_BASE. */
  readonly atRoot?: true;
  readonly params?: TObject;
  readonly query?: TObject;
  readonly body?: TSchema;
  readonly bodyType?: MediaType;
  readonly bodyMaxBytes?: number;
  /** True: the request must carry an Idempotency-Key header; a repeat gets the stored answer. */
  readonly idempotencyKey?: true;
  /** Keys of the body that the audit log keeps; never a secret, never free text. */
  readonly auditBody?: readonly string[];
  /** Keys of the answer that the audit log keeps in a second entry: the id of what was made. */
  readonly auditAnswer?: readonly string[];
  /** Answers by status, problems apart. */
  readonly responses: Readonly<Record<number, TSchema>>;
  readonly responseType?: MediaType;
  /** True: the answer carries an ETag (what it is known by for ever, else the hash of its text), and If-None-Match is answered with 304. */
  readonly etag?: true;
  /** The same answer in another form, by media type: asked for with Accept or the query key `format`. */
  readonly alternative?: Readonly<Partial<Record<MediaType, TSchema>>>;
  /** Problem codes of this route beyond the common ones (COMMON_PROBLEMS). */
  readonly problems?: readonly ProblemCode[];
}

/** Declares a route; keeps its literal types for the client. */
export function route<const R extends Route>(declaration: R): R {
  return declaration;
}

type Of<R, K extends string> = R extends { readonly [key in K]: infer S extends TSchema } ? Static<S> : undefined;
export type ParamsOf<R extends Route> = Of<R, 'params'>;
export type QueryOf<R extends Route> = Of<R, 'query'>;
export type BodyOf<R extends Route> = Of<R, 'body'>;
/** Any of the answers that are no problem. */
export type AnswerOf<R extends Route> = R['responses'] extends infer A ? { [S in keyof A]: A[S] extends TSchema ? Static<A[S]> : never }[keyof A] : never;
