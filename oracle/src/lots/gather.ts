/** The readings a manifest names, as far as they are held and proven. A missing input is no verdict: the oracle waits. */
import { toHex, type Manifest } from '@billcoin/protocol';
import type { Reading } from '../reading/reading.ts';
import type { SignatureCheck } from '../reading/signature.ts';
import type { Registry } from '../registry/registry.ts';
import { findReading } from '../store/evidence.ts';
import type { Rows } from '../store/store.ts';

export interface Gathered {
  readonly readings: ReadonlyMap<string, Reading>;
  /** Hex ids that are not held, or of which only a copy with a wrong signature is held. */
  readonly missing: readonly string[];
}

/**
 * Evidence counts when its signature is valid under the registry of the manifest's height; what it was on arrival says
 * when it came. A body with somebody else's signature under it is no evidence against its device: it counts as missing, or
 * oracles that hold different copies would state different things. Without a registered device no signature is looked at (R04).
 */
function isEvidence(reading: Reading, registry: Registry | undefined, signedBy: SignatureCheck): boolean {
  if (reading.body === undefined || registry === undefined) return true;
  const device = registry.devices.get(toHex(reading.body.device));
  return device === undefined || (device.alg === reading.evidence.alg && signedBy(reading.evidence, device.publicKey));
}

export function gather(rows: Rows, manifest: Manifest | undefined, registry: Registry | undefined, signedBy: SignatureCheck): Gathered {
  const readings = new Map<string, Reading>();
  const missing: string[] = [];
  for (const id of manifest?.readings ?? []) {
    const idHex = toHex(id);
    const found = findReading(rows, idHex);
    if (found !== undefined && isEvidence(found.reading, registry, signedBy)) readings.set(idHex, found.reading);
    else missing.push(idHex);
  }
  return { readings, missing };
}
