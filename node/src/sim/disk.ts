/**
 * Disks of the simulator. A database keeps on a crash what was synced and a prefix of what was written after it; a guard
 * file holds the last synced record, or the one that was being written.
 */
import { assert, type HardState } from '@billcoin/protocol';
import type { Store, StoreOperation, StoreRange } from '../ports.ts';
import type { Random } from './random.ts';

export function textKey(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

function bytesKey(key: string): Uint8Array {
  return new Uint8Array(Buffer.from(key, 'latin1'));
}

/** One write that is not synced: what the rows were before it. */
interface Unsynced {
  readonly number: number;
  readonly before: readonly (readonly [key: string, value: Uint8Array | undefined])[];
}

/** What a running process hangs on a disk: its writes take time and end with it. */
export interface DiskUser {
  readonly isAlive: () => boolean;
  /** Resolves when the write is done, never if the process dies first. Calls `done` at that instant. */
  write(what: string, sync: boolean, done: () => void): Promise<void>;
}

/** What a dead process waits for. */
export const NEVER = new Promise<never>(() => { /* never */ });

export class SimDisk {
  readonly #rows = new Map<string, Uint8Array>();
  #unsynced: Unsynced[] = [];
  #number = 0;

  get size(): number {
    return this.#rows.size;
  }

  /** What is there after a crash now, whatever is lost. */
  durable(key: Uint8Array): Uint8Array | undefined {
    const text = textKey(key);
    return this.#unsynced.find(({ before }) => before.some(([changed]) => changed === text))?.before.find(([changed]) => changed === text)?.[1] ?? (this.#isUnsynced(text) ? undefined : this.#rows.get(text));
  }

  read(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(textKey(key));
  }

  /** Power is gone: a prefix of the unsynced writes has reached the disk. */
  crash(random: Random): void {
    const kept = random.below(this.#unsynced.length + 1);
    for (const { before } of this.#unsynced.slice(kept).reverse()) for (const [key, value] of [...before].reverse()) this.#put(key, value);
    this.#unsynced = [];
  }

  wipe(): void {
    this.#rows.clear();
    this.#unsynced = [];
  }

  /** The Store port on this disk for one life of a process. */
  open(name: string, user: DiskUser): Store {
    const list = ({ gte, lt, reverse = false, limit = Number.MAX_SAFE_INTEGER }: StoreRange): [string, Uint8Array][] => {
      const [low, high] = [textKey(gte), textKey(lt)];
      const found = [...this.#rows].filter(([key]) => key >= low && key < high).sort(([a], [b]) => (a < b ? -1 : 1));
      return (reverse ? found.reverse() : found).slice(0, limit);
    };
    const write = (operations: readonly StoreOperation[], sync: boolean): Promise<void> => {
      if (!user.isAlive()) return NEVER;
      const number = this.#apply(operations);
      return user.write(name, sync, () => {
        if (sync) this.#unsynced = this.#unsynced.filter((one) => one.number > number);
      });
    };
    return {
      name,
      get: (key) => Promise.resolve(this.#rows.get(textKey(key))),
      getMany: (keys) => Promise.resolve(keys.map((key) => this.#rows.get(textKey(key)))),
      async *entries(range) {
        for (const [key, value] of list(range)) yield [bytesKey(key), value];
      },
      async *keys(range) {
        for (const [key] of list(range)) yield bytesKey(key);
      },
      batch: (operations, { sync }) => write(operations, sync),
      clear: (range) => write(list(range).map(([key]) => ({ type: 'del', key: bytesKey(key) })), false),
      close: () => Promise.resolve(),
    };
  }

  #isUnsynced(key: string): boolean {
    return this.#unsynced.some(({ before }) => before.some(([changed]) => changed === key));
  }

  #apply(operations: readonly StoreOperation[]): number {
    const before: [string, Uint8Array | undefined][] = [];
    for (const operation of operations) {
      const key = textKey(operation.key);
      before.push([key, this.#rows.get(key)]);
      this.#put(key, operation.type === 'put' ? operation.value : undefined);
    }
    const number = this.#number++;
    this.#unsynced.push({ number, before });
    return number;
  }

  #put(key: string, value: Uint8Array | undefined): void {
    if (value === undefined) this.#rows.delete(key);
    else this.#rows.set(key, value);
  }
}

/** The guard file of a validator. */
export class SimGuardFile {
  #synced: HardState;
  #writing: HardState | undefined;

  constructor(first: HardState) {
    this.#synced = first;
  }

  get synced(): HardState {
    return this.#synced;
  }

  crash(random: Random): void {
    if (this.#writing !== undefined && random.chance(0.5)) this.#synced = this.#writing;
    this.#writing = undefined;
  }

  /** The SignGuard port for one life. `unsynced`: a broken guard that answers before the record is on disk. */
  open(user: DiskUser, onWrite: (next: HardState) => void, unsynced: boolean): { current(): HardState; write(next: HardState): Promise<void>; close(): Promise<void> } {
    let record = this.#synced;
    return {
      current: () => record,
      write: (next) => {
        if (!user.isAlive()) return NEVER;
        assert(next.seq === record.seq + 1, 'guard records are numbered without a gap');
        onWrite(next);
        this.#writing = next;
        const written = user.write('guard', true, () => {
          this.#synced = next;
          if (this.#writing === next) this.#writing = undefined;
          if (!unsynced) record = next;
        });
        if (!unsynced) return written;
        record = next;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  }
}
