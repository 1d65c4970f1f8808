/**
 * Holds the lines of an export file against the sales of the chain, row by row. Pure and streamed: both sides are fed in their
 * order, and only rows that have not found each other yet are in memory. Rows are named by their line in the file, the header
 * being line 1.
 */
import { formatRinggit, maskAddress } from '@billcoin/protocol';
import { rfc3339 } from '../rfc3339.ts';
import { LineCounter } from './manifest.ts';
import type { TimeRange } from './period.ts';
import type { Sale } from './saleBook.ts';
import { COLUMNS, csvCells, csvLine, saleCells, STUDENT_COLUMN } from './saleLine.ts';

/** Rows that wait for their other half. A file that differs in more is of another month, zone or chain. */
export const UNMATCHED_MAX = 20_000;
const HEADER_LINES = 1;
const [ID_COLUMN, TIME_COLUMN] = [0, 1];
const PSEUDONYM = /^([0-9a-f]{32})?$/;

/** What is wrong with a file; `line` is where it stands there, `txHash` whose row it is. */
export type Difference =
  | { readonly kind: 'altered'; readonly line: number; readonly txHash: string; readonly column: string; readonly found: string; readonly expected: string }
  /** Cells are right, their bytes are not as we write them. */
  | { readonly kind: 'form'; readonly line: number; readonly txHash: string }
  | { readonly kind: 'unreadable'; readonly line: number; readonly text: string }
  /** The chain has this row later or earlier. */
  | { readonly kind: 'moved'; readonly line: number; readonly txHash: string; readonly expectedLine: number }
  /** `expectedLine`: where it would stand. */
  | { readonly kind: 'missing'; readonly expectedLine: number; readonly txHash: string; readonly amount: string }
  | { readonly kind: 'added'; readonly line: number; readonly txHash: string; /** Its time is not in the month. */ readonly ofOtherMonth: boolean };

interface FileRow {
  readonly line: number;
  readonly text: string;
  readonly cells: readonly string[];
}
interface ChainRow {
  readonly line: number;
  readonly sale: Sale;
}

/** The line that a sale must have, around the one cell that no block says. */
export function expectedCells({ txHash, timeMs, sen, wallet, blockHash, status }: Sale, student: string): readonly string[] {
  return saleCells({ txHash, timeMs, student, sen, wallet: maskAddress(wallet), blockHash, status });
}

function differencesOf({ line, text, cells }: FileRow, sale: Sale): readonly Difference[] {
  const { txHash } = sale;
  const student = cells[STUDENT_COLUMN] ?? '';
  const expected = expectedCells(sale, student);
  const altered: Difference[] = COLUMNS.flatMap((column, i) => {
    const found = cells[i] ?? '';
    return i === STUDENT_COLUMN || found === expected[i] ? [] : [{ kind: 'altered', line, txHash, column, found, expected: expected[i] ?? '' }];
  });
  if (!PSEUDONYM.test(student)) altered.push({ kind: 'altered', line, txHash, column: COLUMNS[STUDENT_COLUMN] ?? '', found: student, expected: '32 hex digits, or nothing for an unlinked wallet' });
  return altered.length > 0 || csvLine(expected) === text ? altered : [{ kind: 'form', line, txHash }];
}

/** More rows wait for each other than may. */
export class TooDifferent extends Error {
  override readonly name = 'TooDifferent';
}

export class ExportComparer {
  readonly #range: TimeRange;
  readonly #say: (difference: Difference) => void;
  readonly #file = new Map<string, FileRow>();
  readonly #chain = new Map<string, ChainRow>();
  /** What the lines of the file add up to as they stand; only their root is of use, for the signature. */
  readonly #counter = new LineCounter();
  #fileLine = HEADER_LINES;
  #chainLine = HEADER_LINES;
  /** The pairs furthest down so far, in the file and on the chain. */
  #lowest = { line: 0, onChain: 0 };
  #latest = { line: 0, onChain: 0 };

  constructor(range: TimeRange, say: (difference: Difference) => void) {
    this.#range = range;
    this.#say = say;
  }

  /** The next line of the file after its header, without its end. */
  line(text: string): void {
    this.#fileLine += 1;
    const line = this.#fileLine;
    this.#counter.add(text, 0n, 0n);
    const cells = csvCells(text);
    const txHash = cells?.[ID_COLUMN] ?? '';
    if (cells?.length !== COLUMNS.length) return this.#say({ kind: 'unreadable', line, text });
    const row = { line, text, cells };
    const other = this.#chain.get(txHash);
    if (other !== undefined) return this.#pair(row, other);
    if (this.#file.has(txHash)) return this.#say({ kind: 'added', line, txHash, ofOtherMonth: this.#isOfOtherMonth(row) });
    this.#file.set(txHash, row);
    this.#checkRoom();
  }

  /** The next sale of the month. */
  sale(sale: Sale): void {
    this.#chainLine += 1;
    const row = { line: this.#chainLine, sale };
    const other = this.#file.get(sale.txHash);
    if (other !== undefined) return this.#pair(other, row);
    this.#chain.set(sale.txHash, row);
    this.#checkRoom();
  }

  /** What found no other half; the root over the file's lines. Nothing may be fed any more. */
  finish(): { readonly merkleRoot: Uint8Array } {
    for (const [txHash, { line: expectedLine, sale: { sen } }] of this.#chain) this.#say({ kind: 'missing', expectedLine, txHash, amount: formatRinggit(sen) });
    for (const [txHash, row] of this.#file) this.#say({ kind: 'added', line: row.line, txHash, ofOtherMonth: this.#isOfOtherMonth(row) });
    return { merkleRoot: this.#counter.sums.merkleRoot };
  }

  #pair(inFile: FileRow, onChain: ChainRow): void {
    const { txHash } = onChain.sale;
    this.#file.delete(txHash);
    this.#chain.delete(txHash);
    for (const difference of differencesOf(inFile, onChain.sale)) this.#say(difference);
    const pair = { line: inFile.line, onChain: onChain.line };
    // Missing and added rows shift all that follow alike; a row that was moved crosses another one.
    const crosses = (pair.line < this.#lowest.line && pair.onChain > this.#lowest.onChain) || (pair.onChain < this.#latest.onChain && pair.line > this.#latest.line);
    if (crosses) this.#say({ kind: 'moved', line: pair.line, txHash, expectedLine: pair.onChain });
    if (pair.line > this.#lowest.line) this.#lowest = pair;
    if (pair.onChain > this.#latest.onChain) this.#latest = pair;
  }

  #isOfOtherMonth({ cells }: FileRow): boolean {
    const time = cells[TIME_COLUMN] ?? '';
    return time < rfc3339(this.#range.fromMs) || time >= rfc3339(this.#range.toMs);
  }

  #checkRoom(): void {
    if (this.#file.size + this.#chain.size > UNMATCHED_MAX) throw new TooDifferent(`more than ${UNMATCHED_MAX} rows of file and chain do not belong together: this is the file of another month, time zone or chain`);
  }
}

/** A difference for people. */
export function differenceText(difference: Difference): string {
  const of = 'txHash' in difference ? ` (${difference.txHash})` : '';
  switch (difference.kind) {
    case 'altered':
      return `Line ${difference.line}${of}: ${difference.column} is ${JSON.stringify(difference.found)}, the chain says ${JSON.stringify(difference.expected)}.`;
    case 'form':
      return `Line ${difference.line}${of}: the values are right, the bytes are not as the export writes them.`;
    case 'unreadable':
      return `Line ${difference.line}: ${JSON.stringify(difference.text.slice(0, 200))} has not the ${COLUMNS.length} cells of an export.`;
    case 'moved':
      return `Line ${difference.line}${of}: the chain has this row in line ${difference.expectedLine}.`;
    case 'missing':
      return `Missing${of}: the chain has it in line ${difference.expectedLine}, RM ${difference.amount}.`;
    case 'added':
      return `Line ${difference.line}${of}: the chain has no such row ${difference.ofOtherMonth ? 'in this month; its time is of another one' : 'in this month'}.`;
  }
}
