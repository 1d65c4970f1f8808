/** Reads the TAP stream of one process with many test files: counts real assertions, names each file and every failure. */
import { Parser, type Result } from 'tap-parser';

/** What a run came to. Counts are assertions, not files; `skips` holds the names with their reasons. */
export type TapTotals = { passed: number; failed: number; skips: string[]; files: number };

/** Reads TAP as it arrives; `end` waits until everything is read. */
export type TapReport = { write(chunk: Uint8Array): void; end(): Promise<TapTotals> };

/** The totals, and where the file began that is being read: its counts, and the time of its tests so far. */
type Reading = { readonly totals: TapTotals; readonly files: readonly string[]; begin: { passed: number; failed: number; skips: number; timeMs: number } };

/**
 * Starts reading the stream of `files`, in their order: scripts/src/tidy/testFiles.ts. `print` receives one line per
 * finished file and the details of each failure. An assertion that only closes a group of others is not counted, unless
 * the group failed without a failing assertion inside (a crash, a timeout).
 */
export function openTapReport(files: readonly string[], print: (line: string) => void): TapReport {
  const reading: Reading = { totals: { passed: 0, failed: 0, skips: [], files: 0 }, files, begin: { passed: 0, failed: 0, skips: 0, timeMs: 0 } };
  const parser = new Parser();
  const finished = new Promise<void>((resolve) => {
    parser.once('complete', () => { resolve(); });
  });
  follow(parser, reading, print);

  return {
    write(chunk): void {
      parser.write(chunk);
    },
    async end(): Promise<TapTotals> {
      parser.end();
      await finished;

      return reading.totals;
    },
  };
}

function follow(parser: Parser, reading: Reading, print: (line: string) => void): void {
  const { totals, files } = reading;
  let failedBefore = totals.failed;
  parser.on('child', (child: Parser) => {
    failedBefore = totals.failed;
    follow(child, reading, print);
  });
  parser.on('bailout', (reason: string) => { print(`bail out: ${reason}`); });
  parser.on('assert', (result: Result) => {
    if (!result.closingTestPoint || result.skip !== false) {
      count(result, reading, print);
    } else if (!result.ok && totals.failed === failedBefore) {
      count(result, reading, print);
    }
    if (parser.level > 0) return;
    reading.begin.timeMs += result.time ?? 0;
    if (result.closingTestPoint && result.name === files[totals.files]) endFile(reading, print);
  });
}

function endFile(reading: Reading, print: (line: string) => void): void {
  const { totals, files, begin } = reading;
  // A file that asserts nothing, and does not say why, is no test.
  if (totals.passed === begin.passed && totals.failed === begin.failed && totals.skips.length === begin.skips) totals.failed += 1;
  const [passed, failed] = [totals.passed - begin.passed, totals.failed - begin.failed];
  print(`${failed === 0 ? 'ok    ' : 'FAILED'} ${files[totals.files] ?? ''} (${passed} passed, ${failed} failed, ${Math.round(begin.timeMs)} ms)`);
  totals.files += 1;
  reading.begin = { passed: totals.passed, failed: totals.failed, skips: totals.skips.length, timeMs: 0 };
}

function count(result: Result, { totals, files }: Reading, print: (line: string) => void): void {
  const name = [files[totals.files] ?? 'after the last file', result.fullname].filter((part) => part !== '').join(' > ');
  if (result.skip !== false) {
    totals.skips.push(`${name}: ${result.skip === true ? 'no reason given' : result.skip}`);
  } else if (result.ok) {
    totals.passed += 1;
  } else {
    totals.failed += 1;
    print(`FAILED ${name}`);
    if (result.diag !== null) print(JSON.stringify(result.diag, undefined, 2));
  }
}
