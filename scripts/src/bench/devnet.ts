/** Memory of the whole devnet over a fixed day: the highest sum its own status blocks print, RSS of all processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface DevnetBench {
  readonly processes: number;
  readonly peakMb: number;
  readonly seconds: number;
}

/** Runs `--once` of the compiled devnet in a folder of its own. */
export async function benchDevnet(): Promise<DevnetBench> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-bench-'));
  const startMs = performance.now();
  try {
    const program = fileURLToPath(new URL('../devnet/main.js', import.meta.url));
    const child = spawn(process.execPath, [program, '--once', '--data', join(folder, 'data'), '--api-port', '0', '--broker-port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`the devnet ended with ${String(code)}:\n${output.slice(-2_000)}`);
    const blocks = [...output.matchAll(/ (\d+) processes.*?, (\d+) MB/g)].map(([, processes, mb]) => ({ processes: Number(processes), mb: Number(mb) }));
    return { processes: Math.max(...blocks.map((block) => block.processes)), peakMb: Math.max(...blocks.map((block) => block.mb)), seconds: (performance.now() - startMs) / 1_000 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function formatDevnetBench({ processes, peakMb, seconds }: DevnetBench): string {
  return `devnet, ${processes} processes, one day of ${seconds.toFixed(0)} s: peak of the status blocks ${peakMb} MB RSS in all`;
}
