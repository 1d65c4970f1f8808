/** A mempool on a real ledger and a real database, with a clock in the hand of the test and blocks on demand. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BLOCK_MAX_TXS, StateTree, buildBlock, commitBlock, genesisTip, makeCertificate, makeChain, makeValidatorSet, signEd25519, toHex, verifyEd25519, votePreimage, type Chain, type ParsedTx, type Tip,
} from '@billcoin/protocol';
import { makeVerifyCache } from '../../src/crypto/verifyCache.ts';
import { finalBlockOf } from '../../src/finalBlock.ts';
import { makeLog } from '../../src/log.ts';
import { POOL_LIMITS, type PoolLimits } from '../../src/mempool/limits.ts';
import { Mempool } from '../../src/mempool/mempool.ts';
import { makeSignatureQueue } from '../../src/mempool/signatureQueue.ts';
import { loadAccepted } from '../../src/mempool/poolStore.ts';
import type { FinalBlock, Store, StoreOperation, TxStatus } from '../../src/ports.ts';
import { groupCommit, type GroupCommit } from '../../src/storage/groupCommit.ts';
import { openLevelStore } from '../../src/storage/levelStore.ts';
import { KEYS, TxMaker, makeTestGenesis } from './testNetwork.ts';

export class PoolWorld {
  readonly chain: Chain;
  readonly maker: TxMaker;
  readonly verifications: number[] = [];
  /** How often the chain was asked for an id, from disk. */
  asked = 0;
  readonly folder: string;
  nowMs: number;
  tip: Tip;
  pool!: Mempool;
  #store!: Store;
  readonly #finals = new Map<string, TxStatus>();
  readonly #limits: PoolLimits;

  private constructor(folder: string, limits: PoolLimits) {
    const genesis = makeTestGenesis(Date.now() - 10_000);
    const cache = makeVerifyCache((publicKey, message, signature) => {
      this.verifications.push(1);
      return verifyEd25519(publicKey, message, signature);
    });
    this.chain = makeChain(genesis, cache.verify, new StateTree());
    this.maker = new TxMaker(genesis);
    this.tip = genesisTip(this.chain, genesis);
    this.nowMs = Date.now();
    this.folder = folder;
    this.#limits = limits;
    this.#remember = (item) => cache.remember(item.publicKey, item.message, item.signature);
  }
  readonly #remember: Parameters<typeof makeSignatureQueue>[1];

  /** With money: the farm holds a million millilitres, `funded` get 100 L each. */
  static async make(limits: Partial<PoolLimits> = {}, funded: readonly Uint8Array[] = []): Promise<PoolWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'billcoin-pool-'));
    const world = new PoolWorld(folder, { ...POOL_LIMITS, ...limits });
    world.block(world.maker.mint(50_000_000n).map((bytes) => world.maker.parse(bytes)));
    world.block(funded.map((to) => world.maker.parse(world.maker.transfer(KEYS.farm, to, 100_000n))));
    await world.open();
    return world;
  }

  async open(): Promise<void> {
    this.#store = await openLevelStore({ name: 'mempool', folder: join(this.folder, 'mempool'), onFailure: () => undefined });
    this.pool = await Mempool.open({
      chain: this.chain, tip: () => this.tip, store: this.#store, writeDurable: this.#writer(groupCommit(this.#store)),
      verifySignatures: makeSignatureQueue((items) => Promise.resolve(items.map((item) => this.chain.verify(item.publicKey, item.message, item.signature))), this.#remember),
      finalStatus: async (txHash) => {
        this.asked += 1;
        return this.#finals.get(txHash);
      },
      clock: { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs }, log: makeLog({ level: 'silent', nodeName: 'test' }), limits: this.#limits,
      onWork: () => undefined, onAdmitted: () => undefined,
    });
  }

  /** Writes wait for this: a disk that is busy. */
  busy: Promise<void> = Promise.resolve();

  #writer({ write }: GroupCommit<StoreOperation>): (operations: readonly StoreOperation[]) => Promise<void> {
    return async (operations) => {
      await this.busy;
      await write(operations);
    };
  }

  /** Accepted transactions on disk. */
  async storedCount(): Promise<number> {
    return (await loadAccepted(this.#store)).length;
  }

  /** As a crash would: nothing is flushed, the database is opened again. */
  async reopen(): Promise<void> {
    await this.#store.close();
    await this.open();
  }

  async remove(): Promise<void> {
    await this.#store.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Makes the next block of these transactions without telling the pool. */
  block(txs: readonly ParsedTx[], timeMs: number = Math.max(this.nowMs, this.tip.timeMs + 1)): FinalBlock {
    const executed = buildBlock(this.chain, this.tip, txs, timeMs, { proposerIndex: 0, round: 0 });
    const vote = { type: 'precommit', height: executed.header.height, round: 0, blockId: toHex(executed.blockId) } as const;
    const signature = signEd25519(KEYS.validator.seed, votePreimage(this.chain.genesisHash, vote));
    const certificate = makeCertificate(makeValidatorSet([{ publicKey: KEYS.validator.publicKey, power: 1 }]), vote, [{ ...vote, validatorIndex: 0, signature }]);
    if (certificate === undefined) throw new Error('one vote is a quorum of one');
    this.tip = commitBlock(this.chain, this.tip, executed, certificate);
    const block = finalBlockOf(executed, certificate);
    for (const tx of block.txs) this.#finals.set(tx.txHash, { status: 'final', height: block.height, index: tx.index, code: tx.code, timeMs: block.timeMs, blockId: block.blockId });
    return block;
  }

  /** A block of what the pool offers, as the node makes it. */
  poolBlock(timeMs?: number): FinalBlock {
    const offered = this.pool.offer(BLOCK_MAX_TXS);
    const block = this.block(offered, timeMs);
    const taken = offered.filter((tx) => block.txs.some(({ txHash }) => txHash === tx.txHash));
    this.pool.parkLeftOut(offered, taken);
    this.pool.afterBlock(block);
    return block;
  }
}
