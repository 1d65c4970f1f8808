/** Milk: batches, the reserve behind the supply, and the price in force. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, base64Url, BatchKey, closed, DeviceId, Hash, Height, Litres, nullable, page, pageQuery, RegistryStatus, Rm, Time, TxHash } from './values.ts';

export const BatchState = Type.Union([
  Type.Literal('open'), Type.Literal('minted'), Type.Literal('rejected'), Type.Literal('expired'), Type.Literal('recalled'), Type.Literal('written_off'), Type.Literal('closed'),
]);
const batch = {
  batchKey: BatchKey, plant: Address, plantName: Type.String(), lot: Type.String({ description: 'Printed lot, hex of its bytes' }), lotText: nullable(Type.String()),
  productionDate: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }), expiresAt: Time, openedAt: Time, attempt: Type.Integer({ minimum: 1 }), state: BatchState, onHold: Type.Boolean(),
  claim: Litres, issued: Litres, available: Litres, held: Litres, redeemed: Litres, owedOut: Litres,
};
export const BatchSummary = closed(batch);
export type BatchSummary = Static<typeof BatchSummary>;
export const BatchDetail = closed({
  ...batch,
  meter: DeviceId, totalFrom: Litres, totalTo: Litres, manifestHash: Hash, profileHash: Hash, readingsRoot: nullable(Hash),
  shares: Type.Array(closed({ farm: Address, name: Type.String(), weight: Litres })),
  attestations: Type.Array(closed({ attempt: Type.Integer({ minimum: 1 }), oracle: Address, name: Type.String(), volume: Litres, reject: Type.Integer({ minimum: 0 }), readingsRoot: Hash })),
  notes: Type.Array(closed({ merchantId: Address, name: Type.String(), litres: Litres })),
  redeems: Type.Array(closed({ txHash: TxHash, holder: Address, litres: Litres, time: Time })),
  height: Height,
  row: base64Url(16_384, 'Bytes of the state row: exact times and litres, what an oracle or auditor recomputes from'),
});
export type BatchDetail = Static<typeof BatchDetail>;

export const listBatches = route({
  method: 'GET', path: '/batches', summary: 'Batches of milk, newest first.', who: ['public'],
  query: closed({ state: Type.Optional(BatchState), plant: Type.Optional(Address), ...pageQuery }), responses: { 200: page(BatchSummary) }, etag: true,
});
export const getBatch = route({
  method: 'GET', path: '/batches/{batchKey}', summary: 'A batch: shares, statements of oracles, litres issued, redeemed, held and owed.', who: ['public'],
  params: closed({ batchKey: BatchKey }), responses: { 200: BatchDetail }, etag: true, problems: ['not_found'],
});

/** One plant's part of the reserve: sums over its batches that are in state (GET /batches?plant=… gives them one by one). */
export const PlantReserve = closed({
  plant: Address, name: Type.String(), status: RegistryStatus, batches: Type.Integer({ minimum: 0, description: 'Batches in state; a row goes 400 days after its last litre' }),
  issued: Litres, available: Litres, held: Litres, redeemed: Litres, owedOut: Litres, bond: Litres, owed: Litres,
  href: Type.String({ description: 'The batches of these sums' }),
});
export const Reserve = closed({
  height: Height, blockHash: Hash, time: Time,
  supply: Litres, custody: Litres, gap: Litres,
  bonds: Litres, pools: closed({ fees: Litres, insurance: Litres, subsidy: Litres }),
  coverDays: nullable(Type.Number({ minimum: 0, description: 'Custody over the mean daily sale of the last 7 days; null without sales' })),
  plants: page(PlantReserve),
});
export type Reserve = Static<typeof Reserve>;
export const getReserve = route({
  method: 'GET', path: '/reserve', summary: 'The reserve equation: supply = custody (Σ available + held of the batches) + gap (Σ owed of the plants), plant by plant.', who: ['public'],
  query: closed(pageQuery), responses: { 200: Reserve }, etag: true,
});

const rowKey = Type.String({ pattern: '^13[0-9a-f]{8}$', description: 'Row of state the price stands in: proof at /proofs/row/{rowKey}' });
const day = { epoch: Type.Integer({ minimum: 0, description: 'Day of the chain' }), rmPerBill: Rm, validFrom: Time, validTo: Time, reports: Type.Integer({ minimum: 0 }), rowKey };
export const Price = closed({ ...day, previousRmPerBill: Rm, stale: Type.Boolean({ description: 'Not enough reports for 48 h: the last price stays in force' }) });
export type Price = Static<typeof Price>;
export const DayPrice = closed(day);
export type DayPrice = Static<typeof DayPrice>;
export const getPrice = route({ method: 'GET', path: '/price', summary: 'The price in force, ringgit per BILL (litre).', who: ['public'], responses: { 200: Price } });
export const listPrices = route({
  method: 'GET', path: '/price/history', summary: 'The price of every day that the chain still holds (400 days), newest first.', who: ['public'],
  query: closed({ from: Type.Optional(Time), to: Type.Optional(Time), ...pageQuery }), responses: { 200: page(DayPrice) }, etag: true,
});
