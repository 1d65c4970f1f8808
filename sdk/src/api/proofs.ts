/** Proofs that verify without trust in this server: transactions with their result, rows of state and their absence. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { base64Url, closed, Hash, Height, Ref, TillNo, Time, TxHash } from './values.ts';

export const TxProof = closed({
  txHash: TxHash, height: Height, blockHash: Hash, time: Time,
  receipt: Type.Optional(base64Url(65_536, 'PaymentReceipt bytes: transaction, result, paths, header, certificate. For parties of the transaction, finance and auditors; of a batch of milk for everybody')),
  execution: Type.Optional(base64Url(16_384, 'ExecutionReceipt bytes: result and its path, header, certificate. For everybody else, and with minimal=1')),
  record: Type.Optional(base64Url(49_152, 'RowProof bytes of the replay record, under the newest block. Of a Transfer for everybody else')),
  lightBlock: Type.Optional(base64Url(18_432, 'LightBlock bytes of the block that proves, where its validator sets are others than the one that followed sinceHeight')),
}, 'height, blockHash and time are those of the transaction. Holds exactly one of receipt, execution and record.');
export type TxProof = Static<typeof TxProof>;

export const getTxProof = route({
  method: 'GET',
  path: '/proofs/tx/{txHash}',
  summary: 'Proof that a transaction is final; verifies offline against the validator set.',
  who: ['public'],
  own: 'the transaction itself: its parties, finance and auditors; everybody else gets the proof without it',
  params: closed({ txHash: TxHash }),
  query: closed({
    minimal: Type.Optional(Type.Integer({ minimum: 0, maximum: 1, description: '1: the proof without the transaction, for those too who may see it' })),
    sinceHeight: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Newest height whose header the caller has verified: the sets that he lacks come along' })),
  }),
  responses: { 200: TxProof },
  problems: ['not_found', 'not_final', 'dropped', 'pruned'],
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
  own: 'rows of accounts, cards, coupons and delegations: their own key, finance and auditor; those of the account of a merchant also its manager, till and staff',
  params: closed({ rowKey: RowKey }),
});
