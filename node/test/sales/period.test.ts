import t from 'tap';
import { dayRange, monthRange, type TimeRange } from '../../src/sales/period.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

function day(date: string, tz: string): readonly [string, string] {
  const range = dayRange(date, tz);
  if (range === undefined || range === 'no_period') throw new Error(`${date} in ${tz}`);
  return [iso(range.fromMs), iso(range.toMs)];
}

function month(name: string, tz: string): TimeRange {
  const range = monthRange(name, tz);
  if (range === undefined || range === 'no_period') throw new Error(`${name} in ${tz}`);
  return range;
}

t.test('months begin at local midnight, also where clocks change', async (t) => {
  const from = (name: string, tz: string): string => iso(month(name, tz).fromMs);
  t.equal(from('2026-04', 'UTC'), '2026-04-01T00:00:00.000Z');
  t.equal(from('2026-04', 'Asia/Kuala_Lumpur'), '2026-03-31T16:00:00.000Z');
  t.equal(from('2026-04', 'America/New_York'), '2026-04-01T04:00:00.000Z', 'summer time since March');
  t.equal(from('2026-12', 'America/New_York'), '2026-12-01T05:00:00.000Z');
  t.equal(from('2026-04', 'Asia/Kathmandu'), '2026-03-31T18:15:00.000Z');
  t.equal(from('2026-04', 'Pacific/Kiritimati'), '2026-03-31T10:00:00.000Z', 'the furthest ahead');
  t.equal(from('2026-04', 'Etc/GMT+12'), '2026-04-01T12:00:00.000Z', 'the furthest behind');
  t.equal(monthRange('2026-04', 'Nowhere'), undefined);
  t.equal(iso(month('2026-12', 'UTC').toMs), '2027-01-01T00:00:00.000Z');
});

t.test('a day is as long as its clocks say', async (t) => {
  t.same(day('2026-03-29', 'Europe/London'), ['2026-03-29T00:00:00.000Z', '2026-03-29T23:00:00.000Z'], '23 hours');
  t.same(day('2026-10-25', 'Europe/London'), ['2026-10-24T23:00:00.000Z', '2026-10-26T00:00:00.000Z'], '25 hours');
  t.same(day('2026-04-30', 'Asia/Kuala_Lumpur'), ['2026-04-29T16:00:00.000Z', '2026-04-30T16:00:00.000Z']);
  t.same(day('2026-04-05', 'Australia/Lord_Howe'), ['2026-04-04T13:00:00.000Z', '2026-04-05T13:30:00.000Z'], 'half an hour longer');
  t.same(day('2024-02-29', 'UTC'), ['2024-02-29T00:00:00.000Z', '2024-03-01T00:00:00.000Z']);
});

t.test('a midnight that a clock jumps over is the instant of the jump; one that comes twice is the first', async (t) => {
  t.same(day('2024-04-26', 'Africa/Cairo'), ['2024-04-25T22:00:00.000Z', '2024-04-26T21:00:00.000Z'], 'the clock goes from 00:00 to 01:00');
  t.same(day('2024-11-03', 'America/Havana'), ['2024-11-03T04:00:00.000Z', '2024-11-04T05:00:00.000Z'], 'the clock goes from 01:00 back to 00:00');
  t.same(day('2026-04-04', 'America/Santiago'), ['2026-04-04T03:00:00.000Z', '2026-04-05T04:00:00.000Z'], 'the clock goes from 24:00 back to 23:00');
});

t.test('days and months follow each other without gap or overlap in every zone', async (t) => {
  const zones = ['UTC', 'Asia/Kuala_Lumpur', 'Europe/London', 'America/New_York', 'Africa/Cairo', 'America/Havana', 'America/Santiago', 'Australia/Lord_Howe', 'Asia/Beirut', 'America/Asuncion', 'Pacific/Apia', 'Asia/Tehran'];
  for (const tz of zones) {
    const months = Array.from({ length: 12 }, (_, i) => month(`2026-${String(i + 1).padStart(2, '0')}`, tz));
    for (const [i, { fromMs }] of months.entries()) if (i > 0) t.equal(fromMs, months[i - 1]?.toMs, `${tz} ${i}`);
    // Clocks change in spring and autumn.
    for (const name of ['2026-03', '2026-10']) {
      const whole = month(name, tz);
      let at = whole.fromMs;
      for (let date = 1; date <= 31; date++) {
        const [from, to] = day(`${name}-${String(date).padStart(2, '0')}`, tz);
        if (from !== iso(at)) t.fail(`${tz} ${from} does not follow ${iso(at)}`);
        at = Date.parse(to);
      }
      t.equal(at, whole.toMs, `${tz} ${name}`);
    }
  }
});

t.test('what the calendar or the list of zones does not have is no month, no day, no zone', async (t) => {
  for (const date of ['2026-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00']) t.equal(dayRange(date, 'UTC'), 'no_period', date);
  for (const date of ['', '-', '2026-4-1', '99-01-01', '20260-01-01', '2026-01-01-01']) t.equal(dayRange(date, 'UTC'), 'no_period', date);
  for (const name of ['', '-', '2026-13', '2026-00', '2026-1', '0099-12', '2026-01-01', ' 2026-01']) t.equal(monthRange(name, 'UTC'), 'no_period', name);
  for (const tz of ['Nowhere', '-08:00', '-0800', '+08', '-23', '08', '']) t.same([dayRange('2026-01-01', tz), monthRange('2026-01', tz)], [undefined, undefined], tz);
});
