/**
 * A snapshot of the state after one final block, as local files (consensus page §1.16):
 *
 *   manifest.json   what is in it, with a checksum; written last, so a folder without it is not finished
 *   block           the block itself, of which a node starts
 *   000000.rows …   chunks of state rows, in order of SHA-256(row key); frames: key, value, key, value, …
 *
 * It holds what the network has agreed on and nothing else: no keys, no sign guard, no pool, no campus rows, no index.
 */
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LightBlock, SortedRoot, canonicalJson, compareBytes, decode, encode, fromHex, peerMessages, sha256, toHex, utf8, type Json } from '@billcoin/protocol';
import { headerOfBlock } from '../finalBlock.ts';
import { StorageFailure } from '../storageFailure.ts';
import { syncFolder } from './dataFolder.ts';
import { packFrames, unpackFrames } from './frames.ts';

export const SNAPSHOT_FORMAT = 1;
/** Bytes of rows in one chunk at most: what a peer asks for at once. A single row is at most 16 KiB. */
const CHUNK_MAX_BYTES = peerMessages.SNAPSHOT_PART_MAX_BYTES;
const CHUNKS_MAX = peerMessages.SNAPSHOT_CHUNKS_MAX;
/** Rows are sorted and hashed in groups by the first 12 bits of their hash, so that a running node goes on in between: a million rows are 250 a group, 2 ms. */
const GROUPS = 4_096;
export const MANIFEST_FILE = 'manifest.json';
const BLOCK_FILE = 'block';
const MAKE_AGAIN = 'Make the snapshot again, or copy it again from where it is whole.';

export interface SnapshotManifest {
  readonly genesisHash: Uint8Array;
  readonly height: number;
  /** Header, certificate and the sets that sign it and the next block. */
  readonly lightBlock: LightBlock;
  /** First height at which the set of the next block votes. */
  readonly validatorsSince: number;
  readonly rows: number;
  readonly blockHash: Uint8Array;
  readonly chunkHashes: readonly Uint8Array[];
}

export interface StateRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** File of a part as peers number them: 0 is the block, n the chunk n − 1. */
export const partFile = (part: number): string => (part === 0 ? BLOCK_FILE : chunkFile(part - 1));
/** Hashes of the parts, in that order. */
export const partHashes = ({ blockHash, chunkHashes }: Pick<SnapshotManifest, 'blockHash' | 'chunkHashes'>): readonly Uint8Array[] => [blockHash, ...chunkHashes];

const chunkFile = (index: number): string => `${String(index).padStart(6, '0')}.rows`;

function damaged(path: string, why: string, cause?: unknown): StorageFailure {
  return new StorageFailure('damaged_value', `The snapshot ${path} ${why}.`, MAKE_AGAIN, { cause });
}

/** A new file of mode 0600, on disk when it resolves. */
export async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function manifestText(manifest: SnapshotManifest): string {
  const content = {
    format: SNAPSHOT_FORMAT, genesisHash: toHex(manifest.genesisHash), height: manifest.height, lightBlock: toHex(encode(LightBlock, manifest.lightBlock)),
    validatorsSince: manifest.validatorsSince, rows: manifest.rows, blockHash: toHex(manifest.blockHash), chunkHashes: manifest.chunkHashes.map(toHex),
  };
  return `${JSON.stringify({ content, sha256: toHex(sha256(utf8(canonicalJson(content)))) }, undefined, 2)}\n`;
}

interface HashedRow extends StateRow {
  readonly keyHash: Uint8Array;
}

/** Rows in the order of a snapshot, group by group. PERF: all of them in memory, as the tree and the flat state are while a node runs. */
async function* sortedRows(rows: AsyncIterable<StateRow>): AsyncGenerator<readonly HashedRow[]> {
  const groups: HashedRow[][] = Array.from({ length: GROUPS }, () => []);
  for await (const { key, value } of rows) {
    const keyHash = sha256(key);
    groups[((keyHash[0] as number) << 4) | ((keyHash[1] as number) >>> 4)]?.push({ keyHash, key, value });
  }
  for (const group of groups) {
    // One turn of the event loop each: sorting a million rows at once would stop the chain for seconds.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    yield group.sort((a, b) => compareBytes(a.keyHash, b.keyHash));
  }
}

/** The chunks and, once all are taken, how many rows there were and the root of their state tree. */
class ChunkWriter {
  readonly #root = new SortedRoot();
  #frames: Uint8Array[] = [];
  #bytes = 0;
  rows = 0;

  /** The chunk that is full before this row. */
  add({ keyHash, key, value }: HashedRow): Uint8Array | undefined {
    const bytes = key.length + value.length + 8;
    const full = this.#bytes + bytes > CHUNK_MAX_BYTES ? this.last() : undefined;
    this.#frames.push(key, value);
    this.#bytes += bytes;
    this.rows += 1;
    this.#root.add(keyHash, sha256(value));
    return full;
  }

  last(): Uint8Array | undefined {
    if (this.#frames.length === 0) return undefined;
    const chunk = packFrames(this.#frames);
    [this.#frames, this.#bytes] = [[], 0];
    return chunk;
  }

  root(): Uint8Array {
    return this.#root.finish();
  }
}

/**
 * Writes a snapshot into a folder that must not exist yet (Error EEXIST); everything is on disk when it resolves. The same
 * state gives the same chunks on every node. Throws StorageFailure where the rows do not have the state root of the header.
 */
export async function writeSnapshot(folder: string, about: Omit<SnapshotManifest, 'rows' | 'blockHash' | 'chunkHashes'>, blockBytes: Uint8Array, rows: AsyncIterable<StateRow>): Promise<SnapshotManifest> {
  await mkdir(folder, { mode: 0o700 });
  await writeNew(join(folder, BLOCK_FILE), blockBytes);
  const chunkHashes: Uint8Array[] = [];
  const writer = new ChunkWriter();
  const put = async (chunk: Uint8Array | undefined): Promise<void> => {
    if (chunk === undefined) return;
    await writeNew(join(folder, chunkFile(chunkHashes.length)), chunk);
    chunkHashes.push(sha256(chunk));
  };
  for await (const group of sortedRows(rows)) for (const row of group) await put(writer.add(row));
  await put(writer.last());
  const { stateRoot } = headerOfBlock(blockBytes).header;
  const root = writer.root();
  if (compareBytes(root, stateRoot) !== 0) throw damaged(folder, `cannot be made: the rows on disk give the state root ${toHex(root)}, the header has ${toHex(stateRoot)}`);
  const manifest = { ...about, rows: writer.rows, blockHash: sha256(blockBytes), chunkHashes };
  await finishSnapshot(folder, manifest);
  return manifest;
}

/** Puts the manifest into a folder that holds every part; with it the snapshot is there. */
export async function finishSnapshot(folder: string, manifest: SnapshotManifest): Promise<void> {
  await syncFolder(folder);
  await writeNew(join(folder, MANIFEST_FILE), utf8(manifestText(manifest)));
  await syncFolder(folder);
  await syncFolder(dirname(folder));
}

async function readPart(path: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw damaged(path, 'cannot be read', error);
  }
}

function parseContent(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const { content, sha256: checksum } = JSON.parse(text) as { readonly content: Readonly<Record<string, Json>>; readonly sha256: unknown };
    if (checksum === toHex(sha256(utf8(canonicalJson(content))))) return content;
  } catch (error) {
    throw damaged(path, 'is no manifest', error);
  }
  throw damaged(path, 'has a wrong checksum');
}

const hash32 = (value: unknown): Uint8Array | undefined => {
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  return bytes?.length === 32 ? bytes : undefined;
};

/** Reads and checks the manifest's form; whether it is true is for whoever restores it. Throws StorageFailure. */
export async function readManifest(folder: string): Promise<SnapshotManifest> {
  const path = join(folder, MANIFEST_FILE);
  const bytes = await readPart(path);
  if (bytes === undefined) throw damaged(folder, `is not finished, or is none: there is no ${MANIFEST_FILE}`);
  const content = parseContent(path, Buffer.from(bytes).toString('utf8'));
  if (content['format'] !== SNAPSHOT_FORMAT) throw new StorageFailure('wrong_format', `The snapshot ${folder} is of format ${String(content['format'])}, this release reads ${SNAPSHOT_FORMAT}.`, 'Use the release that made it.');
  const [height, rows, validatorsSince] = [content['height'], content['rows'], content['validatorsSince']];
  const lightBytes = typeof content['lightBlock'] === 'string' ? fromHex(content['lightBlock']) : undefined;
  const lightBlock = lightBytes === undefined ? undefined : decode(LightBlock, lightBytes);
  const [genesisHash, blockHash] = [hash32(content['genesisHash']), hash32(content['blockHash'])];
  const listed = Array.isArray(content['chunkHashes']) ? content['chunkHashes'].map(hash32) : [undefined];
  const chunkHashes = listed.filter((hash): hash is Uint8Array => hash !== undefined);
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isCount(height) || !isCount(rows) || !isCount(validatorsSince) || lightBlock?.ok !== true || genesisHash === undefined || blockHash === undefined || chunkHashes.length !== listed.length || listed.length > CHUNKS_MAX) {
    throw damaged(path, 'has a field of another form');
  }
  return { genesisHash, height, lightBlock: lightBlock.value, validatorsSince, rows, blockHash, chunkHashes };
}

async function readHashed(path: string, hash: Uint8Array): Promise<Uint8Array> {
  const bytes = await readPart(path);
  if (bytes === undefined) throw damaged(path, 'is missing');
  if (compareBytes(sha256(bytes), hash) !== 0) throw damaged(path, 'is not the one of the manifest');
  return bytes;
}

/** The block's bytes, of the hash in the manifest. */
export function readSnapshotBlock(folder: string, { blockHash }: SnapshotManifest): Promise<Uint8Array> {
  return readHashed(join(folder, BLOCK_FILE), blockHash);
}

/** The rows chunk by chunk, each chunk of the hash in the manifest, keys in strict order of their hashes. Throws StorageFailure. */
export async function* readSnapshotChunks(folder: string, manifest: SnapshotManifest): AsyncGenerator<readonly StateRow[]> {
  let last: Uint8Array | undefined;
  let rows = 0;
  for (const [index, hash] of manifest.chunkHashes.entries()) {
    const path = join(folder, chunkFile(index));
    const frames = unpackFrames(await readHashed(path, hash));
    if (frames === undefined || frames.length % 2 !== 0) throw damaged(path, 'does not hold whole rows');
    const chunk: StateRow[] = [];
    for (let i = 0; i < frames.length; i += 2) {
      const row = { key: frames[i] as Uint8Array, value: frames[i + 1] as Uint8Array };
      const keyHash = sha256(row.key);
      if (last !== undefined && compareBytes(last, keyHash) >= 0) throw damaged(path, 'holds rows out of order');
      last = keyHash;
      chunk.push(row);
    }
    rows += chunk.length;
    yield chunk;
  }
  if (rows !== manifest.rows) throw damaged(folder, `holds ${rows} rows, its manifest says ${manifest.rows}`);
}
