import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { runCli } from '../../src/cli/cli.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { helpText } from '../../src/cli/help.ts';
import { OPTIONS } from '../../src/config.ts';
import { CONSENSUS_KEY_FILE, createKeyFile } from '../../src/crypto/keyFiles.ts';
import { KEYS, makeTestGenesis } from '../support/testNetwork.ts';

interface Ran {
  readonly code: number;
  readonly text: string;
}

async function cli(args: readonly string[], environment: Readonly<Record<string, string>> = {}, stopAsked: Promise<void> = Promise.resolve()): Promise<Ran> {
  const lines: string[] = [];
  const output = new PassThrough();
  const code = await runCli(args, { BILLCOIN_LOG_LEVEL: 'silent', ...environment }, { print: (line) => void lines.push(line), complain: (line) => void lines.push(line), output, stopAsked: () => stopAsked });
  return { code, text: lines.join('\n') };
}

async function makeRoot(test: Test): Promise<{ root: string; flags: readonly string[] }> {
  const root = await mkdtemp(join(tmpdir(), 'billcoin-cli-'));
  test.teardown(() => rm(root, { recursive: true, force: true }));
  const genesis = join(root, 'genesis.json');
  await writeFile(genesis, makeTestGenesis(Date.now() - 1_000).text);
  return { root, flags: ['--genesis', genesis, '--data-dir', join(root, 'data'), '--key-dir', join(root, 'keys'), '--http-port', '0', '--verify-threads', '0'] };
}

void t.test('help names every command and option; no command is a mistake', async (test) => {
  const { code, text } = await cli(['--help']);
  test.equal(code, 0);
  test.equal(text, helpText());
  for (const word of ['keys', 'init', 'start', 'status', 'verify-db', 'export-blocks', '--data-dir', '--http-port', 'Default 8080']) test.ok(text.includes(word), word);
  test.equal((await cli([])).code, 2);
});

void t.test('help of one command has its usage and its options, and every option is of a command', async (test) => {
  const { code, text } = await cli(['users', '--help']);
  test.equal(code, 0);
  test.match(text, /^billcoin users add <name> manager\|finance/);
  test.ok(text.includes('--password-file') && !text.includes('--tls-cert'), 'its own options, no others');
  test.equal((await cli(['help', 'users'])).text, text);
  test.match((await cli(['help', 'snapshot', 'create'])).text, /^billcoin snapshot create \[options\]/);
  test.equal((await cli(['help'])).text, helpText());
  test.same(Object.keys(OPTIONS).filter((name) => !Object.values(COMMANDS).some(({ options }) => (options as readonly string[]).includes(name))), []);
});

void t.test('what cannot be used is named', async (test) => {
  for (const [args, environment, found] of [
    [['launch'], {}, /"launch" is no command/],
    [['tills', 'list'], {}, /^"tills" is no command\. There are keys/],
    [['tills', '--help'], {}, /^"tills" is no command/],
    [['snapshot'], {}, /^"snapshot" is no command\. There are snapshot create, snapshot restore\.$/],
    [['start', 'now'], {}, /^"now" is too much: start takes options only\. See billcoin start --help\.$/],
    [['start', '--http-port', 'eighty'], {}, /--http-port is "eighty"; it takes integer 0…65535/],
    [['start', '--colour', 'red'], {}, /^Unknown option '--colour'\. See billcoin --help\.$/],
    [['--colour'], {}, /^Unknown option '--colour'\. See billcoin --help\.$/],
    [['start', '--http-port', '--genesis', 'x'], {}, /^Option '--http-port' argument is ambiguous\. See billcoin --help\.$/],
    [['start'], { BILLCOIN_LOG_LEVEL: 'loud' }, /BILLCOIN_LOG_LEVEL is "loud"; it takes debug \| info/],
    [['start', '--genesis', '/nowhere/genesis.json'], {}, /genesis file \/nowhere\/genesis.json cannot be read/],
  ] as const) {
    const { code, text } = await cli(args, environment);
    test.equal(code, 2, args.join(' '));
    test.match(text, found);
  }
});

void t.test('a genesis file that does not hold is refused with the place', async (test) => {
  const { root, flags } = await makeRoot(test);
  const path = join(root, 'genesis.json');
  await writeFile(path, makeTestGenesis(Date.now()).text.replace(/"stateRoot": "..../, '"stateRoot": "0000'));
  const { code, text } = await cli(['init', ...flags]);
  test.equal(code, 2);
  test.match(text, /genesis\.stateRoot is 0000/);
});

void t.test('keys, init, start, verify-db: the life of a validator', async (test) => {
  const { root, flags } = await makeRoot(test);
  const made = await cli(['keys', ...flags]);
  test.equal(made.code, 0);
  test.match(made.text, /Public key {2}[0-9a-f]{64}/);
  test.equal((await stat(join(root, 'keys', CONSENSUS_KEY_FILE))).mode & 0o777, 0o600);
  const twice = await cli(['keys', ...flags]);
  test.equal(twice.code, 1);
  test.match(twice.text, /consensus-key.json exists already and is never overwritten/);

  const early = await cli(['start', ...flags]);
  test.match(early.text, /does not hold the key of the only validator/);
  await rm(join(root, 'keys'), { recursive: true });
  const follower = await cli(['init', ...flags]);
  test.match(follower.text, /follows without signing/);
  await rm(join(root, 'data'), { recursive: true });

  await createKeyFile(join(root, 'keys'), CONSENSUS_KEY_FILE, KEYS.validator.seed);
  test.match((await cli(['start', ...flags])).text, /Run `billcoin init` first/);
  const init = await cli(['init', ...flags]);
  test.equal(init.code, 0, init.text);
  test.match(init.text, /This node is a validator/);
  test.equal((await cli(['init', ...flags])).code, 1, 'a guard is never made twice');

  const run = await cli(['start', ...flags]);
  test.equal(run.code, 0, run.text);
  test.match(run.text, /BillCoin node-test-[0-9a-f]{8} at height 0\. The API is at http:\/\/127\.0\.0\.1:\d+\/api\/v1\/docs, for this machine only/);
  const check = await cli(['verify-db', ...flags]);
  test.equal(check.code, 0, check.text);
  test.match(check.text, /Everything holds/);

  await chmod(join(root, 'keys', CONSENSUS_KEY_FILE), 0o644);
  const open = await cli(['start', ...flags]);
  test.equal(open.code, 1);
  test.match(open.text, /may be read by others\. Run: chmod 600/);
});

/** A port of this machine that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

void t.test('what the system refuses is one line, not the stack of a bug', async (test) => {
  const { root, flags } = await makeRoot(test);
  const port = await closedPort();
  for (const [args, found] of [
    [['checkpoint-verify', ...flags, '--checkpoint', join(root, 'nothing.json')], /^ENOENT: .*nothing\.json'\.$/],
    [['checkpoint-verify', ...flags, '--checkpoint', root], /^EISDIR: [^\n]*\.$/],
    [['checkpoint-make', ...flags, '--http-port', `${port}`, '--checkpoint', join(root, 'new.json')], new RegExp(`^connect ECONNREFUSED 127\\.0\\.0\\.1:${port}\\.$`)],
  ] as const) {
    const { code, text } = await cli(args);
    test.equal(code, 1, args[0]);
    test.match(text, found);
  }
});
