/**
 * Rows of which a chain holds very many and reads few, as bytes in pages: an invoice takes 0.2 kB so, and 1.1 kB as a
 * decoded value with its arrays and numbers. Whoever reads one decodes it.
 */
import { assert } from '../lib/assert.ts';
import { decode, encode, type Message } from '../wire/codec.ts';

/** Some 600 invoices. A page is given back when its last row goes, and rows of one age die together. */
const PAGE_BYTES = 65_536;
/** Before each row: how many bytes it has. */
const LENGTH_BYTES = 2;

interface Page {
  readonly bytes: Uint8Array;
  used: number;
  /** Rows on it that have not been replaced or deleted. */
  live: number;
}

function newPage(): Page {
  return { bytes: new Uint8Array(PAGE_BYTES), used: 0, live: 0 };
}

/** A Map of rows by id, as far as the flat state needs one. */
export class PackedRows {
  readonly #message: Message<unknown>;
  /** Number of the page · PAGE_BYTES + where the row begins on it. */
  readonly #places = new Map<string, number>();
  /** Page by number; undefined where it was given back. */
  readonly #pages: (Page | undefined)[] = [newPage()];
  readonly #free: number[] = [];
  /** The page that is being filled. */
  #open = 0;

  constructor(message: Message<unknown>) {
    this.#message = message;
  }

  get size(): number {
    return this.#places.size;
  }

  get pages(): number {
    return this.#pages.length - this.#free.length;
  }

  get(id: string): unknown {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#read(place);
  }

  /** @param bytes the encoded value, where somebody has it already; they are copied */
  set(id: string, value: unknown, bytes: Uint8Array = encode(this.#message, value)): void {
    this.delete(id);
    const size = LENGTH_BYTES + bytes.length;
    assert(size <= PAGE_BYTES, 'a packed row fits a page');
    if (this.#page(this.#open).used + size > PAGE_BYTES) this.#turn();
    const page = this.#page(this.#open);
    page.bytes[page.used] = bytes.length >> 8;
    page.bytes[page.used + 1] = bytes.length & 0xff;
    page.bytes.set(bytes, page.used + LENGTH_BYTES);
    this.#places.set(id, this.#open * PAGE_BYTES + page.used);
    page.used += size;
    page.live += 1;
  }

  delete(id: string): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    const no = Math.floor(place / PAGE_BYTES);
    const page = this.#page(no);
    page.live -= 1;
    if (page.live === 0 && no !== this.#open) this.#giveBack(no);
  }

  *entries(): Generator<readonly [string, unknown]> {
    for (const [id, place] of this.#places) yield [id, this.#read(place)];
  }

  #read(place: number): unknown {
    const { bytes } = this.#page(Math.floor(place / PAGE_BYTES));
    const at = place % PAGE_BYTES;
    const from = at + LENGTH_BYTES;
    const row = decode(this.#message, bytes.subarray(from, from + (bytes[at] as number) * 0x100 + (bytes[at + 1] as number)));
    assert(row.ok, 'a row decodes that was encoded');
    return row.value;
  }

  #page(no: number): Page {
    const page = this.#pages[no];
    assert(page !== undefined, 'a row lies on a page that is there');
    return page;
  }

  /** Opens an empty page. */
  #turn(): void {
    const full = this.#open;
    this.#open = this.#free.pop() ?? this.#pages.length;
    this.#pages[this.#open] = newPage();
    if (this.#page(full).live === 0) this.#giveBack(full);
  }

  #giveBack(no: number): void {
    this.#pages[no] = undefined;
    this.#free.push(no);
  }
}
