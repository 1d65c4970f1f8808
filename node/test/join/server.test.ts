/** What a node answers newcomers, and how much of it. */
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import type { LightBlock } from '@billcoin/protocol';
import { SnapshotServer, isSnapshotQuestion } from '../../src/join/snapshotServer.ts';
import { Questions, QUESTION_MS } from '../../src/join/questions.ts';
import { NETWORK_LIMITS } from '../../src/network/limits.ts';
import type { PeerMessage, SnapshotQuestion } from '../../src/ports.ts';

const ID = new Uint8Array(32).fill(1);
const light = { header: new Uint8Array(1) } as LightBlock;

function serve(read: () => Promise<void> = () => Promise.resolve()) {
  const sent: { to: string; message: PeerMessage }[] = [];
  const failures: unknown[] = [];
  const time = { nowMs: 0 };
  const server = new SnapshotServer({
    clock: { nowMs: () => time.nowMs, monotonicMs: () => time.nowMs }, fail: (error) => failures.push(error), network: { send: (to, message) => void sent.push({ to, message }) },
    lightBlock: (height) => Promise.resolve(height <= 20 ? light : undefined),
    shelf: {
      offers: [{ height: 10, id: ID }, { height: 20, id: ID }], manifest: (id) => (id === ID ? new Uint8Array(7) : undefined),
      part: async (id, index) => {
        await read();
        return id === ID && index < 2 ? new Uint8Array(index + 1) : undefined;
      },
    },
  });
  const ask = async (question: SnapshotQuestion, from = 'a'): Promise<void> => {
    server.receive(from, question);
    await delay(0);
  };
  return { sent, failures, time, ask };
}

void t.test('offers, manifest, parts, headers; and silence for what is not here', async (test) => {
  const { sent, ask, time } = serve();
  await ask({ kind: 'getSnapshots', above: 0 });
  await ask({ kind: 'getSnapshots', above: 10 });
  await ask({ kind: 'getManifest', id: ID });
  await ask({ kind: 'getManifest', id: new Uint8Array(32) });
  await ask({ kind: 'getPart', id: ID, index: 1 });
  await ask({ kind: 'getPart', id: ID, index: 2 });
  await ask({ kind: 'getLightBlocks', from: 18, count: 16 });
  await ask({ kind: 'getLightBlocks', from: 21, count: 16 });
  time.nowMs = 1_000;
  await ask({ kind: 'getLightBlocks', from: 1, count: 2 ** 31 });
  test.match(sent.map(({ message }) => message), [
    { kind: 'snapshots', offers: [{ height: 10 }, { height: 20 }] }, { kind: 'snapshots', offers: [{ height: 20 }] }, { kind: 'manifest', bytes: new Uint8Array(7) },
    { kind: 'part', id: ID, index: 1, content: new Uint8Array(2) }, { kind: 'lightBlocks', from: 18 }, { kind: 'lightBlocks', from: 21, blocks: [] }, { kind: 'lightBlocks', from: 1 },
  ]);
  test.same(sent.flatMap(({ message }) => (message.kind === 'lightBlocks' ? [message.blocks.length] : [])), [3, 0, 16]);
  test.equal(isSnapshotQuestion({ kind: 'getBlocks', from: 1, count: 1 }), false);
});

void t.test('so many answers a second to one peer, and another peer has its own', async (test) => {
  const { sent, ask, time } = serve();
  for (let i = 0; i < 100; i++) await ask({ kind: 'getPart', id: ID, index: 0 });
  test.equal(sent.length, NETWORK_LIMITS.newcomerCostPerS / 4);
  await ask({ kind: 'getPart', id: ID, index: 0 }, 'b');
  test.equal(sent.at(-1)?.to, 'b');
  time.nowMs = 1_000;
  await ask({ kind: 'getPart', id: ID, index: 0 });
  test.equal(sent.at(-1)?.to, 'a', 'the next second');
});

void t.test('one question of a peer at a time: the disk works for it once', async (test) => {
  let reads = 0;
  let go: () => void = () => undefined;
  const { sent, ask } = serve(() => {
    reads += 1;
    return new Promise((resolve) => { go = resolve; });
  });
  for (let i = 0; i < 5; i++) await ask({ kind: 'getPart', id: ID, index: 0 });
  test.equal(reads, 1);
  await ask({ kind: 'getSnapshots', above: 0 });
  test.same(sent.map(({ message }) => message.kind), ['snapshots'], 'what stands in memory waits for nothing');
  go();
  await delay(0);
  test.equal(sent.length, 2);
});

void t.test('a disk that fails is told, not thrown at the peer', async (test) => {
  const { failures, ask } = serve(() => Promise.reject(new Error('EIO')));
  await ask({ kind: 'getPart', id: ID, index: 0 });
  test.match(failures, [{ message: 'EIO' }]);
});

void t.test('an answer goes to who waits for it; silence ends by itself', async (test) => {
  const fires: (() => void)[] = [];
  const waits: number[] = [];
  const questions = new Questions({ send: () => undefined }, { after: (ms, fire) => { waits.push(ms); fires.push(fire); return () => undefined; } });
  const read = (message: PeerMessage): number | undefined => (message.kind === 'manifest' ? message.bytes.length : undefined);
  const [ofA, ofB] = [questions.ask('a', { kind: 'getManifest', id: ID }, read), questions.ask('b', { kind: 'getManifest', id: ID }, read)];
  questions.receive('b', { kind: 'lightBlocks', from: 1, blocks: [] });
  questions.receive('c', { kind: 'manifest', bytes: new Uint8Array(9) });
  questions.receive('b', { kind: 'manifest', bytes: new Uint8Array(5) });
  questions.receive('b', { kind: 'manifest', bytes: new Uint8Array(6) });
  fires[0]?.();
  test.same([await ofA, await ofB], [undefined, 5]);
  test.same(waits, [QUESTION_MS, QUESTION_MS]);
});
