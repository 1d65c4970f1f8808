/** `npm run bench [-- name …]`: every speed claim of the project, measured one after the other on this machine. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { benchBoot, formatBootBench } from './boot.ts';
import { benchConsensus, formatConsensusBench } from './consensus.ts';
import { benchDevnet, formatDevnetBench } from './devnet.ts';
import { benchFinality, formatFinalityBench } from './finality.ts';
import { benchLedger, formatLedgerBench } from './ledger.ts';
import { benchLoad, formatLoadBench } from './load.ts';
import { benchNetwork, formatNetworkBench, NETWORK_PLANS, QUICK_NETWORK_PLANS } from './network.ts';
import { benchOracles, formatOracleBench } from './oracles.ts';
import { benchSignature, formatSignatureRates } from './signature.ts';
import { benchSockets, formatSocketBench } from './sockets.ts';
import { benchTree, formatTreeBench } from './tree.ts';

const { positionals: wanted, values: { quick, profile } } = parseArgs({
  allowPositionals: true, options: {
    /** network: four validators only, a minute. */
    quick: { type: 'boolean', default: false },
    /** network: folder for a CPU profile of each node. */
    profile: { type: 'string' },
  },
});

const BENCHES: Readonly<Record<string, () => Promise<string>>> = {
  signature: async () => formatSignatureRates(await benchSignature()),
  ledger: async () => formatLedgerBench(benchLedger()),
  consensus: async () => formatConsensusBench(await benchConsensus()),
  tree: async () => formatTreeBench(benchTree()),
  boot: async () => formatBootBench(await benchBoot()),
  finality: async () => formatFinalityBench(await benchFinality()),
  load: async () => formatLoadBench(await benchLoad()),
  network: async () => formatNetworkBench(await benchNetwork(quick ? QUICK_NETWORK_PLANS : NETWORK_PLANS, profile)),
  devnet: async () => formatDevnetBench(await benchDevnet()),
  sockets: async () => formatSocketBench(await benchSockets()),
  oracles: async () => formatOracleBench(await benchOracles()),
};

const unknown = wanted.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark is called ${unknown.join(', ')}. Known: ${Object.keys(BENCHES).join(', ')}.\n`);
  process.exit(1);
}
const [cpu] = cpus();
process.stdout.write(`${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}\n`);
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n# ${name}, at a load of ${loadavg()[0]?.toFixed(1) ?? '?'}\n${await run()}\n`);
}
process.exit(0);
