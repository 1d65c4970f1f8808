/** Where the parts of a snapshot are gathered: `<data folder>.joining/<id>`, so that a newcomer that was interrupted goes on. */
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes, sha256 } from '@billcoin/protocol';
import { finishSnapshot, MANIFEST_FILE, partFile, writeNew, type SnapshotManifest } from '../storage/snapshot.ts';

export class PartsFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The folder of one snapshot; parts of others, which nobody will ask for again, are deleted. */
  static async open(root: string, id: string): Promise<PartsFolder> {
    await mkdir(join(root, id), { recursive: true, mode: 0o700 });
    for (const name of await readdir(root)) if (name !== id) await rm(join(root, name), { recursive: true, force: true });
    const path = join(root, id);
    await rm(join(path, MANIFEST_FILE), { force: true });
    return new PartsFolder(path);
  }

  /** Parts that are here whole; what a crash left of others is deleted. */
  async have(hashes: readonly Uint8Array[]): Promise<ReadonlySet<number>> {
    const names = new Set(await readdir(this.path));
    const have = new Set<number>();
    for (const [index, hash] of hashes.entries()) {
      const name = partFile(index);
      if (!names.has(name)) continue;
      if (equalBytes(sha256(new Uint8Array(await readFile(join(this.path, name)))), hash)) have.add(index);
      else await rm(join(this.path, name));
    }
    return have;
  }

  write(index: number, content: Uint8Array): Promise<void> {
    return writeNew(join(this.path, partFile(index)), content);
  }

  /** All parts are here: a snapshot like any other from now on. */
  finish(manifest: SnapshotManifest): Promise<void> {
    return finishSnapshot(this.path, manifest);
  }
}
