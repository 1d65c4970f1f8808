/** Process entry of an oracle: `node dist/main.js --config oracle.json`. Ends cleanly on SIGTERM and SIGINT. */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fromHex } from '@billcoin/protocol';
import { createClient, getStatus } from '@billcoin/sdk';
import { pino } from 'pino';
import { makeHttpChain } from './registry/httpChain.ts';
import { ConfigError, readConfig } from './service/config.ts';
import { readOracleKey } from './service/keyFile.ts';
import { startOracle } from './service/oracle.ts';
import { StoreError } from './store/store.ts';

/** The node may start at the same time as we do. */
const NODE_WAIT_MS = 500;
const NODE_TRIES_MAX = 240;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' } } });
  if (values.config === undefined) throw new ConfigError('Usage: node dist/main.js --config oracle.json');
  const config = await readConfig(values.config);
  const key = await readOracleKey(config.keyFile);
  const log = pino({ level: config.logLevel });
  const client = createClient({ baseUrl: config.nodeUrl });
  const genesisHash = await firstAnswer(async () => fromHex((await getStatus(client)).genesisHash), (error) => log.warn({ err: error, node: config.nodeUrl }, 'the node does not answer yet'));
  const stop = (code: number): void => {
    process.exitCode = code;
    oracle.close().catch((error: unknown) => log.error({ err: error }, 'the oracle did not close cleanly'));
  };
  const oracle = await startOracle(config, { chain: makeHttpChain(client, genesisHash), key, log, onFatal: () => stop(1) });
  process.once('SIGTERM', () => stop(0));
  process.once('SIGINT', () => stop(0));
}

/** Asks until the node answers, two minutes at most. */
async function firstAnswer<T>(ask: () => Promise<T | undefined>, onFailure: (error: unknown) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      if (attempt >= NODE_TRIES_MAX) throw error;
      if (attempt % 10 === 1) onFailure(error);
    }
    await setTimeout(NODE_WAIT_MS);
  }
}

try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || error instanceof StoreError;
  process.stderr.write(`${known ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = 1;
}
