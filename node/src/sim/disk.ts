/**
 * Disks of the simulator. A database keeps on a crash what was synced and a prefix of what was written after it; reads and
 * writes fail, values go bad. The guard file is in guardFile.ts.
 */
import type { Store, StoreOperation, StoreRange } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import type { Random } from './random.ts';

/** Where the characters of keys are gathered, by length. */
const codesByLength: (number[] | undefined)[] = [];

/** A character for each byte. PERF: by way of a Buffer, every key would be moved out of the engine's heap first. */
export function textKey(key: Uint8Array): string {
  const codes = (codesByLength[key.length] ??= new Array<number>(key.length).fill(0));
  for (let i = 0; i < key.length; i++) codes[i] = key[i] as number;
  return String.fromCharCode(...codes);
}

function bytesKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length);
  for (let i = 0; i < key.length; i++) bytes[i] = key.charCodeAt(i);
  return bytes;
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
  /** False: the process has ended with this read. */
  mayRead(what: string): boolean;
  /** A stored value does not pass its checksum: as in production, a running process ends before the caller hears of it. */
  damaged(failure: StorageFailure): void;
}

/** What a disk that says "synced" and has not written keeps back of the newest writes. */
const KEPT_BACK = 48;

/** What a dead process waits for. A new promise each time: one for all would keep every process that ever waited in memory. */
export function never(): Promise<never> {
  return new Promise(() => { /* never */ });
}

export class SimDisk {
  readonly #lies: boolean;
  #rows = new Map<string, Uint8Array>();
  #backup: Map<string, Uint8Array> | undefined;
  /** Keys of values that went bad: their seal (storage/sealing.ts) does not fit any more. */
  readonly #damaged = new Set<string>();
  #unsynced: Unsynced[] = [];
  #number = 0;

  /** `lies`: it says "synced" and has not written. */
  constructor(lies: boolean) {
    this.#lies = lies;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Values of all rows whose key begins so. */
  values(prefix: string): readonly Uint8Array[] {
    return [...this.#rows].flatMap(([key, value]) => (key.startsWith(prefix) ? [value] : []));
  }

  /** Keys in [gte, lt), in no particular order. */
  keys(gte: Uint8Array, lt: Uint8Array): readonly Uint8Array[] {
    const [low, high] = [textKey(gte), textKey(lt)];
    return [...this.#rows.keys()].filter((key) => key >= low && key < high).map(bytesKey);
  }

  /** What is there after a crash now, whatever is lost. */
  durable(key: Uint8Array): Uint8Array | undefined {
    const text = textKey(key);
    return this.#unsynced.find(({ before }) => before.some(([changed]) => changed === text))?.before.find(([changed]) => changed === text)?.[1] ?? (this.#isUnsynced(text) ? undefined : this.#rows.get(text));
  }

  read(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(textKey(key));
  }

  /** Power is gone: a prefix of the unsynced writes has reached the disk. True: it has lost what it had called synced. */
  crash(random: Random): boolean {
    const kept = random.below(this.#unsynced.length + 1);
    for (const { before } of this.#unsynced.slice(kept).reverse()) for (const [key, value] of [...before].reverse()) this.#put(key, value);
    const hasLied = this.#lies && kept < this.#unsynced.length;
    this.#unsynced = [];
    return hasLied;
  }

  wipe(): void {
    this.#replace(new Map());
  }

  backUp(): void {
    this.#backup = new Map(this.#rows);
  }

  restore(): void {
    this.#replace(new Map(this.#backup));
  }

  /** A bit flips in some stored value; false where there is none. */
  damage(random: Random): boolean {
    if (this.#rows.size === 0) return false;
    this.#damaged.add(random.pick([...this.#rows.keys()]));
    return true;
  }

  #replace(rows: Map<string, Uint8Array>): void {
    this.#rows = rows;
    this.#damaged.clear();
    this.#unsynced = [];
  }

  /** The Store port on this disk for one life of a process. */
  open(name: string, user: DiskUser): Store {
    const list = ({ gte, lt, reverse = false, limit = Number.MAX_SAFE_INTEGER }: StoreRange): string[] => {
      const [low, high] = [textKey(gte), textKey(lt)];
      const found = [...this.#rows.keys()].filter((key) => key >= low && key < high).sort();
      return (reverse ? found.reverse() : found).slice(0, limit);
    };
    const write = (operations: readonly StoreOperation[], sync: boolean): Promise<void> => {
      if (!user.isAlive()) return never();
      const number = this.#apply(operations);
      return user.write(name, sync, () => {
        if (sync && !this.#lies) this.#unsynced = this.#unsynced.filter((one) => one.number > number);
        if (this.#lies) this.#unsynced = this.#unsynced.slice(-KEPT_BACK);
      });
    };
    const read = <T>(keys: readonly string[], give: () => T): Promise<T> => {
      if (!user.mayRead(name)) return never();
      return this.#damaged.size > 0 && keys.some((key) => this.#damaged.has(key)) ? Promise.reject(this.#failure(name, user)) : Promise.resolve(give());
    };
    return {
      name,
      get: (key) => read([textKey(key)], () => this.#rows.get(textKey(key))),
      getSync: (key) => {
        if (this.#damaged.has(textKey(key))) throw this.#failure(name, user);
        return this.#rows.get(textKey(key));
      },
      getMany: (keys) => read(keys.map(textKey), () => keys.map((key) => this.#rows.get(textKey(key)))),
      entries: (range) => this.#entries(list(range).map((key) => [key, this.#rows.get(key)!] as const), name, user),
      async *keys(range) {
        if (!user.mayRead(name)) await never();
        for (const key of list(range)) yield bytesKey(key);
      },
      batch: (operations, { sync }) => write(operations, sync),
      clear: (range) => write(list(range).map((key) => ({ type: 'del', key: bytesKey(key) })), false),
      close: () => Promise.resolve(),
    };
  }

  async *#entries(rows: readonly (readonly [key: string, value: Uint8Array])[], name: string, user: DiskUser): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    if (!user.mayRead(name)) await never();
    for (const [key, value] of rows) {
      if (this.#damaged.has(key)) throw this.#failure(name, user);
      yield [bytesKey(key), value];
    }
  }

  #failure(name: string, user: DiskUser): StorageFailure {
    const failure = new StorageFailure('damaged_value', `The ${name} database holds a value with a wrong checksum.`, REMEDY.restoreBackup);
    user.damaged(failure);
    return failure;
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
    this.#damaged.delete(key);
    if (value === undefined) this.#rows.delete(key);
    else this.#rows.set(key, value);
  }
}
