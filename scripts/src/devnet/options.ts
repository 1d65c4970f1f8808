/** Command line of the devnet. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `npm start -- [--once] [--data DIR] [--api-port N] [--broker-port N]
  --once         run one fixed day, check the sums, exit 0 or not
  --data         folder of keys, chain and logs (default ./data); a later start continues it
  --api-port     HTTP API of the node (default 8080, or a free one where it is taken)
  --broker-port  MQTT broker (default 1883, or a free one where it is taken)`;

export interface Options {
  readonly once: boolean;
  readonly data: string;
  readonly apiPort: number;
  readonly brokerPort: number;
}

export class UsageError extends Error {}

function portOf(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw new UsageError(`--${name} must be a port from 0 to 65535, not ${text}.\n${USAGE}`);
  return port;
}

/** Reads the arguments. @throws UsageError with what to do */
export function parseOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { once: { type: 'boolean', default: false }, data: { type: 'string', default: 'data' }, 'api-port': { type: 'string', default: '8080' }, 'broker-port': { type: 'string', default: '1883' } },
    });
    return { once: values.once, data: resolve(values.data), apiPort: portOf('api-port', values['api-port']), brokerPort: portOf('broker-port', values['broker-port']) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, { cause: error });
  }
}
