/** The reserve page: every figure of it can be counted again from the other reads (SPEC §7.4). */
import t from 'tap';
import { API_BASE, createClient, getReserve, listBatches, type BatchSummary } from '@billcoin/sdk';
import { openWorld, sdkKey, wallet } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

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

t.test('plants come in pages; a cursor of another list is refused', async (t) => {
  const world = await openWorld(t);
  t.match((await world.get('/reserve?limit=1')).json, { plants: { data: [{ name: 'Plant', batches: 0 }], nextCursor: null } });
  t.match((await world.get('/reserve?cursor=eHl6')).json, { status: 400, code: 'malformed_request' });
});
