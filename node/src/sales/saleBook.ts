/**
 * Sales as the blocks tell them (SPEC §19): of each final block, in order from the first, the lines of the export. Pure: the
 * campus writes them down block by block, an auditor makes them again from the chain, and nobody asks a newest state.
 */
import {
  addressOf, assert, dayId, dayOf, fromHex, mlToSen, mulDiv, paramsOf, parseGenesisJson, priceAfter, ROWS, toHex, type ChainEvent, type FlatState, type GenesisSpec, type Millilitres, type Sen,
} from '@billcoin/protocol';
import type { FinalBlock, FinalTx } from '../ports.ts';
import type { SaleStatus } from './saleLine.ts';

/** What of a final block tells its sales. */
export type SoldBlock = Pick<FinalBlock, 'height' | 'timeMs' | 'blockId'> & { readonly txs: readonly SoldTx[] };
type SoldTx = Pick<FinalTx, 'txHash' | 'index' | 'code' | 'body' | 'events'>;

type EventOf<C extends ChainEvent['case']> = Extract<ChainEvent, { readonly case: C }>['value'];

/** One line of the export, as facts of the chain. */
export interface Sale {
  readonly height: number;
  readonly index: number;
  readonly timeMs: number;
  readonly txHash: string;
  readonly blockHash: string;
  readonly status: SaleStatus;
  /** Address that paid, or that got a refund. */
  readonly wallet: Uint8Array;
  readonly merchant: Uint8Array;
  /** Undefined where no till took part. */
  readonly tillNo: number | undefined;
  /** What the wallet itself paid; negative for what went back. */
  readonly sen: Sen;
  readonly amountMl: Millilitres;
  /** What a coupon paid beside it. */
  readonly couponMl: Millilitres;
}

/** A Transfer to a merchant from nobody who is registered, and how much of it went back. */
export interface Stray {
  readonly txHash: string;
  readonly height: number;
  readonly index: number;
  readonly timeMs: number;
  /** Addresses in hex. */
  readonly payer: string;
  readonly merchant: string;
  readonly amountMl: Millilitres;
  readonly sen: Sen;
  readonly returnedMl: Millilitres;
}

/** Strays by the reference that a Transfer back names: the first 16 bytes of their ids, in hex. */
export type Strays = Map<string, Stray>;

const REFERENCE_DIGITS = 32;

/** What a Transfer that gives this one back has as its reference. */
export const referenceOf = (txHash: string): string => txHash.slice(0, REFERENCE_DIGITS);

/** What a book remembers between blocks, as JSON. */
export interface SaleBookState {
  readonly price: { readonly day: number; readonly stepBps: number; readonly senPerBill: string; readonly reports: readonly { readonly reporter: string; readonly senPerBill: string }[] };
  /** Addresses in hex, of whatever standing: a registration is never deleted. */
  readonly merchants: readonly string[];
  readonly institutions: readonly string[];
}

interface Price {
  readonly day: number;
  readonly senPerBill: Sen;
  /** The last report of each reporter by its address in hex. */
  readonly reports: ReadonlyMap<string, Sen>;
}

interface Place {
  readonly block: SoldBlock;
  readonly blockHash: string;
  readonly tx: SoldTx;
}

type Terms = Pick<Sale, 'status' | 'wallet' | 'merchant' | 'sen' | 'amountMl'> & Partial<Pick<Sale, 'tillNo' | 'couponMl'>>;

function saleAt({ block, blockHash, tx }: Place, terms: Terms): Sale {
  return { height: block.height, index: tx.index, timeMs: block.timeMs, txHash: tx.txHash, blockHash, tillNo: undefined, couponMl: 0n, ...terms };
}

function onPaid(place: Place, { payer, merchant, tillNo, sen, ownMl, amountMl }: EventOf<'paid'>): Sale {
  return saleAt(place, { status: 'Final', wallet: payer, merchant, tillNo, sen: mulDiv(sen, ownMl, amountMl, 'halfUp'), amountMl: ownMl, couponMl: amountMl - ownMl });
}

function onRefunded(place: Place, { payer, merchant, tillNo, sen, amountMl }: EventOf<'refunded'>): Sale {
  return saleAt(place, { status: 'Refunded', wallet: payer, merchant, tillNo, sen: -sen, amountMl: -amountMl });
}

export class SaleBook {
  readonly #merchants: Set<string>;
  readonly #institutions: Set<string>;
  readonly #stepBps: number;
  #price: Price;
  #changed = true;

  constructor({ price, merchants, institutions }: SaleBookState) {
    this.#stepBps = price.stepBps;
    this.#price = { day: price.day, senPerBill: BigInt(price.senPerBill), reports: new Map(price.reports.map(({ reporter, senPerBill }) => [reporter, BigInt(senPerBill)])) };
    this.#merchants = new Set(merchants);
    this.#institutions = new Set(institutions);
  }

  get state(): SaleBookState {
    const { day, senPerBill, reports } = this.#price;
    return {
      price: { day, stepBps: this.#stepBps, senPerBill: String(senPerBill), reports: [...reports].map(([reporter, sen]) => ({ reporter, senPerBill: String(sen) })) },
      merchants: [...this.#merchants], institutions: [...this.#institutions],
    };
  }

  /** In force at the last block that was read, and on what day that was. */
  get price(): { readonly day: number; readonly senPerBill: Sen } {
    return this.#price;
  }

  /** Whether the state is another than when this was asked last. */
  takeChanged(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** References that this block may give strays back under: whoever reads it puts those strays into its map first. */
  referencesIn({ txs }: SoldBlock): readonly string[] {
    return txs.flatMap(({ body: { kind, sender } }) => (kind.case === 'transfer' && kind.value.reference !== undefined && this.#merchants.has(toHex(sender)) ? [toHex(kind.value.reference)] : []));
  }

  /** Goes on by one block. New strays are put into `strays`, and those that went back stand there anew. */
  read(block: SoldBlock, strays: Strays): readonly Sale[] {
    this.#beginDay(dayOf(block.timeMs));
    const blockHash = toHex(block.blockId);
    const sales: Sale[] = [];
    for (const tx of block.txs) {
      for (const event of tx.events) {
        const sale = this.#saleOf({ block, blockHash, tx }, event, strays);
        if (sale !== undefined) sales.push(sale);
      }
      if (tx.code === 0) this.#register(tx.body.kind);
    }
    return sales;
  }

  #saleOf(place: Place, event: ChainEvent, strays: Strays): Sale | undefined {
    switch (event.case) {
      case 'paid':
        return onPaid(place, event.value);
      case 'refunded':
        return onRefunded(place, event.value);
      case 'transferred':
        return place.tx.body.kind.case === 'transfer' ? this.#onTransferred(place, event.value, strays) : undefined;
      case 'priceReported':
        this.#price = { ...this.#price, reports: new Map([...this.#price.reports, [toHex(event.value.reporter), event.value.senPerBill]]) };
        this.#changed = true;
        return undefined;
      default:
        return undefined;
    }
  }

  #onTransferred(place: Place, { from, to, amountMl, reference }: EventOf<'transferred'>, strays: Strays): Sale | undefined {
    const [payer, merchant] = [toHex(from), toHex(to)];
    if (this.#merchants.has(merchant) && !this.#institutions.has(payer)) {
      const sen = mlToSen(amountMl, this.#price.senPerBill);
      const { txHash, index } = place.tx;
      strays.set(referenceOf(txHash), { txHash, height: place.block.height, index, timeMs: place.block.timeMs, payer, merchant, amountMl, sen, returnedMl: 0n });
      return saleAt(place, { status: 'Stray', wallet: from, merchant: to, sen, amountMl });
    }
    return reference === undefined ? undefined : this.#onReturned(place, { from, to, amountMl, reference: toHex(reference) }, strays);
  }

  /** Back from the merchant to whoever sent it: its share of the ringgit, cumulative and half-up as of a refund. More than came is a gift. */
  #onReturned(place: Place, { from, to, amountMl, reference }: { readonly from: Uint8Array; readonly to: Uint8Array; readonly amountMl: Millilitres; readonly reference: string }, strays: Strays): Sale | undefined {
    const stray = strays.get(reference);
    if (stray === undefined || stray.merchant !== toHex(from) || stray.payer !== toHex(to)) return undefined;
    const leftMl = stray.amountMl - stray.returnedMl;
    const backMl = amountMl < leftMl ? amountMl : leftMl;
    if (backMl === 0n) return undefined;
    const senOf = (ml: Millilitres): Sen => mulDiv(stray.sen, ml, stray.amountMl, 'halfUp');
    strays.set(reference, { ...stray, returnedMl: stray.returnedMl + backMl });
    return saleAt(place, { status: 'Refunded', wallet: to, merchant: from, sen: senOf(stray.returnedMl) - senOf(stray.returnedMl + backMl), amountMl: -backMl });
  }

  /** The price in force from the first millisecond of a day (SPEC §6.6); days without a block change nothing. */
  #beginDay(day: number): void {
    if (day === this.#price.day) return;
    const reports = [...this.#price.reports].map(([reporter, senPerBill]) => ({ reporter: fromHex(reporter) ?? new Uint8Array(), senPerBill }));
    this.#price = { day, senPerBill: priceAfter({ senPerBill: this.#price.senPerBill, reports }, this.#stepBps), reports: new Map() };
    this.#changed = true;
  }

  #register(kind: SoldTx['body']['kind']): void {
    if (kind.case !== 'registerMerchant' && kind.case !== 'registerFarm' && kind.case !== 'registerPlant') return;
    const account = toHex(kind.value.account);
    if (kind.case === 'registerMerchant') this.#merchants.add(account);
    this.#institutions.add(account);
    this.#changed = true;
  }
}

function stateOf(price: SaleBookState['price'], merchants: readonly Uint8Array[], others: readonly Uint8Array[]): SaleBookState {
  const hex = (addresses: readonly Uint8Array[]): readonly string[] => [...new Set(addresses.map(toHex))];
  return { price, merchants: hex(merchants), institutions: hex([...merchants, ...others]) };
}

/** The book before block 1. */
export function saleBookOfGenesis({ timeMs, priceSenPerBill, params, roles, validators, merchants, farms, plants, oracles, reporters }: GenesisSpec): SaleBookState {
  const accounts = (rows: readonly { readonly account: Uint8Array }[]): readonly Uint8Array[] => rows.map(({ account }) => account);
  const others = [...Object.values(roles), ...accounts(validators), ...accounts(farms), ...accounts(plants), ...accounts(reporters), ...oracles.map(({ publicKey }) => addressOf(publicKey))];
  return stateOf({ day: dayOf(timeMs), stepBps: params.priceStepBps, senPerBill: String(priceSenPerBill), reports: [] }, accounts(merchants), others);
}

/** The same from the genesis file's text, which was checked when it was loaded. */
export function saleBookOfGenesisText(text: string): SaleBookState {
  const parsed = parseGenesisJson(text);
  assert(parsed.ok, 'the genesis that is loaded parses');
  return saleBookOfGenesis(parsed.value.spec);
}

/**
 * The book of a node whose blocks begin later: who is registered in `state`, and the price of `day`, which the state holds.
 * Exact where the state is that before its first block; undefined where the day's price is in no row any more.
 */
export function saleBookOfState(state: FlatState, day: number): SaleBookState | undefined {
  const rows = state.all();
  const ids = (...types: readonly unknown[]): readonly Uint8Array[] => rows.filter(({ type }) => types.includes(type)).map(({ id }) => fromHex(id) ?? new Uint8Array());
  const price = state.get(ROWS.price, dayId(day));
  if (price === undefined) return undefined;
  const accounts = rows.flatMap(({ type, value }) => (type === ROWS.validator ? [(value as { readonly account: Uint8Array }).account] : type === ROWS.role ? [(value as { readonly address: Uint8Array }).address] : []));
  return stateOf(
    { day, stepBps: paramsOf(state).priceStepBps, senPerBill: String(price.senPerBill), reports: price.reports.map(({ reporter, senPerBill }) => ({ reporter: toHex(reporter), senPerBill: String(senPerBill) })) },
    ids(ROWS.merchant), [...ids(ROWS.farm, ROWS.plant, ROWS.oracle, ROWS.reporter), ...accounts],
  );
}
