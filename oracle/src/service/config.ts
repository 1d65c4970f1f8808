/** Configuration of an oracle: one JSON file, every value typed, a wrong one named with its path and what it should be. */
import { readFile } from 'node:fs/promises';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export interface OracleConfig {
  /** HTTP API of the node this oracle trusts: its own, or its institution's. */
  readonly nodeUrl: string;
  readonly broker: { readonly url: string; readonly username?: string; readonly password?: string };
  /** Key file billcoin-key/1, mode 0600. */
  readonly keyFile: string;
  readonly dataDir: string;
  /** Status API; a loopback address unless a proxy with a login stands before it. */
  readonly status: { readonly host: string; readonly port: number };
  /** How often the node is asked when nothing nudges, ms. */
  readonly pollMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

const DEFAULTS = { host: '127.0.0.1', port: 8460, pollMs: 1_000, logLevel: 'info' } as const;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

type Json = Readonly<Record<string, unknown>>;

function objectAt(value: unknown, path: string, keys: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ConfigError(`${path} must be an object.`);
  for (const key of Object.keys(value)) if (!keys.includes(key)) throw new ConfigError(`${path}.${key} is unknown; allowed are ${keys.join(', ')}.`);
  return value as Json;
}

function textAt(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw new ConfigError(`${path} must be a text, not ${JSON.stringify(value)}.`);
  return value;
}

function urlAt(value: unknown, path: string, protocols: readonly string[]): string {
  const text = textAt(value, path);
  if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) throw new ConfigError(`${path} must be a URL with ${protocols.join(' or ')}//, not ${text}.`);
  const { username, password } = new URL(text);
  // The URL stands in log lines and in refusals.
  if (username !== '' || password !== '') throw new ConfigError(`${path} must not hold a user name or password; give them as username and password beside it.`);
  return text;
}

function integerAt(value: unknown, path: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) throw new ConfigError(`${path} must be an integer from ${min} to ${max}, not ${JSON.stringify(value)}.`);
  return value;
}

/** A parsed configuration; `path` of a wrong value begins with `config`. */
export function parseConfig(value: unknown): OracleConfig {
  const root = objectAt(value, 'config', ['nodeUrl', 'broker', 'keyFile', 'dataDir', 'status', 'pollMs', 'logLevel']);
  const broker = objectAt(root['broker'], 'config.broker', ['url', 'username', 'password']);
  const status = objectAt(root['status'] ?? {}, 'config.status', ['host', 'port']);
  const logLevel = LEVELS.find((level) => level === (root['logLevel'] ?? DEFAULTS.logLevel));
  if (logLevel === undefined) throw new ConfigError(`config.logLevel must be one of ${LEVELS.join(', ')}.`);
  return {
    nodeUrl: urlAt(root['nodeUrl'], 'config.nodeUrl', ['http:', 'https:']),
    broker: {
      url: urlAt(broker['url'], 'config.broker.url', ['mqtt:', 'mqtts:']),
      ...(broker['username'] === undefined ? {} : { username: textAt(broker['username'], 'config.broker.username') }),
      ...(broker['password'] === undefined ? {} : { password: textAt(broker['password'], 'config.broker.password') }),
    },
    keyFile: textAt(root['keyFile'], 'config.keyFile'),
    dataDir: textAt(root['dataDir'], 'config.dataDir'),
    status: { host: textAt(status['host'] ?? DEFAULTS.host, 'config.status.host'), port: integerAt(status['port'] ?? DEFAULTS.port, 'config.status.port', 0, 65_535) },
    pollMs: integerAt(root['pollMs'] ?? DEFAULTS.pollMs, 'config.pollMs', 50, 60_000),
    logLevel,
  };
}

/** Reads the file. @throws ConfigError naming the file and the value. */
export async function readConfig(file: string): Promise<OracleConfig> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read as JSON.`, { cause });
  }
  try {
    return parseConfig(value);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`${file}: ${error.message}`);
    throw error;
  }
}
