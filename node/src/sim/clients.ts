/** Who uses the chain in a simulation: tills and payers that pay, refund, cancel, spend twice and send things again elsewhere. */
import type { TxStatus } from '../ports.ts';
import { StorageFailure } from '../storageFailure.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';
import type { Referee } from './referee.ts';
import type { Blame } from './wireRecord.ts';
import { PAYERS, PEOPLE, addressOfPayer, type MadeTx, type TxMaker } from './world.ts';

/** Litres of the one batch of milk, in mL. */
const MINTED_ML = 50_000_000n;
const POCKET_ML = 200_000n;
/** How long what clients send is valid: shorter than the liveness phase, so that everything ends. */
const LIFE_MS = 10_000;
/** Transactions a client remembers to send again. */
const REMEMBERED = 64;
/** Chance that many come at once, and how many. */
const BURST_CHANCE = 0.01;
const BURST_MAX = 40;
const RUSH_CHANCE = 0.01;
const RUSH = 400;
/** Things done while no height is decided; people wait when a chain stands still. */
const PATIENCE = 6;

interface Invoice {
  readonly till: number;
  readonly bytes: Uint8Array;
  readonly tillNo: number;
  readonly ref: Uint8Array;
  readonly expiresAtS: number;
}

/** A node said "accepted". */
interface Accepted {
  readonly tx: MadeTx;
  readonly node: SimProcess;
}

export class Clients {
  readonly #maker: TxMaker;
  readonly #random: Random;
  readonly #referee: Referee;
  readonly #blame: Blame;
  readonly #nodes: readonly SimProcess[];
  readonly #recent: MadeTx[] = [];
  readonly #invoices: Invoice[] = [];
  #accepted: Accepted[] = [];
  #since = { height: 0, acts: 0 };
  readonly count = { submitted: 0, accepted: 0, refused: 0, bursts: 0 };
  #step = 0;
  #mint: readonly MadeTx[];

  constructor(maker: TxMaker, random: Random, referee: Referee, blame: Blame, nodes: readonly SimProcess[]) {
    this.#maker = maker;
    this.#random = random;
    this.#referee = referee;
    this.#blame = blame;
    this.#nodes = nodes;
    this.#mint = maker.mint(MINTED_ML);
  }

  /** One thing somebody does, at a node that is up. */
  act(nowMs: number): void {
    const up = this.#nodes.filter((node) => node.engine !== undefined);
    const { height } = this.#referee;
    if (height !== this.#since.height) this.#since = { height, acts: 0 };
    this.#since.acts += 1;
    if (up.length === 0 || this.#since.acts > PATIENCE) return;
    for (const tx of this.#next(nowMs)) {
      this.#recent.push(tx);
      if (this.#recent.length > REMEMBERED) this.#recent.shift();
      this.#submit(this.#random.pick(up), tx);
    }
    if (!this.#random.chance(BURST_CHANCE)) return;
    const size = this.#random.chance(RUSH_CHANCE) ? RUSH : this.#random.between(2, BURST_MAX);
    this.count.bursts += 1;
    // The doors open: everybody pays the one merchant, and pushes the button again elsewhere.
    for (let i = 0; i < size; i++) {
      const tx = this.#maker.pay(this.#random.pick(PEOPLE.payers), this.#invoice(i % PEOPLE.tills.length, nowMs));
      for (const node of this.#random.chance(0.2) ? up : [this.#random.pick(up)]) this.#submit(node, tx);
    }
  }

  /** Milk first, then pocket money, then life. */
  #next(nowMs: number): readonly MadeTx[] {
    this.#step += 1;
    const validUntilMs = nowMs + LIFE_MS;
    const [open, attest] = this.#mint;
    if (open !== undefined && !this.#referee.executed.has(open.txHash)) return [open];
    if (attest !== undefined && !this.#referee.executed.has(attest.txHash)) return [attest];
    if (this.#step % 3 === 0 || this.#step < PAYERS * 2) return [this.#maker.transfer(PEOPLE.farm, addressOfPayer(this.#random.below(PAYERS)), POCKET_ML, validUntilMs)];
    return this.#everyday(nowMs, validUntilMs);
  }

  #everyday(nowMs: number, validUntilMs: number): readonly MadeTx[] {
    const random = this.#random;
    const payer = random.pick(PEOPLE.payers);
    const till = random.below(PEOPLE.tills.length);
    const old = this.#invoices.length === 0 ? undefined : random.pick(this.#invoices);
    switch (random.below(12)) {
      case 0: return this.#recent.length === 0 ? [] : [random.pick(this.#recent)]; // again, somewhere
      case 1: return old === undefined ? [] : [this.#maker.pay(payer, old)]; // perhaps paid before, by another
      case 2: return old === undefined ? [] : [this.#maker.voidInvoice(old.till, old)];
      case 3: return old === undefined ? [] : [this.#maker.refund(old.till, old, 150n, validUntilMs)];
      case 4: { // everything twice
        const amountMl = POCKET_ML;
        return [this.#maker.transfer(payer, addressOfPayer(0), amountMl, validUntilMs), this.#maker.transfer(payer, addressOfPayer(1), amountMl, validUntilMs)];
      }
      case 5: { // one invoice, two payers, and the till takes it back
        const invoice = this.#invoice(till, nowMs);
        return [this.#maker.pay(payer, invoice), this.#maker.pay(random.pick(PEOPLE.payers), invoice), this.#maker.voidInvoice(till, invoice)];
      }
      case 6: { // one payer at two tills, and what is left goes elsewhere
        const other = (till + 1) % PEOPLE.tills.length;
        return [this.#maker.pay(payer, this.#invoice(till, nowMs)), this.#maker.pay(payer, this.#invoice(other, nowMs)), this.#maker.transfer(payer, addressOfPayer(0), POCKET_ML - 400n, validUntilMs)];
      }
      case 7: { // the till takes it back while it is being refunded
        const invoice = this.#invoice(till, nowMs);
        return [this.#maker.pay(payer, invoice), this.#maker.refund(till, invoice, 300n, validUntilMs), this.#maker.refund(till, invoice, 1n, validUntilMs), this.#maker.voidInvoice(till, invoice)];
      }
      default: return [this.#maker.pay(payer, this.#invoice(till, nowMs))];
    }
  }

  #invoice(till: number, nowMs: number): Invoice {
    const invoice = { till, ...this.#maker.invoice(till, Math.floor((nowMs + LIFE_MS) / 1_000)) };
    this.#invoices.push(invoice);
    if (this.#invoices.length > REMEMBERED) this.#invoices.shift();
    return invoice;
  }

  #submit(node: SimProcess, tx: MadeTx): void {
    const { engine, life } = node;
    if (engine === undefined) return;
    this.count.submitted += 1;
    engine.port.submit(tx.bytes).then((answer) => {
      if (node.life !== life || !node.isUp || node.isByzantine) return;
      if (!answer.ok) {
        this.count.refused += 1;
        return;
      }
      this.count.accepted += 1;
      this.#checkAnswer(node, tx, answer.status);
      this.#accepted.push({ tx, node });
    }, () => undefined);
  }

  /** An answer "final" is what happened, whenever and wherever it is asked (I9). */
  #checkAnswer(node: SimProcess, tx: MadeTx, status: TxStatus): void {
    if (status.status !== 'final') return;
    const truth = this.#referee.executed.get(tx.txHash);
    if (truth?.height !== status.height || truth.index !== status.index || truth.code !== status.code) this.#blame('I9', `node ${node.index} says that ${tx.what} ${tx.txHash.slice(0, 8)} is final at ${status.height}/${status.index}, it is ${truth === undefined ? 'nowhere' : `at ${truth.height}/${truth.index}`}`);
  }

  /** How many accepted transactions have not ended yet at the node that accepted them; the end of the others is checked. */
  async pending(nowMs: number): Promise<number> {
    const open: Accepted[] = [];
    for (const { tx, node } of this.#accepted) {
      const status = await this.#ask(node, tx);
      if (status?.status === 'pending' || node.engine === undefined) open.push({ tx, node });
      else this.#checkEnd(node, tx, status, nowMs);
    }
    this.#accepted = open;
    return open.length;
  }

  /** A node that finds a damaged value ends with the question: it is asked again when it is back. */
  async #ask(node: SimProcess, tx: MadeTx): Promise<TxStatus | undefined> {
    try {
      return await node.engine?.port.txStatus(tx.txHash);
    } catch (error) {
      if (!(error instanceof StorageFailure)) this.#blame('I7', `node ${node.index} cannot say how ${tx.txHash.slice(0, 8)} stands: ${String(error)}`);
      return { status: 'pending', acceptedAtMs: 0 };
    }
  }

  #checkEnd(node: SimProcess, tx: MadeTx, status: TxStatus | undefined, nowMs: number): void {
    const executed = this.#referee.executed.get(tx.txHash);
    if (status?.status === 'final') return this.#checkAnswer(node, tx, status);
    if (executed !== undefined) return this.#blame('I7', `${tx.what} ${tx.txHash.slice(0, 8)} is final at ${executed.height}, node ${node.index} calls it ${status?.status ?? 'unknown'}`);
    if (status?.status === 'superseded' && !this.#referee.executed.has(status.by)) this.#blame('I7', `node ${node.index} calls ${tx.txHash.slice(0, 8)} superseded by what is nowhere`);
    if (status === undefined && nowMs <= tx.validUntilMs) this.#blame('I7', `node ${node.index} has accepted ${tx.what} ${tx.txHash.slice(0, 8)} and knows nothing of it`);
  }

  /** A wiped node has promised nothing. */
  forget(node: SimProcess): void {
    this.#accepted = this.#accepted.filter((one) => one.node !== node);
  }
}
