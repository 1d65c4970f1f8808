/**
 * A batch and a sale as EPCIS 2.0 events (SPEC §15): what the chain itself knows, nothing more. Readings, tanks and
 * laboratory are the oracles' to tell. Two exports of the same chain are the same bytes.
 */
import { equalBytes, formatAddress, toHex, type Millilitres, type OrderItem } from '@billcoin/protocol';
import type { EpcisDocument } from '@billcoin/sdk';
import { openingOf, type Act, type ActName, type BatchLife, type Delivery, type Mint, type Statement } from './batchTrace.ts';
import { EPCIS_CONTEXT, type EpcisEvent, type EpcisQuantity } from './epcisEvent.ts';
import { eventIdOf } from './eventHash.ts';

type Draft = Omit<EpcisEvent, 'eventID' | 'eventTime' | 'eventTimeZoneOffset'>;

/** Names of things on this chain. A transaction is named with its network, by the first 8 digits of the genesis hash. */
interface Names {
  batch(batchKey: Uint8Array): string;
  rawMilk(batchKey: Uint8Array, farm: Uint8Array): string;
  lotOf(merchant: Uint8Array, lot: string): string;
  location(address: Uint8Array): string;
  till(tillNo: number): string;
  party(address: Uint8Array): string;
  transaction(txHash: string): string;
}

export function namesOn(genesisHash: Uint8Array): Names {
  const network = toHex(genesisHash.subarray(0, 4));
  return {
    batch: (batchKey) => `urn:mmu:class:batch:${toHex(batchKey)}`,
    rawMilk: (batchKey, farm) => `urn:mmu:class:raw:${toHex(batchKey)}:${formatAddress(farm)}`,
    lotOf: (merchant, lot) => `urn:mmu:class:lot:${formatAddress(merchant)}:${encodeURIComponent(lot)}`,
    location: (address) => `urn:mmu:loc:${formatAddress(address)}`,
    till: (tillNo) => `urn:mmu:loc:till:${network}:${tillNo}`,
    party: (address) => `urn:mmu:party:${formatAddress(address)}`,
    transaction: (txHash) => `urn:mmu:bt:${network}:${txHash}`,
  };
}

/** The schema wants a JSON number: 10^9 mL, the cap of the supply, has ten digits, so the division is exact to the mL. */
function litres(epcClass: string, amountMl: Millilitres): EpcisQuantity {
  return { epcClass, quantity: Number(amountMl) / 1_000, uom: 'LTR' };
}

function eventAt(timeMs: number, { type, ...rest }: Draft): EpcisEvent {
  const draft = { type, eventTime: new Date(timeMs).toISOString(), eventTimeZoneOffset: '+00:00' as const, ...rest };
  const { eventTime, eventTimeZoneOffset } = draft;
  return { type, eventID: eventIdOf(draft), eventTime, eventTimeZoneOffset, ...rest };
}

/** Pooling and filling as far as OpenBatch knows them: the farms' litres went in, the filler's meter counted what came out. */
function filling(names: Names, life: BatchLife): EpcisEvent {
  const { tx, plant, value } = openingOf(life);
  const [year, month, day] = [String(value.productionDate).slice(0, 4), String(value.productionDate).slice(4, 6), String(value.productionDate).slice(6)];
  return eventAt(tx.timeMs, {
    type: 'TransformationEvent', bizStep: 'commissioning', disposition: 'in_progress', readPoint: { id: names.location(plant) },
    inputQuantityList: value.shares.map(({ farm, weightMl }) => litres(names.rawMilk(life.batchKey, farm), weightMl)),
    outputQuantityList: [litres(names.batch(life.batchKey), value.totalTo - value.totalFrom)],
    bizTransactionList: [{ type: 'prodorder', bizTransaction: names.transaction(tx.txHash) }],
    ilmd: { 'cbvmda:lotNumber': String.fromCharCode(...value.lot), 'cbvmda:productionDate': `${year}-${month}-${day}`, 'cbvmda:itemExpirationDate': new Date(value.expiresAtMs).toISOString().slice(0, 10) },
  });
}

/** Whether the quorum counted a statement beside the one that completed it: equal in all it says, and not after it. */
function isCounted({ tx, value }: Statement, mint: Mint): boolean {
  const { attempt, volumeMl, readingsRoot, profileHash } = mint.statement;
  const isEqual = value.attempt === attempt && value.volumeMl === volumeMl && equalBytes(value.readingsRoot, readingsRoot) && equalBytes(value.profileHash, profileHash);
  return isEqual && (tx.height < mint.tx.height || (tx.height === mint.tx.height && tx.index <= mint.tx.index));
}

/** The statements of a quorum are what certifies the litres. */
function minting(names: Names, life: BatchLife): readonly EpcisEvent[] {
  const { mint, statements } = life;
  if (mint === undefined) return [];
  const { tx, value } = mint;
  const certificates = statements.filter((one) => isCounted(one, mint));
  return [eventAt(tx.timeMs, {
    type: 'TransactionEvent', action: 'ADD', bizStep: 'mmu:minting', disposition: 'available', readPoint: { id: names.location(value.plant) },
    quantityList: [litres(names.batch(life.batchKey), value.volumeMl)], bizTransactionList: certificates.map((one) => ({ type: 'cert', bizTransaction: names.transaction(one.tx.txHash) })),
  })];
}

/** A delivery note signed by both sides is two events: sent and received. */
function delivery(names: Names, batchKey: Uint8Array, plant: Uint8Array, { tx, value }: Delivery): readonly EpcisEvent[] {
  const both = {
    type: 'ObjectEvent', action: 'OBSERVE', quantityList: [litres(names.batch(batchKey), value.amountMl)],
    sourceList: [{ type: 'possessing_party', source: names.party(plant) }], destinationList: [{ type: 'possessing_party', destination: names.party(value.holder) }],
  } as const;
  const note = names.transaction(tx.txHash);
  return [
    eventAt(tx.timeMs, { ...both, bizStep: 'shipping', disposition: 'in_transit', readPoint: { id: names.location(plant) }, bizTransactionList: [{ type: 'desadv', bizTransaction: note }] }),
    eventAt(tx.timeMs, { ...both, bizStep: 'receiving', disposition: 'in_progress', readPoint: { id: names.location(value.holder) }, bizTransactionList: [{ type: 'recadv', bizTransaction: note }] }),
  ];
}

const ACTS: Readonly<Record<ActName, Pick<Draft, 'bizStep' | 'disposition'> & { readonly action: 'OBSERVE' | 'DELETE' }>> = {
  held: { action: 'OBSERVE', bizStep: 'holding', disposition: 'unavailable' },
  released: { action: 'OBSERVE', bizStep: 'inspecting', disposition: 'available' },
  recalled: { action: 'OBSERVE', bizStep: 'holding', disposition: 'recalled' },
  written_off: { action: 'DELETE', bizStep: 'destroying', disposition: 'destroyed' },
};

function inCustody({ mint, deliveries, acts }: BatchLife): Millilitres {
  const delivered = deliveries.reduce((sum, { value }) => sum + value.amountMl, 0n);
  const ended = acts.reduce((sum, act) => sum + (act.ended === undefined ? 0n : act.amountMl), 0n);
  return (mint?.value.volumeMl ?? 0n) - delivered - ended;
}

/** A recall is about the milk wherever it is; the other acts are about what is in custody. */
function act(names: Names, life: BatchLife, { tx, name, amountMl }: Act): readonly EpcisEvent[] {
  const aboutMl = name === 'recalled' ? (life.mint?.value.volumeMl ?? 0n) : amountMl;
  if (aboutMl === 0n) return [];
  return [eventAt(tx.timeMs, {
    type: 'ObjectEvent', ...ACTS[name], readPoint: { id: names.location(openingOf(life).plant) }, quantityList: [litres(names.batch(life.batchKey), aboutMl)],
    bizTransactionList: [{ type: 'mmu:order', bizTransaction: names.transaction(tx.txHash) }],
  })];
}

/** What was left when the milk expired; no transaction says it, the rule does. `timeMs` is the chain's time now. */
function expiry(names: Names, life: BatchLife, timeMs: number): readonly EpcisEvent[] {
  const { value, plant } = openingOf(life);
  const leftMl = inCustody(life);
  if (leftMl === 0n || timeMs <= value.expiresAtMs) return [];
  return [eventAt(value.expiresAtMs, {
    type: 'ObjectEvent', action: 'DELETE', bizStep: 'destroying', disposition: 'expired', readPoint: { id: names.location(plant) }, quantityList: [litres(names.batch(life.batchKey), leftMl)],
  })];
}

/** Events of a batch in the order of time. `deliveriesTo`: only deliveries to this holder. */
export function batchEvents(genesisHash: Uint8Array, life: BatchLife, timeMs: number, deliveriesTo?: Uint8Array): readonly EpcisEvent[] {
  const names = namesOn(genesisHash);
  const { plant } = openingOf(life);
  const holder = deliveriesTo === undefined ? undefined : toHex(deliveriesTo);
  const shown = life.deliveries.filter(({ value }) => holder === undefined || toHex(value.holder) === holder);
  const events = [
    filling(names, life), ...minting(names, life), ...shown.flatMap((one) => delivery(names, life.batchKey, plant, one)), ...life.acts.flatMap((one) => act(names, life, one)), ...expiry(names, life, timeMs),
  ];
  return events.sort((a, b) => (a.eventTime === b.eventTime ? 0 : a.eventTime < b.eventTime ? -1 : 1)); // stable: what stands first came first
}

export interface Sale {
  readonly tx: { readonly txHash: string; readonly timeMs: number };
  readonly merchant: Uint8Array;
  readonly tillNo: number;
  readonly items: readonly { readonly item: OrderItem; readonly batches: readonly Uint8Array[] }[];
}

/** The pieces of a sale. A lot that one batch proves is named by the batch, any other by what is printed. */
export function saleEvents(genesisHash: Uint8Array, { tx, merchant, tillNo, items }: Sale): readonly EpcisEvent[] {
  const names = namesOn(genesisHash);
  const quantityList = items.flatMap(({ item, batches }): EpcisQuantity[] => {
    const [only] = batches;
    if (item.lot === '') return [];
    return [{ epcClass: only !== undefined && batches.length === 1 ? names.batch(only) : names.lotOf(merchant, item.lot), quantity: item.quantity }];
  });
  if (quantityList.length === 0) return [];
  return [eventAt(tx.timeMs, {
    type: 'ObjectEvent', action: 'OBSERVE', bizStep: 'retail_selling', disposition: 'retail_sold', readPoint: { id: names.till(tillNo) }, quantityList,
    bizTransactionList: [{ type: 'inv', bizTransaction: names.transaction(tx.txHash) }],
  })];
}

/** The document; its date is that of its newest event, so that it depends on the chain alone. */
export function epcisDocument(events: readonly EpcisEvent[]): EpcisDocument {
  const creationDate = events.reduce((latest, { eventTime }) => (eventTime > latest ? eventTime : latest), new Date(0).toISOString());
  return { '@context': [...EPCIS_CONTEXT], type: 'EPCISDocument', schemaVersion: '2.0', creationDate, epcisBody: { eventList: events.map((event) => ({ ...event })) } };
}
