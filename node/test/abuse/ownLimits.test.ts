/** GET /auth/me: what is left of the caller's own limits, told without booking anything but the request. */
import t from 'tap';
import { streamOrders, type Me } from '@billcoin/sdk';
import { wallet, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { linkAll, openAbuseWorld, postPay } from './abuseWorld.ts';

async function me(world: World, who: Parameters<World['as']>[0]): Promise<Me['limits']> {
  const answer = await world.get('/auth/me', await world.as(who));
  if (departures('getMe', answer).length > 0) throw new Error(answer.text);
  return (answer.json as Me).limits;
}

t.test('a person: attempts of all wallets and validations together, requests, streams', async (t) => {
  const { world } = await openAbuseWorld(t);
  const [phone, tablet] = [wallet('phone'), wallet('tablet')];
  await world.fund(20_000n, phone, tablet);
  await linkAll(world, 'A001', phone, tablet);
  t.same(await me(world, phone), [
    { policy: 'pay', q: 10, w: 60, remaining: 10, resetS: 0 }, { policy: 'user', q: 300, w: 60, remaining: 299, resetS: 60 }, { policy: 'streams', q: 5, w: 0, remaining: 5, resetS: 0 },
  ], 'nothing is booked yet but this request');
  t.equal((await postPay(world, phone)).status, 202);
  world.chain.clock.moveTo(world.nowMs + 20_000);
  t.equal((await postPay(world, tablet)).status, 202);
  await world.post('/payments/validate', { txHash: 'f'.repeat(64), expectedAmount: '1.80' }, await world.as(tablet));
  for (let i = 0; i < 15; i++) await me(world, phone);
  t.match(await me(world, tablet), [{ policy: 'pay', remaining: 7, resetS: 40 }, { policy: 'user', remaining: 282 }], 'asking books no attempt, however often');
  t.match(await me(world, wallet('other')), [{ policy: 'pay', remaining: 10 }, { policy: 'user', remaining: 299 }], 'a wallet that nobody linked has its own');
  for (let i = 0; i < 7; i++) t.equal((await postPay(world, phone)).status, 202);
  t.equal((await postPay(world, phone)).status, 429);
  t.match(await me(world, phone), [{ policy: 'pay', remaining: 0, resetS: 40 }]);
  world.chain.clock.moveTo(world.nowMs + 40_000);
  t.match(await me(world, phone), [{ policy: 'pay', remaining: 1, resetS: 20 }], 'the oldest has left the window');
});

t.test('a machine has no attempts; quotas are those in force; open streams are told', async (t) => {
  const { world } = await openAbuseWorld(t);
  await world.campus.abuse.limits.change({ machine: { q: 50, windowS: 30 } });
  t.same(await me(world, 'service'), [{ policy: 'machine', q: 50, w: 30, remaining: 49, resetS: 30 }, { policy: 'streams', q: 5, w: 0, remaining: 5, resetS: 0 }]);
  const over = new AbortController();
  let opened: () => void = () => undefined;
  const isOpen = new Promise<void>((resolve) => { opened = resolve; });
  const reading = (async () => {
    for await (const event of streamOrders(await world.clientAs('till'), { tillNo: 1, signal: over.signal, onConnection: () => opened() })) t.fail(event.event);
  })();
  await isOpen;
  t.match((await me(world, 'till')).find(({ policy }) => policy === 'streams'), { q: 5, remaining: 4 });
  over.abort();
  await reading;
});
