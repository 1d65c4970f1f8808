import t, { type Test } from 'tap';
import { isSigned } from '../../src/sales/manifest.ts';
import { verifyEd25519Native } from '../../src/crypto/verifier.ts';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { makeRandom } from '../support/random.ts';
import { KEYS } from '../support/testNetwork.ts';
import { buy, csvOf, reportOf, rowsOf, transferBack, utc } from './support.ts';

const PEOPLE = ['ali', 'siti', 'mei', 'raj'].map(wallet);
const ali = wallet('ali');
const cafeteria = sdkKey(KEYS.cafeteria);

const senOf = (rm: string): bigint => BigInt(rm.replace('.', ''));

/** Days of payments, refunds and strays at times drawn from a seed, many of them near midnight in UTC and in Malaysia. */
async function liveDays(world: World, seed: number, steps: number): Promise<void> {
  const random = makeRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  const paid: { readonly ref: Uint8Array; leftMl: bigint }[] = [];
  const strays: { readonly txHash: string; readonly from: Uint8Array }[] = [];
  for (let step = 0; step < steps; step++) {
    if (below(3) === 0) await world.block(below(12) * 3_600_000 + below(5));
    const what = below(10);
    const person = pick(PEOPLE);
    if (what < 6 || paid.length === 0) paid.push({ ref: (await buy(world, person)).ref, leftMl: 300n });
    else if (what === 6) {
      const payment = pick(paid);
      const amountMl = BigInt(1 + below(90));
      if (payment.leftMl < amountMl) continue;
      payment.leftMl -= amountMl;
      await world.refund(payment.ref, amountMl).catch(() => undefined);
    } else if (what < 9 || strays.length === 0) strays.push({ txHash: await world.transfer(person, cafeteria.address, BigInt(1 + below(2_000))), from: person.address });
    else {
      const stray = pick(strays);
      await transferBack(world, cafeteria, stray.from, BigInt(1 + below(2_000)), stray.txHash.slice(0, 32));
    }
    await world.block();
  }
}

/** Lines of the export counted by hand, of all or of one status. */
function sumOf(lines: readonly (readonly string[])[], status?: string): { readonly count: number; readonly sen: bigint } {
  const counted = lines.filter((line) => status === undefined || line[6] === status);
  return { count: counted.length, sen: counted.reduce((sum, line) => sum + senOf(line[3] ?? ''), 0n) };
}

/** Compares the reports of a month's days with its export; their sum. */
async function checkDays(t: Test, world: World, month: string, tz: string): Promise<{ readonly count: number; readonly sen: bigint }> {
  const rows = await rowsOf(world, month, tz);
  const clock = new Intl.DateTimeFormat('en-CA', { timeZone: tz, year: 'numeric', month: '2-digit', day: '2-digit' });
  const sum = { count: 0, sen: 0n };
  for (let date = 1; date <= 31; date++) {
    const name = `${month}-${String(date).padStart(2, '0')}`;
    const result = await world.campus.sales.daily({ date: name, tz });
    if (!result.ok) continue;
    const { all, sales, refunds, strays } = result.report;
    const lines = rows.filter(([, time = '']) => clock.format(Date.parse(time)) === name);
    const told = [all, sales, refunds, strays].map(({ count, sen }) => ({ count, sen }));
    t.same(told, [sumOf(lines), sumOf(lines, 'Final'), sumOf(lines, 'Refunded'), sumOf(lines, 'Stray')], `${name} ${tz}`);
    t.same((await reportOf(world, name, tz, { tillNo: 2 })).all, { count: 0, sen: 0n, amountMl: 0n }, 'a till without sales');
    sum.count += all.count;
    sum.sen += all.sen;
  }
  t.equal(rows.length, sum.count);
  return sum;
}

t.test('the report of each day is the sum of its lines in the export, in every zone; days add up to the month', async (t) => {
  for (const seed of [1, 2]) {
    const world = await openWorld(t, { startMs: utc('2026-04-28T15:00:00Z') });
    await world.fund(40_000n, ...PEOPLE, cafeteria);
    await liveDays(world, seed, 60);
    for (const tz of ['UTC', 'Asia/Kuala_Lumpur', 'America/New_York', 'Africa/Cairo']) {
      for (const month of ['2026-04', '2026-05']) {
        const all = await checkDays(t, world, month, tz);
        const manifest = await world.campus.sales.manifest({ month, tz });
        if (!manifest.ok) throw new Error(manifest.code);
        t.same([manifest.signed.manifest.rows, senOf(manifest.signed.manifest.sumRm)], [all.count, all.sen], `seed ${seed} ${month} ${tz}`);
        t.ok(all.count > 0);
      }
    }
  }
});

t.test('what coupons paid stands apart; open orders are counted; a report is refused for no day and for tomorrow', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  await world.fund(20_000n, ali);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await buy(world, ali)).txHash);
  await world.pay(ali, world.order().invoice, new Uint8Array(Buffer.from(ids[0] ?? '', 'hex')));
  await world.block();
  const report = await reportOf(world, '2026-04-10');
  t.match(report, { partial: true, sales: { count: 6, sen: 900n, amountMl: 1_500n }, coupons: { count: 1, amountMl: 300n } });
  t.same((await rowsOf(world, '2026-04')).at(-1)?.[3], '0.00');
  const problem = async (date: string, tz = 'UTC'): Promise<string> => {
    const result = await world.campus.sales.daily({ date, tz });
    return result.ok ? 'ok' : result.code;
  };
  t.same([await problem('2026-02-30'), await problem('2026-04-11'), await problem('2026-04-10', 'Nowhere'), await problem('2026-04-09')], ['bad_date', 'bad_date', 'bad_tz', 'ok']);
  t.equal((await reportOf(world, '2026-04-10', 'UTC', { merchant: ali.addressText })).all.count, 0, 'of another merchant');
});

t.test('the manifest of a month says its blocks and sums, and is signed for this network', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-30T15:59:50Z') });
  await world.fund(20_000n, ali);
  await buy(world, ali);
  const first = world.chain.tip().height;
  await world.block(utc('2026-05-01T00:00:00Z') - world.nowMs);
  await buy(world, ali);
  const made = await world.campus.sales.manifest({ month: '2026-04', tz: 'UTC' });
  if (!made.ok) throw new Error(made.code);
  const { signed } = made;
  t.equal(made.fileName, 'billcoin-milk-sales-2026-04');
  t.same(Object.keys(signed.manifest), ['month', 'tz', 'from', 'to', 'rows', 'sumRm', 'sumLitres', 'firstBlock', 'lastBlock', 'merkleRoot', 'columns', 'pseudonymKeyId']);
  t.match(signed.manifest, { month: '2026-04', tz: 'UTC', from: '2026-04-01T00:00:00Z', to: '2026-05-01T00:00:00Z', rows: 1, sumRm: '1.80', sumLitres: '0.300', firstBlock: 1, lastBlock: first });
  t.ok(isSigned(world.chain.genesisHash, verifyEd25519Native, signed));
  t.notOk(isSigned(new Uint8Array(32), verifyEd25519Native, signed), 'of another network');
  t.notOk(isSigned(world.chain.genesisHash, verifyEd25519Native, { ...signed, manifest: { ...signed.manifest, sumRm: '1.90' } }));
  t.equal((await csvOf(world, '2026-04')).split('\r\n').length, 3);
  const running = await world.campus.sales.manifest({ month: '2026-05', tz: 'UTC' });
  t.match(running, { ok: true, fileName: 'billcoin-milk-sales-2026-05-partial', signed: { manifest: { firstBlock: first + 1, lastBlock: world.chain.tip().height } } });
  const none = await world.campus.sales.manifest({ month: '2026-03', tz: 'UTC' });
  t.match(none, { ok: true, signed: { manifest: { rows: 0, sumRm: '0.00', firstBlock: null, lastBlock: null, merkleRoot: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' } } });
});
