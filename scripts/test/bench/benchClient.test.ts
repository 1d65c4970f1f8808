/** The client of the load: connections that it keeps, and what it does when a node has closed one. */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import { BenchClient } from '../../src/bench/benchClient.ts';

/** Answers `requests` of each connection, then closes it when the next one comes. */
async function closingServer(requests: number): Promise<{ readonly url: string; readonly opened: () => number; readonly close: () => void }> {
  const sockets = new Set<Socket>();
  let opened = 0;
  const server = createServer((socket) => {
    opened += 1;
    sockets.add(socket);
    let left = requests;
    socket.on('data', () => {
      if (left-- > 0) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nlitre 1');
      else socket.destroy();
    });
    socket.on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, opened: () => opened, close };
}

t.test('what is only read is asked again where a kept connection was closed, what is handed in is not', async (t) => {
  const server = await closingServer(1);
  t.teardown(server.close);
  const client = new BenchClient(server.url, 1);
  t.teardown(() => client.close());
  t.equal(await client.metric('litre'), 1);
  t.equal(await client.metric('litre'), 1);
  t.equal(server.opened(), 2);
  await t.rejects(client.submit('AA'), /closed the connection/);
});

t.test('a node that answers nothing is not asked for ever', async (t) => {
  const server = await closingServer(0);
  t.teardown(server.close);
  const client = new BenchClient(server.url, 1);
  await t.rejects(client.metric('litre'), /closed the connection/);
  t.equal(server.opened(), 1);
});

t.test('all connections can be opened before the first request', async (t) => {
  const server = await closingServer(2);
  t.teardown(server.close);
  const client = new BenchClient(server.url, 8);
  t.teardown(() => client.close());
  await client.open();
  await Promise.all(Array.from({ length: 8 }, () => client.metric('litre')));
  t.equal(server.opened(), 8);
  server.close();
  await t.rejects(new BenchClient(server.url, 2).open(), { code: 'ECONNREFUSED' }, 'nobody listens');
});
