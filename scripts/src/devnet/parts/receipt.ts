/** Reading an oracle's receipt as a device does: a reading is let go only after oracles signed that they have it on disk. */
import { decode, equalBytes, Receipt, ReceiptBody, signingBytes, toHex, verifyEd25519 } from '@billcoin/protocol';

/** Keys of the oracles in force, by hex address. */
export type OracleKeys = ReadonlyMap<string, Uint8Array>;

/** A receipt whose signature holds, or undefined: a broker cannot make a device forget. */
export function readReceipt(genesisHash: Uint8Array, oracles: OracleKeys, payload: Uint8Array): ReceiptBody | undefined {
  const outer = decode(Receipt, payload);
  if (!outer.ok) return undefined;
  const body = decode(ReceiptBody, outer.value.body);
  if (!body.ok || !equalBytes(body.value.chainTag, genesisHash.slice(0, body.value.chainTag.length))) return undefined;
  const key = oracles.get(toHex(body.value.oracle));
  if (key === undefined) return undefined;
  return verifyEd25519(key, signingBytes('bill/receipt/1', genesisHash, outer.value.body), outer.value.sig) ? body.value : undefined;
}

/** Whether the receipt says that this number is stored: below nextSeq, or bit i of the bitmap for nextSeq + 1 + i. */
export function isStored({ nextSeq, bitmap }: Pick<ReceiptBody, 'nextSeq' | 'bitmap'>, seq: number): boolean {
  if (seq < nextSeq) return true;
  const bit = seq - nextSeq - 1;
  return bit >= 0 && (((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
}
