/** A delivery: the holder writes the note, the plant signs it too, the chain retires the litres. */
import { createHash } from 'node:crypto';
import { fromBase64Url, bytesOfHex } from '@billcoin/protocol';
import { addSignature, buildRedeem, decodeTransaction, transactionText, type Key } from '@billcoin/sdk';
import type { Part } from './part.ts';
import { mustSettle } from './settle.ts';

/** Redeems litres of a batch for `holder`. */
export async function takeDelivery(part: Part, holder: Key, batchKey: string, amountMl: bigint, note: string): Promise<void> {
  const { genesisHash, client, call } = part;
  const noteHash = new Uint8Array(createHash('sha256').update(note).digest());
  const own = addSignature(buildRedeem({ genesisHash, holder: holder.address, batch: bytesOfHex(batchKey), amountMl, noteHash }), holder);
  const { tx } = await call('dairy', 'cosign', { tx: transactionText(own) });
  const signed = decodeTransaction(genesisHash, fromBase64Url(tx) ?? new Uint8Array());
  if (!signed.ok || signed.value.draft.txHash !== own.txHash) throw new Error('the plant signed another transaction than the one handed over');
  await mustSettle(client, signed.value.draft);
}
