/** /batches and /reserve: the milk behind the money. */
import {
  attestationId, encode, formatAddress, formatLitres, fromHex, isLotText, noteId, parseAddress, poolsOf, ROWS, stateRows, supplyOf, toBase64Url, toHex, type View,
} from '@billcoin/protocol';
import { API_BASE, ROUTES, type BatchDetail, type BatchSummary, type Reserve } from '@billcoin/sdk';
import type { Sales } from '../../campusPorts.ts';
import type { ChainPort } from '../../ports.ts';
import { dateText, rfc3339 } from '../../rfc3339.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, pageOf } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { RegistryIndex } from '../registryIndex.ts';
import { ADDRESS, addressText, rowsOf, statusName } from './registry.ts';

type BatchRow = stateRows.BatchRow;
type List = typeof ROUTES.listBatches;

/** Transactions of one batch that are looked through for its deliveries; a batch of 1,000 L leaves in a few dozen. */
const BATCH_TXS_MAX = 1_000;

const STATE_NAMES: Readonly<Record<number, BatchSummary['state']>> = {
  [stateRows.BATCH.open]: 'open', [stateRows.BATCH.minted]: 'minted', [stateRows.BATCH.rejected]: 'rejected', [stateRows.BATCH.expired]: 'expired',
  [stateRows.BATCH.recalled]: 'recalled', [stateRows.BATCH.writtenOff]: 'written_off', [stateRows.BATCH.closed]: 'closed',
};

export interface MilkDeps {
  readonly chain: ChainPort;
  readonly index: RegistryIndex;
  readonly sales: Pick<Sales, 'meanDailyMl'>;
}

export function batchState({ state }: BatchRow): BatchSummary['state'] {
  return STATE_NAMES[state] ?? 'closed';
}

/** The lot as people read it; null where a till could not print it. */
export function lotTextOf(lot: Uint8Array): string | null {
  return isLotText(lot) ? new TextDecoder().decode(lot) : null;
}

function batchSummary(view: View, batchKey: string, row: BatchRow): BatchSummary {
  return {
    batchKey, plant: formatAddress(row.plant), plantName: view.get(ROWS.plant, toHex(row.plant))?.name ?? '', lot: toHex(row.lot), lotText: lotTextOf(row.lot),
    productionDate: dateText(row.productionDate), expiresAt: rfc3339(row.expiresAtMs), openedAt: rfc3339(row.openedAtMs), attempt: row.attempt, state: batchState(row), onHold: row.onHold === 1,
    claim: formatLitres(row.claimMl), issued: formatLitres(row.issuedMl), available: formatLitres(row.availableMl), held: formatLitres(row.heldMl), redeemed: formatLitres(row.redeemedMl), owedOut: formatLitres(row.owedOutMl),
  };
}

/** Statements of every oracle in every attempt. */
function attestationsOf(view: View, index: RegistryIndex, batchKey: Uint8Array, attempts: number): BatchDetail['attestations'] {
  const found: BatchDetail['attestations'] = [];
  for (let attempt = 1; attempt <= attempts; attempt++) {
    for (const { id, row } of rowsOf<stateRows.OracleRow>(view, index, 'oracle')) {
      const statement = view.get(ROWS.attestation, attestationId(batchKey, attempt, hexBytes(id)));
      if (statement === undefined) continue;
      const { volumeMl, reject, readingsRoot } = statement;
      found.push({ attempt, oracle: addressText(id), name: row.name, volume: formatLitres(volumeMl), reject, readingsRoot: toHex(readingsRoot) });
    }
  }
  return found;
}

function hexBytes(hex: string): Uint8Array {
  return fromHex(hex) ?? new Uint8Array(0);
}

/** Litres each holder took, with the name of those that are merchants. */
function notesOf(view: View, batchKey: Uint8Array, holders: ReadonlySet<string>): BatchDetail['notes'] {
  return [...holders].flatMap((holder) => {
    const address = parseAddress(holder);
    const note = address === undefined ? undefined : view.get(ROWS.note, noteId(batchKey, address));
    if (address === undefined || note === undefined) return [];
    return [{ merchantId: holder, name: view.get(ROWS.merchant, toHex(address))?.name ?? '', litres: formatLitres(note.amountMl) }];
  });
}

async function batchDetail({ chain, index }: MilkDeps, batchKey: string, row: BatchRow): Promise<BatchDetail> {
  const view = chain.state();
  const key = hexBytes(batchKey);
  const redeems = (await chain.batchHistory(key, BATCH_TXS_MAX)).flatMap(({ txHash, timeMs, events }) => events.flatMap((event) => (event.case === 'redeemed' && toHex(event.value.batch) === batchKey
    ? [{ txHash, holder: formatAddress(event.value.holder), litres: formatLitres(event.value.amountMl), time: rfc3339(timeMs) }] : [])));
  const shares = row.shares.map(({ farm, weightMl }) => ({ farm: formatAddress(farm), name: view.get(ROWS.farm, toHex(farm))?.name ?? '', weight: formatLitres(weightMl) }));
  return {
    ...batchSummary(view, batchKey, row), meter: toHex(row.meter), totalFrom: formatLitres(row.totalFrom), totalTo: formatLitres(row.totalTo), manifestHash: toHex(row.manifestHash), profileHash: toHex(row.profileHash),
    readingsRoot: row.readingsRoot === undefined ? null : toHex(row.readingsRoot), shares, attestations: attestationsOf(view, index, key, row.attempt),
    notes: notesOf(view, key, new Set(redeems.map(({ holder }) => holder))),
    redeems, height: chain.tip().height,
    row: toBase64Url(encode(ROWS.batch.value, row)),
  };
}

function listBatches({ chain, index }: MilkDeps, { query }: ApiRequest<List>): Reply<List> {
  const { state, plant, limit = LIMIT_DEFAULT, cursor } = query;
  const after = cursor === undefined ? undefined : fromCursor(cursor, /^[0-9a-f]{64}$/);
  if (cursor !== undefined && after === undefined) return badCursor;
  const newestFirst = [...rowsOf<BatchRow>(chain.state(), index, 'batch')].reverse().filter(({ row }) => (state === undefined || batchState(row) === state) && (plant === undefined || formatAddress(row.plant) === plant));
  const { data, nextCursor } = pageOf(newestFirst, ({ id }) => id, limit, after);
  return { status: 200, body: { data: data.map(({ id, row }) => batchSummary(chain.state(), id, row)), nextCursor } };
}

interface BatchSums {
  readonly batches: number;
  readonly issuedMl: bigint;
  readonly availableMl: bigint;
  readonly heldMl: bigint;
  readonly redeemedMl: bigint;
  readonly owedOutMl: bigint;
}
const NO_BATCHES: BatchSums = { batches: 0, issuedMl: 0n, availableMl: 0n, heldMl: 0n, redeemedMl: 0n, owedOutMl: 0n };

/** Counted from the batches, never taken from the rows of plants or supply: the equation must come out by itself. */
function sumsByPlant(view: View, index: RegistryIndex): ReadonlyMap<string, BatchSums> {
  const sums = new Map<string, BatchSums>();
  for (const { row } of rowsOf<BatchRow>(view, index, 'batch')) {
    const plant = toHex(row.plant);
    const sum = sums.get(plant) ?? NO_BATCHES;
    sums.set(plant, {
      batches: sum.batches + 1, issuedMl: sum.issuedMl + row.issuedMl, availableMl: sum.availableMl + row.availableMl, heldMl: sum.heldMl + row.heldMl,
      redeemedMl: sum.redeemedMl + row.redeemedMl, owedOutMl: sum.owedOutMl + row.owedOutMl,
    });
  }
  return sums;
}

type PlantReserve = Reserve['plants']['data'][number];

function plantReserve({ account, name, status, bondMl, owedMl }: stateRows.PlantRow, sums: BatchSums): PlantReserve {
  const plant = formatAddress(account);
  return {
    plant, name, status: statusName(status), batches: sums.batches, issued: formatLitres(sums.issuedMl), available: formatLitres(sums.availableMl), held: formatLitres(sums.heldMl),
    redeemed: formatLitres(sums.redeemedMl), owedOut: formatLitres(sums.owedOutMl), bond: formatLitres(bondMl), owed: formatLitres(owedMl), href: `${API_BASE}/batches?plant=${plant}`,
  };
}

type ReserveTotals = Omit<Reserve, 'plants' | 'coverDays'>;
/** The reserve of one block. Batches are summed once a block, however often it is asked for. */
interface BlockReserve {
  readonly totals: ReserveTotals;
  readonly custodyMl: bigint;
  readonly plants: readonly PlantReserve[];
}

function blockReserve(chain: ChainPort, index: RegistryIndex): BlockReserve {
  const view = chain.state();
  const { height, blockId, timeMs } = chain.tip();
  const sums = sumsByPlant(view, index);
  const custodyMl = [...sums.values()].reduce((sum, { availableMl, heldMl }) => sum + availableMl + heldMl, 0n);
  const rows = rowsOf<stateRows.PlantRow>(view, index, 'plant');
  const { feesMl, insuranceMl, subsidyMl } = poolsOf(view);
  const total = (of: (row: stateRows.PlantRow) => bigint): string => formatLitres(rows.reduce((sum, { row }) => sum + of(row), 0n));
  const totals = {
    height, blockHash: toHex(blockId), time: rfc3339(timeMs), supply: formatLitres(supplyOf(view).supplyMl), custody: formatLitres(custodyMl), gap: total((row) => row.owedMl),
    bonds: total((row) => row.bondMl), pools: { fees: formatLitres(feesMl), insurance: formatLitres(insuranceMl), subsidy: formatLitres(subsidyMl) },
  };
  return { totals, custodyMl, plants: rows.map(({ id, row }) => plantReserve(row, sums.get(id) ?? NO_BATCHES)) };
}

type GetReserve = typeof ROUTES.getReserve;

function openReserve({ chain, index, sales }: MilkDeps): (request: ApiRequest<GetReserve>) => Promise<Reply<GetReserve>> {
  let held: BlockReserve | undefined;
  return async ({ query }) => {
    const { limit = LIMIT_DEFAULT, cursor } = query;
    const after = cursor === undefined ? undefined : fromCursor(cursor, ADDRESS);
    if (cursor !== undefined && after === undefined) return badCursor;
    const meanMl = await sales.meanDailyMl();
    // No await from here on: totals and plants are of one block.
    if (held?.totals.height !== chain.tip().height) held = blockReserve(chain, index);
    const { totals, custodyMl, plants } = held;
    const coverDays = meanMl === 0n ? null : Number((custodyMl * 10n) / meanMl) / 10;
    return { status: 200, body: { ...totals, coverDays, plants: pageOf(plants, ({ plant }) => plant, limit, after) } };
  };
}

export function milkRoutes(deps: MilkDeps): readonly Entry[] {
  const { chain } = deps;
  return [
    serve(ROUTES.listBatches, async (request) => listBatches(deps, request)),
    serve(ROUTES.getBatch, async ({ params }) => {
      const row = chain.state().get(ROWS.batch, params.batchKey);
      return row === undefined ? { problem: 'not_found' } : { status: 200, body: await batchDetail(deps, params.batchKey, row) };
    }),
    serve(ROUTES.getReserve, openReserve(deps)),
  ];
}
