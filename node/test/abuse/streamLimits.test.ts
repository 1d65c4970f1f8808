/** Threat 28: open event streams are bounded for each subject and each address. */
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { POLICIES } from '../../src/campus/limits/policies.ts';
import type { World } from '../support/campusWorld.ts';
import { from, openAbuseWorld, type Headers } from './abuseWorld.ts';

/** Opens a stream and keeps it; resolves with the status line. */
async function openStream(world: World, headers: Headers, sockets: Socket[], path = '/streams/orders'): Promise<number> {
  const socket = connect(world.api.port, '127.0.0.1');
  sockets.push(socket);
  const lines = Object.entries({ host: `127.0.0.1:${world.api.port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`GET /api/v1${path} HTTP/1.1\r\n${lines}\r\n`);
  return await new Promise((resolve, reject) => {
    socket.once('data', (chunk: Buffer) => void resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString('latin1'))?.[1])));
    socket.once('error', reject);
    socket.once('close', () => void resolve(0));
  });
}

t.test('threat 28: five open streams of a subject; a closed one makes room', async (t) => {
  const { world } = await openAbuseWorld(t);
  const sockets: Socket[] = [];
  t.teardown(() => { for (const socket of sockets) socket.destroy(); });
  const till = await world.as('till');
  for (let i = 0; i < POLICIES.streams.q; i++) t.equal(await openStream(world, till, sockets), 200);
  t.equal(await openStream(world, till, sockets), 429);
  t.equal(await openStream(world, await world.as('manager'), sockets), 200, 'another subject');
  sockets[0]?.destroy();
  while (await openStream(world, till, sockets) !== 200) await new Promise<void>((resolve) => void setTimeout(resolve, 10));
  t.equal(await openStream(world, till, sockets), 429);
});

t.test('threat 28: whatever number of sockets one subject opens, five of them are streams and all others are answered', async (t) => {
  const { world } = await openAbuseWorld(t);
  const till = await world.as('till');
  await world.campus.abuse.limits.change({ machine: { q: 10_000, windowS: 60 } });
  let [streams, refused] = [0, 0];
  const sockets: Socket[] = [];
  t.teardown(() => { for (const socket of sockets) socket.destroy(); });
  for (let round = 0; round < 4; round++) {
    const statuses = await Promise.all(Array.from({ length: 100 }, async () => await openStream(world, till, sockets)));
    streams += statuses.filter((status) => status === 200).length;
    refused += statuses.filter((status) => status === 429).length;
  }
  t.same([streams, refused], [5, 395]);
  t.match((await world.get('/metrics')).text, /sse_clients 5\n/);
});

t.test('threat 28: fifty open public streams of an address, any number of this machine', async (t) => {
  const { world } = await openAbuseWorld(t);
  const sockets: Socket[] = [];
  t.teardown(() => { for (const socket of sockets) socket.destroy(); });
  const openAll = async (address: string, count: number): Promise<readonly number[]> => await Promise.all(Array.from({ length: count }, async () => await openStream(world, from(address), sockets, '/streams/headers')));
  t.equal((await openAll('10.5.5.5', 60)).filter((status) => status === 200).length, 50);
  t.same(await openAll('10.5.5.6', 1), [200]);
  t.ok((await openAll('127.0.0.1', 60)).every((status) => status === 200));
});
