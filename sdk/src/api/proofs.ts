/** Proofs that verify without trust in this server: transactions with their result, rows of state and their absence. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { base64Url, closed, Hash, Height, Ref, TillNo, Time, TxHash } from './values.ts';

export const TxProof = closed({ txHash: TxHash, height: Height, blockHash: Hash, time: Time, receipt: base64Url(65_536, 'PaymentReceipt bytes: transaction, result, paths, header, certificate') });
export type TxProof = Static<typeof TxProof>;

export const getTxProof = route({
  method: 'GET',
  path: '/proofs/tx/{txHash}',
  summary: 'Proof that a transaction is final; verifies offline against the validator set.',
  who: ['public'],
  params: closed({ txHash: TxHash }),
  responses: { 200: TxProof },
  problems: ['not_found', 'not_final', 'pruned'],
});

/** Longest key of a row: prefix, batch, attempt, oracle. */
export const ROW_KEY_MAX_BYTES = 54;
const RowKey = Type.String({ pattern: `^([0-9a-f]{2}){1,${ROW_KEY_MAX_BYTES}}$`, description: 'Prefix byte and key parts (SPEC §8.1), lower-case hex' });

/** A row, or its absence, in the final block at `height`. */
export const RowProofAnswer = closed({
  height: Height, blockHash: Hash, time: Time, rowKey: RowKey,
  proof: base64Url(49_152, 'RowProof bytes (SPEC §8.3): header, certificate, path, value'),
});
export type RowProofAnswer = Static<typeof RowProofAnswer>;

const atHeight = closed({ height: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'A recent height; the newest unless given' })) });
const rowProof = { method: 'GET', query: atHeight, responses: { 200: RowProofAnswer }, problems: ['not_found', 'dropped', 'pruned'] } as const;

export const getInvoiceProof = route({
  ...rowProof,
  path: '/proofs/invoice/{tillNo}/{ref}',
  summary: 'The record of an invoice: paid (by which transaction) or void, or the proof that there is none.',
  who: ['public'],
  params: closed({ tillNo: TillNo, ref: Ref }),
});

export const getDoneProof = route({
  ...rowProof,
  path: '/proofs/done/{txHash}',
  summary: 'The replay record of a transaction (kinds other than Pay and VoidInvoice), or the proof that there is none.',
  who: ['public'],
  params: closed({ txHash: TxHash }),
});

export const getRowProof = route({
  ...rowProof,
  path: '/proofs/row/{rowKey}',
  summary: 'Any row of state, or the proof that there is none.',
  who: ['public'],
  own: 'rows of accounts, cards and coupons: their own key, finance and auditor',
  params: closed({ rowKey: RowKey }),
});
