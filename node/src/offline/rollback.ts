/**
 * `billcoin rollback`: takes state, index and blocks of a stopped node back to an earlier height. It repairs this folder; it
 * does not change the chain: what was final stays final, and the node gets the same blocks again.
 */
import { makeChain, genesisTip, StateTree, toHex, type Chain, type Genesis, type Tip } from '@billcoin/protocol';
import { ConfigError, type Config } from '../config.ts';
import { CONSENSUS_KEY_FILE, readKeyFile } from '../crypto/keyFiles.ts';
import { hashPairsNative } from '../crypto/sha256.ts';
import { readSignGuard } from '../crypto/signGuard.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { storedFinalBlock } from '../finalBlock.ts';
import type { FinalBlock, Log } from '../ports.ts';
import { makeBlockStore, type BlockStore } from '../storage/blockStore.ts';
import { makeChainIndex, type ChainIndex } from '../storage/chainIndex.ts';
import { openDataFolder } from '../storage/dataFolder.ts';
import { lockFolder } from '../storage/folderLock.ts';
import { recover } from '../storage/recovery.ts';
import { makeStateStore, type StateStore } from '../storage/stateStore.ts';

export interface RolledBack {
  readonly from: number;
  readonly to: number;
  /** Of the state after block `to`, recomputed from the rows on disk and equal to the one in its header. */
  readonly stateRoot: string;
  /** undo: from the undo rows; replay: the blocks were executed again from genesis. */
  readonly by: 'undo' | 'replay';
  /** Height that the sign guard of this key folder has signed; undefined without key or guard. */
  readonly guardHeight: number | undefined;
}

interface Stores {
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly index: ChainIndex;
}

function targetOf(config: Config, tip: number, base: number): number {
  const { to, rollbackBlocks } = config;
  if ((to === undefined) === (rollbackBlocks === undefined)) throw new ConfigError('Give either --to <height> or --blocks <number>.');
  const target = to ?? tip - (rollbackBlocks ?? 0);
  if (target >= tip) throw new ConfigError(`The blocks end at ${tip}; a rollback goes below that.`);
  if (target < base) throw new ConfigError(`Height ${target} is below block ${base}, with which this data folder begins.`);
  return target;
}

/** A guard ahead of the blocks refuses what it has signed already. Whoever wants that says that he has read it. */
function checkGuardHeight(config: Config, genesis: Genesis, guardHeight: number | undefined, target: number): void {
  if (guardHeight === undefined || guardHeight <= target + 1 || config.pastGuard === guardHeight) return;
  const alone = genesis.validators.validators.length === 1;
  const follows = alone
    ? `This key is the only validator: nobody else has blocks ${target + 1} to ${guardHeight - 1}, and without them the node will refuse to start (older_than_guard). Payments in them were final. Copy the data folder first`
    : `The node will sign nothing up to block ${guardHeight} and must get blocks ${target + 1} to ${guardHeight - 1} from its peers`;
  throw new ConfigError(`The sign guard has signed block ${guardHeight}, and the rollback would end at ${target}. ${follows}; if that is wanted, add --past-guard ${guardHeight}.`);
}

async function guardHeightOf(config: Config, genesis: Genesis): Promise<number | undefined> {
  const pair = await readKeyFile(config.keyDir, CONSENSUS_KEY_FILE);
  if (pair === undefined) return undefined;
  return (await readSignGuard(config.keyDir, { publicKey: pair.publicKey, genesisHash: genesis.genesisHash }))?.height;
}

/** Blocks from `from` down to `downTo`, with what the index knows of them; ends where the index has nothing. */
async function* indexedBlocks(chain: Chain, { blocks, index }: Stores, from: number, downTo: number): AsyncGenerator<FinalBlock> {
  for (let height = from; height >= downTo; height--) {
    const [block, results] = [await blocks.read(height), await index.results(height)];
    if (block !== undefined && results !== undefined) yield storedFinalBlock(chain, block, results);
  }
}

/** In an order in which a crash anywhere leaves what the next start can use: state, index, then blocks from the top. */
async function takeBack(chain: Chain, stores: Stores, tip: number, target: number, base: number): Promise<'undo' | 'replay'> {
  const { blocks, state, index } = stores;
  let mark = await state.mark();
  while (mark !== undefined && mark.height > target) {
    const before = await state.undo();
    if (before === undefined) break;
    mark = before;
  }
  const isUndone = mark !== undefined && mark.height <= target;
  if (!isUndone && base > 0) throw new ConfigError(`The undo rows of the state do not reach back to ${target}, and a data folder that begins with a snapshot cannot be replayed from genesis. Restore the snapshot of block ${base} again.`);
  if (!isUndone) await state.clear(); // the start below replays from genesis, and fills the index again
  await index.dropAbove(target, indexedBlocks(chain, stores, tip, target + 1));
  await blocks.dropAbove(target);
  return isUndone ? 'undo' : 'replay';
}

/**
 * Throws ConfigError for a height that cannot be, StorageFailure (`locked` while the node runs) for a folder that cannot
 * be used. Bodies of the first height taken back stay: a validator that has locked one of them decides it again.
 */
export async function rollback(config: Config, genesis: Genesis, log: Log): Promise<RolledBack> {
  const keyLock = await lockFolder(config.keyDir);
  try {
    const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
    try {
      const stores = { blocks: makeBlockStore(folder.blocks), state: makeStateStore(folder.state), index: makeChainIndex(folder.index) };
      const chain: Chain = { ...makeChain(genesis, verifyEd25519Native, new StateTree(hashPairsNative)), past: stores.blocks.past };
      const [from, base] = [await stores.blocks.checkedTip(), await stores.blocks.base()];
      const to = targetOf(config, from, base);
      const guardHeight = await guardHeightOf(config, genesis);
      checkGuardHeight(config, genesis, guardHeight, to);
      const by = await takeBack(chain, stores, from, to, base);
      const { tip }: { readonly tip: Tip } = await recover({ chain, genesis: () => genesisTip(chain, genesis), ...stores, log });
      return { from, to: tip.height, stateRoot: toHex(chain.tree.root(tip.treeVersion)), by, guardHeight };
    } finally {
      await folder.close();
    }
  } finally {
    await keyLock.release();
  }
}

