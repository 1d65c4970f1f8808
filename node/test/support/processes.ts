/** Networks of real `billcoin start` processes on loopback: folders, keys, ports, cables that can be cut, and one clock. */
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256, toHex, utf8, type Genesis, type GenesisSpec } from '@billcoin/protocol';
import { CONSENSUS_KEY_FILE, NODE_KEY_FILE, createKeyFile, keyPairOf, type KeyPair } from '../../src/crypto/keyFiles.ts';
import { createSignGuard } from '../../src/crypto/signGuard.ts';
import { createDataFolder } from '../../src/storage/dataFolder.ts';
import { Cable } from './cable.ts';
import { TestProcess } from './testProcess.ts';
import { KEYS, keyOf, makeTestGenesis, type Key, type TestTill } from './testNetwork.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface ProcessesSetup {
  readonly validators: number;
  /** Institutions that genesis admits and that do not vote yet; they have a key and no sign guard. */
  readonly waiting?: number;
  /** Nodes without consensus key. */
  readonly followers?: number;
  /** Node keys that all nodes admit, for peers that are no nodes of this network. */
  readonly guests?: readonly Uint8Array[];
  readonly params?: Partial<GenesisSpec['params']>;
  readonly tills?: readonly TestTill[];
  /** Followers serve the campus, with its limits; without it every node serves the chain alone. */
  readonly hasCampus?: boolean;
}

interface Place {
  readonly pair: KeyPair;
  readonly port: number;
}

/** Folders of the nodes, all knowing each other; nothing runs yet. */
export class ProcessNetwork {
  readonly genesis: Genesis;
  /** Validators first, then those that wait, then followers. */
  readonly nodes: readonly TestProcess[];
  /** Consensus keys, of which each is its institution's account key too, by node. */
  readonly keys: readonly Key[];
  readonly #root: string;
  readonly #cables: readonly (readonly (Cable | undefined)[])[];
  readonly #twins: TestProcess[] = [];
  /** Cables of the twins. */
  readonly #more: Cable[] = [];
  #clockMs = 0;

  constructor(parts: { readonly genesis: Genesis; readonly root: string; readonly nodes: readonly TestProcess[]; readonly keys: readonly Key[]; readonly cables: readonly (readonly (Cable | undefined)[])[] }) {
    this.genesis = parts.genesis;
    this.nodes = parts.nodes;
    this.keys = parts.keys;
    this.#root = parts.root;
    this.#cables = parts.cables;
  }

  /** Wall clock that its nodes share. */
  nowMs(): number {
    return Date.now() + this.#clockMs;
  }

  /** How far that clock is ahead of the machine's. */
  get clockMs(): number {
    return this.#clockMs;
  }

  /** Moves the clock of all nodes, now. */
  advanceClock(byMs: number): void {
    this.#clockMs += byMs;
    for (const node of [...this.nodes, ...this.#twins]) node.setClock(this.#clockMs);
  }

  /** Cuts every cable between nodes of two sides. */
  cut(side: readonly number[], other: readonly number[]): void {
    for (const cable of this.#between(side, other)) cable.cut();
  }

  heal(): void {
    for (const cable of this.#cables.flat()) cable?.heal();
  }

  /** A second node with all that a validator has: key, sign guard, blocks. Its node key alone is a guest's. The validator must not run while it is copied. */
  async makeTwin(of: TestProcess, guest: Uint8Array): Promise<TestProcess> {
    const folder = join(this.#root, `twin-${this.#twins.length}`);
    await cp(of.folder, folder, { recursive: true });
    await rm(join(folder, 'keys', NODE_KEY_FILE));
    // Not with its double: what one of them proposes the other would hear first, and sign nothing else. By cables, as its double is:
    // what came later than the other's by a busy cable would find its height decided.
    const peers = await Promise.all(this.nodes.filter((node) => node !== of).map(async ({ nodeKey, peerPort }) => {
      const cable = await Cable.lay(peerPort);
      this.#more.push(cable);
      return `${nodeKey}@127.0.0.1:${cable.port}`;
    }));
    const place = { pair: keyPairOf(guest), port: await freePort() };
    const twin = await makeNode({ index: this.nodes.length + this.#twins.length, folder, root: this.#root, place, servesCampus: false, peers });
    twin.setClock(this.#clockMs);
    this.#twins.push(twin);
    return twin;
  }

  /** Kills what still runs and removes the folders. */
  async remove(): Promise<void> {
    await Promise.all([...this.nodes, ...this.#twins].map((node) => node.end('SIGKILL')));
    await Promise.all([...this.#cables.flat(), ...this.#more].flatMap((cable) => (cable === undefined ? [] : [cable.remove()])));
    await rm(this.#root, { recursive: true, force: true });
  }

  #between(side: readonly number[], other: readonly number[]): readonly Cable[] {
    return side.flatMap((i) => other.flatMap((j) => [this.#cables[i]?.[j], this.#cables[j]?.[i]])).filter((cable) => cable !== undefined);
  }
}

interface NodeParts {
  readonly index: number;
  readonly folder: string;
  readonly root: string;
  readonly place: Place;
  /** Entries of `--peers`. */
  readonly peers: readonly string[];
  readonly servesCampus: boolean;
}

/** The node of a folder, which gets its node key. */
async function makeNode({ index, folder, root, place: { pair, port }, peers, servesCampus }: NodeParts): Promise<TestProcess> {
  const [keyDir, dataDir] = [join(folder, 'keys'), join(folder, 'data')];
  await createKeyFile(keyDir, NODE_KEY_FILE, pair.seed);
  return new TestProcess({
    index, folder, nodeKey: toHex(pair.publicKey), peerPort: port, args: [
      '--genesis', join(root, 'genesis.json'), '--data-dir', dataDir, '--key-dir', keyDir, '--http-port', '0', '--node-name', `node-${index}`, '--log-level', 'info', '--verify-threads', '0', ...(servesCampus ? [] : ['--chain-only']),
      '--listen', `127.0.0.1:${port}`, '--peers', peers.join(','),
    ],
  });
}

/** A cable from every node to every other one. */
function layCables(places: readonly Place[]): Promise<readonly (readonly (Cable | undefined)[])[]> {
  return Promise.all(places.map((_, i) => Promise.all(places.map(({ port }, j) => (i === j ? Promise.resolve(undefined) : Cable.lay(port))))));
}

export async function makeProcesses({ validators, waiting = 0, followers = 0, guests = [], params = {}, tills, hasCampus = false }: ProcessesSetup): Promise<ProcessNetwork> {
  const root = await mkdtemp(join(tmpdir(), 'billcoin-processes-'));
  const keys = Array.from({ length: validators + waiting }, (_, i) => ({ ...(i === 0 ? KEYS.validator : keyOf(`validator ${i}`)), waits: i >= validators }));
  const genesis = makeTestGenesis(Date.now() - 1_000, params, keys, tills);
  await writeFile(join(root, 'genesis.json'), genesis.text);
  const places: Place[] = [];
  while (places.length < keys.length + followers) places.push({ pair: keyPairOf(sha256(utf8(`node test node key ${places.length}`))), port: await freePort() });
  const cables = await layCables(places);
  const guestEntries = guests.map((seed) => toHex(keyPairOf(seed).publicKey));
  const nodes: TestProcess[] = [];
  for (const [index, place] of places.entries()) {
    const peers = places.flatMap(({ pair }, j) => (j === index ? [] : [`${toHex(pair.publicKey)}@127.0.0.1:${cables[index]?.[j]?.port}`]));
    const folder = join(root, `node-${index}`);
    const keyDir = join(folder, 'keys');
    await mkdir(keyDir, { recursive: true, mode: 0o700 });
    await createDataFolder(join(folder, 'data'), genesis.genesisHash);
    const key = keys[index];
    if (key !== undefined) await createKeyFile(keyDir, CONSENSUS_KEY_FILE, key.seed);
    if (key?.waits === false) await createSignGuard(keyDir, { publicKey: key.publicKey, genesisHash: genesis.genesisHash });
    nodes.push(await makeNode({ index, folder, root, place, peers: [...peers, ...guestEntries], servesCampus: hasCampus && key === undefined }));
  }
  return new ProcessNetwork({ genesis, root, nodes, keys, cables });
}
