/** Reads of chain and registry. What a server answers is a claim; amounts that matter are proven (`verifyPayment`). */
import type { Account } from '../api/accounts.ts';
import type { BatchDetail, Price, Reserve } from '../api/batches.ts';
import type { BlockView, Status, ValidatorDetail } from '../api/chain.ts';
import type { Routes } from '../api/index.ts';
import type { Coupon, Loyalty } from '../api/loyalty.ts';
import type { MerchantDetail, Till } from '../api/merchants.ts';
import type { TxProof } from '../api/proofs.ts';
import type { Registry } from '../api/registry.ts';
import type { AnswerOf, QueryOf } from '../api/route.ts';
import type { BatchTrace, EpcisDocument, TxTrace } from '../api/trace.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/** Network, height, finality age and parameters. Compare genesisHash with the one your program pins. */
export function getStatus(client: Client, options?: CallOptions): Promise<Status> {
  return request<Routes['getStatus']>(client, 'GET', '/status', { idempotent: true }, options);
}

/** Peers of the node, connected or not. Needs a login as admin. */
export function listPeers(client: Client, options?: CallOptions): Promise<AnswerOf<Routes['listPeers']>> {
  return request<Routes['listPeers']>(client, 'GET', '/peers', { idempotent: true }, options);
}

/** The genesis file as JSON. */
export function getGenesis(client: Client, options?: CallOptions): Promise<Record<string, unknown>> {
  return request<Routes['getGenesis']>(client, 'GET', '/genesis', { idempotent: true }, options);
}

/** Final blocks, newest first. */
export function listBlocks(client: Client, query: QueryOf<Routes['listBlocks']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listBlocks']>> {
  return request<Routes['listBlocks']>(client, 'GET', '/blocks', { query, idempotent: true }, options);
}

/** A final block by height or lower-case hex hash; without one the newest. */
export function getBlock(client: Client, params: { readonly heightOrHash?: number | string } = {}, options?: CallOptions): Promise<BlockView> {
  const { heightOrHash } = params;
  if (heightOrHash === undefined) return request<Routes['getLatestBlock']>(client, 'GET', '/blocks/latest', { idempotent: true }, options);
  return request<Routes['getBlock']>(client, 'GET', '/blocks/{heightOrHash}', { params: { heightOrHash: String(heightOrHash) }, idempotent: true }, options);
}

/** Institutions that finalise blocks, and the set that signs the next one. */
export function listValidators(client: Client, options?: CallOptions): Promise<AnswerOf<Routes['listValidators']>> {
  return request<Routes['listValidators']>(client, 'GET', '/validators', { idempotent: true }, options);
}

/** One of them, with the commits it missed of the newest hundred. */
export function getValidator(client: Client, params: { readonly address: string }, options?: CallOptions): Promise<ValidatorDetail> {
  return request<Routes['getValidator']>(client, 'GET', '/validators/{address}', { params, idempotent: true }, options);
}

/** Balance of an account. Needs a login as its key, finance or auditor. */
export function getAccount(client: Client, params: { readonly address: string }, options?: CallOptions): Promise<Account> {
  return request<Routes['getAccount']>(client, 'GET', '/accounts/{address}', { params, idempotent: true }, options);
}

/** Transactions of an account, newest first. Needs a login as its key, finance or auditor. */
export function listAccountTransactions(client: Client, params: { readonly address: string } & QueryOf<Routes['listAccountTransactions']>, options?: CallOptions): Promise<AnswerOf<Routes['listAccountTransactions']>> {
  const { address, ...query } = params;
  return request<Routes['listAccountTransactions']>(client, 'GET', '/accounts/{address}/transactions', { params: { address }, query, idempotent: true }, options);
}

/** Batches of milk, newest first. */
export function listBatches(client: Client, query: QueryOf<Routes['listBatches']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listBatches']>> {
  return request<Routes['listBatches']>(client, 'GET', '/batches', { query, idempotent: true }, options);
}

/** A batch with shares, statements of oracles and where its litres are. */
export function getBatch(client: Client, params: { readonly batchKey: string }, options?: CallOptions): Promise<BatchDetail> {
  return request<Routes['getBatch']>(client, 'GET', '/batches/{batchKey}', { params, idempotent: true }, options);
}

/** Supply, custody and gap, and a page of plants; totals and plants are of one block. */
export function getReserve(client: Client, query: QueryOf<Routes['getReserve']> = {}, options?: CallOptions): Promise<Reserve> {
  return request<Routes['getReserve']>(client, 'GET', '/reserve', { query, idempotent: true }, options);
}

/** The life of a batch: farms, meter, statements, mint, deliveries, with links to proofs. */
export function getBatchTrace(client: Client, params: { readonly batchKey: string }, options?: CallOptions): Promise<BatchTrace> {
  return request<Routes['traceBatch']>(client, 'GET', '/trace/batch/{batchKey}', { params, query: { format: 'json' }, idempotent: true }, options);
}

/** From a payment to the batches it was sold from. Needs a login as its payer, its merchant, finance or auditor. @throws ApiError `not_final` */
export function getTxTrace(client: Client, params: { readonly txHash: string }, options?: CallOptions): Promise<TxTrace> {
  return request<Routes['traceTx']>(client, 'GET', '/trace/tx/{txHash}', { params, query: { format: 'json' }, idempotent: true }, options);
}

/** The trace of a batch or of a payment as EPCIS 2.0 JSON-LD. */
export async function getEpcis(client: Client, of: { readonly batchKey: string } | { readonly txHash: string }, options?: CallOptions): Promise<EpcisDocument> {
  const parts = { query: { format: 'epcis' }, idempotent: true } as const;
  const answer: unknown = 'batchKey' in of
    ? await request<Routes['traceBatch']>(client, 'GET', '/trace/batch/{batchKey}', { params: of, ...parts }, options)
    : await request<Routes['traceTx']>(client, 'GET', '/trace/tx/{txHash}', { params: of, ...parts }, options);
  return answer as EpcisDocument;
}

/** The price in force, ringgit per litre. */
export function getPrice(client: Client, options?: CallOptions): Promise<Price> {
  return request<Routes['getPrice']>(client, 'GET', '/price', { idempotent: true }, options);
}

/** The price of each day, newest first. */
export function listPrices(client: Client, query: QueryOf<Routes['listPrices']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listPrices']>> {
  return request<Routes['listPrices']>(client, 'GET', '/price/history', { query, idempotent: true }, options);
}

/** Merchants of the registry. */
export function listMerchants(client: Client, query: QueryOf<Routes['listMerchants']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listMerchants']>> {
  return request<Routes['listMerchants']>(client, 'GET', '/merchants', { query, idempotent: true }, options);
}

/** A merchant with its tills. */
export function getMerchant(client: Client, params: { readonly merchantId: string }, options?: CallOptions): Promise<MerchantDetail> {
  return request<Routes['getMerchant']>(client, 'GET', '/merchants/{merchantId}', { params, idempotent: true }, options);
}

/** A till: merchant, key, in force or not. */
export function getTill(client: Client, params: { readonly tillNo: number }, options?: CallOptions): Promise<Till> {
  return request<Routes['getTill']>(client, 'GET', '/tills/{tillNo}', { params, idempotent: true }, options);
}

/** Terms and status of all who are registered, after the block of `height` or the newest. @throws ApiError `not_found` for a height that is not final yet */
export function getRegistry(client: Client, query: QueryOf<Routes['getRegistry']> = {}, options?: CallOptions): Promise<Registry> {
  return request<Routes['getRegistry']>(client, 'GET', '/registry', { query, idempotent: true }, options);
}

/** Points and coupons of an account. */
export function getLoyalty(client: Client, params: { readonly address: string }, options?: CallOptions): Promise<Loyalty> {
  return request<Routes['getLoyalty']>(client, 'GET', '/loyalty/{address}', { params, idempotent: true }, options);
}

/** A coupon and whether it can be used now. */
export function getCoupon(client: Client, params: { readonly couponId: string }, options?: CallOptions): Promise<Coupon> {
  return request<Routes['getCoupon']>(client, 'GET', '/coupons/{couponId}', { params, idempotent: true }, options);
}

/**
 * Proof that a transaction is final: with the transaction for its parties, finance and auditors, without it for everybody else.
 * Bytes that `verifiedTransaction` and `verifiedExecution` verify. @throws ApiError `not_found`, `not_final`
 */
export function getTxProof(client: Client, params: { readonly txHash: string } & QueryOf<Routes['getTxProof']>, options?: CallOptions): Promise<TxProof> {
  const { txHash, ...query } = params;
  return request<Routes['getTxProof']>(client, 'GET', '/proofs/tx/{txHash}', { params: { txHash }, query, idempotent: true, txHash }, options);
}
