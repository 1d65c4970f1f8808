/** Small runs of the simulator, for what it is made of; the long ones, and the broken cores, are in stress/simulation.test.ts. */
import t from 'tap';
import { runCampaign } from '../../src/sim/campaign.ts';
import { simulate } from '../../src/sim/simulation.ts';

t.test('four validators, one of them lying, under drawn faults', async (t) => {
  const report = await simulate({ seed: 3, heights: 6, validators: 4, liars: 1, lies: ['two votes', 'two proposals', 'invalid blocks'] });
  t.equal(report.violation, undefined, report.story.slice(-40).join('\n'));
  t.ok(report.heights >= 6);
  t.match(report.hash, /^[0-9a-f]{64}$/);
});

t.test('a few seeds after each other', async (t) => {
  const report = await runCampaign({ fromSeed: 40, heights: 5, cpuSeconds: 60, seedsMax: 6 });
  t.same(report.failures, []);
  t.equal(report.seeds, 6);
  t.ok(report.heights >= 30);
});
