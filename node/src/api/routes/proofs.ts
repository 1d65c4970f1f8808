/** /proofs: transactions with their result, rows of state, and their absence. What is served here verifies without us. */
import { ADDRESS_BYTES, bytesOfHex, cardId, delegationId, encode, equalBytes, invoiceId, LightBlock, makeRowProof, parseRowKey, rowKeyBytes, ROWS, toBase64Url, toHex, unbondingId, validatorsHash, type KindName, type RowName, type ValidatorSet } from '@billcoin/protocol';
import { API_BASE, ROUTES, type TxProof as TxProofAnswer } from '@billcoin/sdk';
import { lightBlockAt } from '../../lightBlock.ts';
import type { ChainPort } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { Caller } from '../caller.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { unauthenticated } from '../guard.ts';
import type { Parties } from '../parties.ts';
import type { ProvenTx, Receipts } from '../receipts.ts';

type TxProof = typeof ROUTES.getTxProof;
type RowProof = typeof ROUTES.getRowProof;

/** Transactions about a batch of milk: what they say is told to everybody at /trace/batch, whose links lead here (SPEC §15). */
const OF_MILK: ReadonlySet<KindName> = new Set(['openBatch', 'attest', 'redeem', 'holdBatch', 'recallBatch', 'writeOffBatch']);

/** One of the three forms, with the height of the header it stands under. */
interface Proof {
  readonly height: number;
  readonly body: Pick<TxProofAnswer, 'receipt' | 'execution' | 'record'>;
}

/**
 * What the caller may see of a final transaction (SPEC §21.5). The result of a Transfer holds a hash that can be tried
 * against guesses of both addresses and the amount: strangers get its replay record instead, while there is one.
 */
async function proofFor({ chain, parties }: ProofDeps, { caller, params, query }: ApiRequest<TxProof>, proven: ProvenTx, height: number): Promise<Proof | Refusal> {
  const kind = proven.tx.body.kind.case;
  const mayRead = OF_MILK.has(kind) || (await parties.isParty(caller, proven.tx));
  if (mayRead && query.minimal !== 1) return { height, body: { receipt: toBase64Url(proven.receipt()) } };
  if (mayRead || kind !== 'transfer') return { height, body: { execution: toBase64Url(proven.execution()) } };
  const row = await rowProof(chain, rowKeyBytes(ROWS.done, params.txHash), undefined);
  if ('problem' in row) return row;
  if (!row.exists) return { problem: 'dropped', detail: 'The replay record of this transaction has died. Its parties, finance and auditors get the proof from its block.' };
  return { height: row.height, body: { record: toBase64Url(row.proof) } };
}

/** The set that votes on the block after `height`, 0 for genesis. */
async function setAfter(chain: ChainPort, height: number): Promise<ValidatorSet | undefined> {
  const block = await lightBlockAt(chain, Math.max(1, height));
  return height === 0 ? block?.validators : block?.nextValidators ?? block?.validators;
}

/** The sets of the block that proves, for a caller who knows the one that follows `sinceHeight` and needs others. */
async function lightBlockFor(chain: ChainPort, height: number, sinceHeight: number | undefined): Promise<Pick<TxProofAnswer, 'lightBlock'>> {
  const block = sinceHeight === undefined ? undefined : await lightBlockAt(chain, height);
  if (sinceHeight === undefined || block === undefined) return {};
  const { validators, nextValidators = validators } = block;
  const known = await setAfter(chain, sinceHeight);
  const isKnown = known !== undefined && [validators, nextValidators].every((set) => equalBytes(validatorsHash(set), validatorsHash(known)));
  return isKnown ? {} : { lightBlock: toBase64Url(encode(LightBlock, block)) };
}

async function proveTx(deps: ProofDeps, request: ApiRequest<TxProof>): Promise<Reply<TxProof>> {
  const { chain, receipts } = deps;
  const { params: { txHash }, query: { sinceHeight } } = request;
  const status = await chain.txStatus(txHash);
  if (status === undefined) return { problem: 'not_found' };
  if (status.status !== 'final') return { problem: 'not_final', detail: `The transaction is ${status.status}.` };
  const proven = await receipts.at(status.height, status.index);
  if (proven === undefined) return { problem: 'pruned' };
  const proof = await proofFor(deps, request, proven, status.height);
  if ('problem' in proof) return proof;
  const body = { txHash, height: status.height, blockHash: toHex(status.blockId), time: rfc3339(status.timeMs), ...proof.body, ...await lightBlockFor(chain, proof.height, sinceHeight) };
  return { status: 200, body };
}

/** Where the proof of a row is. */
export function rowProofHref(type: (typeof ROWS)[RowName], id: string): string {
  return `${API_BASE}/proofs/row/${toHex(rowKeyBytes(type as never, id))}`;
}

interface RowInBlock {
  readonly height: number;
  readonly blockId: Uint8Array;
  readonly timeMs: number;
  readonly exists: boolean;
  /** RowProof bytes. */
  readonly proof: Uint8Array;
}

/** Path and value are read at once; only then the header of that height, which may be on disk. */
async function rowProof(chain: ChainPort, rowKey: Uint8Array, height: number | undefined): Promise<RowInBlock | Refusal> {
  const row = chain.proveRow(rowKey, height);
  if (row === 'none') return { problem: 'not_found', detail: height === undefined ? 'There is no block yet.' : `There is no block ${height} yet.` };
  if (row === 'dropped') return { problem: 'dropped', detail: `The state of block ${height ?? 0} is no longer kept; the newest is ${chain.tip().height}.` };
  const block = await chain.readFinal(row.height);
  if (block === undefined) return { problem: 'pruned' };
  const { headerBytes, certificate, blockId, timeMs } = block;
  return { height: row.height, blockId, timeMs, exists: row.value !== undefined, proof: makeRowProof({ headerBytes, certificate, proof: row.proof, value: row.value }) };
}

async function proveRow(chain: ChainPort, rowKey: Uint8Array, atHeight: number | undefined): Promise<Reply<RowProof>> {
  const row = await rowProof(chain, rowKey, atHeight);
  if ('problem' in row) return row;
  const { height, blockId, timeMs, proof } = row;
  return { status: 200, body: { height, blockHash: toHex(blockId), time: rfc3339(timeMs), rowKey: toHex(rowKey), proof: toBase64Url(proof) } };
}

const ANYBODY = new Uint8Array(ADDRESS_BYTES);
const ANY_VALIDATOR = toHex(ANYBODY);

/** Ids of rows that are about a person, whose address stands at their end: all of a kind are of one length. */
const PERSONAL_IDS: Readonly<Partial<Record<string, string>>> = {
  [ROWS.account.name]: toHex(ANYBODY), [ROWS.card.name]: cardId(ANYBODY, ANYBODY),
  [ROWS.delegation.name]: delegationId(ANY_VALIDATOR, ANYBODY), [ROWS.unbonding.name]: unbondingId(ANY_VALIDATOR, 1, ANYBODY),
};

/** The person a row is about; `unknown` where it is of that kind and nobody's: no id is of that length, or the coupon is gone. Undefined for every other row. */
function personOf(chain: ChainPort, rowKey: Uint8Array): Uint8Array | 'unknown' | undefined {
  const row = parseRowKey(rowKey);
  if (row?.type.name === ROWS.coupon.name) return chain.state().get(ROWS.coupon, row.id)?.owner ?? 'unknown';
  const like = row === undefined ? undefined : PERSONAL_IDS[row.type.name];
  if (row === undefined || like === undefined) return undefined;
  return row.id.length === like.length ? rowKey.subarray(-ADDRESS_BYTES) : 'unknown';
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
  const { chain } = deps;
  return [
    serve(ROUTES.getTxProof, (request) => proveTx(deps, request)),
    serve(ROUTES.getInvoiceProof, ({ params: { tillNo, ref }, query }) => proveRow(chain, rowKeyBytes(ROWS.invoice, invoiceId(tillNo, bytesOfHex(ref))), query.height)),
    serve(ROUTES.getDoneProof, ({ params, query }) => proveRow(chain, rowKeyBytes(ROWS.done, params.txHash), query.height)),
    serve(ROUTES.getRowProof, async ({ caller, params, query }) => {
      const rowKey = bytesOfHex(params.rowKey);
      return (await refusalOfRow(deps, caller, rowKey)) ?? (await proveRow(chain, rowKey, query.height));
    }),
  ];
}
