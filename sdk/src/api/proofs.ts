/** Proofs that verify without trust in this server. */
import type { Static } from 'typebox';
import { route } from './route.ts';
import { base64Url, closed, Hash, Height, Time, TxHash } from './values.ts';

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
