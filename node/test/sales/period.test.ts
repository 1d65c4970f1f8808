import t from 'tap';
import { dayRange, monthRange } from '../../src/sales/period.ts';

const iso = (ms: number | undefined): string => new Date(ms ?? Number.NaN).toISOString();

function day(date: string, tz: string): readonly [string, string] {
  const range = dayRange(date, tz);
  if (range === undefined || range === 'no_day') throw new Error(`${date} in ${tz}`);
  return [iso(range.fromMs), iso(range.toMs)];
}

t.test('months begin at local midnight, also where clocks change', async (t) => {
  const from = (month: string, tz: string): string => iso(monthRange(month, tz)?.fromMs);
  t.equal(from('2026-04', 'UTC'), '2026-04-01T00:00:00.000Z');
  t.equal(from('2026-04', 'Asia/Kuala_Lumpur'), '2026-03-31T16:00:00.000Z');
  t.equal(from('2026-04', 'America/New_York'), '2026-04-01T04:00:00.000Z', 'summer time since March');
  t.equal(from('2026-12', 'America/New_York'), '2026-12-01T05:00:00.000Z');
  t.equal(from('2026-04', 'Asia/Kathmandu'), '2026-03-31T18:15:00.000Z');
  t.equal(from('2026-04', 'Pacific/Kiritimati'), '2026-03-31T10:00:00.000Z', 'the furthest ahead');
  t.equal(from('2026-04', 'Etc/GMT+12'), '2026-04-01T12:00:00.000Z', 'the furthest behind');
  t.equal(monthRange('2026-04', 'Nowhere'), undefined);
  t.equal(iso(monthRange('2026-12', 'UTC')?.toMs), '2027-01-01T00:00:00.000Z');
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
    for (let month = 1; month < 12; month++) {
      const [one, next] = [month, month + 1].map((number) => monthRange(`2026-${String(number).padStart(2, '0')}`, tz));
      t.equal(one?.toMs, next?.fromMs, `${tz} ${month}`);
    }
    // Clocks change in spring and autumn.
    for (const month of ['2026-03', '2026-10']) {
      const whole = monthRange(month, tz);
      let at = whole?.fromMs ?? 0;
      for (let date = 1; date <= 31; date++) {
        const [from, to] = day(`${month}-${String(date).padStart(2, '0')}`, tz);
        if (from !== iso(at)) t.fail(`${tz} ${from} does not follow ${iso(at)}`);
        at = Date.parse(to);
      }
      t.equal(at, whole?.toMs, `${tz} ${month}`);
    }
  }
});

t.test('what the calendar does not have is no day', async (t) => {
  for (const date of ['2026-02-29', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00']) t.equal(dayRange(date, 'UTC'), 'no_day', date);
  t.equal(dayRange('2026-01-01', 'Nowhere'), undefined);
});
