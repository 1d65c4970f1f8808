/** Event streams end with the login behind them, not only with the token (SPEC §22.3); and say their limits as other answers do. */
import Fastify from 'fastify';
import t, { type Test } from 'tap';
import { ROUTES } from '@billcoin/sdk';
import type { StreamSink } from '../../src/api/entry.ts';
import { openGuard, type Guard } from '../../src/api/guard.ts';
import { mountStream } from '../../src/api/mount.ts';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';
import { until } from '../support/until.ts';
import { linkAll } from '../abuse/abuseWorld.ts';

interface Served {
  readonly url: string;
  /** How often streams have looked at their logins. */
  readonly looks: () => number;
}

/** A server with the one stream of wallets, which looks at its logins often. */
async function serve(t: Test, world: World): Promise<Served> {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  server.decorateRequest('admitted');
  server.decorateRequest('call', undefined);
  const open = ({ begin }: { readonly begin: () => StreamSink }): undefined => void begin().write(': open\n\n');
  let looks = 0;
  const { admit } = openGuard(world.campus.logins);
  const guard: Guard = {
    admit(...asked) {
      looks++;
      return admit(...asked);
    },
  };
  mountStream(server, { declaration: ROUTES.streamWallet, open }, guard, world.chain.clock, 20);
  t.teardown(() => server.close());
  return { url: await server.listen({ host: '127.0.0.1', port: 0 }), looks: () => looks };
}

t.test('a stream ends with its logout, and where its wallet is another student’s or nobody’s since', async (t) => {
  const world = await openWorld(t);
  const { url, looks } = await serve(t, world);
  const [ali, siti, phone] = [wallet('ali'), wallet('siti'), wallet('stolen phone')];
  await linkAll(world, '1221100123', ali, phone);
  const opened = async (key: typeof ali): Promise<Response> => await fetch(`${url}/api/v1/streams/wallet`, { headers: await world.as(key) });
  const [ofAli, ofSiti, ofPhone] = [await opened(ali), await opened(siti), await opened(phone)];
  for (const { status } of [ofAli, ofSiti, ofPhone]) t.equal(status, 200);

  t.equal((await world.call('POST', '/auth/logout', { headers: await world.as(siti) })).status, 204);
  t.match(await ofSiti.text(), /event: reauth/, 'logged out');

  const { data } = (await world.get('/wallets', await world.as(ali))).json as { data: { walletId: string; current: boolean }[] };
  const stolen = data.find(({ current }) => !current);
  t.equal((await world.call('DELETE', `/wallets/${stolen?.walletId ?? ''}`, { headers: await world.as(ali) })).status, 204);
  t.match(await ofPhone.text(), /event: reauth/, 'it hears of the student’s other wallets no more');

  const reader = ofAli.body?.getReader();
  t.match(new TextDecoder().decode((await reader?.read())?.value), /: open/);
  let isOver = false;
  const waiting = reader?.read().then(() => { isOver = true; });
  const before = looks();
  await until(() => looks() >= before + 5);
  t.notOk(isOver, 'whose login holds goes on reading');
  await reader?.cancel();
  await waiting;
});

t.test('an opened stream says its limits, as every limited answer', async (t) => {
  const world = await openWorld(t);
  const abort = new AbortController();
  const { headers } = await fetch(`${world.api.url}/api/v1/streams/admin`, { headers: await world.as('admin'), signal: abort.signal });
  t.equal(headers.get('ratelimit-policy'), '"user";q=300;w=60, "streams";q=5');
  t.match(headers.get('ratelimit'), /^"user";r=\d+;t=\d+, "streams";r=4;t=0$/);
  t.match(headers.get('request-id'), /^req_/);
  t.equal(headers.get('cache-control'), 'no-store');
  t.equal(headers.get('x-content-type-options'), 'nosniff');
  abort.abort();
});
