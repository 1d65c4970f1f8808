/** Transactions: hand one in, ask what became of it. */
import { FAULTS, OPEN_BATCH_MAX_BYTES, type FaultCode } from '@billcoin/protocol';
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, base64Url, closed, Height, Litres, nullable, OrderId, Time, TxHash } from './values.ts';

/** pending: on disk here and offered to proposers; the other three are for good. */
export const TxState = Type.Union([Type.Literal('pending'), Type.Literal('final'), Type.Literal('superseded'), Type.Literal('expired')]);
export type TxState = Static<typeof TxState>;
export const FaultName = Type.Unsafe<FaultCode>({ type: 'string', enum: Object.keys(FAULTS) });

export const TxAdmission = closed({ txHash: TxHash, status: TxState });
export type TxAdmission = Static<typeof TxAdmission>;

const FIELDS = 'Fields by their names in the wire tables: litres and ringgit as decimal strings under the name without its unit (amountMl is litres, sen is rm), times in RFC 3339, addresses as bill1…, other bytes as hex, an invoice as base64url beside its terms';
export const TxFields = Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer(), Type.Array(Type.Record(Type.String(), Type.String()))]), { description: FIELDS });
export type TxFields = Static<typeof TxFields>;

/** What was signed. */
export const TxBodyView = closed({
  sender: Address,
  salt: nullable(Type.String({ pattern: '^[0-9a-f]{16}$' })),
  validUntil: Time,
  fee: Litres,
  policies: Type.Array(Type.String({ pattern: '^[0-9a-f]+$', description: 'Policy of a k-of-n account, hex' })),
  kind: Type.String(),
  fields: TxFields,
});
export type TxBodyView = Static<typeof TxBodyView>;

/** One thing that it did. */
export const TxEventView = closed({ event: Type.String(), fields: TxFields });
export type TxEventView = Static<typeof TxEventView>;

/** `body`, `events` and `order` are there together or not at all. */
export const TxStatus = closed({
  txHash: TxHash,
  status: TxState,
  kind: nullable(Type.String({ description: 'Name of the kind: transfer, pay, refund, redeem, openBatch, attest; null until it is final' })),
  height: nullable(Height),
  index: nullable(Type.Integer({ minimum: 0 })),
  code: nullable(Type.Integer({ minimum: 0, description: '0 = done, else the number of the fault' })),
  fault: nullable(FaultName),
  time: nullable(Time),
  by: Type.Optional(Type.String({ pattern: '^[0-9a-f]{64}$', description: 'superseded: the transaction that settled the same invoice' })),
  body: Type.Optional(TxBodyView),
  events: Type.Optional(nullable(Type.Array(TxEventView, { maxItems: 16, description: 'null until it is final' }))),
  order: Type.Optional(nullable(OrderId)),
});
export type TxStatus = Static<typeof TxStatus>;

/** Largest body of POST /transactions: an OpenBatch of 16 KiB in base64url. */
export const TRANSACTION_BODY_MAX_BYTES = 32_768;

export const postTransaction = route({
  method: 'POST',
  path: '/transactions',
  summary: 'Hand in a signed transaction. 202: it is on disk here and offered until final, superseded or expired. 200: known, with its present status.',
  who: ['public'],
  body: closed({ tx: base64Url(OPEN_BATCH_MAX_BYTES, 'Tx bytes') }),
  bodyMaxBytes: TRANSACTION_BODY_MAX_BYTES,
  responses: { 200: TxAdmission, 202: TxAdmission },
  problems: ['pool_full', 'disk_low', ...(Object.keys(FAULTS) as FaultCode[])],
});

export const getTransaction = route({
  method: 'GET',
  path: '/transactions/{txHash}',
  summary: 'What became of a transaction. Neither address nor amount, but for its parties, finance and auditors while this node holds it: what was signed, what it did, and its order where they may read that.',
  who: ['public'],
  own: 'body, events and order: its parties, finance and auditors; of what is pending its sender, and the merchant whose till it names',
  params: closed({ txHash: TxHash }),
  responses: { 200: TxStatus },
  problems: ['not_found'],
});
