/** One devnet at a time on a data folder. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Paths } from './network.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Takes the folder; a lock that a killed devnet left behind is taken over. @throws Error naming the running one */
export function lockData(paths: Paths): () => void {
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  const path = join(paths.run, 'supervisor.pid');
  const holder = existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0;
  if (holder > 0 && holder !== process.pid && isAlive(holder)) throw new Error(`A devnet runs on ${paths.root} already (pid ${holder}). Stop it, or start this one with another --data folder.`);
  writeFileSync(path, String(process.pid), { mode: 0o600 });
  return () => rmSync(path, { force: true });
}
