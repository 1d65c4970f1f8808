/** Writes generated files, or finds those whose committed text is no longer what the code makes. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifThere } from '../ifThere.ts';
import type { Generator } from './generators.ts';

/** A file that differs; `line` (from 1) is the first that does, undefined when the file is missing. */
export type Drift = { path: string; line: number | undefined };

/** Compares every generated file with what its generator makes now; writes nothing. */
export async function findDrift(root: string, generators: readonly Generator[]): Promise<Drift[]> {
  const drifts: Drift[] = [];
  for (const generator of generators) {
    const made = await generator.make();
    const committed = await ifThere(readFile(join(root, generator.path), 'utf8'));
    if (committed === made) continue;
    drifts.push({ path: generator.path, line: committed === undefined ? undefined : firstDifference(committed, made) });
  }

  return drifts;
}

/** Makes every file anew and returns the paths of those that changed. */
export async function writeGenerated(root: string, generators: readonly Generator[]): Promise<string[]> {
  const changed: string[] = [];
  for (const generator of generators) {
    const path = join(root, generator.path);
    const made = await generator.make();
    if (await ifThere(readFile(path, 'utf8')) === made) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, made);
    changed.push(generator.path);
  }

  return changed;
}

function firstDifference(committed: string, made: string): number {
  const wanted = made.split('\n');
  const index = committed.split('\n').findIndex((line, at) => line !== wanted[at]);

  return index === -1 ? committed.split('\n').length : index + 1;
}
