import t from 'tap';
import { createClient, linkWallet, MILK_SALES_HEADER } from '@billcoin/sdk';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';

const utc = (text: string): number => Date.parse(text);

/** Pays one carton. */
async function buy(world: World, label: string): Promise<{ readonly txHash: string; readonly ref: Uint8Array }> {
  const order = world.order();
  const txHash = await world.pay(wallet(label), order.invoice);
  await world.block();
  return { txHash, ref: order.ref };
}

const linesOf = (csv: string): readonly string[][] => csv.split('\r\n').filter((line) => line !== '').map((line) => line.split(','));

t.test('the export has the exact header, CRLF, one line per payment and its own line per refund', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  await world.fund(20_000n, wallet('ali'), wallet('siti'), sdkKey(KEYS.cafeteria));
  const imported = await world.campus.students.importRoster('studentId\nA001\n');
  const linkCode = imported.ok ? (imported.codes[0]?.linkCode ?? '') : '';
  await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode, key: wallet('ali'), genesisHash: world.chain.genesisHash });
  const linked = await buy(world, 'ali');
  const unlinked = await buy(world, 'siti');
  const refundHash = await world.refund(linked.ref, 100n);
  await world.block();

  const answer = await world.get('/exports/milk-sales?month=2026-04', await world.as('finance'));
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8');
  t.equal(answer.headers.get('content-disposition'), 'attachment; filename="billcoin-milk-sales-2026-04-partial.csv"', 'the running month is partial');
  t.ok(answer.text.startsWith(`${MILK_SALES_HEADER}\r\n`));
  t.ok(answer.text.endsWith('\r\n'));
  t.notMatch(answer.text, /[^\r]\n/);
  const [, paid = [], other = [], refunded = []] = linesOf(answer.text);
  t.equal(linesOf(answer.text).length, 4);
  t.equal(paid[0], linked.txHash);
  t.match(paid[1], /^2026-04-10T08:00:\d\dZ$/);
  t.match(paid[2], /^[0-9a-f]{32}$/, 'pseudonym');
  t.equal(paid[3], '1.80');
  t.equal(paid[4], `${wallet('ali').addressText.slice(0, 6)}...${wallet('ali').addressText.slice(-4)}`);
  t.match(paid[5], /^[0-9a-f]{64}$/);
  t.equal(paid[6], 'Final');
  t.same([other[0], other[2], other[6]], [unlinked.txHash, '', 'Final'], 'no student for an unlinked wallet');
  t.same([refunded[0], refunded[2], refunded[3], refunded[6]], [refundHash, paid[2], '-0.60', 'Refunded']);
});

t.test('a wallet that is linked after its first payment has the name of its student from the next one on', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  await world.fund(20_000n, wallet('ali'));
  await buy(world, 'ali');
  const imported = await world.campus.students.importRoster('studentId\nA001\n');
  const linkCode = imported.ok ? (imported.codes[0]?.linkCode ?? '') : '';
  await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode, key: wallet('ali'), genesisHash: world.chain.genesisHash });
  await buy(world, 'ali');
  await buy(world, 'ali');
  const [before, ...after] = linesOf((await world.get('/exports/milk-sales?month=2026-04', await world.as('finance'))).text).slice(1).map((line) => line[2] ?? '');
  t.equal(before, '');
  t.match(after, [/^[0-9a-f]{32}$/, after[0]]);
});

t.test('a month has its own block times in its zone; a closed month never changes', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-30T15:58:00Z') });
  await world.fund(20_000n, wallet('ali'));
  const april = await buy(world, 'ali');
  await world.block(utc('2026-04-30T16:00:05Z') - world.nowMs);
  const mayInMalaysia = await buy(world, 'ali');
  await world.block(utc('2026-05-01T00:00:00Z') - world.nowMs);
  const may = await buy(world, 'ali');
  const ids = async (query: string): Promise<readonly (string | undefined)[]> => linesOf((await world.get(`/exports/milk-sales?${query}`, await world.as('finance'))).text).slice(1).map(([id]) => id);
  t.same(await ids('month=2026-04'), [april.txHash, mayInMalaysia.txHash]);
  t.same(await ids('month=2026-05'), [may.txHash]);
  t.same(await ids('month=2026-04&tz=Asia/Kuala_Lumpur'), [april.txHash]);
  t.same(await ids('month=2026-05&tz=Asia/Kuala_Lumpur'), [mayInMalaysia.txHash, may.txHash]);
  t.same(await ids('month=2026-03'), [], 'a month without sales has its header alone');

  const closed = await world.get('/exports/milk-sales?month=2026-04', await world.as('finance'));
  t.match(closed.headers.get('content-disposition'), /filename="billcoin-milk-sales-2026-04\.csv"/);
  await buy(world, 'ali');
  await world.campus.students.importRoster('studentId\nA001\n');
  t.equal((await world.get('/exports/milk-sales?month=2026-04', await world.as('finance'))).text, closed.text);
});

t.test('queries that name no month or zone are refused', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  const code = async (query: string): Promise<string> => ((await world.get(`/exports/milk-sales?${query}`, await world.as('finance'))).json as { code: string }).code;
  t.equal(await code('month=2026-05'), 'bad_month', 'the future');
  for (const month of ['2026-13', '2026-00', '2026-4', '0000-01', '0099-12', '2026', '-', '2026-04-10']) t.equal(await code(`month=${month}`), 'bad_month', month);
  for (const tz of ['Mars/Olympus', '-08:00', '%2B08:00', '-0800', '%2B08']) t.equal(await code(`month=2026-04&tz=${tz}`), 'bad_tz', tz);
  for (const query of ['', 'month=april', 'month=2026-04&tz=%0d%0a', 'month=2026-04&bom=2', 'month=2026-04&month=2026-05']) t.equal(await code(query), 'malformed_request', query);
  const bom = new Uint8Array(await (await fetch(`${world.api.url}/api/v1/exports/milk-sales?month=2026-04&bom=1`, { headers: await world.as('finance') })).arrayBuffer());
  t.same([...bom.slice(0, 3)], [0xef, 0xbb, 0xbf]);
});

t.test('a payment by coupon counts what the wallet paid', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  await world.fund(20_000n, wallet('ali'));
  const hashes: string[] = [];
  for (let i = 0; i < 5; i++) hashes.push((await buy(world, 'ali')).txHash);
  const couponId = Buffer.from(hashes[0] ?? '', 'hex');
  const order = world.order();
  const free = await world.pay(wallet('ali'), order.invoice, new Uint8Array(couponId));
  await world.block();
  const lines = linesOf((await world.get('/exports/milk-sales?month=2026-04', await world.as('finance'))).text);
  t.same(lines.at(-1)?.slice(0, 1), [free]);
  t.equal(lines.at(-1)?.[3], '0.00');
  t.match((await world.post('/payments/validate', { txHash: free, expectedAmount: '1.80' }, await world.as('service'))).json, { valid: true }, 'the shelf price is what validation compares');
});

t.test('more lines than one page of the store are streamed in the order of the chain', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  await world.fund(400_000n, wallet('ali'));
  const hashes: string[] = [];
  for (let block = 0; block < 6; block++) {
    for (let i = 0; i < 100; i++) await world.pay(wallet('ali'), world.order().invoice);
    hashes.push(...(await world.block()).txs.map(({ txHash }) => txHash));
  }
  const lines = linesOf((await world.get('/exports/milk-sales?month=2026-04', await world.as('finance'))).text).slice(1);
  t.equal(lines.length, 600);
  t.same(lines.map(([id]) => id), hashes);
});
