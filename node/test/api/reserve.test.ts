/** The reserve page: every figure of it can be counted again from the other reads (SPEC §7.6). */
import t from 'tap';
import { API_BASE, createClient, getReserve, listBatches, type BatchSummary } from '@billcoin/sdk';
import { openWorld, sdkKey, wallet } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS, keyOf, TxMaker, type Key } from '../support/testNetwork.ts';

const ml = (litres: string): number => Number(litres.replace('.', ''));
const sum = (batches: readonly BatchSummary[], of: (batch: BatchSummary) => string): number => batches.reduce((total, batch) => total + ml(of(batch)), 0);

t.test('totals, plants and batches agree, and the equation holds', async (t) => {
  const world = await openWorld(t);
  const client = createClient({ baseUrl: world.api.url });
  const first = await world.mint(20_000n);
  await world.mint(7_500n);
  await world.transfer(sdkKey(KEYS.farm), KEYS.cafeteria.address, 5_000n);
  await world.block();
  await world.redeem(sdkKey(KEYS.cafeteria), first, 1_250n);
  await world.block();

  const answer = await world.get('/reserve');
  t.same(departures('getReserve', answer), []);
  const reserve = await getReserve(client);
  t.match(reserve, { supply: '26.250', custody: '26.250', gap: '0.000', bonds: '0.000', pools: { fees: '0.002' }, coverDays: null });
  const [plant] = reserve.plants.data;
  t.match(plant, { name: 'Plant', status: 'active', batches: 2, issued: '27.500', available: '26.250', held: '0.000', redeemed: '1.250', owedOut: '0.000', bond: '0.000', owed: '0.000' });

  t.ok(plant?.href.startsWith(`${API_BASE}/batches?plant=`));
  const { data } = await listBatches(client, { plant: plant?.plant ?? '' });
  t.equal(data.length, plant?.batches);
  for (const figure of ['issued', 'available', 'held', 'redeemed', 'owedOut'] as const) t.equal(sum(data, (batch) => batch[figure]), ml(plant?.[figure] ?? ''), figure);
  t.equal(sum(data, ({ available }) => available) + sum(data, ({ held }) => held), ml(reserve.custody));
  t.equal(ml(reserve.supply), ml(reserve.custody) + ml(reserve.gap));
  t.same((await listBatches(client, { plant: wallet('nobody').addressText })).data, [], 'batches of another plant are not among them');
});

t.test('the answer is known by its content until it changes', async (t) => {
  const world = await openWorld(t);
  await world.mint(1_000n);
  const first = await world.get('/reserve');
  const etag = first.headers.get('etag') ?? '';
  t.match(etag, /^"[0-9a-f]{32}"$/);
  t.equal(first.headers.get('cache-control'), 'public, no-cache');
  const again = await world.get('/reserve', { 'if-none-match': etag });
  t.same([again.status, again.text], [304, '']);
  await world.block();
  const later = await world.get('/reserve', { 'if-none-match': etag });
  t.equal(later.status, 200, 'another block is another answer');
  t.not(later.headers.get('etag'), etag);
});

t.test('held litres stay in custody; what a plant owes is the gap; a new plant joins the pages', async (t) => {
  const world = await openWorld(t);
  const maker = new TxMaker(world.chain.genesis);
  const sign = async (key: Key, kind: Parameters<TxMaker['tx']>[1]): Promise<void> => {
    const submitted = await world.chain.submit(maker.tx(key, kind, { validUntilMs: world.nowMs + 60_000 }));
    if (!submitted.ok) throw new Error(submitted.refusal.code);
    await world.block();
  };
  const [first, second] = [world.batchKey(await world.mint(4_000n)), world.batchKey(await world.mint(6_000n))];
  await sign(KEYS.regulator, { case: 'holdBatch', value: { batch: first, held: 1 } });
  t.match((await world.get('/reserve')).json, { supply: '10.000', custody: '10.000', gap: '0.000', plants: { data: [{ available: '6.000', held: '4.000' }] } });
  await sign(KEYS.plant, { case: 'writeOffBatch', value: { batch: second } });
  t.match((await world.get('/reserve')).json, { supply: '10.000', custody: '4.000', gap: '6.000', plants: { data: [{ available: '0.000', held: '4.000', owedOut: '6.000', owed: '6.000' }] } }, 'a plant without bond or balance owes it all');

  const other = keyOf('other plant').address;
  const terms = { account: other, name: 'Other plant', status: 1, ceilingMl: 1_000n, tollBps: 0, bondBps: 0, profileHash: new Uint8Array(32) };
  await sign(KEYS.regulator, { case: 'registerPlant', value: terms });
  await sign(KEYS.regulator, { case: 'registerPlant', value: { ...terms, status: 2 } });
  const client = createClient({ baseUrl: world.api.url });
  const page = await getReserve(client, { limit: 1 });
  const next = await getReserve(client, { limit: 1, cursor: page.plants.nextCursor ?? '' });
  t.same([...page.plants.data, ...next.plants.data].map(({ name, status, batches }) => `${name} ${status} ${batches}`).sort(), ['Other plant suspended 0', 'Plant active 2']);
  t.equal(next.plants.nextCursor, null);
  t.equal(next.gap, '6.000', 'totals stand on every page');
});

t.test('plants come in pages; a cursor of another list is refused', async (t) => {
  const world = await openWorld(t);
  t.match((await world.get('/reserve?limit=1')).json, { plants: { data: [{ name: 'Plant', batches: 0 }], nextCursor: null } });
  t.match((await world.get('/reserve?cursor=eHl6')).json, { status: 400, code: 'malformed_request' });
});
