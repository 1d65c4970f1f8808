/** What the chain says, read over the public API: the figures that the checks compare with what the parts recorded. */
import { inParallel, litresOf } from './parts/settle.ts';
import { trustGenesis, verifyEd25519, type Genesis } from '@billcoin/protocol';
import { auditExport, differenceText, linkedBlocks, saleBookOfGenesis } from '@billcoin/node';
import {
  createVerifiedClient, exportMilkSales, getBlock, getExportManifest, getLoyalty, getRawBlocks, getReserve, getStatus, listBatches, type BatchSummary, type Client,
} from '@billcoin/sdk';
import type { Card } from './loyaltyModel.ts';

const PAGE = 100;
const AT_ONCE = 8;

export interface MilkSums {
  readonly mintedMl: bigint;
  readonly redeemedMl: bigint;
  readonly supplyMl: bigint;
  readonly custodyMl: bigint;
  readonly owedMl: bigint;
}

async function allBatches(client: Client): Promise<readonly BatchSummary[]> {
  const batches: BatchSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await listBatches(client, cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor });
    batches.push(...page.data);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return batches;
}

/** Issued and redeemed summed over all batches, beside the chain's own totals. */
export async function readMilk(client: Client): Promise<MilkSums> {
  const [batches, reserve] = [await allBatches(client), await getReserve(client)];
  const sum = (of: (batch: BatchSummary) => string): bigint => batches.reduce((total, batch) => total + litresOf(of(batch)), 0n);
  return {
    mintedMl: sum(({ issued }) => issued), redeemedMl: sum(({ redeemed }) => redeemed),
    supplyMl: litresOf(reserve.supply), custodyMl: litresOf(reserve.custody), owedMl: litresOf(reserve.gap),
  };
}

/** Ids of the payments in blocks `from` … `to`, one entry for each time they stand there. */
export async function paymentsInBlocks(client: Client, from: number, to: number): Promise<readonly string[]> {
  const heights = Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  const blocks = await inParallel(heights, AT_ONCE, (heightOrHash) => getBlock(client, { heightOrHash }));
  return blocks.flatMap(({ transactions }) => transactions.filter(({ kind, code }) => kind === 'pay' && code === 0).map(({ txHash }) => txHash));
}

/** Points and coupons of an account as the chain has them. */
export async function readCard(client: Client, address: string): Promise<Card> {
  const { merchants } = await getLoyalty(client, { address });
  const coupons = merchants.flatMap((merchant) => merchant.coupons);
  return { points: merchants.reduce((sum, { points }) => sum + points, 0), earned: coupons.length, spent: coupons.filter(({ state }) => state === 'spent').length };
}

export interface SaleRow {
  readonly txHash: string;
  readonly student: string;
  readonly sen: number;
  readonly status: string;
}

/** Rows of an export; the devnet's cells hold no commas or quotes. */
export function parseSales(csv: string): readonly SaleRow[] {
  return csv.trimEnd().split('\r\n').slice(1).filter((line) => line !== '').map((line) => {
    const [txHash = '', , student = '', rm = '', , , status = ''] = line.split(',');
    return { txHash, student, sen: Math.round(Number(rm) * 100), status };
  });
}

export interface ExportOfMonth {
  readonly sales: readonly SaleRow[];
  /** Rows made again from the blocks, and in how many places the export and its manifest differ from them. */
  readonly rows: number;
  readonly differences: readonly string[];
}

/** The export of a month, and what an auditor finds who makes it again from the blocks under a header he has verified. */
export async function readExport(client: Client, genesis: Genesis, month: string): Promise<ExportOfMonth> {
  const [csv, signed] = [await exportMilkSales(client, { month }), await getExportManifest(client, { month })];
  const { genesisHash } = genesis;
  const { height: last } = await getStatus(client);
  const { blockId: lastId } = await createVerifiedClient({ client, genesisHash, root: trustGenesis(genesis) }).trust(last);
  const blocks = linkedBlocks(genesisHash, { last, lastId, read: (height) => getRawBlocks(client, { height, limit: PAGE }) });
  const lines = async function* (): AsyncGenerator<string> {
    yield* csv.split('\r\n').slice(1, -1);
  };
  const differences: string[] = [];
  const { rows, manifest } = await auditExport({
    genesisHash, verify: verifyEd25519, book: saleBookOfGenesis(genesis.spec), blocks, lines: lines(), signed, onDifference: (difference) => differences.push(differenceText(difference)),
  });
  return { sales: parseSales(csv), rows, differences: [...differences, ...manifest] };
}
