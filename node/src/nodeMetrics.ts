/** Metrics of chain, disk and pool. Each stands on the dashboard "Chain". */
import type { Tip, TreeMemory } from '@billcoin/protocol';
import { LATENCY_BUCKETS_S, type Metrics } from './metrics.ts';
import type { ChainPort, Clock, FinalBlock } from './ports.ts';

export type SyncKind = 'body' | 'guard' | 'certificate';

export interface NodeMeasures {
  /** The same write, its time until it is on disk measured. */
  timed<A extends readonly unknown[]>(what: SyncKind, write: (...args: A) => Promise<void>): (...args: A) => Promise<void>;
  committed(block: FinalBlock): void;
  /** A validator has signed twice. */
  evidence(): void;
}

export interface MeasuredParts {
  readonly tip: () => Tip;
  readonly pool: () => ReturnType<ChainPort['poolInfo']>;
  readonly tree: () => TreeMemory;
  readonly states: () => { readonly states: number; readonly bytes: number };
  readonly undo: () => { readonly rows: number; readonly bytes: number };
  readonly diskFreeBytes: () => number;
  readonly diskFloorBytes: number;
  readonly load: () => { readonly items: number; readonly wholeBlocks: number; readonly syncedAhead: number };
  readonly clockOffsetMs: () => number;
  readonly clock: Clock;
}

/** Transactions in a block: from idle blocks to full ones. */
const TXS_BUCKETS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

export function declareNodeMetrics(metrics: Metrics, { tip, pool, tree, states, undo, diskFreeBytes, diskFloorBytes, load, clockOffsetMs, clock }: MeasuredParts): NodeMeasures {
  metrics.measured('billcoin_chain_height', 'Height of the newest final block', () => tip().height);
  metrics.measured('billcoin_state_rows', 'Rows of the state', () => tip().state.size);
  metrics.measured('billcoin_state_tree_bytes', 'Memory of the state tree', () => tree().allocatedBytes);
  metrics.measured('billcoin_proof_states', 'Heights whose state is kept for proofs', () => states().states);
  metrics.measured('billcoin_proof_state_bytes', 'Memory of the states kept beside the newest, about', () => states().bytes);
  metrics.measured('billcoin_mempool_transactions', 'Accepted transactions that have not ended', () => pool().transactions);
  metrics.measured('billcoin_mempool_limit_transactions', 'Accepted transactions that fit in; beyond it new ones are answered with 503', () => pool().limit);
  metrics.measured('billcoin_mempool_bytes', 'Bytes of accepted transactions that have not ended', () => pool().bytes);
  metrics.measured('billcoin_state_undo_rows', 'Flushes of the state that a rollback can take back', () => undo().rows);
  metrics.measured('billcoin_state_undo_bytes', 'Bytes on disk of what a rollback needs', () => undo().bytes);
  metrics.measured('billcoin_disk_free_bytes', 'Free space under the data or key folder, the lesser', diskFreeBytes);
  metrics.measured('billcoin_disk_floor_bytes', 'Free space below which no new transactions are taken; below a quarter of it the node stops', () => diskFloorBytes);
  metrics.measured('billcoin_consensus_waiting_inputs', 'Messages and own inputs that wait for the consensus loop', () => load().items);
  metrics.measured('billcoin_consensus_whole_blocks', 'Blocks of the height in progress that are held whole', () => load().wholeBlocks);
  metrics.measured('billcoin_consensus_clock_offset_seconds', 'Largest difference between the own clock and a validator\'s, by its newest proposals, their way included; alarm at 0.1', () => clockOffsetMs() / 1_000);
  metrics.measured('billcoin_sync_held_blocks', 'Blocks fetched ahead of the own height; 0 on a node that is not behind', () => load().syncedAhead);
  const blocks = metrics.counter('billcoin_chain_blocks_total', 'Blocks that became final since the start');
  const rounds = metrics.counter('billcoin_consensus_rounds_total', 'Rounds that these blocks took; as many as blocks where no round fails');
  const transactions = metrics.counter('billcoin_chain_transactions_total', 'Transactions that became final since the start', ['result']);
  const blockTxs = metrics.histogram('billcoin_block_transactions', 'Transactions in a final block', TXS_BUCKETS);
  const finality = metrics.histogram('billcoin_block_finality_seconds', 'From the block time to its certificate on disk', LATENCY_BUCKETS_S);
  const evidence = metrics.counter('billcoin_consensus_evidence_total', 'Times a validator was seen to sign twice since the start');
  const syncs = metrics.histogram('billcoin_disk_sync_seconds', 'Time of a synced write on the path to finality', LATENCY_BUCKETS_S, ['what']);

  return {
    timed: (what, write) => async (...args) => {
      const startMs = clock.monotonicMs();
      await write(...args);
      syncs.observe({ what }, (clock.monotonicMs() - startMs) / 1_000);
    },
    evidence: () => evidence.inc(),
    committed(block) {
      blocks.inc();
      rounds.inc(block.certificate.round + 1);
      const done = block.txs.filter((tx) => tx.code === 0).length;
      transactions.inc({ result: 'done' }, done);
      transactions.inc({ result: 'fault' }, block.txs.length - done);
      blockTxs.observe(block.txs.length);
      finality.observe(Math.max(0, clock.nowMs() - block.timeMs) / 1_000);
    },
  };
}
