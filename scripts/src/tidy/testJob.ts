/** Runs one process of test files and reads what it tells. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { TestJob } from './testPlan.ts';
import { openTapReport, type TapTotals } from './tapReport.ts';

export interface JobPlace {
  /** Of the checkout; files are relative to it. */
  readonly root: string;
  /** Receives what V8 counts. */
  readonly coverageFolder: string;
  /** Takes lines for people. */
  readonly print: (line: string) => void;
}

/** One test file, on a machine that others use too; whole networks of nodes start in some of them. */
const FILE_TIMEOUT_S = 600;
/** tap ends a file in time by itself, unless it computes without end. */
const HANG_MS = (FILE_TIMEOUT_S + 30) * 1_000;

/**
 * Runs the files of a job from source, as `npx tap` does: .taprc. A process that ends early, with an error or not at all is
 * a failure beside those it told.
 */
export async function runJob({ files, measured }: TestJob, { root, coverageFolder, print }: JobPlace): Promise<TapTotals> {
  const report = openTapReport(files, print);
  const entry = join(root, 'scripts/src/tidy/testFiles.ts');
  const child = spawn(process.execPath, ['--import=tsx', '--conditions=development', entry, ...files], {
    cwd: root, stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TAP_TIMEOUT: String(FILE_TIMEOUT_S), NODE_V8_COVERAGE: measured === 'nothing' ? '' : coverageFolder, BILLCOIN_MEASURED: measured },
  });
  const hangs = (): boolean => child.kill('SIGKILL');
  let watch = setTimeout(hangs, HANG_MS);
  child.stdout.on('data', (chunk: Uint8Array) => {
    clearTimeout(watch);
    watch = setTimeout(hangs, HANG_MS);
    report.write(chunk);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done, fail) => {
    child.once('error', fail);
    child.once('close', (...how) => { done(how); });
  });
  clearTimeout(watch);
  const totals = await report.end();
  if (totals.files < files.length || (code !== 0 && totals.failed === 0)) {
    print(`FAILED the process ended with ${signal ?? `code ${code}`} in or after ${files[Math.min(totals.files, files.length - 1)] ?? ''}, ${totals.files} of ${files.length} files told`);
    totals.failed += 1;
  }

  return totals;
}
