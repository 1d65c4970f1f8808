/**
 * A chain in memory for API and campus tests: the real ledger, real certificates, a clock the test moves.
 * Only disk, network and consensus rounds are missing; a block is made when the test says so.
 */
import {
  buildBlock, checkTx, encodeChange, equalBytes, genesisTip, makeCertificate, makeChain, ok, parseTx, signEd25519, StateTree, offencesIn, toHex, validatorsHash, votePreimage, type Chain, type Executed, type Genesis, type ParsedTx, type Tip,
} from '@billcoin/protocol';
import { verifyEd25519Native } from '../../src/crypto/verifier.ts';
import { makeVerifyCache } from '../../src/crypto/verifyCache.ts';
import { finalBlockOf } from '../../src/finalBlock.ts';
import type { ChainPort, Clock, FinalBlock, Submitted, TipInfo, TxStatus } from '../../src/ports.ts';
import { RecentStates } from '../../src/recentStates.ts';
import { registrationsAt, registrationsOf, registryStateAt, type Registration } from '../../src/storage/registryHistory.ts';
import { KEYS, type Key } from './testNetwork.ts';

export class ManualClock implements Clock {
  #nowMs: number;
  constructor(startMs: number) {
    this.#nowMs = startMs;
  }
  nowMs(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#nowMs;
  }
  /** Never backwards. */
  moveTo(timeMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, timeMs);
  }
}

export class MemoryChain implements ChainPort {
  readonly genesis: Genesis;
  readonly clock: ManualClock;
  readonly #chain: Chain;
  readonly #states: RecentStates;
  #tip: Tip;
  #blocks: FinalBlock[] = [];
  readonly #registrations: Registration[];
  readonly #pending = new Map<string, ParsedTx>();
  readonly #ended = new Map<string, TxStatus>();
  /** Of those that ended without being final. */
  readonly #senders = new Map<string, Uint8Array>();
  readonly #evidence = new Set<string>();
  readonly #onFinal = new Set<(block: FinalBlock) => void>();
  readonly #onAdmitted = new Set<(tx: ParsedTx) => void>();

  readonly #validatorKeys: readonly Key[];

  /** `validatorKeys` are those of the genesis; a validator without one here votes never. */
  constructor(genesis: Genesis, validatorKeys: readonly Key[] = [KEYS.validator]) {
    this.genesis = genesis;
    this.#validatorKeys = validatorKeys;
    this.clock = new ManualClock(genesis.spec.timeMs + 1_000);
    this.#chain = makeChain(genesis, makeVerifyCache(verifyEd25519Native).verify, new StateTree());
    this.#tip = genesisTip(this.#chain, genesis);
    this.#registrations = [...registrationsAt(this.#tip.state.all().map(encodeChange), 0)];
    this.#states = new RecentStates(this.#chain, this.#tip);
  }

  get network(): string { return this.genesis.spec.network; }
  get chainId(): string { return this.genesis.chainId; }
  get genesisHash(): Uint8Array { return this.genesis.genesisHash; }
  readonly firstBlock: number = 1;
  get genesisJson(): string { return this.genesis.text; }
  get validators(): ChainPort['validators'] { return this.genesis.validators; }

  tip(): TipInfo {
    const last = this.#blocks.at(-1);
    if (last === undefined) return { height: 0, timeMs: this.genesis.spec.timeMs, blockId: new Uint8Array(32), headerBytes: new Uint8Array(0), certificate: undefined };
    const { height, timeMs, blockId, headerBytes, certificate } = last;
    return { height, timeMs, blockId, headerBytes, certificate };
  }

  state(): ReturnType<ChainPort['state']> {
    return this.#tip.state;
  }

  proveRow(rowKey: Uint8Array, height?: number): ReturnType<ChainPort['proveRow']> {
    return this.#states.proveRow(rowKey, height);
  }

  validatorSet(hash: Uint8Array): ReturnType<ChainPort['validatorSet']> {
    return equalBytes(validatorsHash(this.validators), hash) ? this.validators : undefined;
  }

  async readFinal(height: number): Promise<FinalBlock | undefined> {
    return this.#blocks[height - 1];
  }

  readHeader(height: number): ReturnType<ChainPort['readHeader']> {
    return this.readFinal(height);
  }

  async heightOfBlock(blockIdHex: string): Promise<number | undefined> {
    return this.#blocks.find((block) => toHex(block.blockId) === blockIdHex)?.height;
  }

  async accountHistory(address: Uint8Array, limit: number, before?: { readonly height: number; readonly index: number }): ReturnType<ChainPort['accountHistory']> {
    const hex = toHex(address);
    const all = this.#blocks.flatMap((block) => block.txs.filter((tx) => touches(tx.body.sender, tx.events, hex)).map((tx) => ({ height: block.height, index: tx.index, txHash: tx.txHash }))).reverse();
    return all.filter((at) => before === undefined || at.height < before.height || (at.height === before.height && at.index < before.index)).slice(0, limit);
  }

  async batchHistory(batchKey: Uint8Array, limit: number): ReturnType<ChainPort['batchHistory']> {
    const hex = toHex(batchKey);
    const names = (tx: FinalBlock['txs'][number]): boolean => tx.events.some(({ value }) => 'batch' in value && toHex(value.batch) === hex);
    return this.#blocks.flatMap(({ height, timeMs, txs }) => txs.filter(names).map(({ index, txHash, body, events }) => ({ height, index, timeMs, txHash, body, events }))).slice(0, limit);
  }

  async batchesOfLot(lot: Uint8Array, limit: number): Promise<readonly Uint8Array[]> {
    const opened = this.#blocks.flatMap(({ txs }) => txs).flatMap(({ body, events }) => (body.kind.case === 'openBatch' && toHex(body.kind.value.lot) === toHex(lot) ? events : []));
    const keys = new Map(opened.flatMap(({ value }) => ('batch' in value ? [[toHex(value.batch), value.batch] as const] : [])));
    return [...keys.values()].reverse().slice(0, limit);
  }

  async registryAt(height: number): ReturnType<ChainPort['registryAt']> {
    const block = height === 0 ? { timeMs: this.genesis.spec.timeMs, blockId: new Uint8Array(32) } : this.#blocks[height - 1];
    return block === undefined ? undefined : { height, timeMs: block.timeMs, blockId: block.blockId, state: await registryStateAt(this.#registrations, height) };
  }

  /** Keeps whatever proves an offence; nobody puts it into a block. */
  async offerEvidence(evidence: Uint8Array): ReturnType<ChainPort['offerEvidence']> {
    if (offencesIn(this.#chain, this.#tip, evidence).length === 0) return undefined;
    const id = toHex(evidence);
    if (this.#evidence.has(id)) return 'known';
    this.#evidence.add(id);
    return 'kept';
  }

  async submit(given: Uint8Array | ParsedTx): Promise<Submitted> {
    const parsed = given instanceof Uint8Array ? parseTx(this.#chain, given) : ok(given);
    if (!parsed.ok) return { ok: false, refusal: parsed.fault };
    const tx = parsed.value;
    const known = await this.txStatus(tx.txHash);
    if (known !== undefined) return { ok: true, txHash: tx.txHash, fresh: false, status: known };
    const verdict = checkTx(this.#chain, this.#tip.state, tx, { height: this.#tip.height + 1, timeMs: this.clock.nowMs(), prevTimeMs: this.#tip.timeMs });
    if (!verdict.ok) return { ok: false, refusal: verdict.fault };
    this.#pending.set(tx.txHash, tx);
    for (const listener of this.#onAdmitted) listener(tx);
    return { ok: true, txHash: tx.txHash, fresh: true, status: { status: 'pending', acceptedAtMs: this.clock.nowMs() } };
  }

  statusOf({ txHash }: ParsedTx): Promise<TxStatus | undefined> {
    return this.txStatus(txHash);
  }

  async txStatus(txHash: string): Promise<TxStatus | undefined> {
    if (this.#pending.has(txHash)) return { status: 'pending', acceptedAtMs: this.clock.nowMs() };
    return this.#ended.get(txHash);
  }

  pendingTx(txHash: string): ParsedTx | undefined {
    return this.#pending.get(txHash);
  }

  pendingPayOf({ tillNo, ref }: Parameters<ChainPort['pendingPayOf']>[0]): ParsedTx | undefined {
    return [...this.#pending.values()].find(({ body, invoice }) => body.kind.case === 'pay' && invoice?.tillNo === tillNo && equalBytes(invoice.ref, ref));
  }

  unfinalSender(txHash: string): Uint8Array | undefined {
    return this.#pending.get(txHash)?.body.sender ?? this.#senders.get(txHash);
  }

  /** What a restart loses: a transaction of a peer waits in memory alone, and comes again. */
  forget(txHash: string): void {
    this.#pending.delete(txHash);
  }

  onFinal(listener: (block: FinalBlock) => void): () => void {
    this.#onFinal.add(listener);
    return () => void this.#onFinal.delete(listener);
  }

  onAdmitted(listener: (tx: ParsedTx) => void): () => void {
    this.#onAdmitted.add(listener);
    return () => void this.#onAdmitted.delete(listener);
  }

  poolInfo(): { readonly transactions: number; readonly bytes: number; readonly limit: number } {
    const bytes = [...this.#pending.values()].reduce((sum, tx) => sum + tx.bytes.length, 0);
    return { transactions: this.#pending.size, bytes, limit: 10_000 };
  }

  /** Makes the next block of what is pending, `afterMs` after the clock's time; the clock stands at its time then. */
  block(afterMs = 1_000): FinalBlock {
    const timeMs = Math.max(this.clock.nowMs() + afterMs, this.#tip.timeMs + 1);
    this.clock.moveTo(timeMs);
    const executed = buildBlock(this.#chain, this.#tip, [...this.#pending.values()], timeMs, { proposerIndex: 0, round: 0 });
    const certificate = this.#certificate(executed);
    this.#tip = this.#states.commit(this.#tip, executed, certificate);
    const block = finalBlockOf(executed, certificate);
    this.#blocks.push(block);
    this.#registrations.push(...registrationsOf(block, executed.byteChanges));
    this.#end(block);
    for (const listener of this.#onFinal) listener(block);
    return block;
  }

  /** Bytes that the pool refuses, put into the next block all the same: a proposer may include what fails. */
  force(txBytes: Uint8Array): string {
    const parsed = parseTx(this.#chain, txBytes);
    if (!parsed.ok) throw new Error(parsed.fault.code);
    this.#pending.set(parsed.value.txHash, parsed.value);
    return parsed.value.txHash;
  }

  #certificate(executed: Executed): FinalBlock['certificate'] {
    const vote = { type: 'precommit', height: executed.header.height, round: executed.header.round, blockId: toHex(executed.blockId) } as const;
    const message = votePreimage(this.genesisHash, vote);
    const votes = this.validators.validators.map(({ publicKey }, validatorIndex) => {
      const key = this.#validatorKeys.find((one) => equalBytes(one.publicKey, publicKey));
      return key === undefined ? undefined : { ...vote, validatorIndex, signature: signEd25519(key.seed, message) };
    });
    const certificate = makeCertificate(this.validators, vote, votes);
    if (certificate === undefined) throw new Error('the keys here are a quorum');
    return certificate;
  }

  /** A pending transaction ends as final, superseded (its invoice was settled) or expired. */
  #end(block: FinalBlock): void {
    for (const tx of block.txs) {
      this.#pending.delete(tx.txHash);
      this.#ended.set(tx.txHash, { status: 'final', height: block.height, index: tx.index, code: tx.code, timeMs: block.timeMs, blockId: block.blockId });
    }
    for (const [txHash, tx] of this.#pending) {
      const settledBy = block.txs.find((done) => done.events.some((event) => (event.case === 'paid' || event.case === 'invoiceVoided') && event.value.tillNo === tx.invoice?.tillNo && toHex(event.value.ref) === toHex(tx.invoice.ref)));
      if (settledBy !== undefined) this.#ended.set(txHash, { status: 'superseded', by: settledBy.txHash });
      else if (block.timeMs > tx.body.validUntilMs) this.#ended.set(txHash, { status: 'expired' });
      else continue;
      this.#senders.set(txHash, tx.body.sender);
      this.#pending.delete(txHash);
    }
  }
}

/** A transaction touches its sender and every address its events name. */
function touches(sender: Uint8Array, events: FinalBlock['txs'][number]['events'], hex: string): boolean {
  if (toHex(sender) === hex) return true;
  return events.some(({ value }) => Object.values(value).some((part) => part instanceof Uint8Array && part.length === 20 && toHex(part) === hex));
}
