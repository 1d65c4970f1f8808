import t from 'tap';
import { readFileSync } from 'node:fs';
import { MY_PROFILE } from '@billcoin/oracle';
import { cowsOfDay, kgToGrams, milkingsOf, readCows, sequenceOf, volumeOf } from '../../src/devnet/herd.ts';

const csv = readFileSync(new URL('../../data/braunvieh/cows.csv', import.meta.url), 'utf8');
const cows = readCows(csv);

t.test('the sample is 400 recorded cows of plausible yields', (t) => {
  t.equal(cows.length, 400);
  t.same(cows[0], { id: '224364', dailyG: 26_200 });
  t.ok(cows.every(({ dailyG }) => dailyG >= 3_500 && dailyG <= 40_370));
  t.end();
});

t.test('kilograms become grams without a float', (t) => {
  t.equal(kgToGrams('26.20'), 26_200);
  t.equal(kgToGrams('7'), 7_000);
  t.equal(kgToGrams('0.1'), 100);
  t.equal(kgToGrams('-1'), undefined);
  t.equal(kgToGrams('1,5'), undefined);
  t.throws(() => readCows('a,b\n1,2\n'), /no columns/);
  t.throws(() => readCows('newid,avg_milk\n7,much\n'), /line 2/);
  t.end();
});

t.test('two milkings sum to the recorded mean and pass the rules of milkings', (t) => {
  const next = sequenceOf(1);
  for (const cow of cows) {
    const [morning, evening] = milkingsOf(cow, next);
    if (morning.massG + evening.massG !== cow.dailyG) t.fail(`cow ${cow.id} lost milk`);
    const share = morning.massG / cow.dailyG;
    if (share < 0.5299 || share > 0.5701) t.fail(`cow ${cow.id} gave ${share} in the morning`);
    for (const { massG, volumeMl, durationMs, flowMaxMlMin } of [morning, evening]) {
      const fits = volumeMl === volumeOf(massG) && volumeMl >= MY_PROFILE.milkingMinMl && volumeMl <= MY_PROFILE.milkingMaxMl
        && volumeMl * 60_000 <= MY_PROFILE.flowMeanMaxMlMin * durationMs && flowMaxMlMin <= MY_PROFILE.flowPeakMaxMlMin && durationMs < 30 * 60_000;
      if (!fits) t.fail(`cow ${cow.id} breaks a rule`);
    }
  }
  t.pass(`${cows.length} cows`);
  t.end();
});

t.test('the same day gives the same milkings, another day other cows', (t) => {
  const day = (no: number): unknown => cowsOfDay(cows, no, 24).map((cow) => milkingsOf(cow, sequenceOf(no)));
  t.same(day(3), day(3));
  t.not(cowsOfDay(cows, 0, 24)[0], cowsOfDay(cows, 1, 24)[0]);
  t.equal(cowsOfDay(cows, 1_000, 24).length, 24, 'the sample goes round');
  t.equal(volumeOf(1_030), 1_000);
  t.end();
});
