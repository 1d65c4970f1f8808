/** Finds files of the checkout, relative to its root and sorted. */
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ifThere } from '../ifThere.ts';

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', '.git', '.tap', 'coverage', 'data']);

/** Lists every file under `folder` (a path inside `root`); a folder that does not exist has none. */
export async function listFiles(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [join(root, folder)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const entry of await ifThere(readdir(path, { withFileTypes: true })) ?? []) {
      if (entry.isDirectory()) {
        if (!SKIPPED_FOLDERS.has(entry.name)) waiting.push(join(path, entry.name));
      } else if (entry.isFile()) {
        found.push(relative(root, join(path, entry.name)));
      }
    }
  }

  return found.sort();
}
