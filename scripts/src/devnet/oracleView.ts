/** What an oracle tells an operator about the readings it judged: its metrics, with the reasons in words. */
import { ruleText, VERDICT_NAMES } from '@billcoin/oracle';

const TIMEOUT_MS = 2_000;

export interface ReadingCounts {
  /** By verdict: ok, flag, hold, reject. */
  readonly byVerdict: Readonly<Record<string, number>>;
  /** Held and rejected readings by rule, e.g. "R05 reject". */
  readonly refused: readonly { readonly rule: number; readonly verdict: string; readonly count: number }[];
  readonly repeated: number;
}

/** Counts from `mmu_readings_total{verdict,rule}` of a metrics page. */
export function parseReadingCounts(page: string): ReadingCounts {
  const byVerdict: Record<string, number> = Object.fromEntries(VERDICT_NAMES.map((name) => [name, 0]));
  const refused: { rule: number; verdict: string; count: number }[] = [];
  let repeated = 0;
  for (const line of page.split('\n')) {
    const match = /^mmu_readings_total\{(.*)\} (\d+)/.exec(line);
    if (match === null) continue;
    const label = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(match[1] ?? '')?.[1] ?? '';
    const [verdict, count, rule] = [label('verdict'), Number(match[2]), Number(label('rule').replace(/^R/, ''))];
    if (rule === 6) repeated += count;
    else byVerdict[verdict] = (byVerdict[verdict] ?? 0) + count;
    if (verdict === 'hold' || verdict === 'reject') refused.push({ rule, verdict, count });
  }
  return { byVerdict, refused: refused.sort((a, b) => a.rule - b.rule), repeated };
}

/** Counts of the first oracle that answers, since its start; undefined where none does. */
export async function readReadings(statusUrls: readonly string[]): Promise<ReadingCounts | undefined> {
  for (const url of statusUrls) {
    try {
      const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      return parseReadingCounts(await response.text());
    } catch {
      continue; // it may be restarting: the next one judged the same readings
    }
  }
  return undefined;
}

export function reasonOf(rule: number): string {
  const [sentence = ''] = ruleText(rule).split(/(?<=\.)\s/);
  return sentence;
}
