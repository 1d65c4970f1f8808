/**
 * `npm test`: brings the parts the suites need, runs every tap file with coverage, judges the
 * coverage per package and prints `N passed, N failed` last. Given files, runs only those and
 * leaves the coverage unjudged.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { completeSourceMaps, describeCoverage, judgeCoverage } from './coverage.ts';
import { ensureDebianParts } from './debianParts.ts';
import { PACKAGES } from './packages.ts';
import { listFiles } from './sourceFiles.ts';
import { openTapReport } from './tapReport.ts';
import type { TapTotals } from './tapReport.ts';

const root = resolve(import.meta.dirname, '../../..');
const require = createRequire(import.meta.url);
const tap = join(dirname(require.resolve('tap/package.json')), 'dist/esm/run.mjs');

/** Read by .ci/run for its last line. */
const SUMMARY_PATH = join(root, '.tap/summary.txt');

async function main(files: readonly string[]): Promise<void> {
  const strict = process.env['CI'] === 'true';
  const totals: TapTotals = { passed: 0, failed: 0, skips: [], files: 0 };
  if (!await bringDebianParts() && strict) totals.failed += 1;
  await buildTestClass();
  const wanted = files.length > 0 ? files : await testFiles();
  // tap empties its coverage folder at each start, so the run that counts comes last.
  await runTap(wanted.filter(isStress), ['--disable-coverage'], totals);
  await runTap(wanted.filter((file) => !isStress(file)), [], totals);
  for (const skip of totals.skips) console.log(`skipped ${skip}`);
  // A machine that checks changes must check everything.
  if (strict) totals.failed += totals.skips.length;
  if (files.length === 0) await gateCoverage(totals);
  const summary = `${totals.passed} passed, ${totals.failed} failed`;
  await writeFile(SUMMARY_PATH, `${summary}\n`);
  console.log(summary);
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

async function bringDebianParts(): Promise<boolean> {
  const { installed, missing } = await ensureDebianParts(process.env['PATH'] ?? '');
  if (installed.length > 0) console.log(`installed ${installed.join(', ')}`);
  if (missing === undefined) return true;
  for (const part of missing.parts) {
    console.log(`${part.command} is missing, so these are skipped: ${part.usedBy}. Reason: ${missing.reason}`);
  }

  return false;
}

/** tap composes its test object from the plugins in .taprc; a fresh install still holds the default set. */
async function buildTestClass(): Promise<void> {
  const built = await readFile(require.resolve('@tapjs/test/test-built'), 'utf8');
  if (!built.includes('@tapjs/typescript')) return;
  const { status } = spawnSync(process.execPath, [tap, 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error('tap build failed');
}

/** Coverage makes hashing and signatures three times slower; tests under test/stress/ run without it. */
function isStress(file: string): boolean {
  return file.split('/').includes('stress');
}

async function testFiles(): Promise<string[]> {
  const lists = await Promise.all(PACKAGES.map(({ name }) => listFiles(root, `${name}/test`)));

  return lists.flat().filter((file) => file.endsWith('.test.ts'));
}

async function runTap(files: readonly string[], options: readonly string[], totals: TapTotals): Promise<void> {
  if (files.length === 0) return;
  await mkdir(join(root, '.tap'), { recursive: true });
  const report = openTapReport((line) => { console.log(line); });
  const child = spawn(process.execPath, [tap, 'run', '--reporter=tap', ...options, ...files], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (chunk: Uint8Array) => { report.write(chunk); });
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  const ran = await report.end();
  totals.passed += ran.passed;
  totals.failed += ran.failed;
  totals.files += ran.files;
  totals.skips.push(...ran.skips);
  // tap may fail as a whole (its own crash, a lost plan) without one failing assertion.
  if ((code !== 0 || ran.files !== files.length) && ran.failed === 0) {
    console.log(`FAILED tap ended with ${code === null ? 'a signal' : `code ${code}`} after ${ran.files} of ${files.length} files`);
    totals.failed += 1;
  }
}

async function gateCoverage(totals: TapTotals): Promise<void> {
  await completeSourceMaps(join(root, '.tap/coverage'));
  const { status } = spawnSync(process.execPath, [tap, 'report', 'json'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error('tap report failed');
  const judged = await judgeCoverage(root, join(root, '.tap/report/coverage-final.json'));
  for (const line of describeCoverage(judged, root)) console.log(line);
  for (const pkg of judged) {
    if (pkg.ok) totals.passed += 1;
    else totals.failed += 1;
  }
}

await main(process.argv.slice(2));
