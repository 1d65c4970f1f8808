import t from 'tap';
import { openTapReport } from '../../src/tidy/tapReport.ts';

async function read(tap: string, ...files: readonly string[]) {
  const lines: string[] = [];
  const report = openTapReport(files, (line) => lines.push(line));
  report.write(Buffer.from(tap));

  return { totals: await report.end(), lines };
}

t.test('assertions are counted, not the groups that hold them, and each file has its own', async (t) => {
  const { totals, lines } = await read(`TAP version 14
# Subtest: first
    ok 1 - one
    # Subtest: group
        ok 1 - two
        not ok 2 - three
        1..2
    not ok 2 - group
    1..2
not ok 1 - first # time=12.4ms
# Subtest: a.test.ts
    1..0
ok 2 - a.test.ts # time=0.1ms
ok 3 - four
# Subtest: second
    ok 1 - five # SKIP no broker
    1..1
ok 4 - second # time=3ms
# Subtest: b.test.ts
    1..0
ok 5 - b.test.ts # time=0.1ms
1..5
`, 'a.test.ts', 'b.test.ts');
  t.match(totals, { passed: 3, failed: 1, files: 2 });
  t.same(totals.skips, ['b.test.ts > second > five: no broker']);
  t.same(lines.filter((line) => !line.startsWith('{')), ['FAILED a.test.ts > first > group > three', 'FAILED a.test.ts (2 passed, 1 failed, 13 ms)', 'ok     b.test.ts (1 passed, 0 failed, 3 ms)']);
});

t.test('a group that fails without a failing assertion is one failure', async (t) => {
  const { totals } = await read(`TAP version 14
# Subtest: crash
    1..0 # no tests found
not ok 1 - crash # time=2ms
1..1
`, 'a.test.ts');
  t.match(totals, { passed: 0, failed: 1, files: 0 }, 'and the file did not come to its end');
});

t.test('a file that asserts nothing has failed', async (t) => {
  const { totals, lines } = await read(`TAP version 14
# Subtest: a.test.ts
    1..0
ok 1 - a.test.ts # time=0.1ms
1..1
`, 'a.test.ts');
  t.match(totals, { passed: 0, failed: 1, files: 1 });
  t.match(lines, ['FAILED a.test.ts (0 passed, 1 failed, 0 ms)']);
});
