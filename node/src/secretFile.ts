/** Files with a secret: one that anybody but its owner has rights to is refused, whatever is in it. */
import { readFile, stat } from 'node:fs/promises';

/** Rights of group and others. */
const OTHERS_MASK = 0o077;

/** The file is no secret any more: its owner takes the rights away, or makes new keys where somebody has read it. */
export class SharedFile extends Error {
  override readonly name = 'SharedFile';

  constructor(path: string, mode: number) {
    super(`${path} can be read by others (mode ${(mode & 0o777).toString(8)}); run: chmod 600 ${path}`);
  }
}

/** @throws SharedFile; Error of the file system (ENOENT, EACCES) where it cannot be read */
export async function readSecretText(path: string): Promise<string> {
  const { mode } = await stat(path);
  if ((mode & OTHERS_MASK) !== 0) throw new SharedFile(path, mode);
  return await readFile(path, 'utf8');
}
