/** The network's rules over libp2p on loopback, and what only libp2p has: TCP, noise, yamux, names of networks. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { toHex } from '@billcoin/protocol';
import t from 'tap';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { keyPairOf } from '../../src/crypto/keyFiles.ts';
import { makeLibp2pTransport, type Libp2pTransport } from '../../src/network/libp2pTransport.ts';
import { makeFrame } from '../../src/network/frames.ts';
import { NETWORK_LIMITS } from '../../src/network/limits.ts';
import { makeFrameWatch } from '../../src/network/yamuxGuard.ts';
import { until } from '../support/until.ts';
import { networkCompliance, type WorldNode } from './compliance.ts';
import { GENESIS_HASH, RawLibp2p, bareHost, libp2pWorld, seedOf } from './libp2pWorld.ts';
import { makeWorldNode } from './worldNode.ts';

networkCompliance('libp2p over loopback', libp2pWorld);

const time = { clock: systemClock, timers: systemTimers };

async function listening(name: string, genesisHash: Uint8Array = GENESIS_HASH): Promise<Libp2pTransport> {
  return makeLibp2pTransport({ seed: seedOf(name), genesisHash, listen: { host: '127.0.0.1', port: 0 }, limits: { ...NETWORK_LIMITS, openMs: 1_000 }, timers: systemTimers });
}

void t.test('nodes of two networks find no stream in common', async (test) => {
  const [here, there] = [await listening('here'), await listening('there', new Uint8Array(32).fill(8))];
  const node = await makeWorldNode(there, [{ key: here.ownKey }], {}, time);
  const other = await makeWorldNode(here, [{ key: there.ownKey, at: { host: '127.0.0.1', port: there.listenPort() ?? 0 } }], {}, time);
  await delay(700);
  test.same([node.network.info().peers, other.network.info().peers], [[], []]);
  await other.close();
  await node.close();
});

void t.test('garbage on the port, before any noise, changes nothing', async (test) => {
  const transport = await listening('here');
  const node = await makeWorldNode(transport, [], {}, time);
  for (const first of [0x00, 0x13, 0xff]) {
    const socket = connect(transport.listenPort() ?? 0, '127.0.0.1');
    await once(socket, 'connect');
    const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
    socket.on('error', () => undefined); // reset by the node, which is right
    socket.write(new Uint8Array(4_096).fill(first));
    socket.resume();
    await closed;
  }
  test.same(node.network.info().peers, []);
  test.equal(node.network.info().streams, 0);
  await node.close();
});

/** A connected raw peer and the noise connection below its yamux. */
async function belowYamux(): Promise<{ readonly node: WorldNode; readonly raw: RawLibp2p; readonly send: (bytes: Uint8Array) => void; readonly heard: ReadonlyMap<number, number>; readonly close: () => Promise<void> }> {
  const transport = await listening('a');
  const { host, send, heard } = await bareHost(seedOf('raw'));
  const raw = new RawLibp2p(host, '', () => transport.listenPort() ?? 0);
  const node = await makeWorldNode(transport, [{ key: toHex(keyPairOf(seedOf('raw')).publicKey) }], {}, time);
  await raw.connect(node);
  await until(() => node.network.info().peers.length === 1);
  return {
    node, raw, send, heard,
    async close() {
      await host.stop();
      await node.close();
    },
  };
}

function yamuxHeader(type: number, streamId: number, length: number): Uint8Array {
  const header = new Uint8Array(12);
  header[1] = type;
  const view = new DataView(header.buffer);
  view.setUint32(4, streamId);
  view.setUint32(8, length);
  return header;
}

void t.test('garbage over noise ends the connection, not the node', async (test) => {
  for (const bytes of [new Uint8Array(1_000).fill(0xff), yamuxHeader(9, 1, 1), yamuxHeader(0, 1, 0xffff_ffff), yamuxHeader(0, 1, NETWORK_LIMITS.streamWindowBytes + 1)]) {
    const { node, raw, send, close } = await belowYamux();
    send(bytes);
    await until(() => raw.isEnded());
    await until(() => node.network.info().peers.length === 0);
    test.equal(node.network.info().streams, 0);
    await close();
  }
});

void t.test('more streams than channels are refused', async (test) => {
  const { node, raw, close } = await belowYamux();
  const [connection] = raw.host.getConnections();
  const more = await Promise.allSettled(Array.from({ length: 30 }, async () => connection?.newStream(`/billcoin/${'07'.repeat(8)}/consensus/1`)));
  await delay(100);
  test.ok(more.some(({ status }) => status === 'rejected'));
  test.ok(node.network.info().streams <= NETWORK_LIMITS.inboundStreamsMax, `${node.network.info().streams} streams`);
  await close();
});

void t.test('connections that come and go leave nothing behind', async (test) => {
  const { node, raw, close } = await belowYamux();
  for (let round = 0; round < 15; round++) {
    const [connection] = raw.host.getConnections();
    if (round % 2 === 0) await connection?.close();
    else connection?.abort(new Error('gone'));
    await until(() => node.network.info().peers.length === 0 && raw.host.getConnections().length === 0);
    test.equal(node.network.info().streams, 0);
    await raw.connect(node);
    await until(() => node.network.info().peers.length === 1);
  }
  test.same([node.network.info().streams, node.network.info().queuedBytes, node.network.info().receivingBytes], [3, 0, 0]);
  await close();
});

void t.test('a small message is answered by no packet about the window', async (test) => {
  const [DATA, WINDOW_UPDATE, PINGS] = [0, 1, 100];
  const { raw, heard, close } = await belowYamux();
  const before = heard.get(WINDOW_UPDATE) ?? 0;
  for (let nonce = 1; nonce <= PINGS; nonce++) {
    const pongs = heard.get(DATA) ?? 0;
    raw.write('consensus', makeFrame({ kind: 'ping', nonce }).bytes);
    await until(() => (heard.get(DATA) ?? 0) > pongs);
  }
  test.equal(heard.get(WINDOW_UPDATE) ?? 0, before);
  await close();
});

void t.test('the frame watch finds a long frame however it is cut', async (test) => {
  const header = yamuxHeader(0, 3, 20);
  const stream = Buffer.concat([header, new Uint8Array(20), yamuxHeader(1, 3, 0xffff_ffff), header, new Uint8Array(20), yamuxHeader(0, 3, 21)]);
  for (let step = 1; step <= stream.length; step++) {
    const watch = makeFrameWatch(20);
    const verdicts: boolean[] = [];
    for (let at = 0; at < stream.length; at += step) verdicts.push(watch(stream.subarray(at, at + step)));
    test.equal(verdicts.indexOf(true), verdicts.length - 1, `in parts of ${step}`);
  }
});
