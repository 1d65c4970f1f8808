/**
 * Follows the final blocks in order, each exactly once: rows of a block and the cursor are one batch, so a crash repeats
 * or keeps a block whole. At the start it catches up from its cursor to the tip.
 */
import type { OrderEvent } from '../campusPorts.ts';
import type { ChainPort, FinalBlock, KeyValueStore, Log } from '../ports.ts';
import type { Lane } from './lane.ts';
import type { OrderEvents } from './orderEvents.ts';
import { projectBlock, type ProjectContext } from './projectBlock.ts';
import { openRowBatch } from './rowBatch.ts';
import { openSaleRows, type SaleRowsDeps } from './saleRows.ts';
import { getRow, ONLY, TABLES } from './store.ts';

export interface Cursor {
  readonly height: number;
  readonly timeMs: number;
}

export interface Follower {
  /** The last block whose rows are on disk. */
  cursor(): Cursor;
  /** Why following stopped for good, for the health check; undefined while all is well. */
  failure(): string | undefined;
  /** Resolves when every block up to the tip of this moment is projected; rejects where following has failed. */
  caughtUp(): Promise<void>;
  /** Called after each block that came while running (not those caught up at the start). */
  onBlock(listener: (block: FinalBlock, events: readonly OrderEvent[]) => void): () => void;
  close(): Promise<void>;
}

export interface FollowerDeps extends SaleRowsDeps, Omit<ProjectContext, 'sales'> {
  readonly chain: ChainPort;
  readonly store: KeyValueStore;
  readonly lane: Lane;
  readonly log: Log;
  readonly events: OrderEvents;
  /** Run whenever the rows stand at the tip, at the start as well. */
  readonly atTip: () => Promise<void>;
}

/** A new campus store on a node that was made from a snapshot begins there: sales before it are not on this node. */
async function readCursor({ chain, store }: FollowerDeps): Promise<Cursor> {
  return (await getRow(store, TABLES.cursor, ONLY)) ?? { height: chain.firstBlock - 1, timeMs: 0 };
}

/** Writes the rows of one block and the cursor behind it as one batch. */
async function projectAt({ chain, store, lane }: FollowerDeps, context: ProjectContext, height: number): Promise<{ readonly block: FinalBlock; readonly told: readonly OrderEvent[] }> {
  const block = await chain.readFinal(height);
  if (block === undefined) throw new Error(`block ${height} is not stored here; restore the campus store of this node, or start it from an archive node`);
  const batch = openRowBatch(store);
  const told = await lane.commit(async () => {
    const value = await projectBlock(context, batch, block);
    batch.put(TABLES.cursor, ONLY, { height, timeMs: block.timeMs });
    // Blocks without payments can be projected again; the ones with payments must not be told twice after a crash.
    return { value, written: store.batch(batch.operations(), { sync: block.txs.length > 0 }) };
  }, { always: true }); // a crowd of orders that fills the lane must not stop the chain's own rows
  return { block, told };
}

export async function startFollower(deps: FollowerDeps): Promise<Follower> {
  const { chain, log, events, atTip } = deps;
  const listeners = new Set<(block: FinalBlock, events: readonly OrderEvent[]) => void>();
  const startHeight = chain.tip().height;
  let cursor = await readCursor(deps);
  const context: ProjectContext = { ...deps, sales: await openSaleRows(deps, cursor.height) };
  let failure: string | undefined;
  let closed = false;
  let run: Promise<void> | undefined;

  async function projectNext(): Promise<void> {
    const { block, told } = await projectAt(deps, context, cursor.height + 1);
    const { height, timeMs } = block;
    cursor = { height, timeMs };
    events.emit(told);
    if (height > startHeight) for (const listener of listeners) listener(block, told);
  }

  async function catchUp(): Promise<void> {
    try {
      while (!closed && failure === undefined && cursor.height < chain.tip().height) await projectNext();
      if (!closed && failure === undefined) await atTip();
    } catch (error) {
      failure = `the campus rows stopped at block ${cursor.height}: ${error instanceof Error ? error.message : String(error)}`;
      log.error({ error, height: cursor.height }, 'campus rows stopped; orders and exports are out of date until this is mended and the node restarted');
    }
  }

  /** One run at a time; a block that comes during a run is seen by its loop, one that comes at its end starts the next. */
  function wake(): void {
    if (run !== undefined || closed) return;
    run = catchUp().finally(() => {
      run = undefined;
      if (failure === undefined && cursor.height < chain.tip().height) wake();
    });
  }

  const unsubscribe = chain.onFinal(wake);
  wake();
  return {
    cursor: () => cursor,
    failure: () => failure,
    async caughtUp() {
      const target = chain.tip().height;
      wake();
      while (cursor.height < target && run !== undefined) await run;
      if (failure !== undefined) throw new Error(failure);
    },
    onBlock(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      closed = true;
      unsubscribe();
      await run;
    },
  };
}
