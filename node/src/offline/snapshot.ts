/**
 * `billcoin snapshot create | restore`: the state after one final block as files, and a new data folder from them. A
 * restored folder begins with that block: what came before is not in it, and lookups say so. Neither command touches the
 * key folder; a validator goes on under the rules of the sign guard that it has.
 */
import { cp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  Certificate, FlatState, Header, StateTree, assertReserveWhole, blockIdBytes, decode, encode, equalBytes, makeChain, setsAt, toHex, validatorsHash, verifyCertificate, type ByteChange, type Chain, type Genesis,
  type Tip, type ValidatorSet,
} from '@billcoin/protocol';
import { readCheckpointFile } from '../checkpointFile.ts';
import { ConfigError, type Config } from '../config.ts';
import { hashPairsNative } from '../crypto/sha256.ts';
import { verifyEd25519Native } from '../crypto/verifier.ts';
import { identifyBlock } from '../driver/blockBytes.ts';
import { headerOfBlock } from '../finalBlock.ts';
import { makeLog } from '../log.ts';
import { makeBlockStore } from '../storage/blockStore.ts';
import { makeChainIndex } from '../storage/chainIndex.ts';
import { CAMPUS_FOLDER, FORMAT_FILE, createDataFolder, openDataFolder, syncFolder } from '../storage/dataFolder.ts';
import { loadRows } from '../storage/recovery.ts';
import { registrationsAt, type Registration } from '../storage/registryHistory.ts';
import { readManifest, readSnapshotBlock, readSnapshotChunks, writeSnapshot, type SnapshotManifest, type StateRow } from '../storage/snapshot.ts';
import { LOCK_NAMES } from '../storage/folderLock.ts';
import { makeStateStore } from '../storage/stateStore.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';

export interface SnapshotReport {
  readonly folder: string;
  readonly height: number;
  readonly blockId: string;
  readonly stateRoot: string;
  readonly rows: number;
  readonly chunks: number;
}

function pathOf({ snapshot }: Config): string {
  if (snapshot === undefined) throw new ConfigError('--snapshot <folder> is missing.');
  return resolve(snapshot);
}

function chainOf(genesis: Genesis): Chain {
  return makeChain(genesis, verifyEd25519Native, new StateTree(hashPairsNative));
}

function report(folder: string, manifest: SnapshotManifest): SnapshotReport {
  const { header } = checkedHeader(folder, manifest);
  const { height, rows, chunkHashes, lightBlock: { certificate } } = manifest;
  return { folder, height, blockId: toHex(certificate.blockId), stateRoot: toHex(header.stateRoot), rows, chunks: chunkHashes.length };
}

function refused(folder: string, why: string): StorageFailure {
  return new StorageFailure('damaged_value', `The snapshot ${folder} is refused: ${why}.`, 'Take a snapshot from a node you trust.');
}

function checkedHeader(folder: string, { lightBlock }: SnapshotManifest): { readonly header: Header; readonly signers: ValidatorSet; readonly next: ValidatorSet } {
  const header = decode(Header, lightBlock.header);
  if (!header.ok) throw refused(folder, 'its header does not decode');
  return { header: header.value, signers: lightBlock.validators, next: lightBlock.nextValidators ?? lightBlock.validators };
}

/**
 * Writes the state on disk of a stopped node into the folder of --snapshot, which must not exist. The root of the rows is
 * compared with the header first. Throws StorageFailure (`locked` while the node runs), ConfigError, Error EEXIST.
 */
export async function createSnapshot(config: Config, genesis: Genesis): Promise<SnapshotReport> {
  const path = pathOf(config);
  const folder = await openDataFolder(config.dataDir, genesis.genesisHash, () => undefined);
  try {
    const [blocks, state, chain] = [makeBlockStore(folder.blocks), makeStateStore(folder.state), chainOf(genesis)];
    const [tip, mark] = [await blocks.checkedTip(), await state.mark()];
    if (mark === undefined || mark.height === 0) throw new ConfigError('There is no block on disk yet, hence nothing to make a snapshot of.');
    const block = mark.height > tip ? undefined : await blocks.read(mark.height);
    if (block === undefined) throw new StorageFailure('lost_records', `The state is at block ${mark.height}, the blocks end at ${tip}.`, REMEDY.restoreBackup);
    const { header, headerBytes } = headerOfBlock(block.blockBytes);
    const loaded = await loadRows(chain.tree, state, makeLog({ level: 'silent', nodeName: config.nodeName }));
    if (loaded === undefined || !equalBytes(chain.tree.root(loaded.treeVersion), header.stateRoot)) {
      throw new StorageFailure('damaged_value', `The state on disk is not that of block ${mark.height}.`, 'Start the node once: it rebuilds the state from the blocks. Stop it, then make the snapshot.');
    }
    // One set signs this block and may hand over to another; a set that stays stands once.
    const { signers, validators, validatorsSince } = setsAt(loaded.state, mark.height);
    const lightBlock = { header: headerBytes, certificate: block.certificate, validators: signers, nextValidators: signers === validators ? undefined : validators };
    const about = { genesisHash: genesis.genesisHash, height: mark.height, lightBlock, validatorsSince };
    // The own chain is believed: it was followed set by set.
    checkProven(path, chain, genesis, { ...about, rows: 0, blockHash: mark.blockId, chunkHashes: [] }, () => true);
    return report(path, await writeSnapshot(path, about, block.blockBytes, state.rows()));
  } finally {
    await folder.close();
  }
}

/** Whether the validators of a block are believed to be the true ones of its height. */
export type SnapshotTrust = (header: Header, blockId: Uint8Array) => boolean;

/** The set of genesis, and what the checkpoint of --checkpoint names. A set that has changed in between has to be led there header by header, which a local file cannot do. */
export async function snapshotTrust({ checkpoint: path }: Config, genesis: Genesis): Promise<SnapshotTrust> {
  const first = validatorsHash(genesis.validators);
  const read = path === undefined ? undefined : await readCheckpointFile(path, genesis, verifyEd25519Native);
  if (read?.ok === false) throw new ConfigError(`The checkpoint ${path ?? ''} is refused (${read.refusal.code}): ${read.refusal.why}.`);
  const known = read?.value.checkpoint;
  return (header, blockId) => equalBytes(header.validatorsHash, first) || (known !== undefined && (equalBytes(header.validatorsHash, known.validatorsHash) || equalBytes(blockId, known.blockId)));
}

/** Header, certificate and sets against each other and against what is trusted. */
function checkProven(folder: string, chain: Chain, genesis: Genesis, manifest: SnapshotManifest, isTrusted: SnapshotTrust): Header {
  const { header, signers, next } = checkedHeader(folder, manifest);
  const { lightBlock: { header: headerBytes, certificate }, height, validatorsSince } = manifest;
  if (!equalBytes(manifest.genesisHash, genesis.genesisHash)) throw new StorageFailure('wrong_network', `The snapshot ${folder} belongs to genesis ${toHex(manifest.genesisHash)}, the genesis file has ${toHex(genesis.genesisHash)}.`, 'Use a snapshot of this network.');
  if (header.height !== height || certificate.height !== height) throw refused(folder, 'its parts are of different heights');
  if (!equalBytes(blockIdBytes(genesis.genesisHash, headerBytes), certificate.blockId)) throw refused(folder, 'its certificate is for another block');
  if (!equalBytes(validatorsHash(signers), header.validatorsHash) || !equalBytes(validatorsHash(next), header.nextValidatorsHash)) throw refused(folder, 'its validator sets are not those of its header');
  if (validatorsSince > height + 1) throw refused(folder, 'its validator set is of the future');
  if (!isTrusted(header, certificate.blockId)) throw refused(folder, 'it is signed by validators that neither genesis nor --checkpoint names');
  if (!verifyCertificate(genesis.genesisHash, signers, certificate, chain.verify).ok) throw refused(folder, 'its certificate does not verify');
  return header;
}

interface Checked {
  readonly manifest: SnapshotManifest;
  readonly blockBytes: Uint8Array;
  /** Where a chain goes on from the snapshot. */
  readonly tip: Tip;
}

/** Reads a snapshot whole, checks everything in it and hands each chunk on. Throws StorageFailure; what was handed on before is worth nothing then. */
export async function readSnapshot(folder: string, chain: Chain, genesis: Genesis, isTrusted: SnapshotTrust, take: (rows: readonly StateRow[]) => Promise<void>): Promise<Checked> {
  const manifest = await readManifest(folder);
  const header = checkProven(folder, chain, genesis, manifest, isTrusted);
  const blockBytes = await readSnapshotBlock(folder, manifest);
  const block = identifyBlock(chain.genesisHash, blockBytes, () => false);
  if (!block.ok || block.value.id !== toHex(manifest.lightBlock.certificate.blockId)) throw refused(folder, 'its block is not the one of its header');
  const state = new FlatState();
  let version = chain.tree.empty();
  for await (const rows of readSnapshotChunks(folder, manifest)) {
    for (const { key, value } of rows) if (!state.load(key, value)) throw refused(folder, `row ${toHex(key)} is of no known form`);
    const next = chain.tree.update(version, rows);
    chain.tree.release(version);
    version = next;
    await take(rows);
  }
  const stateRoot = chain.tree.root(version);
  if (!equalBytes(stateRoot, header.stateRoot)) throw refused(folder, `its rows give the state root ${toHex(stateRoot)}, the header has ${toHex(header.stateRoot)}`);
  assertReserveWhole(state);
  const { height, lightBlock: { certificate } } = manifest;
  const tip = { height, timeMs: header.timeMs, blockId: certificate.blockId, certificateBytes: encode(Certificate, certificate), state, treeVersion: version, ...setsAt(state, height) };
  return { manifest, blockBytes, tip };
}

/** What a data folder without a block may hold: accounts are made before a newcomer joins. */
const BEFORE_BLOCKS: ReadonlySet<string> = new Set([FORMAT_FILE, CAMPUS_FOLDER, ...LOCK_NAMES]);

/** There is no data folder, or one without a block: `billcoin init` and `billcoin users` leave such. */
export async function isEmptyDataFolder(dataDir: string): Promise<boolean> {
  const names = await namesIn(dataDir);
  return names === undefined || names.every((name) => BEFORE_BLOCKS.has(name));
}

async function namesIn(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Puts the folder that was built into the place of a data folder without a block, campus rows included; anything else there
 * is never overwritten. After a crash in the middle the old folder is beside it under the name `.before`.
 */
async function replaceEmpty(dataDir: string, building: string): Promise<void> {
  if (!(await isEmptyDataFolder(dataDir))) throw new ConfigError(`${dataDir} holds data already. Move it away first; it is never overwritten.`);
  const names = await namesIn(dataDir);
  if (names?.includes(CAMPUS_FOLDER) === true) await cp(join(dataDir, CAMPUS_FOLDER), join(building, CAMPUS_FOLDER), { recursive: true });
  const before = `${dataDir}.before`;
  if (names !== undefined) await rename(dataDir, before);
  await rename(building, dataDir);
  if (names !== undefined) await rm(before, { recursive: true, force: true });
}

/** Makes a data folder that begins with the block of --snapshot. Throws as `restoreFrom`. */
export async function restoreSnapshot(config: Config, genesis: Genesis): Promise<SnapshotReport> {
  return restoreFrom(pathOf(config), config.dataDir, genesis, await snapshotTrust(config, genesis));
}

/**
 * Makes a data folder that begins with the block of the snapshot at `path`. It is built beside its place and moved there whole, so a
 * restore that did not end leaves no data folder. Throws as `readSnapshot`; ConfigError where there is data already.
 */
export async function restoreFrom(path: string, dataFolder: string, genesis: Genesis, isTrusted: SnapshotTrust): Promise<SnapshotReport> {
  const dataDir = resolve(dataFolder);
  const building = `${dataDir}.restoring`;
  await rm(building, { recursive: true, force: true });
  await createDataFolder(building, genesis.genesisHash);
  const folder = await openDataFolder(building, genesis.genesisHash, () => undefined);
  let manifest: SnapshotManifest;
  try {
    const [blocks, state, index] = [makeBlockStore(folder.blocks), makeStateStore(folder.state), makeChainIndex(folder.index)];
    const registrations: Registration[] = [];
    const height = (await readManifest(path)).height;
    const chain = chainOf(genesis);
    const checked = await readSnapshot(path, chain, genesis, isTrusted, async (rows) => {
      registrations.push(...registrationsAt(rows, height));
      await state.fill(rows as readonly ByteChange[]);
    });
    ({ manifest } = checked);
    const { lightBlock: { certificate } } = manifest;
    const { validators, validatorsSince } = checked.tip;
    await blocks.begin(height, certificate.blockId, { blockBytes: checked.blockBytes, certificate });
    await index.begin(height, registrations);
    await state.flush([], { height, blockId: certificate.blockId, stateRoot: chain.tree.root(checked.tip.treeVersion), flushNo: 1 }, { since: validatorsSince, validators });
  } finally {
    await folder.close();
  }
  await replaceEmpty(dataDir, building);
  await syncFolder(dirname(dataDir));
  return report(path, manifest);
}
