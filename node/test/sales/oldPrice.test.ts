/** A plain Transfer is worth what it was worth at its block, also when the chain's own row of that day is long gone (api page §2.3). */
import t from 'tap';
import { dayId, dayOf, formatAddress, genesisStateRoot, loadGenesis, prettyCanonicalJson, ROWS, toHex, verifyEd25519, type Genesis, type Json } from '@billcoin/protocol';
import { buildReportPrice } from '@billcoin/sdk';
import { listRows, TABLES } from '../../src/campus/store.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, keyOf, makeTestGenesis } from '../support/testNetwork.ts';
import { utc } from './support.ts';

const DAY_MS = 86_400_000;
const REPORTERS = ['first', 'second', 'third'].map((label) => sdkKey(keyOf(`reporter ${label}`)));

/** The test network with three reporters. */
function withReporters(startMs: number): Genesis {
  const { spec, text } = makeTestGenesis(startMs);
  const reporters = REPORTERS.map(({ address }, i) => ({ account: address, name: `Reporter ${i}`, status: 1 }));
  const json = JSON.parse(text) as { readonly [key: string]: Json };
  const loaded = loadGenesis(prettyCanonicalJson({
    ...json, reporters: reporters.map(({ account, name }) => ({ account: formatAddress(account), name })), stateRoot: toHex(genesisStateRoot({ ...spec, reporters })),
  }), verifyEd25519);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.fault));
  return loaded.value;
}

async function said(world: World, txHash: string, sen: bigint): Promise<string | null> {
  return (await world.campus.payments.validate({ txHash, expected: { unit: 'MYR', sen }, waitMs: 0 })).error;
}

t.test('validate values a Transfer by the price of its day, 402 days and another price later, also on rows that were made again', async (t) => {
  const chain = new MemoryChain(withReporters(utc('2026-04-10T08:00:00Z')));
  const world = await openWorld(t, { chain });
  const [ali, cafeteria] = [wallet('ali'), sdkKey(KEYS.cafeteria)];
  await world.fund(20_000n, ali);
  const before = await world.transfer(ali, cafeteria.address, 1_000n);
  for (const key of REPORTERS) await world.submit(buildReportPrice({ genesisHash: chain.genesisHash, validUntilMs: world.nowMs + 60_000, reporter: key.address, senPerBill: 620n }), key);
  const { timeMs } = await world.block();
  await world.block(DAY_MS);
  const after = await world.transfer(ali, cafeteria.address, 1_000n);
  await world.block();
  const judge = async (of: World): Promise<readonly (string | null)[]> => [await said(of, before, 600n), await said(of, before, 620n), await said(of, after, 620n), await said(of, after, 600n)];
  const expected = [null, 'amount_mismatch', null, 'amount_mismatch'];
  t.same(await judge(world), expected);

  await world.block(402 * DAY_MS);
  for (let i = 0; i < 3; i++) await world.block();
  t.equal(chain.state().get(ROWS.price, dayId(dayOf(timeMs))), undefined, 'the chain has forgotten the day');
  t.same(await judge(world), expected);
  t.equal((await listRows(world.store, TABLES.dayPrice, { limit: 100 })).length, 3, 'a row for each day with a block');

  const again = await openWorld(t, { chain, store: openKeyValueMemory() });
  await again.campus.caughtUp();
  t.same(await judge(again), expected, 'rows that were made again from the blocks');
});

t.test('a node that has the block and not its price says so', async (t) => {
  const world = await openWorld(t, { startMs: utc('2026-04-10T08:00:00Z') });
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const txHash = await world.transfer(ali, KEYS.cafeteria.address, 1_000n);
  await world.block();
  await world.block(402 * DAY_MS);
  for (let i = 0; i < 3; i++) await world.block();
  for (const { id } of await listRows(world.store, TABLES.dayPrice, { limit: 100 })) await world.store.batch([{ type: 'del', key: `dp/${id}` }], { sync: true });
  await t.rejects(said(world, txHash, 600n), { message: /the price of day \d+ is neither in the state nor in the campus rows/ });
});
