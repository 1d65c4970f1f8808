/**
 * The simulator in the suite: the same seed gives the same history, a short campaign breaks nothing, every deliberately
 * broken core is found, and a chain with too many liars stops loudly with evidence.
 */
import t from 'tap';
import { decode, Evidence } from '@billcoin/protocol';
import { runCampaign } from '../../src/sim/campaign.ts';
import { NO_FAULTS } from '../../src/sim/faults.ts';
import { MUTANTS } from '../../src/sim/mutants.ts';
import type { SimulationReport } from '../../src/sim/report.ts';
import { simulate } from '../../src/sim/simulation.ts';

/** Seeds within which each broken core must be found. */
const MUTANT_SEEDS = 12;
const CAMPAIGN_CPU_SECONDS = 8;

function told({ seed, violation, story }: SimulationReport): string {
  return violation === undefined ? '' : `seed ${seed}: ${violation.invariant} ${violation.what}\n${story.slice(-60).join('\n')}`;
}

void t.test('the same seed gives the same trace, another one another', async (test) => {
  const [first, again, other] = [await simulate({ seed: 7, heights: 10 }), await simulate({ seed: 7, heights: 10 }), await simulate({ seed: 8, heights: 10 })];
  test.equal(again.hash, first.hash);
  test.equal(again.events, first.events);
  test.not(other.hash, first.hash);
});

void t.test('real signatures change nothing', async (test) => {
  const report = await simulate({ seed: 3, heights: 10, signatures: 'ed25519' });
  test.equal(told(report), '');
  test.ok(report.heights >= 10);
});

void t.test('one validator, and seven', async (test) => {
  for (const validators of [1, 7]) {
    const report = await simulate({ seed: 5, heights: 15, validators });
    test.equal(told(report), '', `${validators} validators`);
    test.ok(report.heights >= 15, `${validators} validators`);
  }
});

void t.test('a short campaign of drawn faults and lies breaks nothing', async (test) => {
  const report = await runCampaign({ fromSeed: 1_000, heights: 25, cpuSeconds: CAMPAIGN_CPU_SECONDS, seedsMax: 200 });
  test.same(report.failures, []);
  test.ok(report.seeds >= 3, `${report.seeds} seeds`);
  test.ok(Object.keys(report.faults).length > 5, Object.keys(report.faults).join());
});

/** What the broken cores are run against. */
const HOSTILE = {
  heights: 30, validators: 4, liars: 1, lies: ['two votes', 'two proposals', 'invalid blocks', 'hidden lock'], faults: { ...NO_FAULTS, loss: 0.25, meanDelayUs: 60_000, partitionEveryMs: 1_000, crashEveryMs: 3_000, crashAtEffect: 0.001 },
} as const;

void t.test('the whole core passes where the broken ones are found', async (test) => {
  for (let seed = 1; seed <= 4; seed++) test.equal(told(await simulate({ seed, ...HOSTILE })), '', `seed ${seed}`);
});

for (const mutant of MUTANTS) {
  void t.test(`a broken core is found: ${mutant}`, async (test) => {
    for (let seed = 1; seed <= MUTANT_SEEDS; seed++) {
      const { violation } = await simulate({ seed, mutant, ...HOSTILE });
      if (violation === undefined) continue;
      test.comment(`seed ${seed}: ${violation.invariant} ${violation.what.slice(0, 120)}`);
      return test.pass('it is found');
    }
    return test.fail(`not within ${MUTANT_SEEDS} seeds`);
  });
}

void t.test('more than a third of liars split the chain: a correct node says who signed both and stops', async (test) => {
  const report = await simulate({ seed: 1, heights: 200, validators: 4, liars: 2, lies: ['split'], faults: NO_FAULTS });
  test.match(report.violation?.what ?? '', /The chain has forked/);
  const offenders = new Set(report.evidenceSeen.flatMap((bytes) => {
    const { evidence } = decodedEvidence(bytes);
    return evidence.case === 'duplicateVote' ? [evidence.value.a.validatorIndex] : [];
  }));
  test.ok(offenders.size >= 2, `evidence against ${offenders.size} of 4`);
});

function decodedEvidence(bytes: Uint8Array): Evidence {
  const decoded = decode(Evidence, bytes);
  if (!decoded.ok) throw new Error('a node says what it can prove');
  return decoded.value;
}
