/**
 * The devnet's cows: real daily means of scripts/data/braunvieh, turned into two milkings each. Pure and seeded: the same
 * day gives the same milkings.
 *
 * How a daily mean becomes milkings: the morning gives 55 % ± 2 points of the day's mass (longer night interval), the
 * evening the rest, so the two sum to the recorded mean exactly. Volume = floor(massG · 10,000 / 10,300), density 1.030
 * assumed and flagged as such. Duration = 45 s and the time at a mean flow of 1.8 to 3.0 L/min; peak = 1.5 × that flow.
 */

/** kg/L × 10^4 at 20 °C: mean of cow's milk, not measured in the data set. */
export const DENSITY_E4 = 10_300;
const MORNING_BPS = 5_500;
const MORNING_SPREAD_BPS = 200;
const MEAN_FLOW_MIN_ML_MIN = 1_800;
const MEAN_FLOW_SPREAD_ML_MIN = 1_200;
/** Cup attachment and stripping, before and after the flow. */
const HANDLING_MS = 45_000;

export interface Cow {
  /** Anonymised id of the data set. */
  readonly id: string;
  /** Recorded mean of a day, g. */
  readonly dailyG: number;
}

export interface Milking {
  readonly cow: string;
  readonly part: 'morning' | 'evening';
  readonly massG: number;
  readonly volumeMl: number;
  readonly durationMs: number;
  readonly flowMaxMlMin: number;
}

/** A sequence of 32-bit integers from a seed (mulberry32): enough for variety, worthless as a secret. */
export function sequenceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** "26.20" kg as 26,200 g, without a float; undefined for anything else. */
export function kgToGrams(text: string): number | undefined {
  const match = /^(\d{1,3})(?:\.(\d{1,3}))?$/.exec(text);
  return match === null ? undefined : Number(match[1]) * 1_000 + Number((match[2] ?? '').padEnd(3, '0'));
}

/** Cows of the sample file, in its order. Throws for a file of another form. */
export function readCows(csv: string): readonly Cow[] {
  const [header, ...lines] = csv.trimEnd().split('\n');
  const columns = header?.split(',') ?? [];
  const [idAt, milkAt] = [columns.indexOf('newid'), columns.indexOf('avg_milk')];
  if (idAt < 0 || milkAt < 0) throw new Error('the sample has no columns newid and avg_milk');
  return lines.map((line, index) => {
    const cells = line.split(',');
    const id = cells[idAt] ?? '';
    const dailyG = kgToGrams(cells[milkAt] ?? '');
    if (id === '' || dailyG === undefined) throw new Error(`line ${index + 2} of the sample has no id or no yield in kg`);
    return { id, dailyG };
  });
}

/** `count` cows for a day, going round the sample so that every day has others. */
export function cowsOfDay(cows: readonly Cow[], day: number, count: number): readonly Cow[] {
  return Array.from({ length: count }, (_, index) => cows[(day * count + index) % cows.length] as Cow);
}

export function volumeOf(massG: number): number {
  return Math.floor((massG * 10_000) / DENSITY_E4);
}

/** Morning and evening of a cow; `next` is a sequence of `sequenceOf`. */
export function milkingsOf(cow: Cow, next: () => number): readonly [Milking, Milking] {
  const morningBps = MORNING_BPS - MORNING_SPREAD_BPS + (next() % (2 * MORNING_SPREAD_BPS + 1));
  const morningG = Math.round((cow.dailyG * morningBps) / 10_000);
  const milking = (part: Milking['part'], massG: number): Milking => {
    const volumeMl = volumeOf(massG);
    const flow = MEAN_FLOW_MIN_ML_MIN + (next() % MEAN_FLOW_SPREAD_ML_MIN);
    return { cow: cow.id, part, massG, volumeMl, durationMs: HANDLING_MS + Math.round((volumeMl * 60_000) / flow), flowMaxMlMin: Math.round((flow * 3) / 2) };
  };
  return [milking('morning', morningG), milking('evening', cow.dailyG - morningG)];
}

/** One sentence for people, printed with the numbers. */
export const SPLIT_SENTENCE = 'Each cow\'s recorded daily mean (kg) is split 55 % ± 2 morning, the rest evening; mL = floor(g · 10,000 / 10,300), density 1.030 assumed.';
