/**
 * What every network of a node must hold, whatever carries its bytes. libp2p over loopback and the simulated wires run
 * the same suite; a world supplies nodes, peers without rules, and time.
 */
import t, { type Test } from 'tap';
import type { NetworkLimits } from '../../src/network/limits.ts';
import type { Channel, MessageClass } from '../../src/network/frames.ts';
import type { Offence } from '../../src/network/conduct.ts';
import type { PeerNetwork } from '../../src/network/peerNetwork.ts';
import type { PeerMessage } from '../../src/ports.ts';

export interface WorldNode {
  readonly key: string;
  readonly network: PeerNetwork;
  readonly received: readonly { readonly from: string; readonly message: PeerMessage }[];
  readonly dropped: ReadonlyMap<MessageClass, number>;
  readonly offences: ReadonlyMap<Offence, number>;
  readonly bans: () => number;
  close(): Promise<void>;
}

/** A peer that keeps no rules: it writes what the test says, and reads or not. */
export interface RawPeer {
  readonly key: string;
  /** Connects to the node; rejects or is ended where it is refused. */
  connect(to: WorldNode): Promise<void>;
  write(channel: Channel, bytes: Uint8Array): void;
  /** Reads nothing more. */
  pause(): void;
  isEnded(): boolean;
}

export interface World {
  /** Key of a node by its name, the same in every run. */
  keyOf(name: string): string;
  /** A node that admits `peers`, dials those that run, and listens. */
  join(name: string, peers: readonly string[], limits?: Partial<NetworkLimits>): Promise<WorldNode>;
  raw(name: string): Promise<RawPeer>;
  wait(ms: number): Promise<void>;
  end(): Promise<void>;
}

const WAIT_MS = 20_000;
const STEP_MS = 10;

async function until(world: World, condition: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += STEP_MS) {
    if (waitedMs > WAIT_MS) throw new Error(`not in time: ${what}`);
    await world.wait(STEP_MS);
  }
}

function need(height: number): PeerMessage {
  return { kind: 'needBlock', height, blockId: new Uint8Array(32).fill(height % 256) };
}

function heightsOf(node: WorldNode): readonly number[] {
  return node.received.flatMap(({ message }) => (message.kind === 'needBlock' ? [message.height] : []));
}

const block = (bytes: number): PeerMessage => ({ kind: 'block', blockBytes: new Uint8Array(bytes) });
const txs: PeerMessage = { kind: 'txs', txs: Array.from({ length: 8 }, () => new Uint8Array(4_096)), told: [] };
const vote: PeerMessage = { kind: 'vote', vote: { body: new Uint8Array([8, 1, 16, 1]), validatorIndex: 0, signature: new Uint8Array(64).fill(1) } };

/** Length, number of the kind, payload: written by hand, so that the suite does not believe the code it tests. */
function frame(no: number, payload: Uint8Array, length = payload.length): Uint8Array {
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(0, length);
  bytes[4] = no;
  bytes.set(payload, 5);
  return bytes;
}

/** field 1: body, field 3: signature (bill.consensus.Vote with validatorIndex 0). */
const VOTE_FRAME = frame(1, new Uint8Array([0x0a, 4, 8, 1, 16, 1, 0x1a, 64, ...new Array<number>(64).fill(1)]));

async function pair(world: World, limits?: Partial<NetworkLimits>): Promise<readonly [WorldNode, WorldNode]> {
  const a = await world.join('a', ['b'], limits);
  const b = await world.join('b', ['a'], limits);
  await until(world, () => a.network.info().peers.length === 1 && b.network.info().peers.length === 1, 'a and b are connected');
  const [ofA, ofB] = [a.network.peers(), b.network.peers()];
  t.match([ofA, ofB], [[{ key: b.key, state: 'connected', streams: 3, score: 0, bannedForMs: 0 }], [{ key: a.key, state: 'connected' }]]);
  await until(world, () => [a, b].every(({ network }) => network.peers()[0]?.roundTripMs !== undefined), 'both know how far it is');
  t.same(new Set([ofA[0]?.direction, ofB[0]?.direction]), new Set(['in', 'out']));
  return [a, b];
}

/** A node and a peer without rules that is connected to it. */
async function exposed(world: World, limits?: Partial<NetworkLimits>): Promise<readonly [WorldNode, RawPeer]> {
  const node = await world.join('a', ['raw', 'c'], limits);
  const raw = await world.raw('raw');
  await raw.connect(node);
  await until(world, () => node.network.info().peers.length === 1, 'the raw peer is connected');
  return [node, raw];
}

function orderAndEnd(test: (name: string, body: (t: Test, world: World) => Promise<void>) => void): void {
  test('messages of a stream come in order, to one and to all', async (t, world) => {
    const [a, b] = await pair(world);
    for (let height = 1; height <= 200; height++) a.network.send(b.key, need(height));
    for (let height = 1; height <= 200; height++) b.network.sendAll(need(height));
    await until(world, () => a.received.length === 200 && b.received.length === 200, 'all messages are there');
    const ascending = Array.from({ length: 200 }, (_, i) => i + 1);
    t.same(heightsOf(a), ascending);
    t.same(heightsOf(b), ascending);
    t.ok(a.received.every(({ from }) => from === b.key), 'each comes from the key that sent it');
    a.network.send('00'.repeat(32), need(1)); // nobody: dropped
    t.equal(a.network.info().queuedBytes, 0);
  });

  test('what goes to all but one is not sent to that one', async (t, world) => {
    const a = await world.join('a', ['b', 'c']);
    const b = await world.join('b', ['a']);
    const c = await world.join('c', ['a']);
    await until(world, () => a.network.connected().length === 2, 'a has two peers');
    t.same(new Set(a.network.connected()), new Set([b.key, c.key]));
    a.network.sendAll(need(1), [b.key, '00'.repeat(32)]);
    a.network.sendAll(need(2));
    await until(world, () => b.received.length > 0 && c.received.length === 2, 'both heard the second');
    t.same([heightsOf(b), heightsOf(c)], [[2], [1, 2]]);
  });

  test('a block of the largest size goes through whole', async (t, world) => {
    const [a, b] = await pair(world);
    const blockBytes = Uint8Array.from({ length: 1_048_576 }, (_, i) => (i * 31) % 251);
    a.network.send(b.key, { kind: 'block', blockBytes });
    await until(world, () => b.received.length === 1, 'the block is there');
    const [first] = b.received;
    t.ok(first?.message.kind === 'block' && Buffer.compare(first.message.blockBytes, blockBytes) === 0);
    t.equal(b.network.info().receivingBytes, 0);
  });

  test('nothing is delivered after close', async (t, world) => {
    const [a, b] = await pair(world);
    for (let height = 1; height <= 50; height++) a.network.send(b.key, need(height));
    await b.close();
    const count = b.received.length;
    a.network.sendAll(need(99));
    await world.wait(200);
    t.equal(b.received.length, count);
    await until(world, () => a.network.info().peers.length === 0, 'the other side sees that it is gone');
    b.network.sendAll(need(1)); // a closed network takes what it is given and does nothing
    t.equal(b.network.info().peers.length, 0);
  });

  test('a peer that is gone is dialled again', async (t, world) => {
    const [a, b] = await pair(world);
    await b.close();
    await until(world, () => a.network.info().peers.length === 0, 'b is gone');
    const again = await world.join('b', ['a']);
    await until(world, () => a.network.info().peers.length === 1 && again.network.info().peers.length === 1, 'b is back');
    a.network.sendAll(need(7));
    await until(world, () => again.received.length === 1, 'and hears a');
    t.same(heightsOf(again), [7]);
  });
}

function pressure(test: (name: string, body: (t: Test, world: World) => Promise<void>) => void): void {
  test('a peer that does not read loses the lowest class first, and the queue stays bounded', async (t, world) => {
    const limits = { queueBytesMax: 2_000_000 };
    const [node, raw] = await exposed(world, limits);
    raw.pause();
    for (let i = 0; i < 100; i++) {
      node.network.sendAll(txs);
      node.network.sendAll(block(200_000));
      node.network.sendAll(vote);
      if (i % 10 === 0) await world.wait(STEP_MS);
    }
    t.ok(node.network.info().queuedBytes <= limits.queueBytesMax, `${node.network.info().queuedBytes} bytes wait`);
    t.ok((node.dropped.get('transactions') ?? 0) > 50, `${node.dropped.get('transactions') ?? 0} transactions go first`);
    t.ok((node.dropped.get('block') ?? 0) > 0, 'then blocks');
    t.equal(node.dropped.get('vote') ?? 0, 0, 'no vote is lost');
    t.equal(node.network.info().queued('transactions'), 0, 'while blocks are dropped no transaction waits');
  });

  test('a Status that waits gives way to a newer one', async (t, world) => {
    const [node, raw] = await exposed(world);
    raw.pause();
    for (let i = 0; i < 12; i++) node.network.sendAll(block(500_000));
    await world.wait(100);
    const status = (height: number): PeerMessage => ({ kind: 'status', status: { height, round: 0, step: 'propose', rounds: [] }, tip: undefined });
    for (let height = 1; height <= 50; height++) node.network.sendAll(status(height));
    t.ok(node.network.info().queued('certificate') <= 1, `${node.network.info().queued('certificate')} wait`);
  });

  test('a slow reader does not slow the others', async (t, world) => {
    const [node, raw] = await exposed(world);
    const good = await world.join('c', ['a']);
    await until(world, () => node.network.info().peers.length === 2, 'both are connected');
    raw.pause();
    for (let height = 1; height <= 300; height++) {
      node.network.sendAll(need(height));
      if (height % 20 === 0) node.network.sendAll(block(300_000));
      if (height % 20 === 0) await world.wait(STEP_MS);
    }
    await until(world, () => good.received.length === 315, 'the good peer has everything');
    t.same(heightsOf(good), Array.from({ length: 300 }, (_, i) => i + 1));
    t.equal([...node.dropped.keys()].includes('certificate'), false);
  });
}

function refusals(test: (name: string, body: (t: Test, world: World) => Promise<void>) => void): void {
  test('an unknown key is refused', async (t, world) => {
    const node = await world.join('a', ['b']);
    const stranger = await world.raw('stranger');
    await stranger.connect(node).catch(() => undefined); // refused now, or ended at once
    await until(world, () => stranger.isEnded(), 'the stranger is hung up on');
    t.same(node.network.info().peers, []);
    t.equal(node.received.length, 0);
  });

  const bad: readonly (readonly [name: string, offence: Offence, channel: Channel, bytes: Uint8Array])[] = [
    ['a frame longer than its kind allows', 'oversize', 'consensus', frame(1, new Uint8Array(10), 513)],
    ['a frame of 4 GiB', 'oversize', 'consensus', frame(7, new Uint8Array(10), 0xffff_ffff)],
    ['a kind that does not exist', 'unknown_kind', 'consensus', frame(200, new Uint8Array(1))],
    ['a kind on the wrong stream', 'wrong_channel', 'transactions', VOTE_FRAME],
    ['bytes that do not decode', 'malformed', 'consensus', frame(1, new Uint8Array(40).fill(0xff))],
    ['an empty message', 'malformed', 'consensus', frame(5, new Uint8Array(0))],
  ];
  for (const [name, offence, channel, bytes] of bad) {
    test(`${name} ends the connection, and the ban ends too`, async (t, world) => {
      const limits = { banFirstMs: 1_000 }; // on a busy machine dialling takes half of it
      const [node, raw] = await exposed(world, limits);
      raw.write(channel, bytes);
      await until(world, () => raw.isEnded(), 'it is cut');
      t.same([...node.offences], [[offence, 1]]);
      t.same([node.received.length, node.bans(), node.network.info().banned], [0, 1, 1]);
      t.match(node.network.peers().map(({ key, state, bannedForMs }) => ({ isRaw: key === raw.key, state, isBanned: bannedForMs > 0 })), [{ isRaw: true, state: 'banned', isBanned: true }, { isRaw: false, state: 'away', isBanned: false }]);
      await raw.connect(node).catch(() => undefined); // banned: refused now, or ended at once
      await world.wait(50);
      t.same(node.network.info().peers, []);
      await until(world, () => node.network.info().banned === 0, 'the ban ends');
      await raw.connect(node);
      await until(world, () => node.network.info().peers.length === 1, 'it may come back');
    });
  }

  test('a lie that a receiver finds out costs points, two cost a ban', async (t, world) => {
    const [node, raw] = await exposed(world, { banFirstMs: 60_000 });
    node.network.blame(raw.key, 'bad_signature');
    await until(world, () => raw.isEnded(), 'it is cut');
    t.equal(node.bans(), 0);
    await raw.connect(node);
    await until(world, () => node.network.info().peers.length === 1, 'it is back');
    node.network.blame(raw.key, 'bad_signature');
    t.same([node.bans(), node.network.info().banned], [1, 1]);
  });
}

function floods(test: (name: string, body: (t: Test, world: World) => Promise<void>) => void): void {
  test('a flood is dropped at its rate, ends in a ban, and the ban ends', async (t, world) => {
    const [node, raw] = await exposed(world, { votesPerS: 100, burstS: 1, banFirstMs: 400 });
    for (let i = 0; i < 400 && !raw.isEnded(); i++) {
      raw.write('consensus', VOTE_FRAME);
      if (i % 50 === 0) await world.wait(STEP_MS);
    }
    await until(world, () => raw.isEnded(), 'it is cut');
    t.ok(node.received.length >= 100 && node.received.length < 200, `${node.received.length} taken`);
    t.equal(node.bans(), 1);
    await world.wait(500);
    await raw.connect(node);
    await until(world, () => node.network.info().peers.length === 1, 'it may come back');
  });

  test('memory grows with what comes, not with what a header claims', async (t, world) => {
    const [node, raw] = await exposed(world);
    raw.write('consensus', frame(7, new Uint8Array(100), 1_048_576));
    raw.write('transactions', frame(8, new Uint8Array(50), 1_000_000));
    await until(world, () => node.network.info().receivingBytes > 0, 'the beginnings are there');
    await world.wait(50);
    t.equal(node.network.info().receivingBytes, 150);
    t.equal(node.received.length, 0);
  });

  test('blocks beyond the rate are dropped as they come', async (t, world) => {
    const [node, raw] = await exposed(world, { blockBytesPerS: 1_000_000, burstS: 2, scoreMax: 1_000 });
    for (let i = 0; i < 20; i++) raw.write('consensus', frame(7, new Uint8Array(500_000)));
    await until(world, () => node.received.length + (node.offences.get('flood') ?? 0) === 20, 'all have come');
    t.ok(node.received.length < 12, `${node.received.length} of 20 blocks taken`);
  });

  test('who says nothing is cut', async (t, world) => {
    const [node, raw] = await exposed(world, { silentMs: 600 });
    await until(world, () => raw.isEnded(), 'it is cut');
    t.same([...node.offences], [['silent', 1]]);
    t.equal(node.bans(), 0, 'and not banned');
  });
}

/** Runs the suite; each test in a world of its own. */
export function networkCompliance(name: string, makeWorld: () => Promise<World>): void {
  void t.test(name, { timeout: 180_000 }, async (suite) => {
    const tests: { readonly name: string; readonly body: (t: Test, world: World) => Promise<void> }[] = [];
    for (const part of [orderAndEnd, pressure, refusals, floods]) part((of, body) => tests.push({ name: of, body }));
    for (const { name: of, body } of tests) {
      await suite.test(of, async (t) => {
        const world = await makeWorld();
        try {
          await body(t, world);
        } finally {
          await world.end();
        }
      });
    }
  });
}
