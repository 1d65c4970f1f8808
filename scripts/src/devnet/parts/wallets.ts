/** Fifty student wallets: each links itself to its student, then buys cartons one after the other. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, toHex } from '@billcoin/protocol';
import { ApiError, getLoyalty, getTransaction, linkWallet, lookupFrom, readInvoice, readOrder, signPay, waitForTransaction, type CheckedInvoice, type Client, type Key, type TxStatus } from '@billcoin/sdk';
import { keyOf, pathsOf, STUDENTS, studentName, writeWhole } from '../network.ts';
import { clearSigned, keepPurchase, keepSigned, readUnsettled, type SignedPurchase } from '../purchaseBook.ts';
import { runPart, type Part } from './part.ts';
import { inParallel, pause, persist, settle } from './settle.ts';

/** Students at the counter at once when nobody waits between two cartons. */
const AT_ONCE = 12;
const LINKS_AT_ONCE = 4;
/** A till or the node may be restarting; nothing was signed when an order fails. */
const ORDER_TRIES_MAX = 5;
const ORDER_RETRY_MS = 1_000;

interface Desk {
  readonly part: Part;
  readonly root: string;
  readonly keys: readonly Key[];
  /** Logged in as the wallet of each. */
  readonly clients: readonly Client[];
  /** Students whose wallet is linked. */
  readonly linked: Set<number>;
}

const linkedPath = (root: string): string => join(root, 'wallets', 'linked.json');

async function link({ part, root, keys, linked }: Desk): Promise<{ readonly linked: number }> {
  const students = keys.map((_, index) => index).filter((index) => !linked.has(index));
  if (students.length === 0) return { linked: linked.size };
  const { codes } = await part.call('treasury', 'linkCodes', { students });
  await inParallel(students, LINKS_AT_ONCE, async (student, index) => {
    const linkCode = codes[index] as string;
    await persist(() => linkWallet(part.client, { linkCode, key: keys[student] as Key, genesisHash: part.genesisHash }));
    linked.add(student);
    writeWhole(linkedPath(root), JSON.stringify([...linked]));
  });
  return { linked: linked.size };
}

/** The first coupon that can be used now; hex. */
async function usableCoupon(client: Client, key: Key): Promise<string | undefined> {
  try {
    const { merchants } = await persist(() => getLoyalty(client, { address: key.addressText }));
    return merchants.flatMap(({ coupons }) => coupons).find(({ usable }) => usable)?.couponId;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined; // nothing bought yet
    throw error;
  }
}

/** Scans a code at a till and checks all of it before anything is signed. */
async function scan(part: Part, till: number): Promise<CheckedInvoice> {
  const { client, genesisHash, call } = part;
  const { qr } = await call('cafeteria', 'order', { till });
  const invoice = await persist(() => readInvoice(qr, { genesisHash, lookup: lookupFrom(client) }));
  if (!invoice.ok) throw new Error(`the invoice of till ${till} is refused: ${invoice.fault.code}`);
  const order = await persist(() => readOrder(client, invoice.value));
  if (!order.ok || order.value.items.length !== 1) throw new Error('the order behind the invoice is not what was asked for');
  return invoice.value;
}

async function scanWithPatience(part: Part, till: number): Promise<CheckedInvoice> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await scan(part, till);
    } catch (error) {
      if (attempt >= ORDER_TRIES_MAX) throw error;
      console.error(error);
    }
    await pause(ORDER_RETRY_MS);
  }
}

async function buy({ part, root, keys, clients }: Desk, student: number, till: number): Promise<void> {
  const key = keys[student] as Key;
  const invoice = await scanWithPatience(part, till);
  const coupon = await usableCoupon(clients[student] as Client, key);
  const couponId = coupon === undefined ? undefined : fromHex(coupon);
  const draft = signPay({ genesisHash: part.genesisHash, invoice, key, ...(couponId === undefined ? {} : { couponId }) });
  const signed: SignedPurchase = {
    student, txHash: draft.txHash, ref: toHex(invoice.ref), tillNo: invoice.tillNo, sen: Number(invoice.sen), amountMl: Number(invoice.amountMl), coupon: coupon ?? null,
  };
  keepSigned(root, signed);
  part.note({ kind: 'signed', ref: signed.ref, atMs: Date.now() });
  const end = await settle(part.client, draft);
  if (!keepEnd(part, root, signed, end)) throw new Error(`payment ${draft.txHash} of student ${student + 1} ended ${end.status}`);
}

/** Writes a final payment down and tells it; false where it ended otherwise. */
function keepEnd(part: Part, root: string, signed: SignedPurchase, { status, height, time }: TxStatus): boolean {
  if (status !== 'final' || height === null || time === null) return false;
  const purchase = { ...signed, height, timeMs: Date.parse(time) };
  keepPurchase(root, purchase);
  part.note({ kind: 'purchase', purchase });
  return true;
}

/** Asks what became of payments that were on their way when these wallets were stopped. */
async function recover({ part, root }: Desk): Promise<void> {
  for (const signed of readUnsettled(root)) {
    const end = await endOf(part, signed.txHash);
    if (end !== undefined) keepEnd(part, root, signed, end);
  }
  clearSigned(root);
}

/** The end of a transaction; undefined where the node never had it. */
async function endOf(part: Part, txHash: string): Promise<TxStatus | undefined> {
  try {
    const known = await persist(() => getTransaction(part.client, { txHash }));
    return known.status === 'pending' ? await persist(() => waitForTransaction(part.client, { txHash })) : known;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Every student buys `cartons`, within about `spreadMs`. */
async function shop(desk: Desk, cartons: number, spreadMs: number): Promise<{ readonly purchases: number }> {
  await recover(desk);
  const width = spreadMs === 0 ? AT_ONCE : desk.keys.length;
  await inParallel(desk.keys, width, async (_key, student) => {
    for (let carton = 0; carton < cartons; carton++) {
      // Students come at different times of the day, the same ones every day.
      await pause(spreadMs === 0 ? 0 : ((student * 37) % 100) * (spreadMs / cartons / 100));
      await buy(desk, student, student + carton);
    }
  });
  return { purchases: desk.keys.length * cartons };
}

await runPart<'wallets'>((part) => {
  const paths = pathsOf(part.config.root);
  mkdirSync(join(paths.root, 'wallets'), { recursive: true, mode: 0o700 });
  const known = existsSync(linkedPath(paths.root)) ? (JSON.parse(readFileSync(linkedPath(paths.root), 'utf8')) as readonly number[]) : [];
  const keys = Array.from({ length: STUDENTS }, (_, index) => keyOf(paths, studentName(index)));
  const desk: Desk = { part, root: paths.root, keys, clients: keys.map((key) => part.as(key)), linked: new Set(known) };
  return Promise.resolve({
    handlers: { link: () => link(desk), shop: ({ cartons, spreadMs }) => shop(desk, cartons, spreadMs) },
    stop: () => Promise.resolve(),
  });
});
