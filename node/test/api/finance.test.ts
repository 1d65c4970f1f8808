/** What finance, managers and tills read over HTTP: the export's manifest, the report of a day, strays, raw blocks. */
import t from 'tap';
import { formatAddress } from '@billcoin/protocol';
import { bookStray, exportMilkSales, getDailyReport, getExportManifest, getRawBlocks, listStrays, ROUTES, type DailyReport } from '@billcoin/sdk';
import { Value } from 'typebox/value';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { buy, utc } from '../sales/support.ts';

const [ali, siti, cafeteria] = [wallet('ali'), wallet('siti'), sdkKey(KEYS.cafeteria)];

async function openDay(test: Parameters<typeof openWorld>[0]): Promise<{ readonly world: World; readonly strayId: string }> {
  const world = await openWorld(test, { startMs: utc('2026-04-10T08:00:00Z') });
  await world.fund(20_000n, ali, siti, cafeteria);
  await buy(world, ali);
  const strayId = await world.transfer(siti, cafeteria.address, 500n);
  await world.block();
  return { world, strayId };
}

t.test('finance reads the export, its manifest and the day; each answer is as declared', async (t) => {
  const { world } = await openDay(t);
  const finance = await world.clientAs('finance');
  const [csv, signed, report] = [await exportMilkSales(finance, { month: '2026-04' }), await getExportManifest(finance, { month: '2026-04' }), await getDailyReport(finance, { date: '2026-04-10', tz: 'Asia/Kuala_Lumpur' })];
  t.equal(csv.split('\r\n').length, 4);
  t.match(signed.manifest, { rows: 2, sumRm: '4.80', sumLitres: '0.800' });
  t.match(report, { date: '2026-04-10', tz: 'Asia/Kuala_Lumpur', from: '2026-04-09T16:00:00Z', to: '2026-04-10T16:00:00Z', tillNo: null, partial: true, rm: '4.80', litres: '0.800', sales: { count: 1, rm: '1.80', litres: '0.300' }, refunds: { count: 0, rm: '0.00', litres: '0.000' }, strays: { count: 1, rm: '3.00', litres: '0.500' }, coupons: { count: 0, litres: '0.000' }, open: 0 });
  t.ok(Value.Check(ROUTES.exportManifest.responses[200], signed));
  t.ok(Value.Check(ROUTES.getDailyReport.responses[200], report));
  t.equal((await world.get('/exports/milk-sales/manifest?month=2026-04', await world.as('auditor'))).headers.get('content-disposition'), 'attachment; filename="billcoin-milk-sales-2026-04-partial.manifest.json"');
  for (const query of ['month=2026-05', 'month=2026-04&tz=Mars/Olympus']) t.equal((await world.get(`/exports/milk-sales/manifest?${query}`, await world.as('auditor'))).status, 400, query);
  for (const role of ['manager', 'admin', 'staff', 'student'] as const) t.equal((await world.get('/exports/milk-sales/manifest?month=2026-04', await world.as(role))).status, 403, role);
});

t.test('a till and its cashiers see their own till, a manager the own merchant', async (t) => {
  const { world } = await openDay(t);
  const report = async (who: Parameters<World['as']>[0], query = 'date=2026-04-10'): Promise<DailyReport & { readonly status: number }> => {
    const { status, json } = await world.get(`/reports/daily?${query}`, await world.as(who));
    return { ...(json as DailyReport), status };
  };
  for (const who of ['till', 'staff'] as const) {
    t.match(await report(who), { tillNo: 1, sales: { count: 1 }, strays: { count: 0 } }, who);
    t.equal((await report(who, 'date=2026-04-10&tillNo=2')).status, 404, 'another till');
  }
  t.match(await report('manager'), { tillNo: null, sales: { count: 1 }, strays: { count: 1 } });
  t.match(await report('manager', 'date=2026-04-10&tillNo=2'), { tillNo: 2, sales: { count: 0 } });
  const other = { authorization: `Bearer ${await world.tokenOf('manager', formatAddress(KEYS.farm.address))}` };
  t.match((await world.get('/reports/daily?date=2026-04-10', other)).json, { sales: { count: 0 }, strays: { count: 0 } }, 'of another merchant');
  for (const role of ['admin', 'auditor', 'student'] as const) t.equal((await report(role)).status, 403, role);
  t.equal((await report('finance', 'date=2026-02-30')).status, 400);
  t.equal((await report('finance', 'date=2026-04-11')).status, 400);
});

t.test('managers see their strays, finance books them once', async (t) => {
  const { world, strayId } = await openDay(t);
  const finance = await world.clientAs('finance');
  const { data: [stray] } = await listStrays(await world.clientAs('manager'));
  t.match(stray, { txHash: strayId, status: 'OPEN', from: siti.addressText, merchantId: cafeteria.addressText, litres: '0.500', rm: '3.00', returnedLitres: '0.000', reference: strayId.slice(0, 32), bookedAt: null });
  const other = { authorization: `Bearer ${await world.tokenOf('manager', formatAddress(KEYS.farm.address))}` };
  t.same((await world.get('/strays', other)).json, { data: [], nextCursor: null });
  t.equal((await world.post(`/strays/${strayId}/book`, '', await world.as('manager'))).status, 403);
  t.match(await bookStray(finance, { txHash: strayId }), { status: 'BOOKED', bookedAt: '2026-04-10T08:00:06Z' });
  await t.rejects(bookStray(finance, { txHash: strayId }), { code: 'stray_not_open', status: 409 });
  await t.rejects(bookStray(finance, { txHash: '00'.repeat(32) }), { code: 'not_found' });
  t.equal((await listStrays(finance, { status: 'OPEN' })).data.length, 0);
  await world.transfer(ali, cafeteria.address, 100n);
  await world.block();
  const page = await listStrays(finance, { limit: 1 });
  t.match(page, { data: [{ litres: '0.100' }], nextCursor: /./ });
  t.same((await listStrays(finance, { limit: 1, cursor: page.nextCursor ?? '' })).data.map(({ txHash }) => txHash), [strayId]);
  t.equal((await world.get('/strays?cursor=AAAA', await world.as('finance'))).status, 400);
});

t.test('raw blocks are for finance and auditors, by the page', async (t) => {
  const { world } = await openDay(t);
  const auditor = await world.clientAs('auditor');
  const { height } = world.chain.tip();
  const blocks = await getRawBlocks(auditor, { height: 1, limit: 100 });
  t.same(blocks.map((block) => block.height), Array.from({ length: height }, (_, i) => i + 1));
  t.ok(Value.Check(ROUTES.getRawBlock.responses[200], { data: blocks }));
  t.same(await getRawBlocks(auditor, { height: 2, limit: 1 }), blocks.slice(1, 2));
  await t.rejects(getRawBlocks(auditor, { height: height + 1, limit: 1 }), { code: 'not_found' });
  for (const role of ['manager', 'admin', 'student'] as const) t.equal((await world.get('/blocks/1/raw', await world.as(role))).status, 403, role);
});
