/**
 * `npm run sim:campaign -- [--from-seed A] [--seeds N] [--minutes M] [--workers K] [--heights H] [--validators N] [--failures F] [--json]`
 *
 * Ends after N seeds, M minutes of the processor for each worker, or F broken runs in one of them, whichever comes first; a
 * minute where neither N nor M is given. K processes share the seeds, and their totals are added up. `--json` prints the totals
 * alone, on one line.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { CAMPAIGN_FLAGS, NO_TOTALS, addTotals, runCampaign, type CampaignTotals } from './campaign.ts';

/** Between two words about how far a campaign is, on standard error. */
const PROGRESS_SEEDS = 100;

const { values } = parseArgs({
  options: {
    'from-seed': { type: 'string', default: '1' }, seeds: { type: 'string' }, step: { type: 'string', default: '1' }, minutes: { type: 'string' }, workers: { type: 'string', default: '1' }, heights: { type: 'string', default: '40' },
    validators: { type: 'string' }, failures: { type: 'string', default: '5' }, json: { type: 'boolean', default: false },
  },
});
const [fromSeed, workers, step] = [Number(values['from-seed']), Number(values.workers), Number(values.step)];
const seeds = values.seeds === undefined ? Number.MAX_SAFE_INTEGER : Number(values.seeds);
const minutes = values.minutes === undefined ? (values.seeds === undefined ? 1 : Number.POSITIVE_INFINITY) : Number(values.minutes);
const validators = values.validators === undefined ? undefined : Number(values.validators);

function runHere(): Promise<CampaignTotals> {
  let named = 0;
  return runCampaign({
    fromSeed, seedStep: step, seedsMax: seeds, heights: Number(values.heights), cpuSeconds: minutes * 60, failuresMax: Number(values.failures), validators,
    onRun(totals) {
      // A broken run is named at once: its story can be followed while the campaign goes on.
      for (const { seed, violation } of totals.failures.slice(named)) process.stderr.write(`seed ${seed} is broken: ${violation.invariant}: ${violation.what}\n`);
      named = totals.failures.length;
      if (totals.seeds % PROGRESS_SEEDS === 0) process.stderr.write(`${totals.seeds} seeds from ${fromSeed}, ${totals.heights} heights, ${totals.failures.length} broken, ${totals.cpuSeconds.toFixed(0)} s\n`);
    },
  });
}

/** Worker k of K takes every K-th seed in a process of its own, which has the flags of a campaign. */
function runWorker(k: number): Promise<CampaignTotals> {
  const share = Math.floor(seeds / workers) + (k < seeds % workers ? 1 : 0);
  if (share === 0) return Promise.resolve(NO_TOTALS);
  const own = ['--from-seed', String(fromSeed + k * step), '--step', String(step * workers), '--heights', values.heights, '--failures', values.failures, '--json', '--seeds', String(share)];
  if (Number.isFinite(minutes)) own.push('--minutes', String(minutes));
  if (validators !== undefined) own.push('--validators', String(validators));
  const child = spawn(process.execPath, [...process.execArgv, ...CAMPAIGN_FLAGS, process.argv[1]!, ...own], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const text = Buffer.concat(chunks).toString();
      if (text === '') reject(new Error(`Worker ${k} of the campaign ended with code ${code} and no totals.`));
      else resolve(JSON.parse(text) as CampaignTotals);
    });
  });
}

function lines(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).sort(([, a], [, b]) => b - a).map(([name, count]) => `  ${name}: ${count}`).join('\n');
}

function told(totals: CampaignTotals, seconds: number): string {
  const { heights, withLiars, withRealSignatures, virtualMs, cpuSeconds, events, accepted, evidence, faults, lies, failures } = totals;
  const broken = failures.map(({ seed, violation }) => `VIOLATION of ${violation.invariant} at ${violation.atMs} ms: ${violation.what}\n  its story: npm run sim -- --seed ${seed} --heights ${values.heights}${validators === undefined ? '' : ` --validators ${validators}`}\n`);
  return `${heights} heights over ${totals.seeds} seeds (${withLiars} with faulty validators, ${withRealSignatures} with real signatures) in ${seconds.toFixed(0)} s with ${workers} processes, ${cpuSeconds.toFixed(0)} s of cores: ${(heights / cpuSeconds).toFixed(0)} decided heights/s on a core, ${(virtualMs / 3_600_000).toFixed(1)} h virtual, ${events} events, ${accepted} transactions accepted, ${evidence} offences in blocks, ${totals.setChanges} changes of the validator set\nfaults survived, by kind:\n${lines(faults)}\nlies told, in runs:\n${lines(lies)}\n${failures.length} broken runs\n${broken.join('')}`;
}

const startMs = performance.now();
const isWorker = workers === 1 && CAMPAIGN_FLAGS.every((flag) => process.execArgv.includes(flag));
const totals = isWorker ? await runHere() : (await Promise.all(Array.from({ length: workers }, (_, k) => runWorker(k)))).reduce(addTotals);
process.stdout.write(values.json ? `${JSON.stringify(totals)}\n` : told(totals, (performance.now() - startMs) / 1_000));
process.exitCode = totals.failures.length === 0 ? 0 : 1;
