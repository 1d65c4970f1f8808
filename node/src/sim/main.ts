/** `npm run sim -- --seed N --heights H`: one run, its trace hash, and its story if it fails. */
import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';
import { MUTANTS, type Mutant } from './mutants.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, heights: { type: 'string', default: '100' }, lines: { type: 'string', default: '120' }, mutant: { type: 'string' }, real: { type: 'boolean', default: false }, story: { type: 'boolean', default: false }, validators: { type: 'string' } },
});
const mutant = MUTANTS.find((name) => name === values.mutant) satisfies Mutant | undefined;
const startMs = performance.now();
const report = await simulate({ seed: Number(values.seed), heights: Number(values.heights), mutant, signatures: values.real ? 'ed25519' : undefined, validators: values.validators === undefined ? undefined : Number(values.validators) });
const seconds = (performance.now() - startMs) / 1_000;
const { seed, hash, heights, virtualMs, events, validators, lies, violation, faults, story, clients } = report;
if (violation !== undefined || values.story) process.stdout.write(`${story.slice(-Number(values.lines)).join('\n')}\n`);
process.stdout.write(`seed ${seed}: ${heights} heights of ${validators} validators, ${(virtualMs / 1_000).toFixed(1)} s virtual, ${events} events, ${(heights / seconds).toFixed(0)} heights/s; lies: ${lies.length === 0 ? 'none' : lies.join(', ')}; faults: ${JSON.stringify(faults)}; clients: ${JSON.stringify(clients)}\n`);
process.stdout.write(`trace ${hash}\n`);
if (violation !== undefined) process.stdout.write(`VIOLATION of ${violation.invariant} at ${violation.atMs} ms: ${violation.what}\n`);
process.exitCode = violation === undefined ? 0 : 1;
