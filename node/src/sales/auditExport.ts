/**
 * An export and its manifest against the chain (api page §2.9): everything is made again from the blocks but the pseudonyms,
 * which rest on the signature. The streams come from whoever has them: a stopped node's folder, an API, a devnet.
 */
import { canonicalJson, equalBytes, fromHex, type Verifier } from '@billcoin/protocol';
import type { ExportManifest, SignedExportManifest } from '@billcoin/sdk';
import { ExportComparer, expectedCells, type Difference } from './compareExport.ts';
import { isSigned, LineCounter, makeManifest } from './manifest.ts';
import { monthRange, type TimeRange } from './period.ts';
import { SaleBook, type Sale, type SaleBookState, type SoldBlock, type Strays } from './saleBook.ts';
import { csvLine } from './saleLine.ts';

export interface ExportAudit {
  readonly genesisHash: Uint8Array;
  readonly verify: Verifier;
  /** The book before the first block. */
  readonly book: SaleBookState;
  /** Blocks from the first one on, in order; at least up to the one that the manifest names last. Read to their end. */
  readonly blocks: AsyncIterable<SoldBlock>;
  /** Lines of the file after its header, without their ends. */
  readonly lines: AsyncIterable<string>;
  readonly signed: SignedExportManifest;
  /** The one key whose signature counts; any where absent. */
  readonly publicKey?: Uint8Array | undefined;
  /** Each difference as it is found. */
  readonly onDifference: (difference: Difference) => void;
}

export interface ExportFindings {
  /** Rows of the chain. */
  readonly rows: number;
  readonly differences: number;
  /** What is wrong with the manifest, in words. */
  readonly manifest: readonly string[];
  /** The month had not ended at the manifest's last block. */
  readonly partial: boolean;
}

/** The audit cannot be made: what is asked for is not there. */
export class CannotAudit extends Error {
  override readonly name = 'CannotAudit';
}

function manifestProblems({ genesisHash, verify, signed, publicKey }: ExportAudit, made: ExportManifest, fileRoot: Uint8Array): readonly string[] {
  const problems: string[] = [];
  const { manifest } = signed;
  if (!isSigned(genesisHash, verify, signed)) problems.push('The signature of the manifest does not verify: it was changed, or is of another network.');
  const key = fromHex(signed.publicKey);
  if (publicKey !== undefined && (key === undefined || !equalBytes(key, publicKey))) problems.push(`The manifest is signed by ${signed.publicKey}, which is not the key that you named.`);
  for (const name of Object.keys(made) as (keyof ExportManifest)[]) {
    // Pseudonyms are in the lines, so their root is the file's; what it must be, the signature says.
    if (name === 'merkleRoot' || name === 'pseudonymKeyId') continue;
    const [told, counted] = [canonicalJson(manifest[name] ?? null), canonicalJson(made[name])];
    if (told !== counted) problems.push(`The manifest says ${name} ${told}, the chain says ${counted}.`);
  }
  const root = fromHex(manifest.merkleRoot);
  if (root === undefined || !equalBytes(root, fileRoot)) problems.push('The lines of the file are not the ones that were signed: their root is another. Where nothing else differs, a pseudonym was changed.');
  return problems;
}

/** The month of a manifest. Throws CannotAudit. */
export function rangeOf({ month, tz }: Pick<ExportManifest, 'month' | 'tz'>): TimeRange {
  const range = monthRange(month, tz);
  if (range === 'no_period') throw new CannotAudit(`The manifest is of ${month}, which is no month.`);
  if (range === undefined) throw new CannotAudit(`The manifest names the time zone ${tz}, which this system does not know.`);
  return range;
}

/** Compares file and manifest with the chain. Throws CannotAudit, TooDifferent, and what the streams throw. */
export async function auditExport(audit: ExportAudit): Promise<ExportFindings> {
  const { month, tz, lastBlock } = audit.signed.manifest;
  const range = rangeOf(audit.signed.manifest);
  let differences = 0;
  const comparer = new ExportComparer(range, (difference) => {
    differences += 1;
    audit.onDifference(difference);
  });
  const lines = audit.lines[Symbol.asyncIterator]();
  /** A line for each sale, so that neither side runs ahead of the other. */
  const nextLine = async (): Promise<boolean> => {
    const next = await lines.next();
    if (next.done !== true) comparer.line(next.value);
    return next.done !== true;
  };
  const counter = new LineCounter();
  const take = async (sale: Sale): Promise<void> => {
    counter.add(csvLine(expectedCells(sale, '')), sale.sen, sale.amountMl);
    comparer.sale(sale);
    await nextLine();
  };
  const { blocks, partial } = await readMonth(audit, range, lastBlock, take);
  while (await nextLine()) continue;
  const { merkleRoot } = comparer.finish();
  const made = makeManifest({ month, tz, range, blocks, sums: { ...counter.sums, merkleRoot }, keyIds: [audit.signed.manifest.pseudonymKeyId] });
  return { rows: counter.sums.rows, differences, manifest: manifestProblems(audit, made, merkleRoot), partial };
}

interface MonthRead {
  readonly blocks: { readonly first: number; readonly last: number } | undefined;
  readonly partial: boolean;
}

/** Hands over the sales of the month up to the manifest's last block, or of all of it where that is null. */
async function readMonth({ blocks, book: state }: ExportAudit, range: { readonly fromMs: number; readonly toMs: number }, lastBlock: number | null, take: (sale: Sale) => Promise<void>): Promise<MonthRead> {
  const book = new SaleBook(state);
  const strays: Strays = new Map();
  let read: { first: number; last: number } | undefined;
  let [height, partial] = [0, true];
  for await (const block of blocks) {
    height = block.height;
    partial &&= block.timeMs < range.toMs;
    // A running month goes on after its manifest. Later blocks only prove the ones before.
    if (!partial || (lastBlock !== null && height > lastBlock && block.timeMs >= range.fromMs)) continue;
    const sales = book.read(block, strays);
    if (block.timeMs < range.fromMs) continue;
    read = { first: read?.first ?? height, last: height };
    for (const sale of sales) await take(sale);
  }
  if (partial && lastBlock !== null && height < lastBlock) throw new CannotAudit(`The manifest goes up to block ${lastBlock}, the blocks here end at ${height}. Ask a node that has them all.`);
  return { blocks: read, partial };
}
