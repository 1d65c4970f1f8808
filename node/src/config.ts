/**
 * The options of a node in one table: it makes flags, environment variables, the configuration file and docs/config.md.
 * Precedence: flag, then BILLCOIN_… variable, then file, then default. A wrong value is named with where it stands.
 */
import { readFileSync } from 'node:fs';
import { LOG_LEVELS } from './log.ts';
import { parseHostPort, parsePeers, type HostPort, type PeerAddress } from './peerAddress.ts';

type OptionValue = string | number | boolean | HostPort | readonly PeerAddress[] | undefined;

interface OptionBase<T extends OptionValue> {
  /** Flag without dashes; `--http-port` is BILLCOIN_HTTP_PORT and "httpPort" in the file. */
  readonly flag: string;
  readonly help: string;
  /** What it takes, for people. */
  readonly takes: string;
  readonly initial: T;
  /** The value of a text, or undefined where it is none. */
  parse(text: string): T | undefined;
}

function text(flag: string, initial: string, help: string): OptionBase<string> {
  return { flag, help, initial, takes: 'text', parse: (value) => value };
}

function optionalText(flag: string, help: string): OptionBase<string | undefined> {
  return { flag, help, initial: undefined, takes: 'text', parse: (value) => value };
}

/** Nobody needs to read the largest number there is. */
function rangeOf(min: number, max: number): string {
  return max === Number.MAX_SAFE_INTEGER ? `integer from ${min}` : `integer ${min}…${max}`;
}

function integer(flag: string, initial: number, min: number, max: number, help: string): OptionBase<number> {
  return { flag, help, initial, takes: rangeOf(min, max), parse: (value) => parseInteger(value, min, max) };
}

function optionalInteger(flag: string, min: number, max: number, help: string): OptionBase<number | undefined> {
  return { flag, help, initial: undefined, takes: rangeOf(min, max), parse: (value) => parseInteger(value, min, max) };
}

function choice<C extends string>(flag: string, choices: readonly C[], initial: C, help: string): OptionBase<C> {
  return { flag, help, initial, takes: choices.join(' | '), parse: (value) => choices.find((one) => one === value) };
}

/** Given or not; `true` or `false` in the environment and in the file. */
function toggle(flag: string, help: string): OptionBase<boolean> {
  return { flag, help, initial: false, takes: 'true | false', parse: (value) => (value === 'true' ? true : value === 'false' ? false : undefined) };
}

function optionalAddress(flag: string, help: string): OptionBase<HostPort | undefined> {
  return { flag, help, initial: undefined, takes: 'host:port', parse: parseHostPort };
}

function peerList(flag: string, help: string): OptionBase<readonly PeerAddress[] | undefined> {
  return { flag, help, initial: undefined, takes: 'key@host:port or key, with commas', parse: parsePeers };
}

function parseInteger(value: string, min: number, max: number): number | undefined {
  const number = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  return number !== undefined && number >= min && number <= max ? number : undefined;
}

/** THE option table. A new option is one row. */
export const OPTIONS = {
  genesis: text('genesis', './genesis.json', 'Genesis file of the network.'),
  dataDir: text('data-dir', './data', 'Folder of the databases. Can be rebuilt; never holds keys.'),
  keyDir: text('key-dir', './keys', 'Folder of the consensus key, the sign guard and the campus keys. Mode 0700, one node only.'),
  accountKey: text('account-key', './keys/account-key.json', 'Key file of the account that tx signs for.'),
  campusAuthorityKey: optionalText('campus-authority-key', 'Key file of the campus authority, mode 0600, on the API nodes that register merchants and enrol tills. Without it those routes are refused.'),
  nodeName: text('node-name', 'node', 'Stands in every log line.'),
  logLevel: choice('log-level', LOG_LEVELS, 'info', 'Least level that is written.'),
  httpHost: text('http-host', '127.0.0.1', 'Address the API listens on without TLS: 127.0.0.1 or ::1.'),
  httpPort: integer('http-port', 8080, 0, 65_535, 'Port of the API on this machine; 0 takes a free one.'),
  httpsHost: text('https-host', '127.0.0.1', 'Address the API listens on over TLS 1.3.'),
  httpsPort: optionalInteger('https-port', 0, 65_535, 'Port of the API over TLS 1.3; 0 takes a free one. Without it there is no TLS, and the API is for this machine alone.'),
  tlsCert: optionalText('tls-cert', 'Certificate chain of --https-port, PEM, read again when it changes. Without it a certificate for development is made in --key-dir.'),
  tlsKey: optionalText('tls-key', 'Key of --tls-cert, PEM.'),
  metricsListen: optionalAddress('metrics-listen', 'Address of the internal network that serves GET /metrics and nothing else, to a Prometheus on another machine. This machine reads /metrics at --http-port.'),
  chainOnly: toggle('chain-only', 'Chain and pool only, for validators: no logins, orders, students or exports on this node, and no limits for its callers, which are programs of this machine.'),
  listen: optionalAddress('listen', 'Address that other nodes reach this one at. Without it and without peers the node is alone.'),
  peers: peerList('peers', 'Node keys that are admitted, at most 64; those with an address are dialled. billcoin node-key prints the key of a node.'),
  verifyThreads: integer('verify-threads', 1, 0, 64, 'Threads that check signatures beside the main one; 0 checks all on the main thread.'),
  slackWebhookFile: optionalText('slack-webhook-file', 'File with the URL of a Slack webhook, a secret: one message for each flag goes there. Without it flags are only listed and logged.'),
  alertsToLoopback: toggle('alerts-to-loopback', 'The webhook may also be http and on this machine: to try it with a receiver of your own. Never in production.'),
  diskFloorMib: integer('disk-floor-mib', 1_024, 256, 1_048_576, 'Free space in MiB below which no new transactions are taken; below a quarter of it the node stops.'),
  checkpoint: optionalText('checkpoint', 'Checkpoint file: what the node serves at /light/checkpoint, what the checkpoint commands read and write, and whose validator set snapshots and verify-db believe besides that of genesis.'),
  signFromHeight: optionalInteger('sign-from-height', 1, Number.MAX_SAFE_INTEGER, 'After a lost sign guard: the first height to sign, stated by the operator. One validator alone: only the very next height. See OPERATING.md.'),
  iAmTheOnlyOne: toggle('i-am-the-only-one', 'After a lost sign guard, with several validators: no other process has this key, so it may sign again once a block was made after this start. See OPERATING.md.'),
  from: integer('from', 1, 1, Number.MAX_SAFE_INTEGER, 'export-blocks: the first block.'),
  to: optionalInteger('to', 0, Number.MAX_SAFE_INTEGER, 'export-blocks: the last block; the newest unless given. rollback: the height to go back to.'),
  rollbackBlocks: optionalInteger('blocks', 1, Number.MAX_SAFE_INTEGER, 'rollback: how many blocks to go back, instead of --to.'),
  pastGuard: optionalInteger('past-guard', 1, Number.MAX_SAFE_INTEGER, 'rollback below what the sign guard has signed: the height it has signed, stated by the operator. See OPERATING.md.'),
  fromSnapshot: toggle('from-snapshot', 'An empty data folder begins with a snapshot of peers instead of with block 1. Its header is verified from --checkpoint, or from genesis while that is younger than 14 days.'),
  snapshotBlocks: integer('snapshot-blocks', 10_000, 10, 1_000_000, 'Blocks between two snapshots that are kept for newcomers; one is kept every hour besides. The same on all nodes of a network, so that a newcomer gets the parts of one from several.'),
  snapshotsKept: integer('snapshots-kept', 2, 0, 16, 'Snapshots kept for newcomers, the newest ones; 0: none.'),
  snapshotsMib: integer('snapshots-mib', 4_096, 1, 1_048_576, 'Space in MiB that they may take together; the oldest go first.'),
  snapshot: optionalText('snapshot', 'snapshot create and restore: folder of the snapshot; create makes it. verify-db checks it besides.'),
  user: optionalText('user', 'Commands that ask a running node: the account to log in with.'),
  passwordFile: optionalText('password-file', 'File of mode 0600 that holds the password of --user, and nothing else.'),
  json: toggle('json', 'status, peers and users: print JSON.'),
  manifest: optionalText('manifest', 'verify-export: the answer of GET /exports/milk-sales/manifest, as a file.'),
  nodeUrl: optionalText('node', 'verify-export: URL of a running node to take the blocks from, logged in as --user; the stopped node of --data-dir unless given.'),
  exportKey: optionalText('export-key', 'verify-export: the key that must have signed the manifest, hex; billcoin export-key prints it.'),
  out: optionalText('out', 'export-blocks: a file that does not exist yet; standard output unless given. students import: where the link codes go.'),
} as const;

const CONFIG_FLAG = optionalText('config', 'JSON file with any of these options by their names in the file.');

type Options = typeof OPTIONS;
export type OptionName = keyof Options;
export type Config = { readonly [K in OptionName]: Options[K] extends OptionBase<infer T> ? T : never };

/** A value that cannot be used; the message names where it stands. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const NAMES = Object.keys(OPTIONS) as OptionName[];

export function variableOf(flag: string): string {
  return `BILLCOIN_${flag.toUpperCase().replaceAll('-', '_')}`;
}

function parseOption(name: OptionName, value: string, where: string): unknown {
  const option: OptionBase<OptionValue> = OPTIONS[name];
  const parsed = option.parse(value);
  if (parsed === undefined) throw new ConfigError(`${where} is "${value}"; it takes ${option.takes}.`);
  return parsed;
}

function readFile(path: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`The configuration file ${path} cannot be read as JSON.`, { cause: error });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new ConfigError(`The configuration file ${path} is not a JSON object.`);
  for (const name of Object.keys(content)) if (!(name in OPTIONS)) throw new ConfigError(`${path}: "${name}" is no option. Known: ${NAMES.join(', ')}.`);
  return content as Record<string, unknown>;
}

/** Values of flags by flag name, as node:util's parseArgs gives them. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** Reads and checks every option. Throws ConfigError. */
export function makeConfig(flags: Flags, environment: Readonly<Record<string, string | undefined>>): Config {
  const path = flags[CONFIG_FLAG.flag] ?? environment[variableOf(CONFIG_FLAG.flag)];
  const file = typeof path === 'string' ? readFile(path) : {};
  const config: Record<string, unknown> = {};
  for (const name of NAMES) {
    const option: OptionBase<OptionValue> = OPTIONS[name];
    const flag = flags[option.flag];
    const variable = environment[variableOf(option.flag)];
    const inFile = file[name];
    if (flag === true) config[name] = true;
    else if (typeof flag === 'string') config[name] = parseOption(name, flag, `--${option.flag}`);
    else if (variable !== undefined) config[name] = parseOption(name, variable, variableOf(option.flag));
    else if (typeof inFile === 'string' || typeof inFile === 'number' || typeof inFile === 'boolean') config[name] = parseOption(name, String(inFile), `${String(path)}: ${name}`);
    else if (inFile !== undefined) throw new ConfigError(`${String(path)}: ${name} is neither text, number nor true or false; it takes ${option.takes}.`);
    else config[name] = option.initial;
  }
  return config as Config;
}

/** The options of `parseArgs`: every row of the table, `--config` and `--help`. */
export function parseArgsOptions(): Record<string, { type: 'string' | 'boolean' }> {
  const all = allOptions().map(({ option }) => [option.flag, { type: option.initial === false ? 'boolean' as const : 'string' as const }]);
  return { ...Object.fromEntries(all), help: { type: 'boolean' } };
}

function allOptions(): readonly { readonly name: string; readonly option: OptionBase<OptionValue> }[] {
  return [...NAMES.map((name) => ({ name: name as string, option: OPTIONS[name] as OptionBase<OptionValue> })), { name: '', option: CONFIG_FLAG }];
}

/** Addresses have no default. */
function defaultOf({ initial }: OptionBase<OptionValue>): string | undefined {
  return initial === undefined || typeof initial === 'object' ? undefined : String(initial);
}

/** Lines for --help; of these options, or of all. */
export function makeOptionHelp(names: readonly string[] = NAMES): string {
  return allOptions()
    .filter(({ name }) => name === '' || names.includes(name))
    .map(({ option }) => `  --${option.flag}${option.initial === false ? '' : ` <${option.takes}>`}\n      ${option.help}${option.initial === false || defaultOf(option) === undefined ? '' : ` Default ${defaultOf(option) ?? ''}.`}`)
    .join('\n');
}

/** Text of docs/config.md, made from the table so that the two cannot differ. */
export function makeConfigDoc(): string {
  const rows = allOptions().map(({ name, option }) =>
    `| \`--${option.flag}\` | \`${variableOf(option.flag)}\` | ${name === '' ? '' : `\`${name}\``} | ${option.takes.replaceAll('|', '\\|')} | ${defaultOf(option) === undefined ? '' : `\`${defaultOf(option) ?? ''}\``} | ${option.help} |`);
  return [
    '# Options of a node',
    '',
    'Made from `OPTIONS` in `node/src/config.ts`; do not edit. A flag wins over the environment, the environment over the file, the file over the default.',
    '',
    '| flag | environment | in the file | takes | default | what it is |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
