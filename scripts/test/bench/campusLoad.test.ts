/** The load of the campus does what it says, at a size that says nothing about speed. */
import t from 'tap';
import { benchCampusLoad, isWhole, QUICK_CAMPUS_PLAN } from '../../src/bench/campusLoad.ts';
import { formatCampusLoad, successShare } from '../../src/bench/campus/report.ts';

/** Six nodes and two client processes start from source. */
t.setTimeout(590_000);

t.test('tills sell, a crowd pays at once, screens are told, nodes die: nothing that was accepted is lost or doubled', { timeout: 560_000 }, async (t) => {
  const load = await benchCampusLoad({
    ...QUICK_CAMPUS_PLAN, tills: 4, everyMs: 150, seconds: 1, payers: 60, crowd: 20, connections: 5, streamsEach: 2, streamSeconds: 1, killSeconds: 4, warmUpSeconds: 0.5,
  });
  const [run] = load.runs;
  if (run === undefined) throw new Error('one run was planned');
  t.ok(isWhole(load));
  t.notOk(isWhole({ ...load, runs: [{ ...run, audit: { ...run.audit, lost: 1 } }] }));
  for (const [name, { planned, validated, refusals }] of Object.entries({ steady: run.steady, streams: run.streams.sold })) {
    t.equal(validated, planned, name);
    t.notOk(Object.keys(refusals).some((code) => code !== 'not_final'), `${name}: ${Object.keys(refusals).join(', ')}`);
  }
  t.equal(run.crowd.validMs.length, 20, 'all that were handed in at once are valid');
  t.ok(run.crowd.allFinalMs > 0 && run.crowd.allFinalMs <= Math.max(...run.crowd.validMs) + 1_000, 'and final before');
  t.match(run.streams, { open: 8, lost: 0, paid: run.streams.expected });
  t.ok(run.killed.validated > 0 && run.killed.calls.elsewhere > 0, 'a till asked the node that was left');
  t.ok(successShare(run.killed) > 0.9);
  t.comment(`${run.killed.reposted} orders posted again`);
  t.equal(run.killed.unpaid, 0);
  t.match(formatCampusLoad(load), /4 tills each one payment every 0.15 s .* steady: .*validation +p50 .* 20 at once: .* 8 streams: .* two API nodes killed: .* 0 lost, 0 doubled/s);
  t.match(formatCampusLoad({ ...load, runs: [run, run] }), /run 2\n.*over 2 runs\n.*validation p95 +median/s);
});
