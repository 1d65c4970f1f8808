/** `npm run sim:campaign -- --minutes M [--from SEED] [--heights H] [--validators N]`. Minutes are those of the processor. */
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '1' }, from: { type: 'string', default: '1' }, heights: { type: 'string', default: '40' }, validators: { type: 'string' } } });

function lines(counts: ReadonlyMap<string, number>): string {
  return [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `  ${name}: ${count}`).join('\n');
}

const validators = values.validators === undefined ? undefined : Number(values.validators);
const report = await runCampaign({ fromSeed: Number(values.from), heights: Number(values.heights), cpuSeconds: Number(values.minutes) * 60, seedsMax: Number.MAX_SAFE_INTEGER, validators });
const { seeds, withLiars, heights, events, virtualMs, cpuSeconds, accepted, evidence, faults, lies, failed } = report;
process.stdout.write(`${heights} heights over ${seeds} seeds (${withLiars} with liars) in ${cpuSeconds.toFixed(0)} s of one core: ${(heights / cpuSeconds).toFixed(0)} decided heights/s, ${(virtualMs / 3_600_000).toFixed(1)} h virtual, ${events} events, ${accepted} transactions accepted, ${evidence} pieces of evidence in blocks\nfaults survived:\n${lines(faults)}\nlies told, in runs:\n${lines(lies)}\n`);
if (failed?.violation !== undefined) {
  const { seed, violation } = failed;
  process.stdout.write(`VIOLATION of ${violation.invariant} at ${violation.atMs} ms: ${violation.what}\nIts story: npm run sim -- --seed ${seed} --heights ${values.heights}${validators === undefined ? '' : ` --validators ${validators}`}${seed % 100 === 0 ? ' --real' : ''}\n`);
  process.exitCode = 1;
}
