import t from 'tap';
import { buildRegisterMerchant, createClient, linkWallet } from '@billcoin/sdk';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { makeKeyFolder, openWorld, sdkKey, wallet } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, makeTestGenesis } from '../support/testNetwork.ts';
import { reportOf, rowsOf, transferBack, utc } from './support.ts';

const START = { startMs: utc('2026-04-10T08:00:00Z') };
const [ali, siti, cafeteria, farm] = [wallet('ali'), wallet('siti'), sdkKey(KEYS.cafeteria), sdkKey(KEYS.farm)];

t.test('a plain Transfer to a merchant has its own line, worth litres times the price of its block, half-up', async (t) => {
  const world = await openWorld(t, START);
  await world.fund(20_000n, ali);
  const amounts = [1n, 300n, 999n, 1_001n];
  const ids: string[] = [];
  for (const amountMl of amounts) ids.push(await world.transfer(ali, cafeteria.address, amountMl));
  await world.block();
  const rows = await rowsOf(world, '2026-04');
  t.same(new Map(rows.map(([id, , student, rm, , , status]) => [id, [student, rm, status]])), new Map([
    [ids[0], ['', '0.01', 'Stray']], [ids[1], ['', '1.80', 'Stray']], [ids[2], ['', '5.99', 'Stray']], [ids[3], ['', '6.01', 'Stray']],
  ]), '0.6, 180, 599.4 and 600.6 sen');
  const { strays, sales, all, open } = await reportOf(world, '2026-04-10');
  t.same([strays, sales.count, all, open], [{ count: 4, sen: 1_381n, amountMl: 2_301n }, 0, { count: 4, sen: 1_381n, amountMl: 2_301n }, 0]);
  t.equal((await reportOf(world, '2026-04-10', 'UTC', { tillNo: 1 })).strays.count, 0, 'a stray came through no till');
});

t.test('whoever is registered sends no strays, and what goes elsewhere is none', async (t) => {
  const world = await openWorld(t, START);
  await world.fund(20_000n, ali, sdkKey(KEYS.treasury), sdkKey(KEYS.plant), sdkKey(KEYS.validator), siti);
  for (const from of [farm, sdkKey(KEYS.treasury), sdkKey(KEYS.plant), sdkKey(KEYS.validator)]) await world.transfer(from, cafeteria.address, 100n);
  await world.transfer(ali, siti.address, 100n);
  await world.transfer(ali, farm.address, 100n);
  world.forceTransfer(wallet('poor'), cafeteria.address, 100n);
  await world.block();
  t.same(await rowsOf(world, '2026-04'), []);

  // Nobody is a merchant before it is registered, and everybody who is one sends no strays from then on.
  await world.transfer(ali, siti.address, 100n);
  await world.block();
  const campus = sdkKey(KEYS.campus);
  await world.submit(buildRegisterMerchant({ genesisHash: world.chain.genesisHash, validUntilMs: world.nowMs + 60_000, authority: campus.address, account: siti.address, name: 'Siti\'s stall', status: 1 }), campus);
  await world.block();
  const late = await world.transfer(ali, siti.address, 100n);
  await world.transfer(siti, cafeteria.address, 100n);
  await world.block();
  t.same((await rowsOf(world, '2026-04')).map(([id]) => id), [late]);
});

t.test('a stray is open until it is booked, or until all of it went back', async (t) => {
  const world = await openWorld(t, START);
  await world.fund(20_000n, ali, siti, cafeteria);
  const first = await world.transfer(ali, cafeteria.address, 1_001n);
  await world.block();
  const second = await world.transfer(siti, cafeteria.address, 2_000n);
  await world.block();
  const { strays: campusStrays } = world.campus;
  const statuses = async (): Promise<readonly string[]> => (await campusStrays.list({ limit: 10 })).strays.map(({ txHash, status, returnedMl }) => `${txHash === first ? 'first' : 'second'} ${status} ${returnedMl}`);
  t.same(await statuses(), ['second OPEN 0', 'first OPEN 0'], 'newest first');
  const [, seen] = (await campusStrays.list({ limit: 10 })).strays;
  t.match(seen, { from: ali.addressText, merchant: cafeteria.addressText, amountMl: 1_001n, sen: 601n, reference: first.slice(0, 32) });

  // Only from its merchant to its sender.
  await transferBack(world, cafeteria, siti.address, 100n, first.slice(0, 32));
  await transferBack(world, siti, ali.address, 100n, first.slice(0, 32));
  await transferBack(world, cafeteria, ali.address, 100n, 'ff'.repeat(16));
  await world.block();
  t.same(await statuses(), ['second OPEN 0', 'first OPEN 0']);

  await transferBack(world, cafeteria, ali.address, 500n, first.slice(0, 32));
  await world.block();
  t.same(await statuses(), ['second OPEN 0', 'first OPEN 500']);
  await transferBack(world, cafeteria, ali.address, 900n, first.slice(0, 32));
  await world.block();
  t.same(await statuses(), ['second OPEN 0', 'first RETURNED 1001'], 'what is more than came is no return');
  const rows = (await rowsOf(world, '2026-04')).map(([, , , rm, , , status]) => `${status} ${rm}`);
  t.same(rows, ['Stray 6.01', 'Stray 12.00', 'Refunded -3.00', 'Refunded -3.01'], 'shares add up to the sen');

  t.equal(await campusStrays.book(first, 'finance'), 'not_open');
  t.equal(await campusStrays.book('00'.repeat(32), 'finance'), undefined);
  t.match(await campusStrays.book(second, 'finance'), { txHash: second, status: 'BOOKED', bookedAtMs: world.nowMs });
  t.equal(await campusStrays.book(second, 'finance'), 'not_open');
  t.same(await statuses(), ['second BOOKED 0', 'first RETURNED 1001']);
  const withStatus = async (status: 'OPEN' | 'BOOKED' | 'RETURNED'): Promise<number> => (await campusStrays.list({ status, limit: 10 })).strays.length;
  t.same([await withStatus('OPEN'), await withStatus('BOOKED'), await withStatus('RETURNED')], [0, 1, 1]);
  t.equal((await campusStrays.list({ merchant: ali.addressText, limit: 10 })).strays.length, 0);
  const page = await campusStrays.list({ limit: 1 });
  t.same((await campusStrays.list({ limit: 1, before: page.next })).strays.map(({ txHash }) => txHash), [first]);

  // Money that came back after all is not in the books any more.
  await transferBack(world, cafeteria, siti.address, 2_000n, second.slice(0, 32));
  await world.block();
  t.same(await statuses(), ['second RETURNED 2000', 'first RETURNED 1001']);
});

t.test('rows that are made again from block 1 are the same, pseudonyms and bookings too', async (t) => {
  const chain = new MemoryChain(makeTestGenesis(START.startMs));
  const [store, keyFolder] = [openKeyValueMemory(), await makeKeyFolder(t)];
  const world = await openWorld(t, { chain, store, keyFolder });
  await world.fund(20_000n, ali, siti);
  const before = world.order();
  await world.pay(ali, before.invoice);
  const stray = await world.transfer(siti, cafeteria.address, 1_000n);
  await world.block();
  const imported = await world.campus.students.importRoster('studentId\nA001\n');
  const linkCode = imported.ok ? (imported.codes[0]?.linkCode ?? '') : '';
  await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode, key: ali, genesisHash: chain.genesisHash });
  await world.pay(ali, world.order().invoice);
  await transferBack(world, cafeteria, siti.address, 400n, stray.slice(0, 32));
  await world.block();
  await world.refund(before.ref, 100n);
  await world.block();
  await world.campus.strays.book(stray, 'finance');
  const [rows, strays, manifest] = [await rowsOf(world, '2026-04'), await world.campus.strays.list({ limit: 10 }), await world.campus.sales.manifest({ month: '2026-04', tz: 'UTC' })];
  t.same(rows.map(([, , student, , , , status]) => `${status ?? ''}${student === '' ? '' : ' of a student'}`).sort(), ['Final', 'Final of a student', 'Refunded', 'Refunded of a student', 'Stray']);

  // The book is gone, as in a store of other rules.
  await store.batch([{ type: 'del', key: 'eb/-' }], { sync: true });
  const again = await openWorld(t, { chain, store, keyFolder });
  t.same(await rowsOf(again, '2026-04'), rows, 'also the line of a payment before the link');
  t.same(await again.campus.strays.list({ limit: 10 }), strays);
  t.same(await again.campus.sales.manifest({ month: '2026-04', tz: 'UTC' }), manifest);

  // A new store has the same lines but for pseudonyms, which were in the old one alone.
  const fresh = await openWorld(t, { chain });
  await fresh.campus.caughtUp();
  t.same((await rowsOf(fresh, '2026-04')).map((row) => row.with(2, '')), rows.map((row) => row.with(2, '')));
});

