/** Four whole validators in one process: without faults, with each kind of fault alone, and with every lie at once. */
import t from 'tap';
import { LIES } from '../../src/sim/byzantine.ts';
import { NO_FAULTS, type FaultPlan } from '../../src/sim/faults.ts';
import type { SimulationReport } from '../../src/sim/report.ts';
import { simulate } from '../../src/sim/simulation.ts';

function told({ seed, violation, story }: SimulationReport): string {
  return violation === undefined ? '' : `seed ${seed}: ${violation.invariant} ${violation.what}\n${story.slice(-60).join('\n')}`;
}

void t.test('four validators decide blocks at the pace, and what a client brought to one of them is in them', async (test) => {
  const report = await simulate({ seed: 1, heights: 12, validators: 4, liars: 0, faults: NO_FAULTS });
  test.equal(told(report), '');
  test.ok(report.heights >= 12);
  test.ok((report.clients['accepted'] ?? 0) > 10);
  test.same(report.faults, {});
});

/** Each kind of fault, strong and alone. */
const ALONE: Readonly<Record<string, { readonly faults: Partial<FaultPlan>; readonly counted: RegExp }>> = {
  'lost messages': { faults: { loss: 0.3 }, counted: /^lost$/ },
  'doubled and reordered messages': { faults: { duplicates: 0.5, meanDelayUs: 60_000 }, counted: /^doubled$/ },
  'clogged links': { faults: { clog: 0.01 }, counted: /^clogged$/ },
  partitions: { faults: { partitionEveryMs: 500 }, counted: /^partition$/ },
  'crashes at effects': { faults: { crashAtEffect: 0.01, restartMs: 200 }, counted: /^crash (before|after)/ },
  'nodes that are away for long and catch up': { faults: { crashEveryMs: 600, restartMs: 3_000 }, counted: /^power cut$/ },
  'power cuts of all': { faults: { killAllEveryMs: 700, restartMs: 100 }, counted: /^power cut of all$/ },
  'processes that stand still': { faults: { pauseEveryMs: 300 }, counted: /^paused$/ },
  'writes that fail': { faults: { writeFails: 0.01, restartMs: 200 }, counted: /^a write failed$/ },
  'lost data folders': { faults: { crashEveryMs: 500, wipe: 1, restartMs: 100 }, counted: /^wiped$/ },
};

for (const [what, { faults, counted }] of Object.entries(ALONE)) {
  void t.test(`four validators survive ${what}`, async (test) => {
    const report = await simulate({ seed: 2, heights: 10, validators: 4, liars: 0, faults: { ...NO_FAULTS, ...faults } });
    test.equal(told(report), '');
    test.ok(report.heights >= 10, `${report.heights} heights`);
    test.ok(Object.keys(report.faults).some((fault) => counted.test(fault)), 'it has happened');
  });
}

void t.test('one that tells every lie stops nobody, and evidence against it stands in a block', async (test) => {
  const reports: SimulationReport[] = [];
  for (let seed = 1; seed <= 2; seed++) reports.push(await simulate({ seed, heights: 10, validators: 4, liars: 1, lies: LIES, faults: NO_FAULTS }));
  for (const report of reports) test.equal(told(report), '');
  test.ok(reports.some(({ evidence }) => evidence > 0));
});
