/** Memory of the devnet's processes, as the operating system counts it. */
import { readFileSync } from 'node:fs';

export interface Memory {
  /** Sum of the resident sets, MB: a page that eleven processes share is counted eleven times. */
  readonly residentMb: number;
  /** The same with each shared page counted once (PSS), MB. */
  readonly sharedOnceMb: number;
}

function kilobytes(path: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
}

/** Sums over processes; undefined where the system has no /proc, or one of them has just ended. */
export function memoryOf(pids: readonly number[]): Memory | undefined {
  try {
    const sum = (file: string, name: string): number => pids.reduce((total, pid) => total + kilobytes(`/proc/${pid}/${file}`, name), 0) / 1_024;
    return { residentMb: sum('status', 'VmRSS'), sharedOnceMb: sum('smaps_rollup', 'Pss') };
  } catch {
    return undefined;
  }
}
