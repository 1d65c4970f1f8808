/**
 * `billcoin export-blocks`: the chain as JSON lines (SPEC §14), exact bytes in hex and decoded fields beside them, so that
 * another program can recompute ids, roots, supply, balances and sales. Reads the databases of a stopped node; one block
 * is in memory at a time.
 */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import {
  Block, Body, Certificate, StateTree, ValidatorSet, canonicalJson, decode, encode, Events, faultCode, Header, makeChain, parseRowKey, toHex, type Chain, type Genesis, type Json,
} from '@billcoin/protocol';
import { ConfigError, type Config } from '../config.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { storedFinalBlock, type StoredBlock } from '../finalBlock.ts';
import { makeBlockStore, type BlockStore } from '../storage/blockStore.ts';
import { makeChainIndex, type ChainIndex } from '../storage/chainIndex.ts';
import { openDataFolder } from '../storage/dataFolder.ts';
import { makeStateStore, type StateMark, type StateStore } from '../storage/stateStore.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';

/** Raised when a reader of an older export would misread a newer one. */
export const EXPORT_FORMAT = 1;

export interface Exported {
  readonly from: number;
  readonly to: number;
  readonly blocks: number;
  readonly transactions: number;
  /** State rows written; undefined where the range ends below the state on disk. */
  readonly rows: number | undefined;
}

/** Where lines go; the file of --out, or standard output. */
export interface LineSink {
  write(line: string): Promise<void>;
  close(): Promise<void>;
}

/** Bytes as lower-case hex, 64-bit integers as decimal strings, absent fields left out, a oneof as { case, value }. */
function line(value: object): string {
  const written = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return String(part);
    return part instanceof Uint8Array ? toHex(part) : part;
  });
  return `${written}\n`;
}

function stored<T>(what: string, result: { readonly ok: true; readonly value: T } | { readonly ok: false }): T {
  if (result.ok) return result.value;
  throw new StorageFailure('damaged_value', `A stored ${what} does not decode.`, REMEDY.restoreBackup);
}

function genesisLine({ genesisHash, chainId, text, validators }: Genesis): string {
  return line({ line: 'genesis', format: EXPORT_FORMAT, chainId, genesisHash, text: canonicalJson(JSON.parse(text) as Json), validators: encode(ValidatorSet, validators) });
}

/** The block, then each of its transactions. */
function* blockLines(chain: Chain, block: StoredBlock, results: NonNullable<Awaited<ReturnType<ChainIndex['results']>>>): Generator<string> {
  const { height, blockId, headerBytes, certificate, txs } = storedFinalBlock(chain, block, results);
  const body = stored('body', decode(Body, stored('block', decode(Block, block.blockBytes)).body));
  yield line({
    line: 'block', height, blockId, header: headerBytes, certificate: encode(Certificate, certificate), prevCommit: body.prevCommit, evidence: body.evidence,
    fields: stored('header', decode(Header, headerBytes)), commit: certificate,
  });
  for (const { index, txHash, bytes, resultBytes, code, body: fields, events } of txs) {
    const eventBytes = encode(Events, { events: events.map((event) => ({ event })) });
    yield line({ line: 'tx', height, index, txId: txHash, tx: bytes, result: resultBytes, events: eventBytes, code, fault: faultCode(code) ?? null, body: fields, did: events });
  }
}

/** Every row of the state on disk, in the order of the keys; together they give the state root of the block `mark` names. */
async function* stateLines(state: StateStore, mark: StateMark): AsyncGenerator<string> {
  yield line({ line: 'state', height: mark.height, stateRoot: mark.stateRoot });
  for await (const { key, value } of state.rows()) {
    const row = parseRowKey(key);
    if (row === undefined) throw new StorageFailure('damaged_value', 'A state row is of no known form.', REMEDY.restoreBackup);
    yield line({ line: 'row', key, value, row: row.type.name, fields: stored('state row', decode(row.type.value, value)) });
  }
}

interface Stores {
  readonly blocks: BlockStore;
  readonly index: ChainIndex;
  readonly state: StateStore;
}

/** The last block of the range. After a crash the index may end below the blocks; recovery at a start fills it again. */
async function lastOf({ blocks, index }: Stores, { from, to }: Config): Promise<number> {
  const tip = await blocks.checkedTip();
  const last = to ?? tip;
  if (last > tip) throw new ConfigError(`--to is ${last}, the blocks end at ${tip}.`);
  if (from > last && tip > 0) throw new ConfigError(`--from is ${from}, the range ends at ${last}.`);
  const indexed = (await index.tip()) ?? 0;
  if (indexed < last) throw new StorageFailure('lost_records', `The results of blocks ${indexed + 1} to ${last} are not written yet: the node did not stop in order.`, 'Start it once with `billcoin start` and stop it with SIGINT, then export.');
  return last;
}

async function writeAll(chain: Chain, genesis: Genesis, { blocks, index, state }: Stores, { from, to }: { readonly from: number; readonly to: number }, sink: LineSink): Promise<Exported> {
  await sink.write(genesisLine(genesis));
  let transactions = 0;
  for (let height = from; height <= to; height++) {
    const [block, results] = [await blocks.read(height), await index.results(height)];
    if (block === undefined || results === undefined) throw new StorageFailure('lost_records', `Block ${height} is missing.`, REMEDY.restoreBackup);
    transactions += results.length;
    for (const one of blockLines(chain, block, results)) await sink.write(one);
  }
  const mark = await state.mark();
  let rows: number | undefined;
  if (mark !== undefined && mark.height <= to) {
    rows = -1; // the state line is no row
    for await (const one of stateLines(state, mark)) {
      rows += 1;
      await sink.write(one);
    }
  }
  const counts = { blocks: Math.max(0, to - from + 1), transactions, rows };
  await sink.write(line({ line: 'end', ...counts }));
  return { from, to, ...counts };
}

/** Lines into a stream, waiting while it is full. `close` resolves once they have left the process. */
export function streamSink(stream: NodeJS.WritableStream, isOwn: boolean): LineSink {
  let failure: Error | undefined;
  stream.on('error', (error: Error) => {
    failure ??= error;
  });
  return {
    async write(text) {
      if (failure !== undefined) throw failure;
      if (!stream.write(text)) await once(stream, 'drain');
    },
    async close() {
      if (!isOwn) return;
      stream.end();
      await finished(stream);
    },
  };
}

/** A new file of mode 0600: addresses are a diet. Throws (Error EEXIST) where there is one: nothing is overwritten. */
export async function fileSink(path: string): Promise<LineSink> {
  const stream = createWriteStream(path, { flags: 'wx', mode: 0o600 });
  await once(stream, 'open');
  return streamSink(stream, true);
}

/**
 * Writes the blocks of `config.from` to `config.to` (default: all), and the state where the range reaches it. The sink
 * is opened once the databases are; an export that failed has no `end` line.
 * Throws StorageFailure (`locked` while the node runs), or ConfigError for a range that is not there.
 */
export async function exportBlocks(config: Config, genesis: Genesis, openSink: () => Promise<LineSink>): Promise<Exported> {
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  try {
    const chain = makeChain(genesis, verifyEd25519Native, new StateTree());
    const stores = { blocks: makeBlockStore(folder.blocks), index: makeChainIndex(folder.index), state: makeStateStore(folder.state) };
    // A wrong range must not leave an empty file, which would then stand in the way of the right one.
    const to = await lastOf(stores, config);
    const sink = await openSink();
    const exported = await writeAll(chain, genesis, stores, { from: config.from, to }, sink);
    await sink.close();
    return exported;
  } finally {
    await folder.close();
  }
}
