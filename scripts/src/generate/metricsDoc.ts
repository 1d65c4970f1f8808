/** docs/metrics.md: what a started node and an oracle measure: name, type, labels and help of each. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initFolders, makeConfig, makeConsensusKey, makeLog, readGenesis, startNode, systemClock, systemTimers, type RunningNode } from '@billcoin/node';
import { makeMetrics as makeOracleMetrics } from '@billcoin/oracle';
import { makeBenchNetwork } from '../bench/benchNetwork.ts';
import { markdownTable } from './markdownTable.ts';

/** A fixed time: the network is started, never used. */
const TIME_MS = 1_790_000_000_000;

type Registry = Pick<RunningNode['metrics']['registry'], 'getMetricsAsArray'>;
type Row = readonly string[];

async function nodeMetrics(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-metrics-'));
  try {
    const network = makeBenchNetwork({ payers: 1, tills: 1, timeMs: TIME_MS });
    await writeFile(join(folder, 'genesis.json'), network.genesisText);
    const config = makeConfig({ genesis: join(folder, 'genesis.json'), 'data-dir': join(folder, 'data'), 'key-dir': join(folder, 'keys'), 'http-port': '0', 'verify-threads': '0', listen: '127.0.0.1:0' }, {});
    await makeConsensusKey(config.keyDir, network.validatorSeeds[0] as Uint8Array);
    await initFolders(config, await readGenesis(config.genesis));
    const node = await startNode(config, { clock: systemClock, timers: systemTimers, log: makeLog({ level: 'silent', nodeName: 'docs' }), processMetrics: true, onHalt: (error) => { throw error; } });
    try {
      return rowsOf(node.metrics.registry);
    } finally {
      await node.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** By name; a histogram has `le` besides. */
function rowsOf(registry: Registry): readonly Row[] {
  const metrics = registry.getMetricsAsArray() as readonly { readonly name: string; readonly type: unknown; readonly help: string; readonly labelNames?: readonly string[] }[];
  return metrics
    .map(({ name, type, help, labelNames = [] }) => [`\`${name}\``, String(type), labelNames.map((label) => `\`${label}\``).join(', '), help])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

export async function makeMetricsDoc(): Promise<string> {
  const oracle = makeOracleMetrics({ queued: () => 0, receiptsOwed: () => 0, brokerConnected: () => false, lotsWaiting: () => 0 });
  const head = ['metric', 'type', 'labels', 'what it is'];
  return `# Metrics

Made by \`npm run generate\` from what a started node and an oracle answer; \`billcoin_network_…\` only where the node has \`--listen\` or \`--peers\`;
\`billcoin_process_…\` and \`billcoin_nodejs_…\` are prom-client's. No label holds a wallet, student or transaction.

## Node, \`GET /metrics\`

${markdownTable(head, await nodeMetrics())}

## Oracle, \`GET /metrics\`

${markdownTable(head, rowsOf(oracle.registry))}
`;
}
