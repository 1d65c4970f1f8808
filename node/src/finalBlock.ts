/** Final blocks as listeners and readers see them: fresh from execution, or read back from blocks and index. */
import { Block, Body, Header, TxResult, assert, chainHash, decode, parseTx, type Certificate, type Chain, type ChainEvent, type Executed, type Result } from '@billcoin/protocol';
import type { FinalBlock, FinalTx } from './ports.ts';
import { REMEDY, StorageFailure } from './storageFailure.ts';

/** A decided block as the blocks database holds it. */
export interface StoredBlock {
  readonly blockBytes: Uint8Array;
  readonly certificate: Certificate;
}

/** What the index holds of one transaction of a block. */
export interface StoredResult {
  readonly resultBytes: Uint8Array;
  readonly events: readonly ChainEvent[];
}

export function finalBlockOf(executed: Executed, certificate: Certificate): FinalBlock {
  const { header, headerBytes, blockId, txs, results, codes, events } = executed;
  const finalTxs: FinalTx[] = txs.map((tx, index) => ({
    txHash: tx.txHash, bytes: tx.bytes, body: tx.body, invoice: tx.invoice, index,
    code: codes[index] as number, resultBytes: results[index] as Uint8Array, events: events[index] ?? [],
  }));
  return { height: header.height, timeMs: header.timeMs, blockId, headerBytes, certificate, txs: finalTxs };
}

/** What stands in the header of a final block, of whatever came with it. */
export function headerOf({ headerBytes }: Pick<FinalBlock, 'headerBytes'>): Header {
  const header = decode(Header, headerBytes);
  assert(header.ok, 'the header of a final block decodes');
  return header.value;
}

/** A stored value that was checked when it was written must decode again. */
function stored<T>(what: string, result: Result<T>): T {
  if (result.ok) return result.value;
  throw new StorageFailure('damaged_value', `A stored ${what} does not decode (${result.fault.code}).`, REMEDY.restoreBackup);
}

export function headerOfBlock(blockBytes: Uint8Array): { readonly header: Header; readonly headerBytes: Uint8Array } {
  const { header } = stored('block', decode(Block, blockBytes));
  return { header: stored('header', decode(Header, header)), headerBytes: header };
}

/** Header and transactions of a stored block, not executed. */
export function openedBlock(blockBytes: Uint8Array): { readonly header: Header; readonly headerBytes: Uint8Array; readonly txs: readonly Uint8Array[] } {
  const { txs } = stored('body', decode(Body, stored('block', decode(Block, blockBytes)).body));
  return { ...headerOfBlock(blockBytes), txs };
}

/** Puts a final block together from the blocks and the index. */
export function storedFinalBlock(chain: Chain, { blockBytes, certificate }: StoredBlock, results: readonly StoredResult[]): FinalBlock {
  const block = stored('block', decode(Block, blockBytes));
  const header = stored('header', decode(Header, block.header));
  const body = stored('body', decode(Body, block.body));
  if (body.txs.length !== results.length) throw new StorageFailure('damaged_value', `The index of block ${header.height} has ${results.length} results for ${body.txs.length} transactions.`, REMEDY.restoreBackup);
  const txs: FinalTx[] = body.txs.map((bytes, index) => {
    const tx = stored('transaction', parseTx(chain, bytes));
    const { resultBytes, events } = results[index] as StoredResult;
    return { txHash: tx.txHash, bytes, body: tx.body, invoice: tx.invoice, index, code: stored('result', decode(TxResult, resultBytes)).code, resultBytes, events };
  });
  return { height: header.height, timeMs: header.timeMs, blockId: chainHash('bill/header/1', chain.genesisHash, block.header), headerBytes: block.header, certificate, txs };
}
