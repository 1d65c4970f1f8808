/** A batch that waits for its statements, as it stands on chain. */
import type { stateRows } from '@billcoin/protocol';

type Row = stateRows.BatchRow;

/** The fields of the batch row that a judgement rests on, with the batch key. Amounts are mL, times ms of block time. */
export interface OpenLot extends Pick<Row, 'lot' | 'productionDate' | 'expiresAtMs' | 'claimMl' | 'meter' | 'totalFrom' | 'totalTo' | 'shares' | 'manifestHash' | 'attempt' | 'plant' | 'profileHash' | 'openedAtMs'> {
  readonly batch: Uint8Array;
}
