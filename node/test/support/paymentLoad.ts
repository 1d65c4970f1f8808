/**
 * Students who pay all the time at nodes of a network of processes, as wallets with the sdk do: a payment goes to some node, to another one
 * where that fails or nothing comes of it, and is followed until it stands in a final block.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Header, decode, formatAddress, formatLitres, fromBase64Url, type Genesis } from '@billcoin/protocol';
import { ApiError, decodeTransaction, getAccount, getBlock, sendTransaction, type BlockView, type TxDraft } from '@billcoin/sdk';
import type { ProcessNetwork } from './processes.ts';
import type { TestProcess } from './testProcess.ts';
import { KEYS, keyOf, type Key, type TestTill, type TxMaker } from './testNetwork.ts';

/** 300 mL for RM 1.80, of which the merchant pays 1 mL. */
export const PAYMENT_ML = 300n;
const PAYMENT_FEE_ML = 1n;
/** Enough that no payer reaches its 64 places and no till its 256 while a network stands still for half a minute. */
const PAYERS = 40;
const TILLS = 8;
/** Days of a payer's payments. */
export const PAYER_ML = 2_000_000n;
/** Of a call to a node that may be stopped, and before the next try at another one. */
const TRY_MS = 5_000;
const RETRY_MS = 250;
/** A payment that is not final after this is handed to one more node; the first one may be down. */
const PATIENCE_MS = 5_000;
/** Payments on their way to a first node; beyond that none is made. */
const OFFERS_MAX = 1_000;
const POLL_MS = 50;
/** Longer than any story, however often its clocks are moved on; the chain allows 24 h from the time of the block. */
const INVOICE_LIFE_S = 12 * 3_600;

export const LOAD_TILLS: readonly TestTill[] = Array.from({ length: TILLS }, (_, i) => ({ tillNo: i + 1, key: i === 0 ? KEYS.till : keyOf(`till ${i + 1}`) }));
export const LOAD_PAYERS: readonly Key[] = Array.from({ length: PAYERS }, (_, i) => keyOf(`payer ${i}`));

export interface Payment {
  readonly draft: TxDraft;
  readonly payer: number;
  readonly madeMs: number;
  /** When it was handed to a node last. */
  offeredMs: number;
  isAccepted: boolean;
  final?: { readonly height: number; readonly afterMs: number };
}

/** A final block as the load has seen it; not all nodes were asked. */
export type SeenBlock = Pick<BlockView, 'height' | 'hash' | 'round' | 'proposer' | 'stateRoot' | 'validatorsHash'> & { readonly timeMs: number };

export interface LoadParts {
  readonly network: ProcessNetwork;
  readonly maker: TxMaker;
  readonly perS: number;
  readonly random: () => number;
}

export class PaymentLoad {
  readonly #parts: LoadParts;
  readonly payments = new Map<string, Payment>();
  /** Blocks from height 1 on, without gaps. */
  readonly blocks: SeenBlock[] = [];
  /** What must not be, in words. */
  readonly faults: string[] = [];
  readonly #open = new Map<string, Payment>();
  #offers = 0;
  #made = 0;
  #isPaying = false;
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  /** Payments that no block holds yet. */
  get open(): number {
    return this.#open.size;
  }

  start(): void {
    this.#isPaying = true;
    this.#running = Promise.all([this.#pay(), this.#follow()]);
  }

  /** Makes no more payments and resolves when every one has ended; false where that takes longer than `waitMs`. */
  async drain(waitMs: number): Promise<boolean> {
    this.#isPaying = false;
    const endMs = performance.now() + waitMs;
    while (this.#open.size > 0 && performance.now() < endMs) await delay(POLL_MS);
    await this.end();
    return this.#open.size === 0;
  }

  async end(): Promise<void> {
    this.#isPaying = false;
    this.#isOver = true;
    await this.#running;
  }

  /** Times from being made to final of the payments that were made in a span, ascending. */
  latenciesMs(fromMs: number, toMs: number): readonly number[] {
    const times: number[] = [];
    for (const { madeMs, final } of this.payments.values()) if (madeMs >= fromMs && madeMs < toMs && final !== undefined) times.push(final.afterMs);
    return times.sort((a, b) => a - b);
  }

  /** What a payer has paid, and what the merchant has got, after all that is final. */
  paidMl(payer: number): bigint {
    let count = 0n;
    for (const payment of this.payments.values()) if (payment.payer === payer && payment.final !== undefined) count += 1n;
    return count * PAYMENT_ML;
  }

  takenMl(): bigint {
    return BigInt([...this.payments.values()].filter(({ final }) => final !== undefined).length) * (PAYMENT_ML - PAYMENT_FEE_ML);
  }

  async #pay(): Promise<void> {
    const everyMs = 1_000 / this.#parts.perS;
    for (let nextMs = performance.now(); this.#isPaying; nextMs = Math.max(nextMs + everyMs, performance.now() - 1_000)) {
      await delay(Math.max(0, nextMs - performance.now()));
      if (this.#offers < OFFERS_MAX) void this.#offer(this.#make());
    }
  }

  #make(): Payment {
    const { maker, network } = this.#parts;
    const n = this.#made++;
    const payer = n % PAYERS;
    const till = LOAD_TILLS[n % TILLS] as TestTill;
    const expiresInS = Math.floor(network.clockMs / 1_000) + INVOICE_LIFE_S;
    const decoded = decodeTransaction(network.genesis.genesisHash, maker.pay(LOAD_PAYERS[payer] as Key, maker.invoice(`payment ${n}`, { till, expiresInS })));
    if (!decoded.ok) throw new Error(decoded.fault.code);
    const nowMs = performance.now();
    const payment: Payment = { draft: decoded.value.draft, payer, madeMs: nowMs, offeredMs: nowMs, isAccepted: false };
    this.payments.set(payment.draft.txHash, payment);
    this.#open.set(payment.draft.txHash, payment);
    return payment;
  }

  /** Some node other than one that has just failed; it may be down: a wallet does not know. */
  #pick(not?: TestProcess): TestProcess {
    const { network: { nodes }, random } = this.#parts;
    const others = nodes.filter((node) => node !== not && node.pid !== undefined);
    return others[Math.floor(random() * others.length)] as TestProcess;
  }

  /** Goes from node to node until one takes it. */
  async #offer(payment: Payment): Promise<void> {
    this.#offers += 1;
    let node = this.#pick();
    while (!this.#isOver) {
      payment.offeredMs = performance.now();
      try {
        await sendTransaction(node.client, payment.draft, { timeoutMs: TRY_MS });
        payment.isAccepted = true;
        break;
      } catch (error) {
        if (error instanceof ApiError && !error.retryable) {
          this.faults.push(`payment ${payment.draft.txHash} was refused by node ${node.index}: ${error.message}`);
          break;
        }
      }
      await delay(RETRY_MS);
      node = this.#pick(node);
    }
    this.#offers -= 1;
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      const node = this.#pick();
      try {
        const tip = (await getBlock(node.client, {}, { timeoutMs: TRY_MS })).height;
        while (this.blocks.length < tip && !this.#isOver) this.#seen(await getBlock(node.client, { heightOrHash: this.blocks.length + 1 }, { timeoutMs: TRY_MS }));
      } catch {
        // it is down; the next one is asked
      }
      this.#offerAgain();
      await delay(POLL_MS);
    }
  }

  #seen(block: BlockView): void {
    const { height, hash, round, proposer, stateRoot, validatorsHash } = block;
    const nowMs = performance.now();
    this.blocks.push({ height, hash, round, proposer, stateRoot, validatorsHash, timeMs: timeOf(block) });
    for (const { txHash, code, fault } of block.transactions) {
      const payment = this.payments.get(txHash);
      if (payment === undefined) continue;
      if (payment.final !== undefined) this.faults.push(`payment ${txHash} stands in blocks ${payment.final.height} and ${height}`);
      if (code !== 0) this.faults.push(`payment ${txHash} ended with ${fault ?? code}`);
      payment.final = { height, afterMs: nowMs - payment.madeMs };
      this.#open.delete(txHash);
    }
  }

  #offerAgain(): void {
    const nowMs = performance.now();
    for (const payment of this.#open.values()) {
      if (payment.isAccepted && nowMs - payment.offeredMs > PATIENCE_MS && this.#offers < OFFERS_MAX) void this.#offer(payment);
    }
  }
}

/** Block time in ms; the API's `time` is in whole seconds. */
function timeOf(block: BlockView): number {
  const header = decode(Header, fromBase64Url(block.header) ?? new Uint8Array(0));
  if (!header.ok) throw new Error(`the header of block ${block.height} is none`);
  return header.value.timeMs;
}

/** Mints, and gives every payer and these accounts what they need. */
export async function fund({ nodes, genesis, nowMs }: { readonly nodes: readonly TestProcess[]; readonly genesis: Genesis; readonly nowMs: () => number }, maker: TxMaker, accounts: readonly { readonly address: Uint8Array; readonly amountMl: bigint }[], waitMs: number): Promise<void> {
  const [first] = nodes as [TestProcess];
  const all = [...LOAD_PAYERS.map(({ address }) => ({ address, amountMl: PAYER_ML })), ...accounts];
  const litres = async (): Promise<string> => (await getAccount(first.client, { address: formatAddress(KEYS.farm.address) })).litres;
  const [open, attest] = maker.mint(all.reduce((sum, { amountMl }) => sum + amountMl + genesis.spec.params.minFeeMl, 0n));
  await first.submit(open);
  await first.until('has opened the batch', waitMs, async () => (await first.metric('billcoin_chain_transactions_total')) >= 1);
  await first.submit(attest);
  await first.until('has minted', waitMs, async () => (await litres()) !== formatLitres(0n));
  for (const { address, amountMl } of all) await first.submit(maker.transfer(KEYS.farm, address, amountMl, { validUntilMs: nowMs() + 600_000 }));
  await first.until('has handed out the BILL', waitMs, async () => (await litres()) === formatLitres(0n));
}
