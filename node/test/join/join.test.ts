/** A newcomer among peers that are honest, silent, or lie: it begins at a block that holds, or it does not begin. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { ROWS, balanceOf, checkpointPreimage, decode, encode, peerMessages, sha256, signEd25519, validatorsHash, verifyEd25519 } from '@billcoin/protocol';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { JoinStopped, SnapshotJoin, joiningPath, type JoinDeps, type JoinProgress } from '../../src/join/join.ts';
import { isSnapshotQuestion, SnapshotServer } from '../../src/join/snapshotServer.ts';
import { lightBlockAt } from '../../src/lightBlock.ts';
import { makeLog } from '../../src/log.ts';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import type { PeerMessage, SnapshotQuestion } from '../../src/ports.ts';
import { packFrames, unpackFrames } from '../../src/storage/frames.ts';
import { openSnapshotShelf, type SnapshotShelf } from '../../src/storage/snapshotShelf.ts';
import { runMinted } from '../support/mintedNode.ts';
import { runNode, submitFinal, type TestNode } from '../support/runNode.ts';
import { KEYS, keyOf, type TestFolders } from '../support/testNetwork.ts';

const log = makeLog({ level: 'silent', nodeName: 'newcomer' });

interface Network {
  readonly folders: TestFolders;
  readonly node: TestNode;
  readonly shelf: SnapshotShelf;
  /** The farm's millilitres after block 20. */
  readonly farmMl: bigint;
}

/** A node that has kept snapshots of blocks 10 and 20 and is at 23. */
async function openNetwork(test: Test): Promise<Network> {
  const { folders, node, maker } = await runMinted(test, { listen: { host: '127.0.0.1', port: 0 }, snapshotBlocks: 10 });
  const path = join(folders.config.dataDir, 'snapshots');
  let farmMl = 0n;
  node.port.onFinal(({ height }) => {
    if (height === 20) farmMl = balanceOf(node.port.state(), KEYS.farm.address);
  });
  for (let i = 0; node.port.tip().height < 23; i++) {
    await submitFinal(node.port, maker.transfer(KEYS.farm, keyOf(`account ${i}`).address, 100n));
    // Made behind the chain: the next one waits for it.
    while (node.port.tip().height >= 10 && !(await readdir(path)).includes('10')) await delay(10);
  }
  while (!(await readdir(path)).includes('20')) await delay(10);
  return { folders, node, farmMl, shelf: await openSnapshotShelf(path, { count: 2, bytes: 2 ** 30 }, log) };
}

/** What a peer makes of a question: the messages it sends back. `honest` is what a correct one would. */
type Manner = (question: SnapshotQuestion, honest: readonly PeerMessage[]) => readonly PeerMessage[];
const honestly: Manner = (_, honest) => honest;
const silently: Manner = () => [];

interface Newcomer {
  readonly join: SnapshotJoin;
  readonly dataDir: string;
  readonly blamed: readonly string[];
  readonly progress: readonly JoinProgress[];
  readonly asked: readonly { readonly to: string; readonly question: SnapshotQuestion }[];
}

/** Time of a newcomer goes ten times as fast: what it waits for is silence. */
const SPEED = 10;
const clock = { nowMs: systemClock.nowMs, monotonicMs: () => systemClock.monotonicMs() * SPEED };
const timers = { after: (ms: number, fire: () => void) => systemTimers.after(ms / SPEED, fire) };

let newcomers = 0;

function arrive({ folders, node, shelf }: Network, manners: Readonly<Record<string, Manner>>, over: Partial<JoinDeps> = {}): Newcomer {
  const dataDir = over.dataDir ?? join(folders.root, `newcomer ${++newcomers}`);
  const [blamed, progress, asked]: [string[], JoinProgress[], { to: string; question: SnapshotQuestion }[]] = [[], [], []];
  const peers = Object.keys(manners);
  const servers = new Map(peers.map((peer) => {
    const answers: PeerMessage[] = [];
    const server = new SnapshotServer({
      shelf, clock, lightBlock: (height) => lightBlockAt(node.port, height), network: { send: (_, message) => void answers.push(message) },
      fail: (error) => {
        throw error;
      },
    });
    return [peer, { server, answers }];
  }));
  async function ask(to: string, message: PeerMessage): Promise<void> {
    const peer = servers.get(to);
    if (peer === undefined || !isSnapshotQuestion(message) || blamed.includes(to)) return;
    asked.push({ to, question: message });
    peer.server.receive('newcomer', message);
    await delay(5); // disk and line
    for (const answer of manners[to]?.(message, peer.answers.splice(0)) ?? []) newcomer.receive(to, answer);
  }
  const newcomer: SnapshotJoin = new SnapshotJoin({
    genesis: folders.genesis, checkpoint: undefined, dataDir, verify: verifyEd25519, peerCount: peers.length, clock, timers, log, signal: undefined,
    connected: () => peers.filter((peer) => !blamed.includes(peer)), report: (one) => void progress.push(one),
    network: { send: (to, message) => void ask(to, message), sendAll: (message) => peers.forEach((peer) => void ask(peer, message)), blame: (peer) => void blamed.push(peer) },
    ...over,
  });
  return { join: newcomer, dataDir, blamed, progress, asked };
}

/** The data folder holds the chain from that block on, and a node goes on from it. */
async function check(test: Test, { folders, farmMl }: Network, dataDir: string): Promise<void> {
  const config = { ...folders.config, dataDir, keyDir: join(dataDir, '..', 'no keys'), peers: [] };
  await mkdir(config.keyDir, { recursive: true });
  const report = await verifyDatabase({ ...config, snapshot: join(dataDir, 'snapshots', '20') }, folders.genesis, () => undefined);
  test.same([report.height, report.problems], [20, []]);
  const joined = await runNode(config);
  test.equal(balanceOf(joined.port.state(), KEYS.farm.address), farmMl);
  await joined.stop();
}

/** The snapshot of block 20 with one value changed, and a manifest that fits it: parts and manifest bytes. */
async function forged(shelf: SnapshotShelf): Promise<readonly [readonly Uint8Array[], Uint8Array]> {
  const id = shelf.offers.at(-1)?.id ?? new Uint8Array(32);
  const manifest = decode(peerMessages.SnapshotManifest, shelf.manifest(id) ?? new Uint8Array(0));
  const [block, rows] = [await shelf.part(id, 0), await shelf.part(id, 1)];
  if (!manifest.ok || block === undefined || rows === undefined) throw new Error('there is a snapshot');
  const frames = unpackFrames(rows) ?? [];
  const at = frames.findIndex((key, i) => i % 2 === 0 && key[0] === ROWS.account.prefix);
  const account = frames[at + 1] as Uint8Array;
  account[1] = (account[1] as number) ^ 1; // its balance
  const chunk = packFrames(frames);
  return [[block, chunk], encode(peerMessages.SnapshotManifest, { ...manifest.value, chunkHashes: [sha256(chunk)] })];
}

void t.test('a newcomer', async (test) => {
  const network = await openNetwork(test);

  await test.test('begins at the newest snapshot that peers agree on', async (one) => {
    const { join: newcomer, dataDir, blamed, progress } = arrive(network, { a: honestly, b: honestly, c: honestly });
    one.equal(await newcomer.run(), true);
    one.same(blamed, []);
    one.same([...new Set(progress.map(({ step }) => step))], ['peers', 'header', 'parts', 'state', 'done']);
    one.match(progress.at(-1), { height: 20, done: 2, all: 2 });
    await check(one, network, dataDir);
  });

  await test.test('takes a good part elsewhere when a peer gives a bad one', async (one) => {
    const liar: Manner = (question, honest) => (question.kind === 'getPart' ? [{ kind: 'part', id: question.id, index: question.index, content: new Uint8Array(100) }] : honest);
    const { join: newcomer, dataDir, blamed } = arrive(network, { liar, good: honestly });
    one.equal(await newcomer.run(), true);
    one.same(blamed, ['liar']);
    await check(one, network, dataDir);
  });

  await test.test('finds out a manifest whose rows give another root, and takes the other snapshot', async (one) => {
    const [content, manifest] = await forged(network.shelf);
    const id = sha256(manifest);
    const liar: Manner = (question, honest) => {
      if (question.kind === 'getSnapshots') return [{ kind: 'snapshots', offers: [{ height: 20, id }] }];
      if (question.kind === 'getManifest') return [{ kind: 'manifest', bytes: manifest }];
      return question.kind === 'getPart' ? [{ kind: 'part', id, index: question.index, content: content[question.index] as Uint8Array }] : honest;
    };
    const { join: newcomer, dataDir, blamed } = arrive(network, { liar, alsoLiar: liar, good: honestly });
    one.equal(await newcomer.run(), true);
    one.same([...blamed].sort(), ['alsoLiar', 'liar'], 'two liars were more than one honest peer, until the root came out');
    await check(one, network, dataDir);
  });

  await test.test('believes no header that does not verify', async (one) => {
    const liar: Manner = (question, honest) => {
      if (question.kind === 'getSnapshots') return [{ kind: 'snapshots', offers: [{ height: 22, id: new Uint8Array(32).fill(9) }] }];
      return honest.map((answer) => (answer.kind === 'lightBlocks' ? { ...answer, blocks: answer.blocks.map((block) => ({ ...block, certificate: { ...block.certificate, signatures: block.certificate.signatures.map((signature) => signature.map((byte) => byte ^ 1)) } })) } : answer));
    };
    const { join: newcomer, dataDir, blamed } = arrive(network, { liar, alsoLiar: liar, good: honestly });
    one.equal(await newcomer.run(), true);
    one.ok(blamed.includes('liar') && !blamed.includes('good'));
    await check(one, network, dataDir);
  });

  await test.test('goes on without peers that are silent', async (one) => {
    const mute: Manner = (question, honest) => (question.kind === 'getSnapshots' ? honest : []);
    const { join: newcomer, dataDir, blamed } = arrive(network, { silent: silently, mute, good: honestly });
    one.equal(await newcomer.run(), true);
    one.same(blamed, []);
    await check(one, network, dataDir);
  });

  await test.test('begins with the first block where nobody has a snapshot', async (one) => {
    const none: Manner = (question) => (question.kind === 'getSnapshots' ? [{ kind: 'snapshots', offers: [] }] : []);
    const { join: newcomer } = arrive(network, { a: none, b: none });
    one.equal(await newcomer.run(), false);
  });

  await test.test('that was interrupted asks only for what is missing', async (one) => {
    const half: Manner = (question, honest) => (question.kind === 'getPart' && question.index === 1 ? [] : honest);
    const stopping = new AbortController();
    const first = arrive(network, { half }, { signal: stopping.signal, report: ({ done }) => (done === 1 ? stopping.abort() : undefined) });
    await one.rejects(first.join.run(), JoinStopped);
    const [id = ''] = await readdir(joiningPath(first.dataDir));
    one.same(await readdir(join(joiningPath(first.dataDir), id)), ['block']);
    await writeFile(join(joiningPath(first.dataDir), id, '000000.rows'), 'torn by a crash');
    await mkdir(join(joiningPath(first.dataDir), 'an older one'));
    const second = arrive(network, { good: honestly }, { dataDir: first.dataDir });
    one.equal(await second.join.run(), true);
    one.same(second.asked.flatMap(({ question }) => (question.kind === 'getPart' ? [question.index] : [])), [1]);
    await one.rejects(readdir(joiningPath(first.dataDir)), { code: 'ENOENT' });
    one.same(await readdir(join(first.dataDir, 'snapshots')), ['20'], 'and offers it to the next one');
    await check(one, network, first.dataDir);
  });

  await test.test('walks back from a checkpoint that is newer than every snapshot, and forward from an older one', async (one) => {
    const { genesis } = network.folders;
    for (const at of [23, 20, 12]) {
      const block = await network.node.port.readFinal(at);
      const light = await lightBlockAt(network.node.port, at);
      if (block === undefined || light === undefined) throw new Error('kept');
      const checkpoint = { height: at, blockId: block.blockId, timeMs: block.timeMs, validatorsHash: validatorsHash(light.validators) };
      const signed = { checkpoint, signatures: [{ publicKey: KEYS.validator.publicKey, signature: signEd25519(KEYS.validator.seed, checkpointPreimage(genesis.genesisHash, checkpoint)) }] };
      const { join: newcomer, dataDir, blamed } = arrive(network, { a: honestly, b: honestly }, { checkpoint: signed });
      one.equal(await newcomer.run(), true, `from ${at}`);
      one.same(blamed, []);
      await check(one, network, dataDir);
    }
  });

  await test.test('begins nowhere when its trust has ended', async (one) => {
    const later = { ...clock, nowMs: () => Date.now() + 15 * 86_400_000 };
    await one.rejects(arrive(network, { a: honestly }, { clock: later }).join.run(), { name: 'ConfigError', message: /genesis is older than 14 days/ });
  });
});
