/** Judges a start on damaged databases against what the chain was. */
import { assertReserveWhole, balanceOf, toHex, type Genesis } from '@billcoin/protocol';
import type { Config } from '../../src/config.ts';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import { StorageFailure, type StorageFailureCode } from '../../src/storageFailure.ts';
import { startBare, type BareNode } from './bareNode.ts';
import { submitFinal } from './runNode.ts';
import { KEYS, TxMaker } from './testNetwork.ts';

/** What a start may say; everything else is a bug. */
const REFUSALS: ReadonlySet<StorageFailureCode> = new Set(['lost_records', 'damaged_value', 'older_than_guard', 'io_failed']);
/** A row of the index is gone with the key that a flipped byte has changed: nothing but a comparison with the blocks can see that. */
const LOST_ROW = 'an index row lost';
/** Damage that the start did not read; verify-db does. */
const SEEN = 'seen by verify-db only';
export const HIDDEN: ReadonlySet<string> = new Set([LOST_ROW, SEEN]);

export interface Known {
  readonly config: Config;
  readonly genesis: Genesis;
  /** Block ids by height. */
  readonly ids: readonly string[];
  /** Place of each transaction. */
  readonly places: ReadonlyMap<string, string>;
  readonly tip: number;
  readonly farmMl: bigint;
}

export async function readChain({ port }: BareNode): Promise<{ readonly ids: string[]; readonly places: Map<string, string> }> {
  const [ids, places] = [[''], new Map<string, string>()];
  for (let height = 1; height <= port.tip().height; height++) {
    const block = await port.readFinal(height);
    ids.push(toHex(block?.blockId ?? new Uint8Array(0)));
    for (const tx of block?.txs ?? []) places.set(tx.txHash, `${height}/${tx.index}`);
  }
  return { ids, places };
}

async function isFoundByVerifyDb({ config, genesis }: Known): Promise<boolean> {
  try {
    return (await verifyDatabase(config, genesis, () => undefined)).problems.length > 0;
  } catch (error) {
    if (error instanceof StorageFailure && REFUSALS.has(error.code)) return true;
    throw error;
  }
}

/** How a start after damage ended: the code of a refusal, whole, prefix, or one of HIDDEN. Throws where the node is silently different. */
export async function judge(known: Known): Promise<string> {
  try {
    const outcome = await startAndCompare(known);
    const isSeen = await isFoundByVerifyDb(known);
    if (outcome !== LOST_ROW) return isSeen ? SEEN : outcome;
    if (!isSeen) throw new Error('verify-db does not see the lost row');
    return outcome;
  } catch (error) {
    if (!(error instanceof StorageFailure) || !REFUSALS.has(error.code)) throw error;
    if (error.remedy.length < 20) throw new Error(`no remedy: ${error.message}`);
    return error.code;
  }
}

async function startAndCompare(known: Known): Promise<string> {
  const node = await startBare(known);
  try {
    return await Promise.race([compare(known, node), node.halted.then((failure) => {
      throw failure;
    })]);
  } finally {
    await node.stop().catch(() => undefined); // after a refusal nothing more can be written
  }
}

async function compare(known: Known, node: BareNode): Promise<string> {
  const found = node.port.tip().height;
  const { ids } = await readChain(node);
  for (const [height, id] of ids.entries()) {
    if (height > 0 && id === '') return LOST_ROW; // the block is there, what it did is not in the index
    if (id !== known.ids[height]) throw new Error(`block ${height} is another one after ${found} were found`);
  }
  await submitFinal(node.port, new TxMaker(known.genesis).transfer(KEYS.farm, KEYS.treasury.address, 7n));
  for (let height = found + 1; height <= known.tip; height++) if ((await node.port.heightOfBlock(known.ids[height] ?? '')) !== height) throw new Error(`block ${height} was decided differently`);
  for (const [txHash, place] of known.places) {
    const status = await node.port.txStatus(txHash);
    if (status?.status !== 'final' || `${status.height}/${status.index}` !== place) return LOST_ROW;
  }
  if (balanceOf(node.state(), KEYS.farm.address) !== known.farmMl - 8n) throw new Error('another balance');
  assertReserveWhole(node.state());
  return found === known.tip ? 'whole' : 'prefix';
}
