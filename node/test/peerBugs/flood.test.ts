/**
 * Peer bug 32 (consensus page §4): heap amplification, slow reads, floods. What the driver holds for a peer, whatever comes.
 * Frames, streams and rates are the network's, and bounded in test/network; decoders in protocol/test/peerBugs/wire.test.ts.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Block, Body, Header, decode, encode, merkleRoot } from '@billcoin/protocol';
import { PEER_INPUTS_MAX } from '../../src/driver.ts';
import { BODIES_PER_S } from '../../src/driver/peers.ts';
import type { PeerMessage } from '../../src/ports.ts';
import { Cluster } from '../support/cluster.ts';

const HEIGHT_MS = 15_000;
const MIB = 2 ** 20;
const LOOKS = 8;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Memory of buffers is given back by a thread behind the collector: the least of some looks. */
async function heldBytes(): Promise<number> {
  let least = Number.MAX_SAFE_INTEGER;
  for (let look = 0; look < LOOKS; look++) {
    collectGarbage();
    await turn();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    least = Math.min(least, arrayBuffers + heapUsed);
  }
  return least;
}

async function running(options: Partial<ConstructorParameters<typeof Cluster>[0]> = {}): Promise<Cluster> {
  const cluster = new Cluster({ size: 4, ...options });
  cluster.boot();
  if (!(await cluster.run(() => cluster.isFinal(2), 3 * HEIGHT_MS))) throw new Error('four validators decide');
  return cluster;
}

/** Blocks of almost 1 MiB for a height, each with another id: whole, and valid only as far as nobody has executed them. */
function* largeBlocks(like: Uint8Array, height: number, count: number): Generator<Uint8Array> {
  const block = decode(Block, like);
  const header = block.ok ? decode(Header, block.value.header) : block;
  if (!header.ok) throw new Error('the block is one of the chain');
  const txs = Array.from({ length: 62 }, (_, i) => new Uint8Array(16_384).fill(i));
  const body = encode(Body, { txs, evidence: [], prevCommit: undefined });
  const empty = merkleRoot([]);
  for (let i = 0; i < count; i++) yield encode(Block, { header: encode(Header, { ...header.value, height, timeMs: header.value.timeMs + i, txRoot: merkleRoot(txs), txCount: txs.length, evidenceRoot: empty }), body });
}

t.test('peer bug 32, heap amplification: of one peer a bounded number of messages waits, the rest is dropped, and the chain goes on', async (t) => {
  const cluster = await running();
  const { engine } = cluster.nodes[0]!;
  const status: PeerMessage = { kind: 'status', status: { height: 1, round: 0, step: 'propose', rounds: [] }, tip: undefined };
  const before = await heldBytes();
  for (let i = 0; i < 50_000; i++) engine!.receive('flooder', status);
  t.ok(engine!.load().items <= PEER_INPUTS_MAX + 16, `${engine!.load().items} wait`);
  t.ok((await heldBytes()) - before < 4 * MIB);
  const { height } = cluster.nodes[0]!;
  t.ok(await cluster.run(() => cluster.isFinal(height + 2), 4 * HEIGHT_MS));
  t.ok(engine!.load().items < 16, 'and they are gone');
  t.same(cluster.nodes.flatMap(({ halts }) => halts), []);
});

t.test('peer bug 32, heap amplification: whole blocks that nobody asked for are held one a peer', async (t) => {
  let like: Uint8Array | undefined;
  const cluster = await running({
    sent(_node, message) {
      if (message.kind === 'block') like ??= message.blockBytes;
    },
  });
  const { engine, height } = cluster.nodes[0]!;
  const before = await heldBytes();
  let sent = 0;
  for (const peer of ['1', 'flooder']) {
    for (const blockBytes of largeBlocks(like!, height + 1, 30)) {
      engine!.receive(peer, { kind: 'block', blockBytes });
      sent += blockBytes.length;
      if (sent % 7 === 0) await cluster.run(() => false, 1);
    }
  }
  await cluster.run(() => false, 50);
  const grown = (await heldBytes()) - before;
  t.ok(sent > 50 * MIB, `${Math.floor(sent / MIB)} MiB were sent`);
  t.ok(grown < 8 * MIB, `${(grown / MIB).toFixed(1)} MiB are held`);
  t.ok(await cluster.run(() => cluster.isFinal(height + 2), 4 * HEIGHT_MS));
  t.same(cluster.nodes.flatMap(({ halts }) => halts), []);
});

t.test('peer bug 32, slow readers and floods of requests: a peer is served a few blocks at once, not as many as it asks for', async (t) => {
  const served = new Map<string, number>();
  const cluster = await running({
    link(from, to, message) {
      if (from === 0 && to === 3 && message.kind === 'block') served.set('block', (served.get('block') ?? 0) + 1);
      return 500;
    },
  });
  const blockId = cluster.nodes[0]!.finals[0]!.blockId;
  const before = served.get('block') ?? 0;
  for (let i = 0; i < 1_000; i++) cluster.nodes[0]!.engine!.receive('3', { kind: 'needBlock', height: 1, blockId });
  await cluster.run(() => false, 20);
  const answers = (): number => (served.get('block') ?? 0) - before;
  t.ok(answers() >= 1 && answers() <= BODIES_PER_S, `${answers()} answers to 1,000 requests`);
  await cluster.run(() => false, 1_100);
  const first = answers();
  cluster.nodes[0]!.engine!.receive('3', { kind: 'needBlock', height: 1, blockId });
  t.ok(await cluster.run(() => answers() > first, 50), 'a second later it is served again');
});
