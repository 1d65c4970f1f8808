/**
 * What a wallet does with a scanned code before anybody signs: right network, a till and merchant in force, the till's
 * own signature, not expired, litres that fit the ringgit at the price in force. The merchant's name comes from the
 * chain, never from the code.
 */
import {
  bandAt, fault, fromHex, matchCode, ok, parseAddress, parseInvoiceText, parseRinggit, verifyEd25519, verifyInvoice, decodeInvoiceFor, type Invoice, type Result, type Sen,
} from '@billcoin/protocol';
import { getPrice, getTill } from '../actions/reads.ts';
import type { RegistryStatus } from '../api/values.ts';
import type { Client } from '../client/client.ts';
import { ApiError, UntrustedAnswerError } from '../client/errors.ts';

/** What the chain says about a till. */
export interface KnownTill {
  readonly publicKey: Uint8Array;
  readonly status: RegistryStatus;
  /** Merchant's account, 20 bytes. */
  readonly merchant: Uint8Array;
  readonly merchantName: string;
  readonly merchantStatus: RegistryStatus;
}

export interface PricesInForce {
  readonly senPerBill: Sen;
  /** Of the day before: an invoice made just before midnight stays payable. */
  readonly previousSenPerBill: Sen;
}

/** Where the wallet gets chain data: a node, or a cached registry when it has no signal. */
export interface ChainLookup {
  till(tillNo: number): Promise<KnownTill | undefined>;
  /** Undefined where the price is not known (offline): the band is then left to the chain. */
  prices(): Promise<PricesInForce | undefined>;
}

export interface ReadInvoiceContext {
  /** Pinned in the wallet, 32 bytes. */
  readonly genesisHash: Uint8Array;
  readonly lookup: ChainLookup;
  /** Default: now. */
  readonly nowMs?: number;
  /** Parameter bandBps of the network. */
  readonly bandBps?: number;
}

/** An invoice that passed every check, ready to be shown and paid. */
export interface CheckedInvoice extends Invoice {
  readonly bytes: Uint8Array;
  readonly merchant: Uint8Array;
  readonly merchantName: string;
  readonly matchCode: string;
}

/** Parameter bandBps at genesis: ±1 %. */
export const BAND_BPS = 100;

/**
 * Reads and checks a scanned `MMU1:` text. Faults: `malformed`, `wrong_network`, `unknown_till`, `till_not_active`,
 * `merchant_not_active`, `bad_signature`, `invoice_expired`, `price_out_of_band`.
 */
export async function readInvoice(text: string, context: ReadInvoiceContext): Promise<Result<CheckedInvoice>> {
  const { genesisHash, lookup } = context;
  const parsed = parseInvoiceText(text);
  if (!parsed.ok) return parsed;
  const bytes = parsed.value;
  const form = decodeInvoiceFor(genesisHash, bytes);
  if (!form.ok) return form;
  const till = await lookup.till(form.value.tillNo);
  if (till === undefined) return fault('unknown_till');
  if (till.status !== 'active') return fault('till_not_active');
  if (till.merchantStatus !== 'active') return fault('merchant_not_active');
  const signed = verifyInvoice(bytes, genesisHash, till.publicKey, verifyEd25519);
  if (!signed.ok) return signed;
  const invoice = signed.value;
  if (invoice.expiresAtS * 1_000 <= (context.nowMs ?? Date.now())) return fault('invoice_expired');
  const prices = await lookup.prices();
  if (prices !== undefined) {
    const now = bandAt(invoice.sen, prices.senPerBill, context.bandBps ?? BAND_BPS);
    const before = bandAt(invoice.sen, prices.previousSenPerBill, context.bandBps ?? BAND_BPS);
    const inside = [now, before].some(({ minMl, maxMl }) => invoice.amountMl >= minMl && invoice.amountMl <= maxMl);
    if (!inside) return fault('price_out_of_band', now);
  }
  return ok({ ...invoice, bytes, merchant: till.merchant, merchantName: till.merchantName, matchCode: matchCode(invoice.ref) });
}

/** Chain data from a node. An answer that is no till, address or price is not believed. */
export function lookupFrom(client: Client): ChainLookup {
  return {
    async till(tillNo) {
      try {
        const answer = await getTill(client, { tillNo });
        const publicKey = fromHex(answer.publicKey);
        const merchant = parseAddress(answer.merchantId);
        if (publicKey?.length !== 32 || merchant === undefined || answer.tillNo !== tillNo) throw new UntrustedAnswerError(`the server's answer about till ${tillNo} has no key or merchant, or is about another till`);
        return { publicKey, status: answer.status, merchant, merchantName: answer.merchantName, merchantStatus: answer.merchantStatus };
      } catch (error) {
        if (error instanceof ApiError && error.code === 'not_found') return undefined;
        throw error;
      }
    },
    async prices() {
      const answer = await getPrice(client);
      const senPerBill = parseRinggit(answer.rmPerBill);
      const previousSenPerBill = parseRinggit(answer.previousRmPerBill);
      if (senPerBill === undefined || previousSenPerBill === undefined) throw new UntrustedAnswerError('the server\'s price is no amount');
      return { senPerBill, previousSenPerBill };
    },
  };
}
