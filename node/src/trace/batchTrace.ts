/**
 * The life of a batch, put together from its transactions alone (SPEC §15): the row of state dies 400 days after the last
 * litre, the transactions stay. Pure; who asks and in which words it is answered is the API's.
 */
import { stateRows, toHex, type Attest, type ChainEvent, type Millilitres, type OpenBatch } from '@billcoin/protocol';
import type { BatchTx } from '../ports.ts';

type EventOf<C extends ChainEvent['case']> = Extract<ChainEvent, { readonly case: C }>['value'];

export interface Opening {
  readonly tx: BatchTx;
  readonly plant: Uint8Array;
  readonly value: OpenBatch;
  /** Lowest rule of a quorum of refusals, if this attempt was rejected. */
  readonly rejectedByRule: number | undefined;
}
export interface Statement {
  readonly tx: BatchTx;
  readonly oracle: Uint8Array;
  readonly value: Attest;
}
export interface Mint {
  readonly tx: BatchTx;
  readonly value: EventOf<'minted'>;
  /** The statement that completed the quorum. */
  readonly statement: Attest;
}
export interface Delivery {
  readonly tx: BatchTx;
  readonly value: EventOf<'redeemed'>;
}
export type ActName = 'held' | 'released' | 'recalled' | 'written_off';
export interface Act {
  readonly tx: BatchTx;
  readonly name: ActName;
  /** Litres set aside or back, or gone out of custody. */
  readonly amountMl: Millilitres;
  /** Who paid for litres that are gone (SPEC §7.4); absent for a hold. */
  readonly ended: EventOf<'custodyEnded'> | undefined;
}

export interface BatchLife {
  readonly batchKey: Uint8Array;
  /** By attempt; the first one is there, or there is no life. */
  readonly openings: readonly [Opening, ...Opening[]];
  readonly statements: readonly Statement[];
  readonly mint: Mint | undefined;
  readonly deliveries: readonly Delivery[];
  readonly acts: readonly Act[];
}

function actOf(tx: BatchTx, event: ChainEvent): readonly Act[] {
  if (event.case === 'batchHeld') return [{ tx, name: event.value.held === 1 ? 'held' : 'released', amountMl: event.value.amountMl, ended: undefined }];
  if (event.case !== 'custodyEnded') return [];
  return [{ tx, name: event.value.state === stateRows.BATCH.recalled ? 'recalled' : 'written_off', amountMl: event.value.outMl, ended: event.value }];
}

/** The transactions of a batch, oldest first, in their meaning; undefined where none of them opened it. */
export function lifeOf(batchKey: Uint8Array, txs: readonly BatchTx[]): BatchLife | undefined {
  const key = toHex(batchKey);
  const events = txs.flatMap((tx) => tx.events.filter(({ value }) => 'batch' in value && toHex(value.batch) === key).map((event) => ({ tx, event })));
  const rejections = new Map(events.flatMap(({ event }) => (event.case === 'batchRejected' ? [[event.value.attempt, event.value.rule] as const] : [])));
  const openings = txs.flatMap((tx): Opening[] => {
    const { kind, sender } = tx.body;
    return kind.case === 'openBatch' ? [{ tx, plant: sender, value: kind.value, rejectedByRule: rejections.get(kind.value.attempt) }] : [];
  });
  const [first, ...later] = openings;
  if (first === undefined) return undefined;
  const statements = txs.flatMap((tx): Statement[] => (tx.body.kind.case === 'attest' ? [{ tx, oracle: tx.body.sender, value: tx.body.kind.value }] : []));
  const mint = events.flatMap(({ tx, event }): Mint[] => (event.case === 'minted' && tx.body.kind.case === 'attest' ? [{ tx, value: event.value, statement: tx.body.kind.value }] : []))[0];
  const deliveries = events.flatMap(({ tx, event }): Delivery[] => (event.case === 'redeemed' ? [{ tx, value: event.value }] : []));
  const acts = events.flatMap(({ tx, event }) => actOf(tx, event));
  return { batchKey, openings: [first, ...later], statements, mint, deliveries, acts };
}

/** The opening in force: that of the newest attempt. */
export function openingOf({ openings }: BatchLife): Opening {
  return openings.at(-1) ?? openings[0];
}

export interface Place {
  readonly height: number;
  readonly index: number;
}

/** Deliveries of the batch to one holder before a place in the chain: what could be sold there. */
export function takenBefore({ deliveries }: BatchLife, holder: Uint8Array, { height, index }: Place): readonly Delivery[] {
  const hex = toHex(holder);
  return deliveries.filter(({ tx, value }) => toHex(value.holder) === hex && (tx.height < height || (tx.height === height && tx.index < index)));
}
