/** What a plant's software does when a lot closes: handover terms, the manifest, the shares for OpenBatch. */
import { encode, Manifest, signEd25519, signingBytes, Terms, type Handover, type ReadingBody } from '@billcoin/protocol';
import type { NamedReading } from '../closing/lotFamily.ts';
import { manifestHash } from '../closing/manifest.ts';
import { compareInManifest } from '../closing/manifestOrder.ts';

/** A Handover of litres, counter-signed by the receiving party's account key over bill/handover/1. */
export function buildHandover(genesisHash: Uint8Array, terms: Terms, toPartySeed: Uint8Array): ReadingBody['kind'] {
  const bytes = encode(Terms, terms);
  const value: Handover = { terms: bytes, counterSig: signEd25519(toPartySeed, signingBytes('bill/handover/1', genesisHash, bytes)) };
  return { case: 'handover', value };
}

/** Manifest order: device, epoch, seq. */
export function inManifestOrder(readings: readonly NamedReading[]): NamedReading[] {
  return [...readings].sort((a, b) => compareInManifest(a.body, b.body));
}

export interface ManifestInput extends Pick<Manifest, 'batch' | 'attempt' | 'closedAtMs' | 'height'> {
  readonly readings: readonly NamedReading[];
  readonly overrides?: Manifest['overrides'];
}

/** Bytes of a manifest and the hash that OpenBatch commits to. */
export function buildManifest(input: ManifestInput): { readonly bytes: Uint8Array; readonly hash: Uint8Array } {
  const { batch, attempt, closedAtMs, height } = input;
  const readings = inManifestOrder(input.readings).map(({ id }) => id);
  const bytes = encode(Manifest, { schema: 1, batch, attempt, closedAtMs, height, readings, overrides: input.overrides ?? [] });
  return { bytes, hash: manifestHash(bytes) };
}
