/** Finance: the export of a month with its manifest, the figures of a day, strays. All need a login. */
import type { RawBlock } from '../api/chain.ts';
import type { DailyReport, SignedExportManifest, Stray } from '../api/exports.ts';
import type { Routes } from '../api/index.ts';
import type { AnswerOf, QueryOf } from '../api/route.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';

/** Milk sales of a month as CSV text. As finance or auditor. */
export function exportMilkSales(client: Client, query: QueryOf<Routes['exportMilkSales']>, options?: CallOptions): Promise<string> {
  return request<Routes['exportMilkSales']>(client, 'GET', '/exports/milk-sales', { query, idempotent: true }, options);
}

/** Sums, blocks and root of that export, signed. Its answer as a file is what `billcoin verify-export --manifest` takes. */
export function getExportManifest(client: Client, query: QueryOf<Routes['exportManifest']>, options?: CallOptions): Promise<SignedExportManifest> {
  return request<Routes['exportManifest']>(client, 'GET', '/exports/milk-sales/manifest', { query, idempotent: true }, options);
}

/** Sales, refunds and strays of a day, of all tills or one. As finance, manager, staff or till. */
export function getDailyReport(client: Client, query: QueryOf<Routes['getDailyReport']>, options?: CallOptions): Promise<DailyReport> {
  return request<Routes['getDailyReport']>(client, 'GET', '/reports/daily', { query, idempotent: true }, options);
}

/** A page of plain Transfers to merchants, newest first. As finance or manager. */
export function listStrays(client: Client, query: QueryOf<Routes['listStrays']> = {}, options?: CallOptions): Promise<AnswerOf<Routes['listStrays']>> {
  return request<Routes['listStrays']>(client, 'GET', '/strays', { query, idempotent: true }, options);
}

/** Says that a stray stays and is in the books. As finance. @throws ApiError `stray_not_open`, `not_found` */
export function bookStray(client: Client, params: { readonly txHash: string }, options?: CallOptions): Promise<Stray> {
  return request<Routes['bookStray']>(client, 'POST', '/strays/{txHash}/book', { params, idempotent: false }, options);
}

/** Exact bytes of a final block and at most `limit` − 1 after it; fewer where they are large. As finance or auditor. @throws ApiError `not_found`, `pruned` */
export async function getRawBlocks(client: Client, { height, limit }: { readonly height: number; readonly limit: number }, options?: CallOptions): Promise<readonly RawBlock[]> {
  return (await request<Routes['getRawBlock']>(client, 'GET', '/blocks/{height}/raw', { params: { height }, query: { limit }, idempotent: true }, options)).data;
}
