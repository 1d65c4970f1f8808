/**
 * Signatures that verified before, so that a transaction checked on admission is not checked again in the block. Only
 * successes are remembered: a failure is rare, cheap to find again, and would let others fill the cache.
 */
import { hash } from 'node:crypto';
import { concat, equalBytes, type Verifier } from '@billcoin/protocol';

/** Two generations of this many, about 12 MB together: several full blocks and the whole pool (100 B an entry). */
export const VERIFY_CACHE_GENERATION = 65_536;

export interface VerifyCache {
  /** The engine's verdict, from memory where the same signature verified before. */
  readonly verify: Verifier;
  readonly knows: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  /** Notes a signature that the engine has found valid elsewhere (a worker thread). */
  readonly remember: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => void;
}

/** Key and signature have fixed lengths where they are valid, so the concatenation cannot be read in two ways. */
function keyOf(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): string {
  return hash('sha256', concat(publicKey, signature, message), 'base64');
}

/**
 * Wraps an engine of the one signature rule; `generation` bounds the memory. With 0 a signature is known by the very array it
 * verified in alone: enough for a node of the chain alone, where what the pool or an earlier block of the height verified stands in
 * the block as the same array, and a twentieth less of its processor than with the hashes that tell signatures by their content.
 */
export function makeVerifyCache(engine: Verifier, generation: number = VERIFY_CACHE_GENERATION): VerifyCache {
  let young = new Set<string>();
  let old = new Set<string>();
  /** PERF: what the pool or a block in hand holds comes again as the same array: a look instead of a hash. Dies with the transaction. */
  const seen = new WeakMap<Uint8Array, { readonly publicKey: Uint8Array; readonly message: Uint8Array }>();

  function note(key: string): void {
    young.add(key);
    if (young.size < generation) return;
    old = young;
    young = new Set();
  }

  function wasSeen(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const held = seen.get(signature);
    return held !== undefined && equalBytes(held.publicKey, publicKey) && equalBytes(held.message, message);
  }

  const has = (key: string): boolean => young.has(key) || old.has(key);
  const isFixed = (publicKey: Uint8Array, signature: Uint8Array): boolean => publicKey.length === 32 && signature.length === 64;

  return {
    verify(publicKey, message, signature) {
      if (!isFixed(publicKey, signature)) return engine(publicKey, message, signature);
      if (wasSeen(publicKey, message, signature)) return true;
      const key = generation === 0 ? undefined : keyOf(publicKey, message, signature);
      if (key !== undefined && has(key)) return true;
      const valid = engine(publicKey, message, signature);
      if (valid && key === undefined) seen.set(signature, { publicKey, message });
      if (valid && key !== undefined) note(key);
      return valid;
    },
    knows: (publicKey, message, signature) => isFixed(publicKey, signature) && (wasSeen(publicKey, message, signature) || (generation > 0 && has(keyOf(publicKey, message, signature)))),
    remember(publicKey, message, signature) {
      if (!isFixed(publicKey, signature)) return;
      seen.set(signature, { publicKey, message });
      if (generation > 0) note(keyOf(publicKey, message, signature));
    },
  };
}
