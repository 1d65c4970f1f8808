/** Networks of real nodes on loopback, each a process with temp folders of its own, with funded payers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBase64Url } from '@billcoin/protocol';
import { DEV_CERTIFICATE_FILE, DEV_KEY_FILE, initFolders, makeConfig, makeConsensusKey, readGenesis } from '@billcoin/node';
import { freePort } from '../devnet/freePort.ts';
import { makeBenchNetwork, type BenchNetwork } from './benchNetwork.ts';
import type { BenchClient } from './benchClient.ts';
import { BenchNode, SHARED_CORES_FLAGS } from './benchNode.ts';

const FUND_MS = 60_000;
/** Transfers of one sender that may be pending; the funding goes in steps of this size. */
const FUND_STEP = 60;
const SIGNED_PER_TURN = 100;

/**
 * How nodes run that share a machine (OPERATING.md, "Processor"): no thread of theirs waits for a core that another node
 * works on, what a payment needs until it is final dies young, and the old objects are looked through half as often.
 */
const SHARED_MACHINE = { args: ['--verify-threads', '0'], engineFlags: [...SHARED_CORES_FLAGS, '--heap-growing-percent=150'] } as const;

/**
 * Validators beside API nodes give way to them: whoever pays waits for the one thread of his API node, while blocks of a crowd may come a
 * little later and hold more.
 */
const BESIDE_API_NICENESS = 5;

export interface BenchClusterSize {
  readonly payers: number;
  readonly tills: number;
  /** One unless given. */
  readonly validators?: number;
  /** Nodes without key that are known to all and do not run yet; none unless given. */
  readonly followers?: number;
  /**
   * Followers serve the campus, with its limits, and over TLS too, with the certificate that the first of them makes at its
   * start; without it every node serves the chain alone.
   */
  readonly hasCampus?: boolean;
  /** Where the processes leave CPU profiles; none unless given. */
  readonly profileDir?: string | undefined;
  /** Connections that the client of each node may open. */
  readonly connectionsMax?: number;
}

export interface BenchCluster {
  readonly network: BenchNetwork;
  readonly validators: readonly BenchNode[];
  readonly followers: readonly BenchNode[];
  /** Whom clients of a campus over TLS must trust, once the first follower has started. */
  readonly certificate: string;
  /** Signs the next payments, each another order, without keeping this process from its connections. */
  sign(count: number): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Where the first follower keeps its keys. */
function certificateFolder(root: string, { validatorSeeds }: BenchNetwork): string {
  return join(root, String(validatorSeeds.length), 'keys');
}

function tlsFlags(index: number, root: string, network: BenchNetwork): Readonly<Record<string, string>> {
  const folder = certificateFolder(root, network);
  if (index < network.validatorSeeds.length) return {};
  return index === network.validatorSeeds.length ? { 'https-port': '0' } : { 'https-port': '0', 'tls-cert': join(folder, DEV_CERTIFICATE_FILE), 'tls-key': join(folder, DEV_KEY_FILE) };
}

/** Folders and flags of every node; those of one validator alone speak of no peers. */
async function makeNodes(root: string, network: BenchNetwork, { followers = 0, hasCampus = false, profileDir }: BenchClusterSize): Promise<readonly BenchNode[]> {
  const genesisPath = join(root, 'genesis.json');
  await writeFile(genesisPath, network.genesisText);
  const genesis = await readGenesis(genesisPath);
  const count = network.validatorSeeds.length + followers;
  const made: { readonly flags: Readonly<Record<string, string>>; readonly nodeKey: string; readonly port: number }[] = [];
  for (let index = 0; index < count; index++) {
    const flags = { genesis: genesisPath, 'data-dir': join(root, String(index), 'data'), 'key-dir': join(root, String(index), 'keys'), 'http-port': '0', 'log-level': 'warn', ...(hasCampus ? tlsFlags(index, root, network) : {}) };
    const config = makeConfig(flags, {});
    const seed = network.validatorSeeds[index];
    if (seed !== undefined) await makeConsensusKey(config.keyDir, seed);
    const { nodeKey } = await initFolders(config, genesis);
    made.push({ flags, nodeKey, port: await freePort(0) });
  }
  return made.map(({ flags, port }, index) => {
    const peers = made.flatMap((other, i) => (i === index ? [] : [`${other.nodeKey}@127.0.0.1:${other.port}`])).join(',');
    const isAlone = peers === '';
    const all = isAlone ? flags : { ...flags, listen: `127.0.0.1:${port}`, peers };
    const servesCampus = hasCampus && index >= network.validatorSeeds.length;
    const args = [...Object.entries(all).flatMap(([flag, value]) => [`--${flag}`, value]), ...(servesCampus ? [] : ['--chain-only'])];
    return isAlone ? new BenchNode(args, profileDir) : new BenchNode([...args, ...SHARED_MACHINE.args], profileDir, SHARED_MACHINE.engineFlags, hasCampus && !servesCampus ? BESIDE_API_NICENESS : 0);
  });
}

/** Starts the validators and gives every payer its BILL. */
export async function startBenchCluster(size: BenchClusterSize): Promise<BenchCluster> {
  const { validators: count = 1, connectionsMax } = size;
  const root = await mkdtemp(join(tmpdir(), 'billcoin-bench-'));
  const network = makeBenchNetwork({ payers: size.payers, tills: size.tills, validators: count, timeMs: Date.now() - 1_000 });
  const nodes = await makeNodes(root, network, size);
  const [validators, followers] = [nodes.slice(0, count), nodes.slice(count)];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.end('SIGTERM')));
    await rm(root, { recursive: true, force: true });
  };
  try {
    await Promise.all(validators.map((node) => node.start(connectionsMax)));
    const clients = validators.map(({ client }) => client);
    await fund(clients, network);
  } catch (error) {
    await stop();
    throw error;
  }
  let signed = 0;
  async function sign(payments: number): Promise<readonly string[]> {
    const nowMs = Date.now();
    const made: string[] = [];
    while (made.length < payments) {
      made.push(toBase64Url(network.pay(signed++, nowMs)));
      if (made.length % SIGNED_PER_TURN === 0) await new Promise(setImmediate); // or the node would close connections that seem dead
    }
    return made;
  }
  return { network, validators, followers, certificate: join(certificateFolder(root, network), DEV_CERTIFICATE_FILE), sign, stop };
}

/** Every payer has its BILL at every node when it resolves. */
async function fund(clients: readonly BenchClient[], network: BenchNetwork): Promise<void> {
  const deadlineMs = Date.now() + FUND_MS;
  const [first] = clients as [BenchClient];
  const until = async (isDone: () => Promise<boolean>): Promise<void> => {
    while (!(await isDone())) if (Date.now() > deadlineMs) throw new Error('the payers were not funded in time');
  };
  let funded = 0;
  for (const group of network.funding(Date.now())) {
    for (let from = 0; from < group.length; from += FUND_STEP) {
      const step = group.slice(from, from + FUND_STEP);
      await Promise.all(step.map((bytes) => first.submit(toBase64Url(bytes))));
      funded += step.length;
      await until(async () => (await first.pending()) === 0);
    }
  }
  for (const client of clients) await until(async () => (await client.metric('billcoin_chain_transactions_total')) === funded);
}
