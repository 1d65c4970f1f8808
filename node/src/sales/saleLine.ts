/**
 * The text of a line of the milk-sales export (US-003): RFC 4180, CRLF, amounts with two places. Whoever writes an
 * export and whoever checks one use this file, so a line has one form.
 */
import { formatRinggit } from '@billcoin/protocol';
import { MILK_SALES_HEADER } from '@billcoin/sdk';
import { rfc3339 } from '../rfc3339.ts';

export const LINE_END = '\r\n';
export const COLUMNS: readonly string[] = MILK_SALES_HEADER.split(',');
/** Place of the pseudonym: the one cell that no block says. */
export const STUDENT_COLUMN = 2;

/** Final: a Pay. Refunded: what went back, with a negative amount. Stray: a plain Transfer to a merchant. */
export type SaleStatus = 'Final' | 'Refunded' | 'Stray';

export interface SaleLine {
  readonly txHash: string;
  readonly timeMs: number;
  /** Export pseudonym by the link in force; empty for an unlinked wallet. */
  readonly student: string;
  /** What the wallet paid; negative for a refund. */
  readonly sen: bigint;
  /** Masked address. */
  readonly wallet: string;
  readonly blockHash: string;
  readonly status: SaleStatus;
}

/** Spreadsheets run cells that begin like a formula (api page §2.9): such text gets a leading apostrophe. */
export function textCell(text: string): string {
  return /^[=+\-@\t\r\0]/.test(text) ? `'${text}` : text;
}

/** The cells of one line; amounts are numbers that we wrote, the rest is text. */
export function saleCells({ txHash, timeMs, student, sen, wallet, blockHash, status }: SaleLine): readonly string[] {
  return [textCell(txHash), textCell(rfc3339(timeMs)), textCell(student), formatRinggit(sen), textCell(wallet), textCell(blockHash), textCell(status)];
}

/**
 * RFC 4180 §2.6 and §2.7: a cell with a comma, a quote or a line break stands in quotes, its own quotes doubled. So does one
 * with a semicolon or a tab: spreadsheets that split there too, as their last file was, leave a quoted cell whole.
 */
export function csvLine(cells: readonly string[]): string {
  return cells.map((cell) => (/[",;\t\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(',');
}

/** The cells of a line without its end; undefined where quotes are not as RFC 4180 has them. */
export function csvCells(line: string): readonly string[] | undefined {
  const cells: string[] = [];
  for (let at = 0; ; at += 1) {
    const cell = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(?=,|$)/.exec(line.slice(at));
    if (cell === null) return undefined;
    cells.push(cell[1]?.replaceAll('""', '"') ?? cell[2] ?? '');
    at += cell[0].length;
    if (at >= line.length) return cells;
  }
}
