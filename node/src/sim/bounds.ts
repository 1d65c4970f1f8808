/** Queues, caches and stores of a running node stay under their limits, whatever is thrown at it (I11). */
import { PEER_INPUTS_MAX } from '../driver.ts';
import { BLOCKS_WHOLE_MAX } from '../driver/blocksInHand.ts';
import { PENDING_EVIDENCE_MAX } from '../driver/evidencePool.ts';
import { RANGES_MAX, RANGE_MAX } from '../driver/syncPlan.ts';
import type { Engine } from '../engine.ts';
import { STATES_MAX, STATES_MAX_BYTES } from '../recentStates.ts';
import { UNDO_MAX_BYTES } from '../storage/undo.ts';
import type { SimDisk } from './disk.ts';
import type { Blame } from './wireRecord.ts';

/** Inputs a node makes for itself at one time: timers of a few rounds, verdicts, own votes. */
const OWN_INPUTS = 256;
/** Bodies of one undecided height: two of each round there was; those of decided heights are one each. */
const BODIES_BESIDE = 64;
/** Rows of the database of blocks for each height: body and certificate. */
const ROWS_A_HEIGHT = 2;
/** A block found on disk, the one being built and those that may not be let go, beside the usual ones. */
const WHOLE_BESIDE = 4;
/** Versions of the tree: kept states, blocks in hand and one in work for each. */
const VERSIONS_BESIDE = 2 * BLOCKS_WHOLE_MAX;

/** What of a node can grow. */
export interface Sizes {
  readonly load: ReturnType<Engine['load']>;
  readonly states: ReturnType<Engine['states']>;
  readonly undoBytes: number;
  readonly versions: number;
  readonly pool: { readonly transactions: number; readonly limit: number };
  readonly height: number;
  readonly blockRows: number;
}

export function sizesOf(engine: Engine, blocks: SimDisk): Sizes {
  return { load: engine.load(), states: engine.states(), undoBytes: engine.undo().bytes, versions: engine.tree().versions, pool: engine.port.poolInfo(), height: engine.tip().height, blockRows: blocks.size };
}

export function checkBounds(node: number, { load, states, undoBytes, versions, pool, height, blockRows }: Sizes, peers: number, blame: Blame): void {
  const limits: readonly (readonly [what: string, is: number, limit: number])[] = [
    ['inputs', load.items, peers * PEER_INPUTS_MAX + OWN_INPUTS],
    ['whole blocks', load.wholeBlocks, BLOCKS_WHOLE_MAX + WHOLE_BESIDE],
    ['blocks ahead of its height', load.syncedAhead, RANGES_MAX * RANGE_MAX],
    ['states', states.states, STATES_MAX],
    ['bytes of states', states.bytes, STATES_MAX_BYTES],
    ['bytes of undo rows', undoBytes, UNDO_MAX_BYTES],
    ['tree versions', versions, STATES_MAX + VERSIONS_BESIDE],
    ['pending transactions', pool.transactions, pool.limit],
    ['rows of blocks', blockRows, ROWS_A_HEIGHT * (height + 1) + BODIES_BESIDE + PENDING_EVIDENCE_MAX],
  ];
  for (const [what, is, limit] of limits) if (is > limit) blame('I11', `node ${node} holds ${is} ${what}, the limit is ${limit}`);
}
