/**
 * `billcoin verify-db`: replays every stored block from genesis and compares what it gives with headers, certificates,
 * index, flat state and undo rows, and adds up the reserve equation. Reads every value, hence checks every checksum. The node must be stopped.
 */
import { resolve } from 'node:path';
import {
  ROWS, StateTree, TreeBuilder, applyBlock, assertReserveWhole, blockIdBytes, commitBlock, decode, encodeChange, equalBytes, genesisTip, makeChain, merkleRoot, stateRows, toHex, validatorsHash, verifyCertificate,
  type Chain, type Genesis, type Tip, type TreeVersion, type ValidatorSet,
} from '@billcoin/protocol';
import type { Config } from '../config.ts';
import { finalBlockOf, headerOfBlock, openedBlock } from '../finalBlock.ts';
import { hashPairsNative } from '../crypto/sha256.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { makeBlockStore, type BlockStore } from '../storage/blockStore.ts';
import { makeChainIndex, type ChainIndex } from '../storage/chainIndex.ts';
import { openDataFolder } from '../storage/dataFolder.ts';
import { registrationsAt, registrationsOf, type Registration } from '../storage/registryHistory.ts';
import { readSnapshot, snapshotTrust } from './snapshot.ts';
import { makeStateStore, type StateMark, type StateStore } from '../storage/stateStore.ts';

export interface DatabaseReport {
  readonly height: number;
  readonly transactions: number;
  readonly stateHeight: number | undefined;
  /** What is wrong, in words; empty where everything holds. Damage that stops the reading is thrown as StorageFailure. */
  readonly problems: readonly string[];
}

/** Problems listed before giving up: the first ones tell the story. */
const PROBLEMS_MAX = 20;

interface Stores {
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly index: ChainIndex;
}

/** Where the check begins: what there is to execute, and what a snapshot says of it. */
interface Start {
  readonly tip: Tip;
  /** Blocks that stand before the tip in this folder and are not executed. */
  readonly problems: readonly string[];
}

/**
 * Throws StorageFailure for damage that stops the reading. With --snapshot that one is checked as well; a folder that was made
 * from a snapshot is executed from it where it is given, else its blocks are checked by certificate and link alone.
 */
export async function verifyDatabase(config: Config, genesis: Genesis, onProgress: (height: number, tip: number) => void): Promise<DatabaseReport> {
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  try {
    const stores = { blocks: makeBlockStore(folder.blocks), state: makeStateStore(folder.state), index: makeChainIndex(folder.index) };
    const chain: Chain = { ...makeChain(genesis, verifyEd25519Native, new StateTree(hashPairsNative)), past: stores.blocks.past };
    const [base, tipHeight] = [await stores.blocks.base(), await stores.blocks.checkedTip()];
    const start = await startOf(config, chain, genesis, stores.blocks, base);
    const report = start === undefined ? await verifyUnexecuted(chain, genesis, stores, base, tipHeight) : await verifyStores(chain, start, stores, tipHeight, onProgress);
    return { ...report, problems: [...report.problems, ...(await verifyUndo(chain, stores))].slice(0, PROBLEMS_MAX) };
  } finally {
    await folder.close();
  }
}

async function startOf(config: Config, chain: Chain, genesis: Genesis, blocks: BlockStore, base: number): Promise<Start | undefined> {
  const first = base === 0 ? { tip: genesisTip(chain, genesis), problems: [] } : undefined;
  if (config.snapshot === undefined) return first;
  const { tip } = await readSnapshot(resolve(config.snapshot), chain, genesis, await snapshotTrust(config, genesis), () => Promise.resolve());
  const certificate = await blocks.readCertificate(tip.height);
  const problems = certificate !== undefined && !equalBytes(certificate.blockId, tip.blockId) ? [`the snapshot of block ${tip.height} is of another block than the one here`] : [];
  if (tip.height === base) return { tip, problems };
  chain.tree.release(tip.treeVersion);
  return first === undefined ? undefined : { ...first, problems };
}

async function verifyStores(chain: Chain, start: Start, { blocks, state, index }: Stores, tipHeight: number, onProgress: (height: number, tip: number) => void): Promise<DatabaseReport> {
  const mark = await state.mark();
  const problems = [...start.problems];
  let transactions = 0;
  let { tip } = start;
  const registrations = [...registrationsAt(tip.state.all().map(encodeChange), tip.height)];
  if (mark?.height === tip.height) problems.push(...(await compareState(chain, tip, state, mark)));
  while (tip.height < tipHeight && problems.length < PROBLEMS_MAX) {
    const height = tip.height + 1;
    const block = await blocks.read(height);
    if (block === undefined) return { height: tip.height, transactions, stateHeight: mark?.height, problems: [...problems, `block ${height} is missing`] };
    if (!verifyCertificate(chain.genesisHash, tip.validators, block.certificate, chain.verify).ok) problems.push(`the certificate of block ${height} does not verify`);
    const verdict = applyBlock(chain, tip, block.blockBytes);
    if (!verdict.ok) return { height: tip.height, transactions, stateHeight: mark?.height, problems: [...problems, `block ${height} does not execute: ${verdict.fault.code}`] };
    if (!equalBytes(verdict.value.blockId, block.certificate.blockId)) problems.push(`block ${height} is not the one its certificate names`);
    problems.push(...(await compareIndex(height, verdict.value.results, verdict.value.txs.map((tx) => tx.txId), index)));
    registrations.push(...registrationsOf(finalBlockOf(verdict.value, block.certificate), verdict.value.byteChanges));
    tip = commitBlock(chain, tip, verdict.value, block.certificate);
    transactions += verdict.value.txs.length;
    if (mark?.height === height) problems.push(...(await compareState(chain, tip, state, mark)));
    onProgress(height, tipHeight);
  }
  assertReserveWhole(tip.state);
  problems.push(...(await compareRegistrations(tip.height, registrations, index)));
  if (mark !== undefined && mark.height > tipHeight) problems.push(`the state is at block ${mark.height}, the blocks end at ${tipHeight}`);
  return { height: tip.height, transactions, stateHeight: mark?.height, problems };
}

/** Validator sets by hex of their hashes: that of genesis, and those in the rows of the state, which vote or can still be punished for votes. */
async function knownSets(genesis: Genesis, state: StateStore): Promise<ReadonlyMap<string, ValidatorSet>> {
  const sets = new Map([[toHex(validatorsHash(genesis.validators)), genesis.validators]]);
  for await (const { key, value } of state.rows()) {
    const row = key[0] === ROWS.validatorSet.prefix ? decode(stateRows.ValidatorSetRow, value) : undefined;
    if (row?.ok === true) sets.set(toHex(key.subarray(1)), { validators: row.value.validators });
  }
  return sets;
}

/**
 * Blocks after a snapshot that is not at hand: certificates under the sets of their heights, links and transaction roots, and
 * the state against its header.
 */
async function verifyUnexecuted(chain: Chain, genesis: Genesis, { blocks, state }: Stores, base: number, tipHeight: number): Promise<DatabaseReport> {
  const mark = await state.mark();
  const sets = await knownSets(genesis, state);
  const problems: string[] = [];
  let transactions = 0;
  let before: Uint8Array | undefined;
  for (let height = base; height <= tipHeight && problems.length < PROBLEMS_MAX; height++) {
    const block = await blocks.read(height);
    if (block === undefined) return { height: height - 1, transactions, stateHeight: mark?.height, problems: [...problems, `block ${height} is missing`] };
    const { header, headerBytes, txs } = openedBlock(block.blockBytes);
    const { certificate } = block;
    const set = sets.get(toHex(header.validatorsHash));
    if (set === undefined) problems.push(`the validators of block ${height} are not known any more: give the snapshot (--snapshot)`);
    else if (!verifyCertificate(chain.genesisHash, set, certificate, chain.verify).ok) problems.push(`the certificate of block ${height} does not verify`);
    if (!equalBytes(blockIdBytes(chain.genesisHash, headerBytes), certificate.blockId)) problems.push(`block ${height} is not the one its certificate names`);
    if (header.height !== height || (before !== undefined && !equalBytes(before, header.prevBlockId))) problems.push(`block ${height} does not follow the one before`);
    if (!equalBytes(merkleRoot(txs), header.txRoot)) problems.push(`block ${height} has other transactions than its header says`);
    before = certificate.blockId;
    transactions += txs.length;
  }
  if (mark === undefined || mark.height > tipHeight) problems.push(`the state is at block ${mark?.height ?? 'none'}, the blocks end at ${tipHeight}`);
  return { height: tipHeight, transactions, stateHeight: mark?.height, problems };
}

/** The index may lie behind after a crash; what it has must be right. */
async function compareIndex(height: number, results: readonly Uint8Array[], txIds: readonly Uint8Array[], index: ChainIndex): Promise<readonly string[]> {
  const indexed = await index.tip();
  if (indexed === undefined || indexed < height) return [];
  const stored = await index.results(height);
  const sameResults = stored?.length === results.length && results.every((result, i) => equalBytes(result, stored[i]?.resultBytes ?? new Uint8Array(0)));
  const problems = sameResults ? [] : [`the index of block ${height} has other results`];
  for (const [i, position] of (await index.positionsOf(txIds)).entries()) {
    if (position?.height !== height || position.index !== i) problems.push(`the index does not find transaction ${toHex(txIds[i] as Uint8Array)} of block ${height}`);
  }
  return problems;
}

/** What oracles are told of the registry at a height, up to where the index goes. */
async function compareRegistrations(height: number, replayed: readonly Registration[], index: ChainIndex): Promise<readonly string[]> {
  const last = Math.min(height, (await index.tip()) ?? -1);
  const nameOf = (one: Registration): string => `${toHex(one.rowKey)} of block ${one.height}`;
  const missing = new Map(replayed.filter((one) => one.height <= last).map((one) => [nameOf(one), one.value]));
  const problems: string[] = [];
  for await (const one of index.registrations()) {
    const value = missing.get(nameOf(one));
    missing.delete(nameOf(one));
    if (one.height <= last && (value === undefined || !equalBytes(value, one.value))) problems.push(`the index has another registration ${nameOf(one)}`);
  }
  return [...problems, ...[...missing.keys()].map((name) => `the index lacks the registration ${name}`)].slice(0, PROBLEMS_MAX);
}

/** Tree over every row of the flat state on disk. */
async function treeOf(chain: Chain, state: StateStore): Promise<TreeVersion> {
  const builder = new TreeBuilder(chain.tree);
  for await (const row of state.rows()) builder.add(row);
  return builder.finish();
}

/** Every row of the flat state on disk against the replayed one, by the root of the tree over them. */
async function compareState(chain: Chain, tip: Tip, state: StateStore, mark: StateMark): Promise<readonly string[]> {
  const expected = chain.tree.root(tip.treeVersion);
  const problems = equalBytes(mark.stateRoot, expected) && equalBytes(mark.blockId, tip.blockId) ? [] : [`the state's mark of block ${mark.height} is not that block's`];
  const version = await treeOf(chain, state);
  const found = chain.tree.root(version);
  chain.tree.release(version);
  if (!equalBytes(found, expected)) problems.push(`the state of block ${mark.height} has root ${toHex(found)}, replay gives ${toHex(expected)}`);
  return problems;
}

/** The state on disk, and what each undo row makes of it, against the header of the block that it is the state after. */
async function verifyUndo(chain: Chain, { blocks, state }: Stores): Promise<readonly string[]> {
  const mark = await state.mark();
  if (mark === undefined) return [];
  let version = await treeOf(chain, state);
  const isOf = async ({ height }: StateMark, root: Uint8Array): Promise<boolean> => {
    const block = await blocks.read(height);
    return height === 0 || (block !== undefined && equalBytes(headerOfBlock(block.blockBytes).header.stateRoot, root));
  };
  if (!(await isOf(mark, chain.tree.root(version)))) return [`the state on disk is not that of block ${mark.height}`];
  let newest = mark.height;
  for await (const { height, before, changes } of state.undos()) {
    if (height !== newest) return [`there is an undo row of block ${height} where one of ${newest} should be`];
    const next = chain.tree.update(version, changes);
    chain.tree.release(version);
    version = next;
    const root = chain.tree.root(version);
    if (!equalBytes(root, before.stateRoot) || !(await isOf(before, root))) return [`the undo row of block ${height} does not lead back to block ${before.height}`];
    newest = before.height;
  }
  return [];
}
