/**
 * Manifests as they came, by hash. They are trusted only once OpenBatch names their hash, and mostly come before it, so
 * a bounded number waits; what open batches name is never thrown out for one that nobody named.
 */
import { MANIFEST_MAX_BYTES, toHex } from '@billcoin/protocol';
import { manifestHash } from '../closing/manifest.ts';
import { manifestKey } from '../store/keys.ts';
import type { Store } from '../store/store.ts';

/** Manifests kept: 8 open batches for each of 16 plants, twice. At most 64 MiB on disk. */
export const MANIFESTS_MAX = 256;

export interface ManifestPool {
  /** Keeps a manifest durably; false for one that is empty (a cleared retained message) or too large. */
  offer(bytes: Uint8Array): Promise<boolean>;
  /** Bytes under a hash, or undefined where it has not come. */
  find(hash: Uint8Array): Uint8Array | undefined;
  /** Hashes that open batches name: these stay. */
  protect(hashes: readonly Uint8Array[]): void;
  size(): number;
}

export async function openManifestPool(store: Store): Promise<ManifestPool> {
  // Insertion order is order of arrival; after a start the old ones come first.
  const held = new Set((await store.keys({ prefix: 'm', limit: MANIFESTS_MAX * 2 })).map((key) => key.slice(2)));
  let wanted: ReadonlySet<string> = new Set();

  function oldestUnwanted(): string | undefined {
    for (const hash of held) if (!wanted.has(hash)) return hash;
    return undefined;
  }
  return {
    async offer(bytes) {
      if (bytes.length === 0 || bytes.length > MANIFEST_MAX_BYTES) return false;
      const hash = toHex(manifestHash(bytes));
      if (held.has(hash)) return true;
      const unit = store.begin();
      if (held.size >= MANIFESTS_MAX) {
        const out = oldestUnwanted();
        if (out === undefined && !wanted.has(hash)) return false;
        if (out !== undefined) {
          unit.remove(manifestKey(out));
          held.delete(out);
        }
      }
      held.add(hash);
      unit.putBytes(manifestKey(hash), bytes);
      await store.commit(unit);
      return true;
    },
    find: (hash) => store.getBytes(manifestKey(toHex(hash))),
    protect(hashes) {
      wanted = new Set(hashes.map(toHex));
    },
    size: () => held.size,
  };
}
