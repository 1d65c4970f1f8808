/**
 * The referee: keeps the one history there may be and holds every node against it. It executes each decided block by
 * itself, once, and counts what must happen once by itself.
 */
import {
  Certificate, ROWS, StateTree, applyBlock, assertReserveWhole, balanceOf, commitBlock, compareBytes, decode, encodeChange, equalBytes, fromHex, genesisTip, invoiceId, offenceIn, decodeInvoice, makeChain, makeSchedule, proposerAt, sha256, concat, toHex, verifyCertificate, Header,
  type Chain, type Genesis, type Tip, type ValidatorSet,
} from '@billcoin/protocol';
import { hashPairsNative } from '../crypto/sha256.ts';
import type { FinalBlock } from '../ports.ts';
import type { Signatures } from './keys.ts';
import type { SimProcess } from './process.ts';
import type { SimulationOptions } from './report.ts';
import { bodyKey, certificateKey, isCommitFor, type Blame } from './wireRecord.ts';

/** Between two full sums over all accounts; the ledger keeps the books block by block. */
const AUDIT_EVERY = 16;

export interface Decided {
  readonly id: string;
  readonly round: number;
  readonly proposer: number;
  /** The set that voted. */
  readonly validators: ValidatorSet;
}

type Decision = Pick<FinalBlock, 'height' | 'blockId' | 'certificate'>;

export class Referee {
  readonly #genesis: Genesis;
  readonly #blame: Blame;
  readonly #chain: Chain;
  #tip: Tip;
  /** By height − 1. */
  readonly decided: Decided[] = [];
  /** Where each transaction was executed. */
  readonly executed = new Map<string, { readonly height: number; readonly index: number; readonly code: number }>();
  readonly #onDecided: SimulationOptions['onDecided'];
  readonly #settled = new Map<string, string>();
  readonly #liars: ReadonlySet<string>;
  /** How often another set has begun to vote. */
  setChanges = 0;
  /** By key: how often it was punished. */
  readonly offences = new Map<string, number>();

  /** `liars`: hex of the keys of those that may sign twice. */
  constructor(genesis: Genesis, signatures: Signatures, liars: ReadonlySet<string>, blame: Blame, onDecided?: SimulationOptions['onDecided']) {
    this.#liars = liars;
    this.#onDecided = onDecided;
    this.#genesis = genesis;
    this.#blame = blame;
    this.#chain = makeChain(genesis, signatures.verify, new StateTree(hashPairsNative));
    this.#tip = genesisTip(this.#chain, genesis);
  }

  get height(): number {
    return this.decided.length;
  }

  /** A correct node calls a block final. */
  final(node: SimProcess, block: FinalBlock): void {
    const id = toHex(block.blockId);
    const known = this.decided[block.height - 1];
    if (known !== undefined && known.id !== id) return this.#blame('I1', `node ${node.index} decides ${id.slice(0, 8)} at height ${block.height}, others decided ${known.id.slice(0, 8)}`);
    this.#checkCertificate(node, block);
    if (node.disks.blocks.durable(certificateKey(block.height)) === undefined) this.#blame('I18', `node ${node.index} calls height ${block.height} final before its certificate is on disk`);
    if (known === undefined) {
      this.#catchUp(node, block.height - 1);
      this.#follow(node, block, id);
    } else this.#compareState(node, block);
  }

  /** A correct node has recovered: what has its certificate on disk is final, also where the process ended before it said so. */
  recovered(node: SimProcess, tipHeight: number): void {
    this.#catchUp(node, tipHeight);
  }

  #catchUp(node: SimProcess, tipHeight: number): void {
    for (let height = this.height + 1; height <= tipHeight; height++) {
      const certificate = decode(Certificate, node.disks.blocks.read(certificateKey(height)) ?? new Uint8Array(0));
      if (!certificate.ok) return;
      const { blockId } = certificate.value;
      const block = { height, blockId, certificate: certificate.value };
      this.#checkCertificate(node, block);
      this.#follow(node, block, toHex(blockId));
    }
  }

  /** The set that votes at a height up to the next one. */
  setAt(height: number): ValidatorSet {
    return this.decided[height - 1]?.validators ?? this.#tip.validators;
  }

  /** Pieces of evidence that would still stand in a block: what they prove is not punished yet. */
  unpunished(evidence: Iterable<Uint8Array>): readonly Uint8Array[] {
    return [...evidence].filter((bytes) => offenceIn(this.#chain, this.#tip, bytes) !== undefined);
  }

  /** Hash over all rows of a state: byte-identical or not. */
  stateHash(tip: Tip): string {
    return toHex(sha256(concat(...tip.state.all().map(encodeChange).map(({ key, value }) => sha256(concat(key, value ?? new Uint8Array(0)))).sort(compareBytes))));
  }

  get tip(): Tip {
    return this.#tip;
  }

  #checkCertificate(node: SimProcess, { height, blockId, certificate }: Decision): void {
    const isGenuine = isCommitFor(certificate, height, blockId) && verifyCertificate(this.#genesis.genesisHash, this.setAt(height), certificate, this.#chain.verify).ok;
    if (!isGenuine) this.#blame('I3', `node ${node.index} decides height ${height} without a quorum of valid precommits`);
  }

  /** The first node at a height: its block is executed here too. */
  #follow(node: SimProcess, block: Decision, id: string): void {
    if (block.height !== this.height + 1) return this.#blame('I4', `node ${node.index} decides height ${block.height} after height ${this.height}`);
    const blockBytes = node.disks.blocks.read(bodyKey(block.height, block.blockId));
    const verdict = blockBytes === undefined ? undefined : applyBlock(this.#chain, this.#tip, blockBytes);
    if (verdict?.ok !== true) return this.#blame('I2', `node ${node.index} decides block ${id.slice(0, 8)} at height ${block.height}, which the referee finds ${verdict === undefined ? 'nowhere' : `invalid: ${JSON.stringify(verdict.fault, (_, value: unknown) => String(value))}`}`);
    const { header, codes, txs, evidence } = verdict.value;
    for (const bytes of evidence) this.#judgeOffence(bytes);
    const { validators, validatorsSince } = this.#tip;
    checkTurns(validators, validatorsSince, header, this.#blame);
    this.#tip = commitBlock(this.#chain, this.#tip, verdict.value, block.certificate);
    if (this.#tip.validatorsSince !== validatorsSince) this.setChanges += 1;
    this.decided.push({ id, round: block.certificate.round, proposer: header.proposerIndex, validators });
    txs.forEach((tx, index) => this.#execute(tx.txHash, { height: block.height, index, code: codes[index] ?? 0 }, tx.body.kind.case === 'pay' || tx.body.kind.case === 'voidInvoice' ? tx.body.kind.value.invoice : undefined));
    this.#onDecided?.(verdict.value, this.#tip);
    if (block.height % AUDIT_EVERY === 0) this.audit();
  }

  /** Evidence in a block is against a liar, and each is punished once (I12). */
  #judgeOffence(bytes: Uint8Array): void {
    const offence = offenceIn(this.#chain, this.#tip, bytes);
    const key = offence === undefined ? '?' : toHex(offence.publicKey);
    if (!this.#liars.has(key)) this.#blame('I12', `evidence against validator ${key.slice(0, 8)}, who never lied, stands in a block`);
    const times = (this.offences.get(key) ?? 0) + 1;
    if (times > 1) this.#blame('I12', `validator ${key.slice(0, 8)} is punished again`);
    this.offences.set(key, times);
  }

  #execute(txHash: string, at: { readonly height: number; readonly index: number; readonly code: number }, invoice: Uint8Array | undefined): void {
    const before = this.executed.get(txHash);
    if (before !== undefined) this.#blame('I8', `transaction ${txHash.slice(0, 8)} is executed at height ${before.height} and again at ${at.height}`);
    this.executed.set(txHash, at);
    if (invoice === undefined || at.code !== 0) return;
    const terms = decodeInvoice(invoice);
    if (!terms.ok) return this.#blame('I8', `height ${at.height} settles what is no invoice`);
    const key = invoiceId(terms.value.tillNo, terms.value.ref);
    const by = this.#settled.get(key);
    if (by !== undefined) this.#blame('I8', `an invoice is settled by ${by.slice(0, 8)} and by ${txHash.slice(0, 8)}`);
    this.#settled.set(key, txHash);
  }

  /** The reserve equation over all accounts, and no account below zero. */
  audit(): void {
    try {
      assertReserveWhole(this.#tip.state);
    } catch (error) {
      this.#blame('I8', error instanceof Error ? error.message : 'the books do not balance');
    }
    for (const change of this.#tip.state.all()) {
      if (change.type !== ROWS.account) continue;
      const address = fromHex(change.id);
      if (address !== undefined && balanceOf(this.#tip.state, address) < 0n) this.#blame('I8', `account ${change.id.slice(0, 8)} is below zero`);
    }
  }

  #compareState(node: SimProcess, block: FinalBlock): void {
    const { chain, engine } = node;
    const header = decode(Header, block.headerBytes);
    const tip = engine?.tip();
    if (chain === undefined || tip === undefined || !header.ok || tip.height !== block.height) return;
    if (!equalBytes(chain.tree.root(tip.treeVersion), header.value.stateRoot)) this.#blame('I4', `node ${node.index} has another state after height ${block.height}`);
  }
}

/** I17: the proposer is the one whose turn it is, and in as many turns as there is weight each has as many as its weight. */
export function checkTurns(validators: ValidatorSet, since: number, { height, round, proposerIndex }: Pick<Header, 'height' | 'round' | 'proposerIndex'>, blame: Blame): void {
  const schedule = makeSchedule(validators, since);
  if (proposerIndex !== proposerAt(schedule, height, round)) blame('I17', `height ${height} was proposed out of turn`);
  // Every active validator has one vote (consensus page §1.18), so a round of turns is one each.
  const size = validators.validators.length;
  const turns = new Set(Array.from({ length: size }, (_, i) => proposerAt(schedule, height + i, 0)));
  if (turns.size !== size) blame('I17', `in ${size} heights from ${height} on only ${turns.size} of ${size} validators propose`);
}
