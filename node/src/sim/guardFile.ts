/**
 * The guard file of a simulated validator: the bytes that production writes and reads (crypto/signGuard.ts), on a disk that
 * tears writes at sectors, loses sectors and may be put back to what it was long ago.
 */
import { assert, closedHardState, emptyHardState, type HardState } from '@billcoin/protocol';
import type { ValidatorGuard } from '../crypto/lostGuard.ts';
import { GUARD_LAYOUT, encodeGuardCopy, newestRecord, type GuardIdentity } from '../crypto/signGuard.ts';
import { never, type DiskUser } from './disk.ts';
import type { Random } from './random.ts';

const SECTOR_BYTES = 512;
/** Images that a disk keeps back which says "synced" and has not written. */
const KEPT_BACK = 8;

interface Writing {
  readonly record: HardState;
  readonly copy: Uint8Array;
  readonly slot: number;
}

export class SimGuardFile {
  readonly #identity: GuardIdentity;
  readonly #lies: boolean;
  #file = new Uint8Array(GUARD_LAYOUT.fileBytes);
  #synced: HardState;
  #slot = 0;
  #writing: Writing | undefined;
  #keptBack: Uint8Array[] = [];
  #backup: Uint8Array | undefined;

  /** `lies`: its disk says "synced" and has not written. */
  constructor(identity: GuardIdentity, lies: boolean) {
    this.#identity = identity;
    this.#lies = lies;
    this.#synced = emptyHardState(identity.genesisHash, identity.publicKey);
    this.#put({ record: this.#synced, copy: encodeGuardCopy(this.#synced), slot: 0 }, () => true);
  }

  /** The file is gone, and with it what this key has signed. */
  lose(): void {
    this.#file.fill(0);
    this.#synced = this.#read();
  }

  get isLost(): boolean {
    return newestRecord(this.#file) === undefined;
  }

  /** What is read after a crash now, or something newer; an empty record where the guard is lost. */
  get synced(): HardState {
    return this.#synced;
  }

  /** Power is gone. Of a record that was being written any sectors are on disk. */
  crash(random: Random): 'written' | 'not written' | 'torn' | undefined {
    const writing = this.#writing;
    this.#writing = undefined;
    if (this.#lies) this.#restore(random.pick([...this.#keptBack, this.#file]));
    if (writing === undefined) return undefined;
    // A guard that is made anew is written beside its place: all of it is there, or nothing.
    const isTorn = !this.isLost && random.chance(0.5);
    const isWritten = random.chance(0.5);
    this.#put(writing, () => (isTorn ? random.chance(0.5) : isWritten));
    this.#synced = this.#read();
    return isTorn ? 'torn' : isWritten ? 'written' : 'not written';
  }

  backUp(): void {
    this.#backup = this.#file.slice();
  }

  restore(): void {
    if (this.#backup !== undefined) this.#restore(this.#backup);
  }

  /** One sector goes bad, never the last good copy of the newest record: two such faults at once are a lost guard. */
  damageSector(random: Random): boolean {
    const { copyBytes } = GUARD_LAYOUT;
    const from = random.below(4) * copyBytes;
    const good = this.#file.slice(from, from + SECTOR_BYTES);
    this.#file.set(random.bytes(SECTOR_BYTES), from);
    if (newestRecord(this.#file)?.record.seq === this.#synced.seq) return true;
    this.#file.set(good, from);
    return false;
  }

  /** The guard for one life. `unsynced`: a broken one that answers before the record is on disk. */
  open(user: DiskUser, onWrite: (next: HardState) => void, unsynced: boolean): ValidatorGuard {
    const newest = newestRecord(this.#file);
    let record = newest?.record;
    this.#slot = newest?.index ?? 1;
    const put = (next: HardState): Promise<void> => {
      if (!user.isAlive()) return never();
      onWrite(next);
      const writing = { record: next, copy: encodeGuardCopy(next), slot: 1 - this.#slot };
      this.#writing = writing;
      this.#slot = writing.slot;
      return user.write('guard', true, () => {
        if (this.#lies) this.#keptBack = [...this.#keptBack.slice(1 - KEPT_BACK), this.#file.slice()];
        this.#put(writing, () => true);
        this.#synced = next;
        if (this.#writing === writing) this.#writing = undefined;
        if (!unsynced) record = next;
      });
    };
    return {
      current: () => record,
      write: (next) => {
        assert(record !== undefined && next.seq === record.seq + 1, 'guard records are numbered without a gap');
        const written = put(next);
        if (!unsynced) return written;
        record = next;
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
      lost: newest !== undefined ? undefined : {
        isOnlyOne: true,
        renew: (height) => put(closedHardState(this.#identity.genesisHash, this.#identity.publicKey, height)),
      },
    };
  }

  #put({ copy, slot }: Writing, reaches: () => boolean): void {
    for (const half of [0, 1]) {
      const to = slot * GUARD_LAYOUT.slotBytes + half * GUARD_LAYOUT.copyBytes;
      for (let at = 0; at < copy.length; at += SECTOR_BYTES) if (reaches()) this.#file.set(copy.subarray(at, at + SECTOR_BYTES), to + at);
    }
  }

  #restore(file: Uint8Array): void {
    this.#file = file.slice();
    this.#synced = this.#read();
  }

  #read(): HardState {
    return newestRecord(this.#file)?.record ?? emptyHardState(this.#identity.genesisHash, this.#identity.publicKey);
  }
}
