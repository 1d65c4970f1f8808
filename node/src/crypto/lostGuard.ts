/**
 * A key whose guard is gone (consensus page §1.9 "Lost guard"): nobody here knows what it has signed, so it signs nothing
 * until the chain shows a height that was undecided when this process began. Then the guard is made anew.
 */
import { assert, type HardState } from '@billcoin/protocol';
import type { StorageFailure } from '../storageFailure.ts';
import { createSignGuard, openSignGuard, type GuardIdentity, type SignGuard } from './signGuard.ts';

/** What a validator signs with, or waits for. */
export interface ValidatorGuard {
  /** The newest record on disk; undefined while the guard is lost. */
  current(): HardState | undefined;
  /** Durable when it resolves; `next.seq` must follow the current one. One write at a time. */
  write(next: HardState): Promise<void>;
  close(): Promise<void>;
  /** Present where the guard was lost when this process began. */
  readonly lost?: LostGuard | undefined;
}

export interface LostGuard {
  /** The operator says that no other process has this key. Without it the node only observes. */
  readonly isOnlyOne: boolean;
  /** Makes the guard anew, durable when it resolves: it refuses everything at or below `height`. */
  renew(height: number): Promise<void>;
}

/** The guard of a key in whose folder there is none, or a damaged one. A failed write is reported to `onFailure`. */
export function makeLostGuard(folder: string, identity: GuardIdentity, isOnlyOne: boolean, onFailure: (failure: StorageFailure) => void): ValidatorGuard {
  let guard: SignGuard | undefined;
  return {
    current: () => guard?.current(),
    write(next) {
      assert(guard !== undefined, 'nothing is signed while the guard is lost');
      return guard.write(next);
    },
    async close() {
      await guard?.close();
    },
    lost: {
      isOnlyOne,
      async renew(height) {
        await createSignGuard(folder, identity, height);
        guard = await openSignGuard(folder, identity, onFailure);
      },
    },
  };
}
