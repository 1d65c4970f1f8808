/** Attest: an oracle's statement on an open batch; exactly one of volumeMl and reject is not 0. Free of fees. */
import type { Attest } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';

export interface AttestParams extends Omit<Envelope, 'feeMl'>, Attest {
  /** Address of the oracle's key, 20 bytes: the signer. */
  readonly oracle: Uint8Array;
}

/** An unsigned Attest. */
export function buildAttest(params: AttestParams): TxDraft {
  const { batch, attempt, volumeMl, reject, readingsRoot, profileHash } = params;
  return saltedDraft(params, params.oracle, 0n, { case: 'attest', value: { batch, attempt, volumeMl, reject, readingsRoot, profileHash } });
}
