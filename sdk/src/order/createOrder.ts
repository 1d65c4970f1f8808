/** An order as a till makes it: item bytes, salt, reference and signed invoice. Pure but for the salt. */
import {
  encode, encodeInvoice, INVOICE_AMOUNT_MAX_ML, INVOICE_SEN_MAX, invoiceSigningBytes, invoiceText, matchCode, networkHint, Order, ORDER_SALT_BYTES, orderRef, senToMl,
  type InvoiceTerms, type Millilitres, type OrderItem, type Sen,
} from '@billcoin/protocol';
import { randomBytes, type Signer } from '../key.ts';

/** A till's invoice lives 120 s unless the merchant says otherwise (60–600 s). */
export const INVOICE_LIFE_S = 120;

export interface OrderParams {
  readonly genesisHash: Uint8Array;
  readonly till: Signer;
  readonly tillNo: number;
  /** Lines with a shelf price carry lineMl 0n; lines of a fixed amount carry their litres, and the sen they come to. */
  readonly items: readonly OrderItem[];
  /** Price in force. */
  readonly priceSenPerBill: Sen;
  /** Unix seconds; default 120 s from now. */
  readonly expiresAtS?: number;
  /** 16 random bytes; only tests choose them. */
  readonly salt?: Uint8Array;
}

export interface TillOrder {
  readonly order: Uint8Array;
  readonly salt: Uint8Array;
  /** 92 bytes, signed. */
  readonly invoice: Uint8Array;
  readonly ref: Uint8Array;
  readonly matchCode: string;
  /** Text of the QR code. */
  readonly qr: string;
  readonly sen: Sen;
  readonly amountMl: Millilitres;
}

/** Litres and ringgit of an order: ceil(Σ sen of shelf-priced lines · 1000 / price) + Σ mL of the others; Σ sen of all. */
export function orderTotals(items: readonly OrderItem[], priceSenPerBill: Sen): { readonly sen: Sen; readonly amountMl: Millilitres } {
  let sen = 0n;
  let shelfSen = 0n;
  let amountMl = 0n;
  for (const { senLine, lineMl } of items) {
    sen += senLine;
    amountMl += lineMl;
    if (lineMl === 0n) shelfSen += senLine;
  }
  return { sen, amountMl: amountMl + senToMl(shelfSen, priceSenPerBill) };
}

/** The invoice of these terms, signed by a till whose key may live in a device. */
function signedInvoice(terms: InvoiceTerms, genesisHash: Uint8Array, till: Signer): Uint8Array {
  const unsigned = { ...terms, networkHint: networkHint(genesisHash), signature: new Uint8Array(64) };
  const signature = till.sign(invoiceSigningBytes(genesisHash, encodeInvoice(unsigned)));
  return encodeInvoice({ ...unsigned, signature });
}

/**
 * Makes an order.
 * @throws RangeError where the total is zero or does not fit an invoice
 */
export function createOrder(params: OrderParams): TillOrder {
  const { genesisHash, till, tillNo, items } = params;
  const { sen, amountMl } = orderTotals(items, params.priceSenPerBill);
  if (sen < 1n || sen > INVOICE_SEN_MAX || amountMl < 2n || amountMl > INVOICE_AMOUNT_MAX_ML) throw new RangeError(`an order of ${sen} sen and ${amountMl} mL does not fit an invoice`);
  const salt = params.salt ?? randomBytes(ORDER_SALT_BYTES);
  const order = encode(Order, { items: [...items] });
  const ref = orderRef(salt, order);
  const expiresAtS = params.expiresAtS ?? Math.floor(Date.now() / 1_000) + INVOICE_LIFE_S;
  const invoice = signedInvoice({ tillNo, amountMl, sen, ref, expiresAtS }, genesisHash, till);
  return { order, salt, invoice, ref, matchCode: matchCode(ref), qr: invoiceText(invoice), sen, amountMl };
}
