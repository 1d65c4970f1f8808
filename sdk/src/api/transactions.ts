/** Transactions: hand one in, ask what became of it. */
import { FAULTS, OPEN_BATCH_MAX_BYTES, type FaultCode } from '@billcoin/protocol';
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { base64Url, closed, Height, nullable, Time, TxHash } from './values.ts';

/** pending: on disk here and offered to proposers; the other three are for good. */
export const TxState = Type.Union([Type.Literal('pending'), Type.Literal('final'), Type.Literal('superseded'), Type.Literal('expired')]);
export type TxState = Static<typeof TxState>;
export const FaultName = Type.Unsafe<FaultCode>({ type: 'string', enum: Object.keys(FAULTS) });

export const TxAdmission = closed({ txHash: TxHash, status: TxState });
export type TxAdmission = Static<typeof TxAdmission>;

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
  summary: 'What became of a transaction. Neither address nor amount: those are for its parties.',
  who: ['public'],
  params: closed({ txHash: TxHash }),
  responses: { 200: TxStatus },
  problems: ['not_found'],
});
