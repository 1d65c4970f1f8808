/**
 * Export lines, strays and the price of each day as rows (US-003), block by block beside the other campus rows and in the same batch. The rules
 * stand in sales/saleBook.ts. Rows of another version of these rules are made again from the first block on: a line that
 * stands there keeps its pseudonym, which was the one by the link in force then.
 */
import { dayOf, formatAddress, maskAddress, toHex, type FlatState } from '@billcoin/protocol';
import { headerOf } from '../finalBlock.ts';
import type { ChainPort, FinalBlock, KeyValueStore, Log } from '../ports.ts';
import { SaleBook, saleBookOfGenesisText, saleBookOfState, type Sale, type SaleBookState, type Stray, type Strays } from '../sales/saleBook.ts';
import type { SaleLine } from '../sales/saleLine.ts';
import { pseudonymKeyId } from './crypto.ts';
import type { CampusKeys, Purpose } from './keyFile.ts';
import { openRowBatch, type RowBatch } from './rowBatch.ts';
import { getRow, listRows, ONLY, padded, TABLES, type SaleRow, type StrayRow } from './store.ts';

/** Raised when the same blocks give other lines or rows. */
const RULES_VERSION = 3;
/** Blocks between two lines in the log while lines are made again. */
const PROGRESS_BLOCKS = 10_000;

export interface SaleRowsDeps {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly log: Log;
  readonly keys: CampusKeys;
  readonly pseudonymOf: (address: Uint8Array, purpose: Purpose) => Promise<string | undefined>;
}

export interface SaleRows {
  /** Puts the lines of the next block into the batch; returns them. */
  project(batch: RowBatch, block: FinalBlock): Promise<readonly Sale[]>;
}

const placeOf = ({ timeMs, height, index }: Pick<Sale, 'timeMs' | 'height' | 'index'>): string => `${padded(timeMs, 15)}/${padded(height, 15)}/${padded(index, 5)}`;

/** A row as the line it is. */
export function saleLineOf({ sen, ...row }: SaleRow): SaleLine {
  return { ...row, sen: BigInt(sen) };
}

/** The stray of a row; who sent it stands in its block alone. */
async function loadStray(chain: ChainPort, batch: RowBatch, reference: string): Promise<Stray | undefined> {
  const row = await batch.get(TABLES.stray, reference);
  if (row === undefined) return undefined;
  return { ...row, payer: toHex((await originOf(chain, row)).payer), amountMl: BigInt(row.amountMl), sen: BigInt(row.sen), returnedMl: BigInt(row.returnedMl) };
}

/** Who sent a stray, and the block it stands in. Throws where that is not kept here any more. */
export async function originOf(chain: ChainPort, { height, index, txHash }: Pick<StrayRow, 'height' | 'index' | 'txHash'>): Promise<{ readonly payer: Uint8Array; readonly blockHash: string }> {
  const block = await chain.readFinal(height);
  const tx = block?.txs[index];
  if (block === undefined || tx === undefined) throw new Error(`block ${height} with the stray ${txHash} is not stored here; ask an archive node`);
  return { payer: tx.body.sender, blockHash: toHex(block.blockId) };
}

function strayRowOf({ txHash, height, index, timeMs, merchant, ...stray }: Stray): StrayRow {
  return { txHash, height, index, timeMs, merchant, amountMl: String(stray.amountMl), sen: String(stray.sen), returnedMl: String(stray.returnedMl) };
}

class Projection implements SaleRows {
  readonly #deps: SaleRowsDeps;
  readonly #book: SaleBook;
  /** Lines up to here were written before. */
  readonly #writtenUpTo: string;
  /** The day whose price was put last. */
  #pricedDay: number | undefined;

  constructor(deps: SaleRowsDeps, book: SaleBook, writtenUpTo: string) {
    this.#deps = deps;
    this.#book = book;
    this.#writtenUpTo = writtenUpTo;
  }

  async project(batch: RowBatch, block: FinalBlock): Promise<readonly Sale[]> {
    const sales = await this.putBlock(batch, block);
    this.saveBook(batch);
    return sales;
  }

  async putBlock(batch: RowBatch, block: FinalBlock): Promise<readonly Sale[]> {
    const strays: Strays = new Map();
    for (const reference of this.#book.referencesIn(block)) {
      const stray = await loadStray(this.#deps.chain, batch, reference);
      if (stray !== undefined) strays.set(reference, stray);
    }
    const before = new Map(strays);
    const sales = this.#book.read(block, strays);
    this.#putPrice(batch);
    for (const sale of sales) await this.#putSale(batch, sale);
    for (const [reference, stray] of strays) {
      if (before.get(reference) === stray) continue;
      batch.put(TABLES.stray, reference, strayRowOf(stray));
      batch.put(TABLES.strayAt, placeOf(stray), reference);
    }
    return sales;
  }

  saveBook(batch: RowBatch): void {
    if (this.#book.takeChanged()) batch.put(TABLES.saleBook, ONLY, { version: RULES_VERSION, ...this.#book.state });
  }

  /** The chain's own row of a day dies after 400 days; what was paid on it stays. */
  #putPrice(batch: RowBatch): void {
    const { day, senPerBill } = this.#book.price;
    if (day === this.#pricedDay) return;
    batch.put(TABLES.dayPrice, padded(day, 6), String(senPerBill));
    this.#pricedDay = day;
  }

  async #putSale(batch: RowBatch, sale: Sale): Promise<void> {
    const id = placeOf(sale);
    const written = id <= this.#writtenUpTo ? await batch.get(TABLES.sale, id) : undefined;
    const student = written === undefined ? ((await this.#deps.pseudonymOf(sale.wallet, 'export')) ?? '') : written.student;
    // A line without one was written before keys rotated: its key is the one that is here.
    const keyId = student === '' ? null : (written?.keyId ?? pseudonymKeyId(this.#deps.keys));
    const { txHash, timeMs, blockHash, status, tillNo, merchant, wallet, sen, amountMl, couponMl } = sale;
    batch.put(TABLES.sale, id, {
      txHash, timeMs, student, keyId, sen: String(sen), wallet: maskAddress(wallet), blockHash, status, merchant: formatAddress(merchant), tillNo: tillNo ?? null, amountMl: String(amountMl), couponMl: String(couponMl),
    });
  }
}

/** The book before the first block that is here. */
async function firstBook({ chain }: SaleRowsDeps): Promise<SaleBookState> {
  if (chain.firstBlock === 1) return saleBookOfGenesisText(chain.genesisJson);
  const tip = chain.tip();
  const day = dayOf(tip.height < chain.firstBlock ? tip.timeMs : await timeOf(chain, chain.firstBlock));
  const state: FlatState = chain.state();
  const book = saleBookOfState(state, day);
  if (book === undefined) throw new Error(`the price of day ${day}, at which the blocks of this node begin, is no longer in its state; take a copy of the data folder of an archive node`);
  return book;
}

/** Block time of a height that is here. */
export async function timeOf(chain: ChainPort, height: number): Promise<number> {
  const block = await chain.readHeader(height);
  if (block === undefined) throw new Error(`block ${height} is not stored here`);
  return headerOf(block).timeMs;
}

/** Opens the lines of a store whose rows stand at `height`; makes them again first where they are of other rules. */
export async function openSaleRows(deps: SaleRowsDeps, height: number): Promise<SaleRows> {
  const { chain, store, log } = deps;
  const held = await getRow(store, TABLES.saleBook, ONLY);
  if (held?.version === RULES_VERSION) return new Projection(deps, new SaleBook(held), '');
  const [last] = await listRows(store, TABLES.sale, { limit: 1, reverse: true });
  const projection = new Projection(deps, new SaleBook(await firstBook(deps)), last?.id ?? '');
  for (let next = chain.firstBlock; next <= height; next++) {
    const block = await chain.readFinal(next);
    if (block === undefined) throw new Error(`block ${next} is not stored here, so the lines of the exports cannot be made again; start this node from a copy of an archive node`);
    const batch = openRowBatch(store);
    await projection.putBlock(batch, block);
    // The book is written last: until then all of this is done again.
    if (next === height) projection.saveBook(batch);
    await store.batch(batch.operations(), { sync: next === height });
    if (next % PROGRESS_BLOCKS === 0) log.info({ block: next, of: height }, 'making the lines of the exports again');
  }
  return projection;
}
