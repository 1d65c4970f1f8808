/** /proofs: transactions with their result, rows of state, and their absence. What is served here verifies without us. */
import { assert, fromHex, invoiceId, makeRowProof, parseRowKey, rowKeyBytes, ROWS, toBase64Url, toHex } from '@billcoin/protocol';
import { ROUTES } from '@billcoin/sdk';
import type { ChainPort } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { Caller } from '../caller.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { unauthenticated } from '../guard.ts';
import type { Parties } from '../parties.ts';
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

/** Hex digits of an address. */
const ADDRESS_DIGITS = 40;

/** The person a row is about: an account, a card of points, a coupon. Undefined for every other row. */
function personOf(chain: ChainPort, rowKey: Uint8Array): Uint8Array | 'unknown' | undefined {
  const row = parseRowKey(rowKey);
  switch (row?.type.name) {
    case ROWS.account.name:
      return bytesOf(row.id);
    case ROWS.card.name:
      return bytesOf(row.id.slice(-ADDRESS_DIGITS));
    case ROWS.coupon.name:
      return chain.state().get(ROWS.coupon, row.id)?.owner ?? 'unknown';
    default:
      return undefined;
  }
}

/** Rows about people are for themselves, finance and auditors; a coupon that is gone is nobody's any more. */
async function refusalOfRow({ chain, parties }: ProofDeps, caller: Caller, rowKey: Uint8Array): Promise<Refusal | undefined> {
  const person = personOf(chain, rowKey);
  const isOwn = person === undefined || (person === 'unknown' ? caller.role === 'finance' || caller.role === 'auditor' : await parties.isOwnAccount(caller, person));
  if (isOwn) return undefined;
  return caller.role === 'public' ? unauthenticated('This row is about a person.') : { problem: 'forbidden', detail: 'This row is about another person.' };
}

export interface ProofDeps {
  readonly chain: ChainPort;
  readonly receipts: Receipts;
  readonly parties: Parties;
}

export function proofRoutes(deps: ProofDeps): readonly Entry[] {
  const { chain, receipts } = deps;
  return [
    serve(ROUTES.getTxProof, (request) => proveTx(chain, receipts, request)),
    serve(ROUTES.getInvoiceProof, ({ params: { tillNo, ref }, query }) => proveRow(chain, rowKeyBytes(ROWS.invoice, invoiceId(tillNo, bytesOf(ref))), query.height)),
    serve(ROUTES.getDoneProof, ({ params, query }) => proveRow(chain, rowKeyBytes(ROWS.done, params.txHash), query.height)),
    serve(ROUTES.getRowProof, async ({ caller, params, query }) => {
      const rowKey = bytesOf(params.rowKey);
      return (await refusalOfRow(deps, caller, rowKey)) ?? (await proveRow(chain, rowKey, query.height));
    }),
  ];
}
