/** The embedded MQTT broker of the devnet (MQTT 3.1.1, loopback). Deployments run Mosquitto instead. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { readPartConfig } from './part.ts';

/** Four oracles, the dairy and a few people with mosquitto_pub. */
const CONNECTIONS_MAX = 64;

const broker = await Aedes.createBroker();
const server = createServer((socket) => void broker.handle(socket));
server.maxConnections = CONNECTIONS_MAX;
server.listen(readPartConfig().brokerPort, '127.0.0.1');
await once(server, 'listening');
process.once('SIGTERM', () => {
  broker.close(() => server.close(() => process.exit(0)));
});
process.send?.({ type: 'ready' });
