/** Process entry of an oracle: `node dist/main.js --config oracle.json`. Ends cleanly on SIGTERM and SIGINT. */
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { fromHex } from '@billcoin/protocol';
import { createClient, getStatus } from '@billcoin/sdk';
import { makeHttpChain } from './registry/httpChain.ts';
import { ConfigError, readConfig } from './service/config.ts';
import { readOracleKey } from './service/keyFile.ts';
import { makeLog } from './service/log.ts';
import { startOracle } from './service/oracle.ts';
import { StoreError } from './store/store.ts';

/** The node may start at the same time as we do. */
const NODE_WAIT_MS = 500;
const NODE_TRIES_MAX = 240;
/** Wrong options or configuration, as the node's command line has it. */
const EXIT_USAGE = 2;
const USAGE = `Usage: node dist/main.js --config oracle.json

  --config <file>  JSON file with nodeUrl, broker, keyFile, dataDir and, where the defaults do not fit, status, pollMs, logLevel. See OPERATING.md.
  --help           This text.`;

interface Arguments {
  readonly config: string | undefined;
  readonly help: boolean;
}

/** @throws ConfigError in one line: what is wrong and where help is. */
function readArguments(args: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({ args: [...args], options: { config: { type: 'string' }, help: { type: 'boolean' } } });
    return { config: values.config, help: values.help === true };
  } catch (error) {
    // What follows the first sentence explains positional arguments, which there are none of.
    const [what = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/, 1);
    throw new ConfigError(`${what}. See node dist/main.js --help.`, { cause: error });
  }
}

async function main(): Promise<void> {
  const { config: file, help } = readArguments(process.argv.slice(2));
  if (help) return void process.stdout.write(`${USAGE}\n`);
  if (file === undefined) throw new ConfigError(USAGE);
  const config = await readConfig(file);
  const key = await readOracleKey(config.keyFile);
  const log = makeLog(config.logLevel);
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

// Nobody reads any more (a log program that ended): statements matter more than lines about them.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  await main();
} catch (error) {
  const known = error instanceof ConfigError || error instanceof StoreError;
  process.stderr.write(`${known ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = error instanceof ConfigError ? EXIT_USAGE : 1;
}
