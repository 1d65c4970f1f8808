/** A transaction that came with one wrong bit in its first signature. */
import { decode, encode, Tx } from '../../src/index.ts';

export function withBadSignature(bytes: Uint8Array): Uint8Array {
  const tx = decode(Tx, bytes);
  if (!tx.ok) throw new Error('this was just encoded');
  return encode(Tx, { ...tx.value, sigs: tx.value.sigs.map((sig, index) => (index === 0 ? { ...sig, signature: sig.signature.map((byte, place) => (place === 40 ? byte ^ 1 : byte)) } : sig)) });
}
