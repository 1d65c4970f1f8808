/** OpenBatch: a plant asks the oracles for a mint of one physical lot. Free of fees. */
import { compareBytes, type OpenBatch } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';

export interface OpenBatchParams extends Omit<Envelope, 'feeMl'>, OpenBatch {
  /** Account of the plant, 20 bytes: the signer. */
  readonly plant: Uint8Array;
}

/** An unsigned OpenBatch. Shares may be given in any order; the chain wants them ascending by farm. */
export function buildOpenBatch(params: OpenBatchParams): TxDraft {
  const { lot, productionDate, expiresAtMs, claimMl, meter, totalFrom, totalTo, manifestHash, attempt } = params;
  const shares = [...params.shares].sort((a, b) => compareBytes(a.farm, b.farm));
  return saltedDraft(params, params.plant, 0n, { case: 'openBatch', value: { lot, productionDate, expiresAtMs, claimMl, meter, totalFrom, totalTo, shares, manifestHash, attempt } });
}
