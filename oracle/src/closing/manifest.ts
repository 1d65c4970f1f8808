/** The manifest: which readings a lot rests on. Trusted only by its hash in OpenBatch. */
import { decode, equalBytes, Manifest, taggedHash, toHex } from '@billcoin/protocol';
import type { Registry } from '../registry/registry.ts';
import type { Profile } from '../rules/profile.ts';
import type { OpenLot } from './openLot.ts';

/** Hash(bill/manifest/1, bytes). */
export function manifestHash(bytes: Uint8Array): Uint8Array {
  return taggedHash('bill/manifest/1', bytes);
}

/** The manifest, or undefined where the bytes are none: refusal 99 if OpenBatch names them. */
export function readManifest(bytes: Uint8Array): Manifest | undefined {
  const decoded = decode(Manifest, bytes);
  return decoded.ok ? decoded.value : undefined;
}

/**
 * Refusal 99 as far as it needs no reading: ids repeated, another batch or attempt, opened outside closedAtMs .. + 24 h,
 * `height` not before OpenBatch or more than 1 h older, shelf life. `registry` is that of manifest.height; undefined is a
 * height that does not exist yet.
 */
export function manifestProblem(lot: OpenLot, manifest: Manifest, registry: Registry | undefined, profile: Profile): string | undefined {
  if (!equalBytes(manifest.batch, lot.batch)) return 'the manifest is of another batch';
  if (manifest.attempt !== lot.attempt) return 'the manifest is of another attempt';
  if (new Set(manifest.readings.map(toHex)).size !== manifest.readings.length) return 'a reading is named twice';
  const { closedAtMs } = manifest;
  if (lot.openedAtMs < closedAtMs || lot.openedAtMs > closedAtMs + profile.openWithinMs) return 'the batch was not opened within a day of closing';
  if (registry === undefined || registry.timeMs >= lot.openedAtMs) return 'the block of height is not before OpenBatch';
  if (lot.openedAtMs - registry.timeMs > profile.heightWithinMs) return 'the block of height is more than an hour older than OpenBatch';
  if (lot.expiresAtMs > closedAtMs + profile.shelfLifeMaxMs) return 'the expiry is beyond the shelf life of the profile';
  return undefined;
}
