/** A till: makes and signs orders, and shows "Paid" only after it verified the proof itself. */
import { fromBase64Url, parseRinggit, toHex } from '@billcoin/protocol';
import {
  createOrder, getOrder, getPrice, getTxProof, INVOICE_LIFE_S, postOrder, productItem, ProofError, streamOrders, verifiedPayment, type Client, type Key, type Product, type TillOrder, type VerifiedClient,
} from '@billcoin/sdk';
import type { Handed } from '../messages.ts';
import type { Part } from './part.ts';
import { pause, persist } from './settle.ts';

/** The stream tells a payment in milliseconds; an order that is open longer than this is asked for. */
const ASK_AFTER_MS = 3_000;
const ASK_EVERY_MS = 1_000;
/** Orders on the screen of a till at once. */
const OPEN_MAX = 200;

interface Open {
  readonly orderId: string;
  readonly invoice: Uint8Array;
  readonly sinceMs: number;
  /** It waits for whoever comes: the day ends without it. */
  readonly forAnybody: boolean;
}

export class Till {
  readonly #part: Part;
  readonly #tillNo: number;
  readonly #key: Key;
  readonly #verified: VerifiedClient;
  /** Logged in as the till. */
  readonly #client: Client;
  readonly #open = new Map<string, Open>();
  readonly #over = new AbortController();

  constructor(part: Part, tillNo: number, key: Key, verified: VerifiedClient) {
    this.#part = part;
    this.#tillNo = tillNo;
    this.#key = key;
    this.#verified = verified;
    this.#client = part.as(key);
    void this.#listen();
    void this.#ask();
  }

  /** Orders of customers who stand at the counter. */
  get open(): number {
    return [...this.#open.values()].filter(({ forAnybody }) => !forAnybody).length;
  }

  /** Whether an order still waits for its payment. */
  isOpen(ref: string): boolean {
    return this.#open.has(ref);
  }

  /** One of a product, as the customer's phone scans it. */
  async order(product: Product, lifeS = INVOICE_LIFE_S): Promise<Handed & { readonly ref: string }> {
    const { genesisHash } = this.#part;
    if (this.#open.size >= OPEN_MAX) throw new Error(`till ${this.#tillNo} has ${OPEN_MAX} open orders`);
    const priceSenPerBill = parseRinggit((await persist(() => getPrice(this.#client))).rmPerBill);
    if (priceSenPerBill === undefined) throw new Error('the node tells no price');
    const item = productItem(product, { quantity: 1, priceSenPerBill });
    const made: TillOrder = createOrder({ genesisHash, till: this.#key, tillNo: this.#tillNo, items: [item], priceSenPerBill, expiresAtS: Math.floor(Date.now() / 1_000) + lifeS });
    const { orderId } = await persist(() => postOrder(this.#client, made));
    this.#open.set(toHex(made.ref), { orderId, invoice: made.invoice, sinceMs: Date.now(), forAnybody: lifeS !== INVOICE_LIFE_S });
    return { qr: made.qr, tillNo: this.#tillNo, ref: toHex(made.ref) };
  }

  /** Takes a payment off the list if its receipt proves it; a receipt that does not is an alarm. */
  async #confirm(ref: string, receipt: Uint8Array): Promise<void> {
    const open = this.#open.get(ref);
    if (open === undefined) return;
    try {
      await verifiedPayment(this.#verified, { invoice: open.invoice, receipt });
    } catch (error) {
      if (!(error instanceof ProofError)) throw error;
      this.#part.say(`till ${this.#tillNo}: SERVER ANSWER NOT PROVEN for order ${ref}: ${error.message}`);
      return;
    }
    // The stream and the question may both have brought the receipt.
    if (this.#open.delete(ref)) this.#part.note({ kind: 'paid', ref, atMs: Date.now() });
  }

  async #listen(): Promise<void> {
    while (!this.#over.signal.aborted) {
      try {
        for await (const message of streamOrders(this.#client, { tillNo: this.#tillNo, signal: this.#over.signal })) {
          if (message.event !== 'order.paid' || message.data.proof === undefined) continue;
          await this.#confirm(message.data.ref, fromBase64Url(message.data.proof) ?? new Uint8Array());
        }
      } catch (error) {
        console.error(error); // the orders are asked for meanwhile
      }
      await pause(ASK_EVERY_MS);
    }
  }

  /** What the stream did not tell: after a restart of the node, or where an event was missed. */
  async #ask(): Promise<void> {
    while (!this.#over.signal.aborted) {
      for (const [ref, { orderId, sinceMs }] of this.#open) {
        if (Date.now() - sinceMs < ASK_AFTER_MS) continue;
        try {
          await this.#askOne(ref, orderId);
        } catch (error) {
          console.error(error); // asked again in a second
        }
      }
      await pause(ASK_EVERY_MS);
    }
  }

  async #askOne(ref: string, orderId: string): Promise<void> {
    const order = await getOrder(this.#client, { orderId });
    if (order.status === 'EXPIRED' || order.status === 'CANCELLED') this.#open.delete(ref);
    if (order.payment?.status !== 'final') return;
    const { receipt } = await getTxProof(this.#client, { txHash: order.payment.txHash });
    await this.#confirm(ref, fromBase64Url(receipt ?? '') ?? new Uint8Array());
  }

  close(): void {
    this.#over.abort();
  }
}
