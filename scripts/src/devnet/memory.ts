/** Memory of the devnet's processes, as the operating system counts it. */
import { readFileSync } from 'node:fs';

/** Resident memory of a process in MB; undefined where the system has no /proc. */
export function residentMb(pid: number): number | undefined {
  try {
    const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match === null ? undefined : Number(match[1]) / 1_024;
  } catch {
    return undefined;
  }
}
