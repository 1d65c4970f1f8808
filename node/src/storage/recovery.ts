/**
 * From what is on disk to the tip (consensus page §1.10): blocks are the truth, state and index are replayed from them.
 * This is the table for a node that has no peers to fetch from: whatever is lost is named, with its remedy, and refused.
 */
import { applyBlock, assertReserveWhole, commitBlock, encodeChange, encode, equalBytes, setsAt, Certificate, FlatState, TreeBuilder, type ByteChange, type Chain, type Executed, type StateTree, type Tip, type TreeVersion } from '@billcoin/protocol';
import { finalBlockOf, headerOfBlock, type StoredBlock } from '../finalBlock.ts';
import type { Log } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import type { BlockStore } from './blockStore.ts';
import type { ChainIndex } from './chainIndex.ts';
import { registrationsAt } from './registryHistory.ts';
import type { StateMark, StateStore } from './stateStore.ts';

export interface RecoveryDeps {
  readonly chain: Chain;
  /** Makes the tip before the first block; needed only where the state begins there. */
  readonly genesis: () => Tip;
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly index: ChainIndex;
  readonly log: Log;
}

export interface Recovered {
  readonly tip: Tip;
  readonly flushNo: number;
}

/** Blocks replayed between two writes of the state; as in operation. */
const REPLAY_FLUSH_BLOCKS = 64;

/** The newest final tip, with state and index on disk up to it. Throws StorageFailure naming range and remedy. */
export async function recover(deps: RecoveryDeps): Promise<Recovered> {
  const { blocks, state, index, log } = deps;
  const tipHeight = await blocks.checkedTip();
  const mark = await state.mark();
  if (!(await state.loadUndo())) log.warn({}, 'Undo rows of the state were damaged and are dropped; a rollback would replay the blocks');
  if (mark !== undefined && mark.height > tipHeight) {
    throw new StorageFailure('lost_records', `The state is at block ${mark.height}, but the blocks end at ${tipHeight}: blocks ${tipHeight + 1} to ${mark.height} are lost.`, REMEDY.restoreBackup);
  }
  const indexed = await index.tip();
  const base = await blocks.base();
  const isIndexed = mark !== undefined && indexed !== undefined && indexed >= mark.height && (await index.gap(base + 1)) === undefined;
  const loaded = isIndexed ? await loadState(deps, mark) : undefined;
  if (loaded !== undefined) return replay(deps, loaded, tipHeight, mark?.flushNo ?? 0);
  if (base > 0) throw new StorageFailure('damaged_value', `State or index is not usable, and the blocks of this data folder begin with ${base}: they cannot be replayed from genesis.`, 'Restore the snapshot again into a new data folder (`billcoin snapshot restore`), or the newest backup.');
  if (mark !== undefined) log.warn({ stateHeight: mark.height, indexHeight: indexed ?? 'none' }, 'State or index is not usable; both are rebuilt from the blocks');
  return replay(deps, await beginAtGenesis(deps), tipHeight, mark?.flushNo ?? 0);
}

/** State and index with nothing but genesis in them. */
async function beginAtGenesis({ chain, genesis, state, index }: RecoveryDeps): Promise<Tip> {
  await state.clear();
  await index.clear();
  const tip = genesis();
  const rows = tip.state.all().map(encodeChange);
  await index.begin(0, registrationsAt(rows, 0));
  await state.flush(rows, markOf(chain, tip, 0), { since: tip.validatorsSince, validators: tip.validators });
  return tip;
}

function markOf(chain: Chain, tip: Tip, flushNo: number): StateMark {
  return { height: tip.height, blockId: tip.blockId, stateRoot: chain.tree.root(tip.treeVersion), flushNo };
}

/** Flat state and tree of the mark; undefined where the rows do not give its root, which is then rebuilt. */
async function loadState(deps: RecoveryDeps, mark: StateMark): Promise<Tip | undefined> {
  const { chain, state } = deps;
  const block = mark.height === 0 ? undefined : await deps.blocks.read(mark.height);
  if (block === undefined && mark.height > 0) return undefined;
  const rows = await loadRows(chain.tree, state, deps.log);
  if (rows === undefined) return undefined;
  const root = chain.tree.root(rows.treeVersion);
  const { stateRoot, ...below } = block === undefined ? factsOfGenesis(deps) : factsOfBlock(block);
  if (!equalBytes(root, mark.stateRoot) || !equalBytes(root, stateRoot) || !equalBytes(below.blockId, mark.blockId)) {
    chain.tree.release(rows.treeVersion);
    return undefined;
  }
  // The blocks kept the books block by block; here they are added up from nothing.
  assertReserveWhole(rows.state);
  return { height: mark.height, ...below, state: rows.state, treeVersion: rows.treeVersion, ...setsAt(rows.state, mark.height) };
}

/** What the chain says of the state below the next block. */
type Facts = Pick<Tip, 'blockId' | 'timeMs' | 'certificateBytes'> & { readonly stateRoot: Uint8Array };

function factsOfGenesis({ chain, genesis }: RecoveryDeps): Facts {
  const { blockId, timeMs, certificateBytes, treeVersion } = genesis();
  const stateRoot = chain.tree.root(treeVersion);
  chain.tree.release(treeVersion);
  return { blockId, timeMs, certificateBytes, stateRoot };
}

function factsOfBlock({ blockBytes, certificate }: StoredBlock): Facts {
  const { stateRoot, timeMs } = headerOfBlock(blockBytes).header;
  return { blockId: certificate.blockId, timeMs, certificateBytes: encode(Certificate, certificate), stateRoot };
}

/** Every stored row, in memory and in the tree; undefined where a row is damaged. */
export async function loadRows(tree: StateTree, store: StateStore, log: Log): Promise<{ readonly state: FlatState; readonly treeVersion: TreeVersion } | undefined> {
  const state = new FlatState();
  const builder = new TreeBuilder(tree);
  try {
    for await (const row of store.rows()) {
      if (!state.load(row.key, row.value)) throw new StorageFailure('damaged_value', 'A state row is of no known form.', REMEDY.restoreBackup);
      builder.add(row);
    }
  } catch (error) {
    if (!(error instanceof StorageFailure) || error.code !== 'damaged_value') throw error;
    log.warn({ found: error.message }, 'A state row is damaged');
    builder.discard();
    return undefined;
  }
  return { state, treeVersion: builder.finish() };
}

async function replay(deps: RecoveryDeps, from: Tip, tipHeight: number, flushNo: number): Promise<Recovered> {
  const { chain, blocks, state, index, log } = deps;
  let tip = from;
  let flushes = flushNo;
  let changes = new Map<string, ByteChange>();
  let since = from.validatorsSince;

  async function flush(): Promise<void> {
    flushes += 1;
    await index.sync();
    await state.flush([...changes.values()], markOf(chain, tip, flushes), tip.validatorsSince === since ? undefined : { since: tip.validatorsSince, validators: tip.validators });
    since = tip.validatorsSince;
    changes = new Map();
  }

  if (tip.height < tipHeight) log.info({ from: tip.height + 1, to: tipHeight }, 'Replaying blocks');
  for (let height = tip.height + 1; height <= tipHeight; height++) {
    const block = await blocks.read(height);
    if (block === undefined) throw new StorageFailure('lost_records', `Block ${height} is missing.`, REMEDY.restoreBackup);
    const executed = executeFinal(chain, tip, height, block);
    tip = commitBlock(chain, tip, executed, block.certificate);
    await index.append(finalBlockOf(executed, block.certificate), executed.byteChanges);
    for (const change of executed.byteChanges) changes.set(Buffer.from(change.key).toString('latin1'), change);
    if (height % REPLAY_FLUSH_BLOCKS === 0 || height === tipHeight) await flush();
  }
  return { tip, flushNo: flushes };
}

/** Executes a decided block again. A difference means other rules or a bug: nothing may be signed on top of it. */
function executeFinal(chain: Chain, tip: Tip, height: number, { blockBytes, certificate }: StoredBlock): Executed {
  const verdict = applyBlock(chain, tip, blockBytes);
  if (!verdict.ok) {
    const { code, ...data } = verdict.fault;
    throw new StorageFailure('diverged', `Block ${height} is final but does not execute here (${code} ${JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}).`, 'This release has other rules than the chain, or a bug: do not start it as validator; install the release the network runs.');
  }
  if (!equalBytes(verdict.value.blockId, certificate.blockId)) throw new StorageFailure('damaged_value', `The body of block ${height} is not the one its certificate names.`, REMEDY.restoreBackup);
  return verdict.value;
}
