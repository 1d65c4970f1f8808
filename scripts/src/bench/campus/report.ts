/** The report of the campus load, in the form of `npm run bench -- network`. */
import { formatTimes } from '../finality.ts';
import { percentile, spreadOf } from '../spread.ts';
import type { CampusLoad, CampusRun, NodeMemory } from './figures.ts';
import type { Crowded, Sold } from './clientCalls.ts';

function formatRefusals(refusals: Readonly<Record<string, number>>): string {
  const all = Object.entries(refusals);
  return all.length === 0 ? 'no refusals' : `refused: ${all.map(([code, count]) => `${code} ${count}`).join(', ')}`;
}

function formatMemory({ validators, api }: NodeMemory): string {
  return `validators ${validators.map((mb) => mb.toFixed(0)).join('/')} MB, API ${api.map((mb) => mb.toFixed(0)).join('/')} MB`;
}

/** Of requests that had an answer; 1 where there was none to answer. */
export function successShare({ calls: { atOnce, elsewhere, failed } }: Sold): number {
  const all = atOnce + elsewhere + failed;
  return all === 0 ? 1 : (atOnce + elsewhere) / all;
}

function formatSold(name: string, sold: Sold): readonly string[] {
  return [
    `  ${name}: ${sold.validated} of ${sold.planned} payments validated; ${formatRefusals(sold.refusals)}`,
    ...(sold.validateMs.length === 0 ? [] : [formatTimes('    validation', sold.validateMs), formatTimes('    order to valid', sold.wholeMs)]),
  ];
}

function formatCrowd({ signed, accepted, validMs, allFinalMs, pendingMax, refusals }: Crowded): readonly string[] {
  return [
    `  ${signed.length} at once: ${accepted.length} accepted, ${validMs.length} valid, all final after ${(allFinalMs / 1_000).toFixed(1)} s, at most ${pendingMax} pending; ${formatRefusals(refusals)}`,
    ...(validMs.length === 0 ? [] : [formatTimes('    all handed in to valid', validMs)]),
  ];
}

function formatRun({ steady, steadyMemory, crowd, crowdMemory, streams, killed, audit }: CampusRun): string {
  const { atOnce, elsewhere, failed } = killed.calls;
  return [
    ...formatSold('steady', steady), `    ${formatMemory(steadyMemory)}`,
    ...formatCrowd(crowd), `    ${formatMemory(crowdMemory)}`,
    `  ${streams.open} streams: API ${streams.beforeMb.toFixed(0)} → ${streams.openMb.toFixed(0)} MB, ${streams.loadedMb.toFixed(0)} MB after ${streams.sold.validated} payments, of which they were told ${streams.paid} of ${streams.expected} times; ${streams.lost} lost`,
    ...formatSold('one validator, then one of two API nodes killed', killed),
    `    requests: ${(100 * successShare(killed)).toFixed(3)} % answered, ${atOnce} at once, ${elsewhere} by the other node, ${failed} not; ${killed.reposted} orders posted again, ${killed.unpaid} of them not paid there`,
    `  chain: ${audit.payments} payments in ${audit.blocks} blocks; ${audit.lost} lost, ${audit.doubled} doubled`,
  ].join('\n');
}

/** Median and range over the runs. */
function formatSpread(name: string, values: readonly number[]): string {
  const { median, low, high } = spreadOf(values);
  return `  ${name.padEnd(34)} median ${median.toFixed(0)}  (${low.toFixed(0)} … ${high.toFixed(0)}) ms`;
}

export function formatCampusLoad({ plan, runs }: CampusLoad): string {
  const head = `4 validators, API nodes, ${plan.tills} tills each one payment every ${plan.everyMs / 1_000} s for ${plan.seconds} s, ${plan.payers} payers, ${plan.clients} client processes`;
  if (runs.length === 1) return [head, ...runs.map(formatRun)].join('\n');
  return [
    head, ...runs.map((run, i) => `run ${i + 1}\n${formatRun(run)}`), `over ${runs.length} runs`,
    ...[0.5, 0.95, 0.99].map((share) => formatSpread(`validation p${share * 100}`, runs.map(({ steady }) => percentile(steady.validateMs, share)))),
    formatSpread('longest of the crowd', runs.map(({ crowd }) => Math.max(...crowd.validMs))),
  ].join('\n');
}
