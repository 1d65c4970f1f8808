import t from 'tap';
import { openTapReport } from '../../src/tidy/tapReport.ts';

async function read(tap: string) {
  const lines: string[] = [];
  const report = openTapReport((line) => lines.push(line));
  report.write(Buffer.from(tap));

  return { totals: await report.end(), lines };
}

t.test('assertions are counted, not the groups that hold them', async (t) => {
  const { totals, lines } = await read(`TAP version 14
# Subtest: a.test.ts
    ok 1 - one
    # Subtest: group
        ok 1 - two
        not ok 2 - three
        1..2
    not ok 2 - group
    1..2
not ok 1 - a.test.ts # time=12.4ms
# Subtest: b.test.ts
    ok 1 - four
    ok 2 - five # SKIP no broker
    1..2
ok 2 - b.test.ts # time=3ms
1..2
`);
  t.match(totals, { passed: 3, failed: 1, files: 2 });
  t.equal(totals.skips.length, 1);
  t.match(totals.skips[0], /no broker$/);
  t.ok(lines.some((line) => line.startsWith('FAILED a.test.ts (2 passed, 1 failed')));
  t.ok(lines.some((line) => line.startsWith('ok     b.test.ts (1 passed, 0 failed')));
});

t.test('a file that crashes before its first assertion is one failure', async (t) => {
  const { totals } = await read(`TAP version 14
# Subtest: crash.test.ts
    1..0 # no tests found
not ok 1 - crash.test.ts # time=2ms
1..1
`);
  t.equal(totals.failed, 1);
  t.equal(totals.passed, 0);
});
