/** What runs: every process of the devnet, in the order in which they start, with files, ports and memory. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toHex, type Genesis } from '@billcoin/protocol';
import { makeAccounts } from './accounts.ts';
import { deviceId, keyOf, keyPath, ORACLES, writeWhole, type Paths } from './network.ts';
import type { PartConfig } from './parts/part.ts';
import { folderArgs, initNodes, nodeFolders, peerArgs } from './validators.ts';

/** Ports on 127.0.0.1, chosen at every start. */
export interface Ports {
  readonly api: number;
  readonly broker: number;
  readonly oracles: readonly number[];
  /** One of each node for its peers and one for its own API, validators first; none where there is one node. */
  readonly nodes: readonly { readonly peers: number; readonly api: number }[];
}

export interface Planned {
  readonly name: string;
  /** What a person should know: where it listens, what it is. */
  readonly where: string;
  readonly entry: string;
  readonly args: readonly string[];
  /** Ceilings of the JavaScript heap and of its young part, MB. */
  readonly memory: { readonly heap: number; readonly young: number };
  /** Parts say themselves when they are ready; the others answer at this URL. */
  readonly readyUrl?: string;
}

/** Run from source (tests) or built (npm start): the children run the same way. */
const BUILT = import.meta.url.endsWith('.js');
/** Ceilings of heap and of its young part, MB: none of them needs more, and eleven to sixteen processes share one machine. */
const MEMORY_MB = { node: { heap: 256, young: 4 }, oracle: { heap: 64, young: 1 }, part: { heap: 64, young: 1 } } as const;

const SUFFIX = BUILT ? 'js' : 'ts';

function partScript(name: string): string {
  return fileURLToPath(new URL(`./parts/${name}.${SUFFIX}`, import.meta.url));
}

/** Entry of another package, beside this one in the workspace. */
function mainScript(folder: 'node' | 'oracle'): string {
  return fileURLToPath(new URL(`../../../${folder}/${BUILT ? 'dist' : 'src'}/main.${SUFFIX}`, import.meta.url));
}

/**
 * Preloaded into every child: when the supervisor is gone, by kill -9 too, the child ends as after SIGTERM. A data URL,
 * because it is loaded into worker threads as well, where a TypeScript file cannot be read.
 */
const END_WITH_PARENT = `data:text/javascript,${encodeURIComponent("process.once('disconnect', () => process.kill(process.pid, 'SIGTERM')); process.channel?.unref();")}`;

/** Flags of every child: those we run with ourselves when from source, and the guard against orphans. */
export function childFlags({ heap, young }: Planned['memory']): readonly string[] {
  return [`--max-old-space-size=${heap}`, `--max-semi-space-size=${young}`, ...(BUILT ? [] : process.execArgv), '--import', END_WITH_PARENT];
}

/** Makes the folders of all nodes, and accounts at the one that serves the API, on the first start. */
export function initFolders(paths: Paths, validators: number): void {
  const command = [process.execPath, ...(BUILT ? [] : process.execArgv), mainScript('node')] as const;
  initNodes(paths, validators, command);
  const serving = nodeFolders(paths, validators).at(-1);
  if (serving !== undefined) makeAccounts(paths, command, folderArgs(paths, serving));
}

/** Every node; the last one serves the API of the devnet. */
function plannedNodes(paths: Paths, ports: Ports, validators: number): readonly Planned[] {
  const folders = nodeFolders(paths, validators);
  return folders.map((folder, i) => {
    const api = i === folders.length - 1 ? ports.api : (ports.nodes[i]?.api ?? 0);
    const url = `http://127.0.0.1:${api}`;
    return {
      name: folder.name, where: `${url}/api/v1`, entry: mainScript('node'), memory: MEMORY_MB.node, readyUrl: `${url}/health/live`,
      args: ['start', ...folderArgs(paths, folder), '--http-port', String(api), '--log-level', 'warn', '--node-name', validators === 1 ? 'devnet' : folder.name,
        // Several nodes share the cores: no thread of one waits for a core that another works on. The last one has the campus.
        ...(validators === 1 ? [] : ['--verify-threads', '0']), ...(i === folders.length - 1 ? [] : ['--chain-only']), ...peerArgs(folders, ports.nodes.map(({ peers }) => peers), i)],
    };
  });
}

function oracleConfig(paths: Paths, ports: Ports, no: number): string {
  const folder = join(paths.root, `oracle-${no}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'config.json');
  keyOf(paths, `oracle-${no}`);
  writeWhole(path, `${JSON.stringify({
    nodeUrl: `http://127.0.0.1:${ports.api}`, broker: { url: `mqtt://127.0.0.1:${ports.broker}` }, keyFile: keyPath(paths, `oracle-${no}`), dataDir: join(folder, 'data'),
    status: { host: '127.0.0.1', port: ports.oracles[no - 1] }, pollMs: 300, logLevel: 'info',
  }, undefined, 2)}\n`);
  return path;
}

/** For `npm run -s reading`: a registered device whose readings no lot waits for. Its counters are kept over starts. */
function writeManualDevice(paths: Paths, ports: Ports, genesisHash: string): void {
  const path = join(paths.devices, 'manual.json');
  const key = keyOf(paths, 'manual');
  const counters = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as object) : {};
  writeWhole(path, `${JSON.stringify({
    ...counters, genesisHash, deviceId: toHex(deviceId(key)), seedHex: toHex(key.exportSeed()), site: 'farm-1', calibration: '00'.repeat(16), brokerUrl: `mqtt://127.0.0.1:${ports.broker}`,
  }, undefined, 2)}\n`);
}

/** Writes what the parts read at their start; returns what to start. */
export function planProcesses(paths: Paths, ports: Ports, genesis: Genesis): readonly Planned[] {
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  mkdirSync(paths.devices, { recursive: true, mode: 0o700 });
  const nodeUrl = `http://127.0.0.1:${ports.api}`;
  const config: PartConfig = { root: paths.root, nodeUrl, brokerPort: ports.broker, genesisHash: toHex(genesis.genesisHash) };
  const configPath = join(paths.run, 'part.json');
  writeWhole(configPath, `${JSON.stringify(config, undefined, 2)}\n`);
  writeManualDevice(paths, ports, config.genesisHash);
  const part = (name: string, where: string): Planned => ({ name, where, entry: partScript(name), args: [configPath], memory: MEMORY_MB.part });
  return [
    part('broker', `mqtt://127.0.0.1:${ports.broker}`),
    ...plannedNodes(paths, ports, genesis.validators.validators.length),
    ...ORACLES.map((no) => {
      const url = `http://127.0.0.1:${ports.oracles[no - 1]}`;
      return { name: `oracle-${no}`, where: `${url}/status`, entry: mainScript('oracle'), args: ['--config', oracleConfig(paths, ports, no)], memory: MEMORY_MB.oracle, readyUrl: `${url}/status` };
    }),
    part('dairy', 'milking devices of three farms, custody meter, plant'),
    part('treasury', 'buys from farms and plant, tops students up, keeps the roster'),
    part('cafeteria', 'two tills and a shelf'),
    part('wallets', 'fifty students'),
  ];
}
