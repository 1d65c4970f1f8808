/** Four whole validators in one process: without faults, with each kind of fault alone, and with every lie at once. */
import t from 'tap';
import { LIES } from '../../src/sim/byzantine.ts';
import { NATURES, type Nature } from '../../src/sim/cast.ts';
import { NO_FAULTS, type FaultPlan } from '../../src/sim/faults.ts';
import { FORGED_CERTIFICATES, ODD_PROPOSALS, ODD_VOTES, SPOILED_BODIES, SPOILED_HEADERS, SPOILED_RANGES } from '../../src/sim/forgeries.ts';
import type { SimulationReport } from '../../src/sim/report.ts';
import { simulate } from '../../src/sim/simulation.ts';

const TOLD = ['two votes', 'two proposals', 'withheld', 'late', 'hidden lock', 'invalid block', 'flood', 'lying status', 'wrong body', 'another block than asked for', 'broken vote', 'broken proposal', 'broken block', 'giant frame', 'asks for any blocks'];
const FORGED = { certificate: Object.keys(FORGED_CERTIFICATES), vote: Object.keys(ODD_VOTES), proposal: Object.keys(ODD_PROPOSALS), block: [...Object.keys(SPOILED_HEADERS), ...Object.keys(SPOILED_BODIES)], sync: Object.keys(SPOILED_RANGES) };

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

const FAULTY: Readonly<Record<Exclude<Nature, 'liar'>, readonly string[]>> = {
  'old guard': ['old guard restored'],
  'two processes': ['voted in a second process'],
  'lying disk': ['synced writes lost'],
};

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
  'links that hold few messages': { faults: { capacity: 3, meanDelayUs: 20_000 }, counted: /^path full$/ },
  'half open connections': { faults: { halfOpenEveryMs: 200 }, counted: /^half open$/ },
  'peers that read slowly': { faults: { slowReaderEveryMs: 1_500 }, counted: /^read slowly$/ },
  'partitions of which each side is another': { faults: { partitionEveryMs: 150 }, counted: /^partition one way$/ },
  'crash loops': { faults: { crashLoopEveryMs: 500, restartMs: 100 }, counted: /^crash loop$/ },
  'crashes in recovery': { faults: { crashEveryMs: 300, crashInRecovery: 0.05, restartMs: 100 }, counted: /^crash in recovery$/ },
  'reads that fail': { faults: { crashEveryMs: 500, readFails: 0.02, restartMs: 100 }, counted: /^a read failed$/ },
  'disks without room': { faults: { diskFullEveryMs: 1_500, restartMs: 100 }, counted: /^a write found no room$/ },
  'slow disks': { faults: { syncUs: 20_000, slowSync: 0.2 }, counted: /^slow write$/ },
  'damaged values': { faults: { flipEveryMs: 60, crashEveryMs: 400, restartMs: 100 }, counted: /^a damaged value was found$/ },
  'torn guard records': { faults: { crashAtEffect: 0.02, syncUs: 20_000, restartMs: 100 }, counted: /^guard write torn$/ },
  'damaged sectors of guard files': { faults: { guardDamageEveryMs: 100, crashEveryMs: 300, restartMs: 100 }, counted: /^guard sector damaged$/ },
  'old data folders': { faults: { crashEveryMs: 100, restoreData: 1, restartMs: 50 }, counted: /^old data restored$/ },
  'lost guards': { faults: { crashEveryMs: 400, loseGuard: 1, restartMs: 100 }, counted: /^guard lost$/ },
  'clocks that are off and drift': { faults: { clockOffsetMs: 500, clockDriftPpm: 200 }, counted: /^clocks off$/ },
  'clocks that step': { faults: { clockStepEveryMs: 300 }, counted: /^clock stepped$/ },
  'clocks that stand still': { faults: { clockStepEveryMs: 300 }, counted: /^clock frozen$/ },
  'clocks that are hours off': { faults: { clockStepEveryMs: 300 }, counted: /^clock hours off$/ },
  'machines that start in 1970': { faults: { crashEveryMs: 400, bootIn1970: 1, restartMs: 100 }, counted: /^booted in 1970$/ },
  'lost data folders': { faults: { crashEveryMs: 500, wipe: 1, restartMs: 100 }, counted: /^wiped$/ },
};

for (const [what, { faults, counted }] of Object.entries(ALONE)) {
  void t.test(`four validators survive ${what}`, async (test) => {
    const report = await simulate({ seed: 2, heights: 25, validators: 4, liars: 0, faults: { ...NO_FAULTS, ...faults } });
    test.equal(told(report), '');
    test.ok(report.heights >= 25, `${report.heights} heights`);
    test.ok(Object.keys(report.faults).some((fault) => counted.test(fault)), 'it has happened');
  });
}

void t.test('a validator that has lost its guard signs again, and is not needed until then', async (test) => {
  const report = await simulate({ seed: 4, heights: 200, validators: 4, liars: 0, faults: { ...NO_FAULTS, crashEveryMs: 3_000, loseGuard: 1, restartMs: 100 } });
  test.equal(told(report), '');
  test.ok((report.faults['guard lost'] ?? 0) > 1, 'one at a time: it was made anew between');
});

void t.test('who has signed twice is punished once and leaves the set while others crash', async (test) => {
  const report = await simulate({ seed: 1, heights: 60, validators: 4, liars: 1, lies: ['two votes', 'two proposals'], epochEndsMs: 4_000, faults: { ...NO_FAULTS, crashEveryMs: 1_500, restartMs: 100 } });
  test.equal(told(report), '');
  test.equal(report.evidence, 1);
  test.equal(report.setChanges, 1);
});

/** Ways to be faulty that count as Byzantine: nobody else suffers. */
for (const nature of NATURES) {
  void t.test(`four validators, one of them faulty: ${nature}`, async (test) => {
    const report = await simulate({ seed: 3, heights: 60, validators: 4, liars: 1, nature, faults: { ...NO_FAULTS, crashEveryMs: 100, restartMs: 50 } });
    test.equal(told(report), '');
    test.ok(report.heights >= 60, `${report.heights} heights`);
    test.equal(report.faults[`a validator is faulty: ${nature}`], 1);
    if (nature !== 'liar') test.ok(FAULTY[nature].some((fault) => (report.faults[fault] ?? 0) > 0), `it has happened: ${JSON.stringify(report.faults)}`);
  });
}

void t.test('one that tells every lie stops nobody, every lie is told, and evidence against it stands in a block', async (test) => {
  const reports: SimulationReport[] = [];
  // Each alone as well: one lie can hide another.
  for (const [i, lie] of LIES.entries()) reports.push(await simulate({ seed: 10 + i, heights: 12, validators: 4, liars: 1, lies: [lie], faults: NO_FAULTS }));
  // Somebody must be behind to be lied to.
  for (let seed = 6; seed < 18; seed++) reports.push(await simulate({ seed, heights: 80, validators: 4, liars: 1, lies: ['lying sync'], faults: { ...NO_FAULTS, crashEveryMs: 500, restartMs: 3_000 } }));
  for (let seed = 1; seed <= 4; seed++) reports.push(await simulate({ seed, heights: 10, validators: 4, liars: 1, lies: LIES, faults: NO_FAULTS }));
  for (const report of reports) test.equal(told(report), '', report.lies.join());
  test.ok(reports.some(({ evidence }) => evidence > 0));
  // It is punished after a while, and then has told no more than a few.
  for (const seed of [5, 6]) reports.push(await simulate({ seed, heights: 60, validators: 4, liars: 1, lies: ['invalid blocks'], faults: NO_FAULTS }));
  const counted = new Set(reports.flatMap(({ faults }) => Object.keys(faults)));
  for (const lie of TOLD) test.ok(counted.has(`lie: ${lie}`), lie);
  for (const [kind, names] of Object.entries(FORGED)) {
    const unseen = names.filter((name) => !counted.has(`lie: ${kind}: ${name}`));
    test.ok(unseen.length <= names.length / 2, `${kind}: not told ${unseen.join()}`);
  }
});
