/** Worker of the verify pool: one packed batch in, one verdict byte (1 valid) an item out. */
import { unpackItems } from './verifyBatch.ts';
import { verifyEd25519Native } from './verifier.ts';

export function verifyPacked(packed: Uint8Array): Uint8Array {
  return Uint8Array.from(unpackItems(packed), (item) =>
    verifyEd25519Native(item.publicKey, item.message, item.signature) ? 1 : 0);
}
