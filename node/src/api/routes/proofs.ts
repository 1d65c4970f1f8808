/** /proofs: transactions with their result, rows of state, and their absence. What is served here verifies without us. */
import { assert, fromHex, invoiceId, makeRowProof, rowKeyBytes, ROWS, toBase64Url, toHex } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { ChainPort } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { Receipts } from '../receipts.ts';

type TxProof = typeof ROUTES.getTxProof;
type RowProof = typeof ROUTES.getRowProof;

async function proveTx(chain: ChainPort, receipts: Receipts, { params }: ApiRequest<TxProof>): Promise<Reply<TxProof>> {
  const { txHash } = params;
  const status = await chain.txStatus(txHash);
  if (status === undefined) return { problem: 'not_found' };
  if (status.status !== 'final') return { problem: 'not_final', detail: `The transaction is ${status.status}.` };
  const receipt = await receipts.of(status.height, status.index);
  if (receipt === undefined) return { problem: 'pruned' };
  const body = { txHash, height: status.height, blockHash: toHex(status.blockId), time: rfc3339(status.timeMs), receipt: toBase64Url(receipt) };
  return { status: 200, body, immutable: `proof-${txHash}` };
}

/** Path and value are read at once; only then the header of that height, which may be on disk. */
async function proveRow(chain: ChainPort, rowKey: Uint8Array, height: number | undefined): Promise<Reply<RowProof>> {
  const row = chain.proveRow(rowKey, height);
  if (row === 'none') return { problem: 'not_found', detail: height === undefined ? 'There is no block yet.' : `There is no block ${height} yet.` };
  if (row === 'dropped') return { problem: 'dropped', detail: `The state of block ${height ?? 0} is no longer kept; the newest is ${chain.tip().height}.` };
  const block = await chain.readFinal(row.height);
  if (block === undefined) return { problem: 'pruned' };
  const proof = makeRowProof({ headerBytes: block.headerBytes, certificate: block.certificate, proof: row.proof, value: row.value });
  return { status: 200, body: { height: row.height, blockHash: toHex(block.blockId), time: rfc3339(block.timeMs), rowKey: toHex(rowKey), proof: toBase64Url(proof) } };
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  assert(bytes !== undefined, 'the declaration admits hex only');
  return bytes;
}

export function proofRoutes(chain: ChainPort, receipts: Receipts): readonly Entry[] {
  return [
    serve(ROUTES.getTxProof, (request) => proveTx(chain, receipts, request)),
    serve(ROUTES.getInvoiceProof, ({ params: { tillNo, ref }, query }) => proveRow(chain, rowKeyBytes(ROWS.invoice, invoiceId(tillNo, bytesOf(ref))), query.height)),
    serve(ROUTES.getDoneProof, ({ params, query }) => proveRow(chain, rowKeyBytes(ROWS.done, params.txHash), query.height)),
    serve(ROUTES.getRowProof, ({ params, query }) => proveRow(chain, bytesOf(params.rowKey), query.height)),
  ];
}
