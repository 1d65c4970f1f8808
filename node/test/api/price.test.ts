/** The price of today and of the days before, as the chain holds them (threat 22). */
import t from 'tap';
import { dayOf, decode, formatAddress, fromBase64Url, fromHex, openRowProof, ROWS } from '@billcoin/protocol';
import type { DayPrice, Price } from '@billcoin/sdk';
import { openWorld, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

const DAY_MS = 86_400_000;
const NOON = Math.floor(Date.now() / DAY_MS) * DAY_MS + DAY_MS / 2;

type Page = { data: DayPrice[]; nextCursor: string | null };

async function read(world: World, query = ''): Promise<Page> {
  return (await world.get(`/price/history${query}`)).json as Page;
}

/** The price that a proof of the row shows; it verifies without the server. */
async function proven(world: World, rowKey: string): Promise<bigint> {
  const answer = (await world.get(`/proofs/row/${rowKey}`)).json as { proof: string };
  const opened = openRowProof(world.chain.genesisHash, fromBase64Url(answer.proof) ?? new Uint8Array(), fromHex(rowKey) ?? new Uint8Array());
  if (!opened.ok || opened.value.value === undefined) throw new Error('no row is proven');
  const row = decode(ROWS.price.value, opened.value.value);
  if (!row.ok) throw new Error(row.fault.code);
  return row.value.senPerBill;
}

t.test('each day has its price, newest first, page by page, and its row is proven', async (t) => {
  const world = await openWorld(t, { startMs: NOON });
  const first = dayOf(NOON);
  await world.block();
  for (let day = 1; day <= 4; day++) await world.block(DAY_MS);
  const answer = await world.get('/price/history');
  t.same(departures('listPrices', answer), []);
  const all = answer.json as Page;
  t.same(all.data.map(({ epoch }) => epoch), [4, 3, 2, 1, 0].map((day) => first + day));
  t.equal(all.nextCursor, null);
  t.match(all.data[4], { rmPerBill: '6.00', reports: 0, validFrom: `${new Date(first * DAY_MS).toISOString().slice(0, 10)}T00:00:00Z` });
  const page = await read(world, '?limit=2');
  t.same(page.data, all.data.slice(0, 2));
  const next = await read(world, `?limit=2&cursor=${page.nextCursor ?? ''}`);
  t.same(next.data, all.data.slice(2, 4));
  t.same((await read(world, `?limit=2&cursor=${next.nextCursor ?? ''}`)), { data: all.data.slice(4), nextCursor: null });
  const day = (n: number): string => `${new Date((first + n) * DAY_MS).toISOString().slice(0, 10)}T08:00:00Z`;
  t.same((await read(world, `?from=${day(1)}&to=${day(2)}`)).data, [all.data[2], all.data[3]]);
  t.same((await read(world, '?from=2100-01-01T00:00:00Z')).data, []);
  t.equal(await proven(world, all.data[0]?.rowKey ?? ''), 600n);
});

t.test('the price of now names the row it stands in, and says when nobody reported for two days', async (t) => {
  const world = await openWorld(t, { startMs: NOON });
  await world.block();
  const now = async (): Promise<Price> => (await world.get('/price')).json as Price;
  const young = await now();
  t.match(young, { epoch: dayOf(NOON), rmPerBill: '6.00', previousRmPerBill: '6.00', reports: 0, stale: false });
  t.equal(await proven(world, young.rowKey), 600n);
  world.chain.clock.moveTo(world.nowMs + DAY_MS);
  const beforeFirstBlock = await now();
  t.match(beforeFirstBlock, { epoch: dayOf(NOON) + 1, rowKey: young.rowKey }, 'before the first block of a day: the row it follows from');
  for (let day = 0; day < 3; day++) await world.block(DAY_MS);
  t.equal((await now()).stale, true);
});

t.test('days that are none are refused', async (t) => {
  const world = await openWorld(t);
  await world.block();
  for (const query of ['?from=2026-13-45T99:99:99Z', '?from=yesterday', '?to=1e9', '?limit=0', '?cursor=AAAA', '?x=1', `?merchantId=${formatAddress(KEYS.cafeteria.address)}`]) t.equal((await world.get(`/price/history${query}`)).status, 400, query);
});
