/** Ed25519 verification off the main thread, in batches, by the one signature rule (protocol.md §3). */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { SignedItem } from '../signaturesOf.ts';
import { packItems } from './verifyBatch.ts';
import { verifyEd25519Native } from './verifier.ts';

/** Items of one task: at 64 a worker is within 3 % of its bare speed; at 1 the hand-over costs more than the check. */
const BATCH_ITEMS = 64;
/** Up to here the caller's own thread is quicker than a hand-over (measured: scripts/src/bench/signature.ts). */
const INLINE_ITEMS = 8;
/** Tasks a thread may have waiting, about 2.6 ms each; beyond, the caller's thread does the work, which slows it down. */
const WAITING_TASKS_PER_THREAD = 128;

/** A pool of verifying threads. Verdicts come in the order of the items. */
export type VerifyPool = {
  /** Rejects with an Error only if the pool is closed or a worker dies (`cause`): never because of the items. */
  readonly verifyMany: (items: readonly SignedItem[]) => Promise<boolean[]>;
  /** Lets what was asked end, then ends the threads. */
  readonly close: () => Promise<void>;
};

/** Compiled, the worker is the .js beside this one; run from source, a bootstrap that loads the .ts. */
function workerFile(): string {
  const name = import.meta.url.endsWith('.ts') ? './verifyWorker.source.mjs' : './verifyWorker.js';
  return fileURLToPath(new URL(name, import.meta.url));
}

function verifyInline(items: readonly SignedItem[]): boolean[] {
  return items.map((item) => verifyEd25519Native(item.publicKey, item.message, item.signature));
}

/** Splits evenly over the threads, never more than BATCH_ITEMS together. */
function batchesOf(items: readonly SignedItem[], threads: number): SignedItem[][] {
  const size = Math.min(BATCH_ITEMS, Math.ceil(items.length / threads));
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Starts `threads` (≥ 1) verifying threads; they do not keep the process alive while idle. */
export function createVerifyPool({ threads }: { readonly threads: number }): VerifyPool {
  const queueMax = threads * WAITING_TASKS_PER_THREAD;
  const pool = new Piscina({
    filename: workerFile(),
    name: 'verifyPacked',
    minThreads: threads,
    maxThreads: threads,
    maxQueue: queueMax,
  });

  async function verifyBatch(items: readonly SignedItem[]): Promise<boolean[]> {
    if (pool.queueSize >= queueMax) return verifyInline(items);
    const packed = packItems(items);
    const verdicts = (await pool.run(packed, { transferList: [packed.buffer] })) as Uint8Array;
    return Array.from(verdicts, (verdict) => verdict === 1);
  }

  let closed = false; // piscina would start threads again for a task that comes after its close
  return {
    async verifyMany(items) {
      if (closed) throw new Error('the verify pool is closed');
      if (items.length <= INLINE_ITEMS) return verifyInline(items);
      try {
        return (await Promise.all(batchesOf(items, threads).map(verifyBatch))).flat();
      } catch (cause) {
        throw new Error(`the verify pool failed on ${items.length} signatures`, { cause });
      }
    },
    close: () => {
      closed = true;
      return pool.close();
    },
  };
}
