/** What the oracle asks of the chain, as a port: an HTTP adapter on the sdk in the service, a small honest chain in tests. */
import type { Attest, FaultCode } from '@billcoin/protocol';
import type { OpenLot } from '../closing/openLot.ts';
import type { Registry } from './registry.ts';

/** How a handed-in transaction stands (consensus page §1.14). */
export type TxState = 'pending' | 'final' | 'superseded' | 'expired';

export type Submission =
  | { readonly ok: true; readonly state: TxState }
  /** `passing`: it may be accepted later unchanged (pool full, batch held, ceiling reached). */
  | { readonly ok: false; readonly code: FaultCode | 'pool_full' | 'too_many_pending'; readonly passing: boolean };

/** What an oracle has stated about an attempt. */
export type StatementOnChain = Pick<Attest, 'volumeMl' | 'reject' | 'readingsRoot' | 'profileHash'>;

/** Every method rejects with an Error when the node cannot be reached; the caller tries again. */
export interface ChainReader {
  readonly genesisHash: Uint8Array;
  latest(): Promise<{ readonly height: number; readonly timeMs: number }>;
  /** Registry after the block of `height`; undefined where that block is not final yet. */
  registryAt(height: number): Promise<Registry | undefined>;
  /** Batches that wait for statements. */
  openBatches(): Promise<readonly OpenLot[]>;
  /** The statement on chain under the natural key (oracle, batch, attempt). */
  attestation(batch: Uint8Array, attempt: number, oracle: Uint8Array): Promise<StatementOnChain | undefined>;
  submit(txBytes: Uint8Array): Promise<Submission>;
  /** undefined: never seen by the node and not on chain. */
  txStatus(txHash: string): Promise<TxState | undefined>;
}

/** Refusals that pass by themselves: the row waits until the batch expires. Too far ahead is a clock of ours, not the end of a statement. */
export const PASSING_CODES: ReadonlySet<string> = new Set<FaultCode | 'pool_full' | 'too_many_pending'>([
  'pool_full', 'too_many_pending', 'batch_on_hold', 'ceiling_reached', 'too_many_fee_free', 'valid_until_too_far',
]);
