/** `npm run bench [-- name …]`: every speed claim of the project, measured one after the other on this machine. */
import { cpus, release, totalmem } from 'node:os';
import { benchBoot, formatBootBench } from './boot.ts';
import { benchConsensus, formatConsensusBench } from './consensus.ts';
import { benchDevnet, formatDevnetBench } from './devnet.ts';
import { benchFinality, formatFinalityBench } from './finality.ts';
import { benchLedger, formatLedgerBench } from './ledger.ts';
import { benchLoad, formatLoadBench } from './load.ts';
import { benchSignature, formatSignatureRates } from './signature.ts';
import { benchTree, formatTreeBench } from './tree.ts';

const BENCHES: Readonly<Record<string, () => Promise<string>>> = {
  signature: async () => formatSignatureRates(await benchSignature()),
  ledger: async () => formatLedgerBench(benchLedger()),
  consensus: async () => formatConsensusBench(await benchConsensus()),
  tree: async () => formatTreeBench(benchTree()),
  boot: async () => formatBootBench(await benchBoot()),
  finality: async () => formatFinalityBench(await benchFinality()),
  load: async () => formatLoadBench(await benchLoad()),
  devnet: async () => formatDevnetBench(await benchDevnet()),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(BENCHES, name));
if (unknown.length > 0) {
  process.stderr.write(`No benchmark is called ${unknown.join(', ')}. Known: ${Object.keys(BENCHES).join(', ')}.\n`);
  process.exit(1);
}
const [cpu] = cpus();
process.stdout.write(`${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}\n`);
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n# ${name}\n${await run()}\n`);
}
process.exit(0);
