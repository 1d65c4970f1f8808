/** From a carton back to the farms (SPEC §15): what the chain knows, with links to the proofs of it. JSON or EPCIS 2.0. */
import { Type, type Static } from 'typebox';
import { BatchState } from './batches.ts';
import { ORDER_BYTES_MAX, SALT_BYTES } from './orders.ts';
import { route } from './route.ts';
import { Address, base64Url, BatchKey, closed, DeviceId, Hash, Height, Label, Litres, nullable, Ref, Rm, TillNo, Time, TxHash } from './values.ts';

const Link = Type.String({ pattern: '^/api/v1/proofs/(tx|row)/[0-9a-f]+$', description: 'Proof of it; verifies without this server' });
/** A transaction on the chain, and where its proof is. */
const place = { txHash: TxHash, height: Height, time: Time, proof: Link };
const named = { address: Address, name: Type.String() };
const Attempt = Type.Integer({ minimum: 1, maximum: 5 });

export const BatchTrace = closed({
  batchKey: BatchKey, plant: closed(named), lot: Type.String({ description: 'Printed lot, hex of its bytes' }), lotText: nullable(Type.String()),
  productionDate: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }), expiresAt: Time,
  state: nullable(BatchState), onHold: Type.Boolean(),
  litres: nullable(closed({ issued: Litres, available: Litres, held: Litres, redeemed: Litres, owedOut: Litres }, 'As the row of state says; null once the row is gone, 400 days after the last litre')),
  farms: Type.Array(closed({ ...named, litres: Litres, percent: Type.String({ pattern: '^[0-9]{1,3}\\.[0-9]{2}$', description: 'Share of the litres handed in, half-up' }) }), { maxItems: 64 }),
  meter: closed({ device: DeviceId, from: Litres, to: Litres }), manifestHash: Hash,
  opened: Type.Array(closed({ ...place, attempt: Attempt, claim: Litres, rejectedByRule: nullable(Type.Integer({ minimum: 1 })) }), { maxItems: 5 }),
  statements: Type.Array(closed({ ...place, attempt: Attempt, oracle: Address, name: Type.String(), volume: Litres, reject: Type.Integer({ minimum: 0 }), readingsRoot: Hash, profileHash: Hash, row: Link })),
  mint: nullable(closed({ ...place, volume: Litres, toll: Litres, repaid: Litres, bonded: Litres, credits: Type.Array(closed({ ...named, litres: Litres })), readingsRoot: Hash, profileHash: Hash })),
  deliveries: Type.Array(closed({ ...place, ...named, litres: Litres, noteHash: Hash, row: Link })),
  acts: Type.Array(closed({
    ...place, act: Type.Union([Type.Literal('held'), Type.Literal('released'), Type.Literal('recalled'), Type.Literal('written_off')]), litres: Litres,
    paid: nullable(closed({ bond: Litres, balance: Litres, insurance: Litres, owed: Litres }, 'Recall and write-off: what the litres were burned from, and what stays owed')),
  })),
  complete: Type.Boolean({ description: 'False: the batch has more transactions than are shown; the oldest are' }),
  height: Height, row: Link,
});
export type BatchTrace = Static<typeof BatchTrace>;

/** Whether the chain proves that this merchant took the printed lot before the sale. */
export const LOT_FINDINGS = {
  proven: { en: 'This merchant took this lot before the sale', ms: 'Peniaga ini telah mengambil lot ini sebelum jualan' },
  no_lot: { en: 'The item names no lot', ms: 'Item ini tidak menyatakan lot' },
  unknown_lot: { en: 'No batch on the chain has this lot', ms: 'Tiada kelompok dengan lot ini pada rantaian' },
  not_taken: { en: 'Nothing proves that this merchant took this lot before the sale', ms: 'Tiada bukti bahawa peniaga ini telah mengambil lot ini sebelum jualan' },
} as const;
export type LotFinding = keyof typeof LOT_FINDINGS;
const LotFindingName = Type.Unsafe<LotFinding>({ type: 'string', enum: Object.keys(LOT_FINDINGS) });

export const TxTrace = closed({
  ...place, kind: Type.Literal('pay'), tillNo: TillNo, ref: Ref, merchant: closed(named), rm: Rm, litres: Litres,
  order: nullable(closed({ order: base64Url(ORDER_BYTES_MAX, 'Order bytes'), salt: base64Url(SALT_BYTES, '16 bytes: ref = first 10 bytes of Hash(bill/order/1, salt ‖ order)') })),
  items: Type.Array(closed({
    product: Type.String(), name: Type.String(), quantity: Type.Integer({ minimum: 1 }), rm: Rm, litres: nullable(Litres), lot: nullable(Type.String()),
    finding: LotFindingName, label: Label, batches: Type.Array(BatchKey, { description: 'Batches of this lot that the merchant took before the sale; more than one where a lot text was used again' }),
  }), { maxItems: 32 }),
  batches: Type.Array(BatchTrace),
});
export type TxTrace = Static<typeof TxTrace>;

/** EPCIS 2.0 in JSON-LD: the events in the words of GS1. Times are block times. */
export const EpcisDocument = Type.Object({
  '@context': Type.Array(Type.Unknown()), type: Type.Literal('EPCISDocument'), schemaVersion: Type.Literal('2.0'), creationDate: Type.String(),
  epcisBody: closed({ eventList: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
});
export type EpcisDocument = Static<typeof EpcisDocument>;

const query = closed({ format: Type.Optional(Type.Union([Type.Literal('json'), Type.Literal('epcis')], { description: 'epcis: EPCIS 2.0 JSON-LD, as with Accept: application/ld+json' })) });
const alternative = { 'application/ld+json': EpcisDocument } as const;

export const traceBatch = route({
  method: 'GET', path: '/trace/batch/{batchKey}', who: ['public'], query,
  summary: 'A batch from meter and farms over the statements of oracles to its mint, deliveries and end.',
  params: closed({ batchKey: BatchKey }), responses: { 200: BatchTrace }, alternative, etag: true, problems: ['not_found'],
});
export const traceTx = route({
  method: 'GET', path: '/trace/tx/{txHash}', who: ['student', 'till', 'staff', 'manager', 'finance', 'auditor'], own: 'all but finance and auditor: their own payments', query,
  summary: 'A payment from its items and printed lots over the deliveries that prove them to the batches.',
  params: closed({ txHash: TxHash }), responses: { 200: TxTrace }, alternative, etag: true, problems: ['not_found', 'not_final', 'pruned'],
});
