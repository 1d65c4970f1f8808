/** Asking a server for proofs. Whatever comes back is bytes at most: the form of an answer is not believed either. */
import { decode, fromBase64Url, LightBlock, type LightBlock as Block } from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import type { Client } from '../client/client.ts';
import { ApiError } from '../client/errors.ts';
import { request, type CallOptions } from '../client/request.ts';
import { refuse } from './proofError.ts';

/** Largest answer with one proof: 64 KiB of bytes and 18 KiB of sets as base64url, and its frame. */
const PROOF_ANSWER_MAX_BYTES = 131_072;
/** Largest answer with headers: LIGHT_HEADERS_MAX of the largest sets. */
const HEADERS_ANSWER_MAX_BYTES = 4_194_304;

/** Bytes of a base64url member of an answer of unknown form; undefined where it is none. */
export function bytesIn(answer: unknown, name: string): Uint8Array | undefined {
  const text = typeof answer === 'object' && answer !== null ? (answer as Readonly<Record<string, unknown>>)[name] : undefined;
  return typeof text === 'string' ? fromBase64Url(text) : undefined;
}

/** Final headers from a height on, as this server tells them; none where it has none. */
export async function lightBlocks(client: Client, from: number, limit: number, options?: CallOptions): Promise<{ readonly tip: number | undefined; readonly blocks: readonly Block[] }> {
  const answer: unknown = await request<Routes['listLightHeaders']>(client, 'GET', '/light/headers', { query: { from, limit }, idempotent: true, answerMaxBytes: HEADERS_ANSWER_MAX_BYTES }, options);
  const { tip, data } = (typeof answer === 'object' && answer !== null ? answer : {}) as { readonly tip?: unknown; readonly data?: unknown };
  const items: readonly unknown[] = Array.isArray(data) ? data.slice(0, limit) : [];
  const blocks = items.flatMap((item) => {
    const bytes = bytesIn(item, 'lightBlock');
    const block = bytes === undefined ? undefined : decode(LightBlock, bytes);
    return block?.ok === true ? [block.value] : [];
  });
  return { tip: typeof tip === 'number' && Number.isSafeInteger(tip) && tip >= 0 ? tip : undefined, blocks };
}

/** RowProof bytes of a row. `dropped` where the server no longer keeps that height. */
export async function rowProofBytes(client: Client, rowKeyHex: string, height: number | undefined, options?: CallOptions): Promise<Uint8Array> {
  try {
    const answer: unknown = await request<Routes['getRowProof']>(client, 'GET', '/proofs/row/{rowKey}', { params: { rowKey: rowKeyHex }, query: height === undefined ? {} : { height }, idempotent: true, answerMaxBytes: PROOF_ANSWER_MAX_BYTES }, options);
    return bytesIn(answer, 'proof') ?? refuse('malformed', 'the answer holds no proof');
  } catch (error) {
    if (error instanceof ApiError && (error.code === 'dropped' || error.code === 'pruned')) return refuse('dropped', error.message);
    throw error;
  }
}

/** What a server has as proof of a transaction: bytes of one form, and of the block that proves, for its sets. */
export interface TxProofBytes {
  readonly receipt: Uint8Array | undefined;
  readonly execution: Uint8Array | undefined;
  readonly record: Uint8Array | undefined;
  readonly lightBlock: Block | undefined;
}

/** Proof of a transaction, with the sets that a client lacks who trusts `sinceHeight`. @throws ApiError `not_found`, `not_final` */
export async function txProofBytes(client: Client, { txHash, ...query }: { readonly txHash: string; readonly minimal: 0 | 1; readonly sinceHeight: number }, options?: CallOptions): Promise<TxProofBytes> {
  const answer: unknown = await request<Routes['getTxProof']>(client, 'GET', '/proofs/tx/{txHash}', { params: { txHash }, query, idempotent: true, txHash, answerMaxBytes: PROOF_ANSWER_MAX_BYTES }, options);
  const sets = bytesIn(answer, 'lightBlock');
  const lightBlock = sets === undefined ? undefined : decode(LightBlock, sets);
  return { receipt: bytesIn(answer, 'receipt'), execution: bytesIn(answer, 'execution'), record: bytesIn(answer, 'record'), lightBlock: lightBlock?.ok === true ? lightBlock.value : undefined };
}
