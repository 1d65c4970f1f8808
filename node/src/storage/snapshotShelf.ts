/**
 * The newest snapshots of a running node, one folder each under `snapshots` of the data folder: made at heights that all
 * nodes agree on, so that a newcomer gets the parts of one from several peers. A folder that was not finished is deleted.
 */
import { mkdir, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { encode, peerMessages, sha256, toHex } from '@billcoin/protocol';
import type { Log, SnapshotOffer } from '../ports.ts';
import { StorageFailure } from '../storageFailure.ts';
import { syncFolder } from './dataFolder.ts';
import { partFile, partHashes, readManifest, writeSnapshot, type SnapshotManifest, type StateRow } from './snapshot.ts';

/** In the data folder. */
export const SHELF_FOLDER = 'snapshots';
const MAKING = '.making';

/** The manifest as peers get it: what it commits to is the same on every correct node, unlike the certificate of the file. */
export function wireManifest({ height, validatorsSince, rows, blockHash, chunkHashes }: Pick<SnapshotManifest, 'height' | 'validatorsSince' | 'rows' | 'blockHash' | 'chunkHashes'>): Uint8Array {
  return encode(peerMessages.SnapshotManifest, { height, validatorsSince, rows, blockHash, chunkHashes });
}

interface Kept {
  readonly folder: string;
  readonly height: number;
  readonly id: Uint8Array;
  readonly manifestBytes: Uint8Array;
  readonly parts: number;
  /** Of all its files. */
  readonly bytes: number;
}

export interface ShelfLimits {
  /** Snapshots kept; 0: none is made. */
  readonly count: number;
  readonly bytes: number;
}

export type SnapshotParts = Parameters<typeof writeSnapshot>;

export class SnapshotShelf {
  readonly #folder: string;
  readonly #limits: ShelfLimits;
  readonly #log: Log;
  /** Ascending by height. */
  #kept: readonly Kept[];

  constructor(folder: string, limits: ShelfLimits, log: Log, kept: readonly Kept[]) {
    this.#folder = folder;
    this.#limits = limits;
    this.#log = log;
    this.#kept = kept;
  }

  get offers(): readonly SnapshotOffer[] {
    return this.#kept.map(({ height, id }) => ({ height, id }));
  }

  /** On disk, for metrics. */
  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  manifest(id: Uint8Array): Uint8Array | undefined {
    return this.#find(id)?.manifestBytes;
  }

  /** Undefined where there is none, or none any more. */
  async part(id: Uint8Array, index: number): Promise<Uint8Array | undefined> {
    const kept = this.#find(id);
    if (kept === undefined || index >= kept.parts) return undefined;
    try {
      return new Uint8Array(await readFile(join(kept.folder, partFile(index))));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // dropped meanwhile
      throw error;
    }
  }

  /** Makes one and keeps it. Throws StorageFailure where the rows are not those of the block; I/O errors throw. */
  async add(about: SnapshotParts[1], blockBytes: Uint8Array, rows: AsyncIterable<StateRow>): Promise<void> {
    const folder = join(this.#folder, String(about.height));
    const making = `${folder}${MAKING}`;
    await rm(making, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
    const manifest = await writeSnapshot(making, about, blockBytes, rows);
    await rename(making, folder);
    await syncFolder(this.#folder);
    const kept = await measured(folder, manifest);
    this.#log.info({ height: kept.height, rows: manifest.rows, bytes: kept.bytes }, 'Snapshot made for newcomers');
    this.#kept = [...this.#kept.filter(({ height }) => height !== kept.height), kept].sort((a, b) => a.height - b.height);
    await this.trim();
  }

  /** Deletes the oldest ones beyond the limits. */
  async trim(): Promise<void> {
    while (this.#kept.length > this.#limits.count || this.bytes > this.#limits.bytes) {
      const [oldest, ...rest] = this.#kept;
      if (oldest === undefined) return;
      if (rest.length === 0 && this.#limits.count > 0) this.#log.warn({ height: oldest.height, bytes: oldest.bytes, limit: this.#limits.bytes }, 'One snapshot is larger than --snapshots-mib allows: newcomers get none from this node');
      this.#kept = rest;
      await rm(oldest.folder, { recursive: true, force: true });
    }
  }

  #find(id: Uint8Array): Kept | undefined {
    const wanted = toHex(id);
    return this.#kept.find((one) => toHex(one.id) === wanted);
  }
}

async function measured(folder: string, manifest: SnapshotManifest): Promise<Kept> {
  const manifestBytes = wireManifest(manifest);
  const parts = partHashes(manifest).length;
  let bytes = manifestBytes.length;
  for (let part = 0; part < parts; part++) bytes += (await stat(join(folder, partFile(part)))).size;
  return { folder, height: manifest.height, id: sha256(manifestBytes), manifestBytes, parts, bytes };
}

/** A folder that is no whole snapshot of this format is not worth keeping: the next one comes. */
async function read(folder: string, log: Log): Promise<Kept | undefined> {
  try {
    return await measured(folder, await readManifest(folder));
  } catch (error) {
    if (!(error instanceof StorageFailure) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    log.warn({ folder, found: (error as Error).message }, 'A kept snapshot is not whole and is deleted');
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}

export async function openSnapshotShelf(folder: string, limits: ShelfLimits, log: Log): Promise<SnapshotShelf> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept: Kept[] = [];
  for (const name of await readdir(folder)) {
    if (name.endsWith(MAKING)) await rm(join(folder, name), { recursive: true, force: true });
    else if (/^\d{1,16}$/.test(name)) kept.push(...[await read(join(folder, name), log)].flatMap((one) => one ?? []));
  }
  const shelf = new SnapshotShelf(folder, limits, log, kept.sort((a, b) => a.height - b.height));
  await shelf.trim();
  return shelf;
}
