/**
 * `billcoin verify-db`: replays every stored block from genesis and compares what it gives with headers, certificates,
 * index and flat state, and adds up the reserve equation. Reads every value, hence checks every checksum. The node must be stopped.
 */
import { StateTree, applyBlock, assertReserveWhole, commitBlock, encodeChange, equalBytes, genesisTip, makeChain, toHex, verifyCertificate, type Chain, type Genesis, type Tip } from '@billcoin/protocol';
import type { Config } from '../config.ts';
import { finalBlockOf } from '../finalBlock.ts';
import { hashPairsNative } from '../crypto/sha256.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { makeBlockStore, type BlockStore } from '../storage/blockStore.ts';
import { makeChainIndex, type ChainIndex } from '../storage/chainIndex.ts';
import { openDataFolder } from '../storage/dataFolder.ts';
import { genesisRegistrations, registrationsOf, type Registration } from '../storage/registryHistory.ts';
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

export async function verifyDatabase(config: Config, genesis: Genesis, onProgress: (height: number, tip: number) => void): Promise<DatabaseReport> {
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  try {
    const chain = makeChain(genesis, verifyEd25519Native, new StateTree(hashPairsNative));
    const stores = { blocks: makeBlockStore(folder.blocks), state: makeStateStore(folder.state), index: makeChainIndex(folder.index) };
    return await verifyStores(chain, genesisTip(chain, genesis), stores, onProgress);
  } finally {
    await folder.close();
  }
}

interface Stores {
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly index: ChainIndex;
}

async function verifyStores(chain: Chain, genesis: Tip, { blocks, state, index }: Stores, onProgress: (height: number, tip: number) => void): Promise<DatabaseReport> {
  const tipHeight = await blocks.checkedTip();
  const mark = await state.mark();
  const problems: string[] = [];
  let transactions = 0;
  let tip = genesis;
  const registrations = [...genesisRegistrations(genesis.state.all().map(encodeChange))];
  if (mark?.height === 0) problems.push(...(await compareState(chain, tip, state, mark)));
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

/** The index may lie behind after a crash; what it has must be right. */
async function compareIndex(height: number, results: readonly Uint8Array[], txIds: readonly Uint8Array[], index: ChainIndex): Promise<readonly string[]> {
  const indexed = await index.tip();
  if (indexed === undefined || indexed < height) return [];
  const stored = await index.results(height);
  const sameResults = stored?.length === results.length && results.every((result, i) => equalBytes(result, stored[i]?.resultBytes ?? new Uint8Array(0)));
  const problems = sameResults ? [] : [`the index of block ${height} has other results`];
  for (const [i, txId] of txIds.entries()) {
    const position = await index.positionOf(txId);
    if (position?.height !== height || position.index !== i) problems.push(`the index does not find transaction ${toHex(txId)} of block ${height}`);
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

/** Every row of the flat state on disk against the replayed one, by the root of the tree over them. */
async function compareState(chain: Chain, tip: Tip, state: StateStore, mark: StateMark): Promise<readonly string[]> {
  const expected = chain.tree.root(tip.treeVersion);
  const problems = equalBytes(mark.stateRoot, expected) && equalBytes(mark.blockId, tip.blockId) ? [] : [`the state's mark of block ${mark.height} is not that block's`];
  let version = chain.tree.empty();
  for await (const row of state.rows()) {
    const next = chain.tree.update(version, [row]);
    chain.tree.release(version);
    version = next;
  }
  const found = chain.tree.root(version);
  chain.tree.release(version);
  if (!equalBytes(found, expected)) problems.push(`the state of block ${mark.height} has root ${toHex(found)}, replay gives ${toHex(expected)}`);
  return problems;
}
