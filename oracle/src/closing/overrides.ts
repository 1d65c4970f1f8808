/** Overrides of HOLD findings: signed by plant and regulator over bill/override/1, counted only inside the manifest. */
import { addressOf, decode, equalBytes, OverrideBody, signingBytes, toHex, type Manifest } from '@billcoin/protocol';
import type { Registry } from '../registry/registry.ts';
import type { Bench } from '../rules/judgeReading.ts';
import type { OpenLot } from './openLot.ts';

/** Name of one lifted finding: reading and rule. */
export const overrideKey = (idHex: string, rule: number): string => `${idHex}/${rule}`;

/**
 * The findings that valid overrides of a manifest lift. Both signers must be plain accounts: a k-of-n regulator cannot
 * be checked from his address alone. Anything else in the list has no effect.
 */
export function liftedFindings(lot: OpenLot, manifest: Manifest, registry: Registry, { genesisHash, verifyAccount }: Bench): ReadonlySet<string> {
  const lifted = new Set<string>();
  for (const override of manifest.overrides) {
    const body = decode(OverrideBody, override.body);
    if (!body.ok || !equalBytes(body.value.batch, lot.batch)) continue;
    const message = signingBytes('bill/override/1', genesisHash, override.body);
    const signedBy = (address: Uint8Array): boolean =>
      override.sigs.some((sig) => equalBytes(addressOf(sig.publicKey), address) && verifyAccount(sig.publicKey, message, sig.signature));
    if (signedBy(lot.plant) && signedBy(registry.regulator)) lifted.add(overrideKey(toHex(body.value.reading), body.value.rule));
  }
  return lifted;
}
