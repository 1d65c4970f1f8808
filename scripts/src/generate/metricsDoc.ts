/** docs/metrics.md: what a node and an oracle really answer on /metrics, name, type and help of each. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initFolders, makeConfig, makeConsensusKey, makeLog, readGenesis, startNode, systemClock, systemTimers } from '@billcoin/node';
import { makeMetrics as makeOracleMetrics } from '@billcoin/oracle';
import { makeBenchNetwork } from '../bench/benchNetwork.ts';
import { markdownTable } from './markdownTable.ts';

/** A fixed time: the network is started, never used. */
const TIME_MS = 1_790_000_000_000;

async function nodeMetrics(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-metrics-'));
  try {
    const network = makeBenchNetwork({ payers: 1, tills: 1, timeMs: TIME_MS });
    await writeFile(join(folder, 'genesis.json'), network.genesisText);
    const config = makeConfig({ genesis: join(folder, 'genesis.json'), 'data-dir': join(folder, 'data'), 'key-dir': join(folder, 'keys'), 'http-port': '0', 'verify-threads': '0', listen: '127.0.0.1:0' }, {});
    await makeConsensusKey(config.keyDir, network.validatorSeeds[0] as Uint8Array);
    await initFolders(config, await readGenesis(config.genesis));
    const node = await startNode(config, { clock: systemClock, timers: systemTimers, log: makeLog({ level: 'silent', nodeName: 'docs' }), processMetrics: false, onHalt: (error) => { throw error; } });
    try {
      return await (await fetch(`${node.url}/metrics`)).text();
    } finally {
      await node.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Rows of the Prometheus text format, by name. */
function rowsOf(text: string): readonly (readonly string[])[] {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));
  const helps = [...text.matchAll(/^# HELP (\S+) (.*)$/gm)].map(([, name = '', help = '']) => [`\`${name}\``, types.get(name) ?? '', help]);
  return helps.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

export async function makeMetricsDoc(): Promise<string> {
  const oracle = makeOracleMetrics({ queued: () => 0, receiptsOwed: () => 0, brokerConnected: () => false, lotsWaiting: () => 0 });
  const head = ['metric', 'type', 'what it is'];
  return `# Metrics

Made by \`npm run generate\` from what a started node and an oracle answer; \`billcoin_network_…\` only where the node has \`--listen\` or \`--peers\`. A node also has the process metrics of
prom-client under \`billcoin_\`. No label holds a wallet, student or transaction.

## Node, \`GET /metrics\`

${markdownTable(head, rowsOf(await nodeMetrics()))}

## Oracle, \`GET /metrics\`

${markdownTable(head, rowsOf(await oracle.text()))}
`;
}
