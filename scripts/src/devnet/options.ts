/** Command line of the devnet. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { VALIDATORS_MAX } from './validators.ts';

export const USAGE = `npm start -- [--once] [--data DIR] [--validators N] [--api-port N] [--broker-port N]
  --once         run one fixed day, check the sums, exit 0 or not
  --data         folder of keys, chain and logs (default ./data); a later start continues it
  --validators   validators of a new network, 1 to ${VALIDATORS_MAX} (default 1); from 2 on each is a process of its own
  --api-port     HTTP API of the node (default 8080, or a free one where it is taken)
  --broker-port  MQTT broker (default 1883, or a free one where it is taken)`;

export interface Options {
  readonly once: boolean;
  readonly data: string;
  /** Undefined: as many as the network has, one in a new one. */
  readonly validators: number | undefined;
  readonly apiPort: number;
  readonly brokerPort: number;
}

export class UsageError extends Error {}

function portOf(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 65_536;
  if (port > 65_535) throw new UsageError(`--${name} must be a port from 0 to 65535, not ${text}.\n${USAGE}`);
  return port;
}

function validatorsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > VALIDATORS_MAX) throw new UsageError(`--validators must be 1 to ${VALIDATORS_MAX}, not ${text}.\n${USAGE}`);
  return count;
}

/** Reads the arguments. @throws UsageError with what to do */
export function parseOptions(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { once: { type: 'boolean', default: false }, data: { type: 'string', default: 'data' }, validators: { type: 'string' }, 'api-port': { type: 'string', default: '8080' }, 'broker-port': { type: 'string', default: '1883' } },
    });
    return { once: values.once, data: resolve(values.data), validators: validatorsOf(values.validators), apiPort: portOf('api-port', values['api-port']), brokerPort: portOf('broker-port', values['broker-port']) };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, { cause: error });
  }
}
