/**
 * `npm test`: brings the parts the suites need, runs every test file, judges the coverage per package and prints
 * `N passed, N failed` last. Given files, runs only those and leaves the coverage unjudged.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { completeSourceMaps, describeCoverage, judgeCoverage } from './coverage.ts';
import { ensureDebianParts } from './debianParts.ts';
import { PACKAGES } from './packages.ts';
import { listFiles } from './sourceFiles.ts';
import type { TapTotals } from './tapReport.ts';
import { runJob } from './testJob.ts';
import { planTests, type TestJob } from './testPlan.ts';

const root = resolve(import.meta.dirname, '../../..');
const require = createRequire(import.meta.url);
const tap = join(dirname(require.resolve('tap/package.json')), 'dist/esm/run.mjs');

/** Read by .ci/run for its last line. */
const SUMMARY_PATH = join(root, '.tap/summary.txt');
const COVERAGE_FOLDER = join(root, '.tap/coverage');

async function main(files: readonly string[]): Promise<void> {
  const strict = process.env['CI'] === 'true';
  const totals: TapTotals = { passed: 0, failed: 0, skips: [], files: 0 };
  if (!await bringDebianParts() && strict) totals.failed += 1;
  await runAll(files.length > 0 ? files.map((file) => relative(root, resolve(file))) : await testFiles(), totals);
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

async function testFiles(): Promise<string[]> {
  const lists = await Promise.all(PACKAGES.map(({ name }) => listFiles(root, `${name}/test`)));

  return lists.flat().filter((file) => file.endsWith('.test.ts'));
}

/** Two at a time, as the machine that checks changes has cores: a network, and one of the others, until neither is left. */
async function runAll(files: readonly string[], totals: TapTotals): Promise<void> {
  await rm(COVERAGE_FOLDER, { recursive: true, force: true });
  await mkdir(COVERAGE_FOLDER, { recursive: true });
  const plan = planTests(files);
  const [networks, others] = [[...plan.networks], [...plan.others]];
  const work = async (next: () => TestJob | undefined): Promise<void> => {
    for (let job = next(); job !== undefined; job = next()) {
      const ran = await runJob(job, { root, coverageFolder: COVERAGE_FOLDER, print: (line) => console.log(line) });
      totals.passed += ran.passed;
      totals.failed += ran.failed;
      totals.files += ran.files;
      totals.skips.push(...ran.skips);
    }
  };
  await Promise.all([work(() => networks.shift() ?? others.shift()), work(() => others.shift() ?? networks.shift())]);
}

async function gateCoverage(totals: TapTotals): Promise<void> {
  await completeSourceMaps(root, COVERAGE_FOLDER);
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
