/** Reads a TAP stream of the whole suite: counts real assertions, names each file and every failure. */
import { Parser, type Result } from 'tap-parser';

/** What a run came to. Counts are assertions, not files; `skips` holds the names with their reasons. */
export type TapTotals = { passed: number; failed: number; skips: string[]; files: number };

/** Reads TAP as it arrives; `end` waits until everything is read. */
export type TapReport = { write(chunk: Uint8Array): void; end(): Promise<TapTotals> };

/**
 * Starts reading. `print` receives one line per finished file and the details of each failure.
 * An assertion that only closes a group of others is not counted, unless the group failed
 * without a failing assertion inside (a crash, a timeout, an empty file).
 */
export function openTapReport(print: (line: string) => void): TapReport {
  const totals: TapTotals = { passed: 0, failed: 0, skips: [], files: 0 };
  const parser = new Parser();
  const finished = new Promise<void>((resolve) => {
    parser.once('complete', () => { resolve(); });
  });
  follow(parser, totals, print);

  return {
    write(chunk): void {
      parser.write(chunk);
    },
    async end(): Promise<TapTotals> {
      parser.end();
      await finished;

      return totals;
    },
  };
}

function follow(parser: Parser, totals: TapTotals, print: (line: string) => void): void {
  let before = { passed: totals.passed, failed: totals.failed };
  parser.on('child', (child: Parser) => {
    before = { passed: totals.passed, failed: totals.failed };
    follow(child, totals, print);
  });
  parser.on('bailout', (reason: string) => { print(`bail out: ${reason}`); });
  parser.on('assert', (result: Result) => {
    if (!result.closingTestPoint || result.skip !== false) {
      count(result, totals, print);
    } else if (!result.ok && totals.failed === before.failed) {
      count(result, totals, print);
    }
    if (parser.level === 0 && result.closingTestPoint) {
      totals.files += 1;
      const timeMs = Math.round(result.time ?? 0);
      const failed = totals.failed - before.failed;
      print(`${failed === 0 ? 'ok    ' : 'FAILED'} ${result.name} (${totals.passed - before.passed} passed, ${failed} failed, ${timeMs} ms)`);
    }
  });
}

function count(result: Result, totals: TapTotals, print: (line: string) => void): void {
  if (result.skip !== false) {
    totals.skips.push(`${result.fullname}: ${result.skip === true ? 'no reason given' : result.skip}`);
  } else if (result.ok) {
    totals.passed += 1;
  } else {
    totals.failed += 1;
    print(`FAILED ${result.fullname} > ${result.name}`);
    if (result.diag !== null) print(JSON.stringify(result.diag, undefined, 2));
  }
}
