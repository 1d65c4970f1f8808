/** A real broker (aedes, MQTT 3.1.1) in the test's process. */
import { createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';

export interface TestBroker {
  readonly url: string;
  close(): Promise<void>;
}

/** A broker on a free loopback port, or on `port` again after it was closed. */
export async function startBroker(port = 0): Promise<TestBroker & { readonly port: number }> {
  const aedes = await Aedes.createBroker();
  const server: Server = createServer(aedes.handle);
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      await new Promise<void>((resolve) => {
        aedes.close(() => server.close(() => resolve()));
      });
    },
  };
}
