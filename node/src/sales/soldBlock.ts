/**
 * A block as GET /blocks/{height}/raw gives it, believed as far as its hashes go: the transactions are those of the header, the
 * results and events those that it commits to. Whether the header is final, the light client says of the last one; each block
 * names the one before.
 */
import { chainHash, decode, encode, equalBytes, Events, fromBase64Url, Header, merkleRoot, sha256, toBase64Url, toHex, Tx, TxBody, TxResult, type Message } from '@billcoin/protocol';
import type { RawBlock } from '@billcoin/sdk';
import type { FinalBlock } from '../ports.ts';
import { CannotAudit } from './auditExport.ts';
import type { SoldBlock } from './saleBook.ts';

/** What the API says of a block. */
export function rawBlockOf({ height, headerBytes, txs }: FinalBlock): RawBlock {
  return {
    height, header: toBase64Url(headerBytes),
    transactions: txs.map(({ bytes, resultBytes, events }) => ({ tx: toBase64Url(bytes), result: toBase64Url(resultBytes), events: toBase64Url(encode(Events, { events: events.map((event) => ({ event })) })) })),
  };
}

function decoded<V>(height: number, what: string, type: Message<V>, text: string): { readonly bytes: Uint8Array; readonly value: V } {
  const bytes = fromBase64Url(text);
  const value = bytes === undefined ? undefined : decode(type, bytes);
  if (bytes === undefined || value?.ok !== true) throw new CannotAudit(`The ${what} of block ${height} cannot be read.`);
  return { bytes, value: value.value };
}

/** Opens the answer for `height`; its id is still to be compared. Throws CannotAudit where its parts do not belong together. */
export function openRawBlock(genesisHash: Uint8Array, height: number, raw: RawBlock): SoldBlock & { readonly prevBlockId: Uint8Array } {
  const { bytes: headerBytes, value: header } = decoded(height, 'header', Header, raw.header);
  const parts = raw.transactions.map(({ tx, result, events }) => ({ tx: decoded(height, 'transaction', Tx, tx), result: decoded(height, 'result', TxResult, result), events: decoded(height, 'events', Events, events) }));
  const txs = parts.map(({ tx, result, events }, index) => {
    const body = decode(TxBody, tx.value.body);
    const txId = chainHash('bill/tx-id/1', genesisHash, tx.value.body);
    if (!body.ok || !equalBytes(txId, result.value.txId) || !equalBytes(sha256(events.bytes), result.value.eventsHash)) throw new CannotAudit(`Transaction ${index} of block ${height} is not the one of its result.`);
    return { txHash: toHex(txId), index, code: result.value.code, body: body.value, events: events.value.events.map(({ event }) => event) };
  });
  const holds = header.height === height && equalBytes(header.txRoot, merkleRoot(parts.map(({ tx }) => tx.bytes))) && equalBytes(header.resultRoot, merkleRoot(parts.map(({ result }) => result.bytes)));
  if (!holds) throw new CannotAudit(`The transactions of block ${height} are not the ones of its header.`);
  return { height, timeMs: header.timeMs, blockId: chainHash('bill/header/1', genesisHash, headerBytes), prevBlockId: header.prevBlockId, txs };
}

export interface UnbelievedBlocks {
  /** Height and id of the newest, as a light client has verified them. */
  readonly last: number;
  readonly lastId: Uint8Array;
  /** One block at least, from this height on. */
  readonly read: (height: number) => Promise<readonly RawBlock[]>;
}

/** Blocks 1, 2, … of somebody who is not believed, each linked to the one before, up to one that is known to be final: all are read. */
export async function* linkedBlocks(genesisHash: Uint8Array, { last, lastId, read }: UnbelievedBlocks): AsyncGenerator<SoldBlock> {
  let before: Uint8Array | undefined;
  for (let height = 1; height <= last;) {
    const page = await read(height);
    if (page.length === 0) throw new CannotAudit(`Block ${height} is not given.`);
    for (const raw of page.slice(0, last - height + 1)) {
      const block = openRawBlock(genesisHash, height, raw);
      if (before !== undefined && !equalBytes(block.prevBlockId, before)) throw new CannotAudit(`Block ${height} does not follow block ${height - 1}.`);
      if (height === last && !equalBytes(block.blockId, lastId)) throw new CannotAudit(`Block ${height} is not the one that is final.`);
      before = block.blockId;
      yield block;
      height += 1;
    }
  }
}
