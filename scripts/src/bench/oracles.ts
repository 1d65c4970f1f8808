/**
 * Whether the time of a refusal tells what its answer does not (api page §5, threat 30): refusals of each kind, in turn, over
 * HTTP from a node of its own, and how often one of a kind takes longer than one of the first kind. Half of the times says nothing;
 * what is more than three standard errors from a half can be told apart. `npm run bench -- oracles`.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toHex } from '@billcoin/protocol';
import { initFolders, makeConfig, makeConsensusKey, readGenesis } from '@billcoin/node';
import { changeUser, createChallenge, createClient, createUser, importStudents, linkWallet, putRateLimits, RATE_LIMIT_Q_MAX, renewLinkCode, signChallenge, withLogin, type Client, type Key } from '@billcoin/sdk';
import { makeBenchNetwork, seededKey } from './benchNetwork.ts';
import { BenchNode, nodeEntry } from './benchNode.ts';
import { percentile } from './spread.ts';

/** A try at a password costs a quarter of a second, one at a code a few milliseconds. */
const LOGINS = 40;
const LINKS = 400;
/** Wallets that try codes, in turn. */
const WALLETS = 20;
const STANDARD_ERRORS = 3;
const STUDENTS = ['A001', 'A002', 'A003', 'A004'] as const;

/** One kind of refusal and what each of them took. */
export interface RefusalTimes {
  readonly kind: string;
  readonly ms: readonly number[];
}

export interface OracleBench {
  /** Of each question; the first kind is the one that the others are held against. */
  readonly logins: readonly RefusalTimes[];
  readonly links: readonly RefusalTimes[];
}

/** How often one of `b` is larger than one of `a`, and the standard error of that where both are alike (Mann and Whitney 1947). */
export function compareTimes(a: readonly number[], b: readonly number[]): { readonly share: number; readonly error: number } {
  let larger = 0;
  for (const x of a) for (const y of b) larger += y > x ? 1 : y === x ? 0.5 : 0;
  return { share: larger / (a.length * b.length), error: Math.sqrt((a.length + b.length + 1) / (12 * a.length * b.length)) };
}

type Try = () => Promise<{ readonly path: string; readonly body: object }>;

/** Each kind in turn, so that whatever else the machine does meets all of them alike. */
async function timed(url: string, status: number, tries: number, kinds: Readonly<Record<string, Try>>): Promise<readonly RefusalTimes[]> {
  const times = Object.entries(kinds).map(([kind, next]) => ({ kind, next, ms: [] as number[] }));
  for (let i = 0; i <= tries; i++) {
    for (const { kind, next, ms } of times) {
      const { path, body } = await next();
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const startMs = performance.now();
      const answer = await fetch(`${url}/api/v1${path}`, init);
      await answer.text();
      if (i > 0) ms.push(performance.now() - startMs); // the first compiles and connects
      if (answer.status !== status) throw new Error(`${kind} was answered with ${answer.status}`);
    }
  }
  return times;
}

async function timeLogins(url: string, admin: Client, tries: number): Promise<readonly RefusalTimes[]> {
  await createUser(admin, { username: 'mei', role: 'finance' });
  const { userId } = await createUser(admin, { username: 'gone', role: 'finance' });
  await changeUser(admin, { userId, disabled: true, reason: 'bench' });
  const as = (username: string): Try => async () => ({ path: '/auth/login', body: { username, password: 'K7QX-K7QX-K7QX-K7QX' } });
  return await timed(url, 401, tries, { 'nobody has this name': as('nobody'), 'another password': as('mei'), 'a disabled account': as('gone') });
}

async function timeLinks(url: string, admin: Client, genesisHash: Uint8Array, tries: number): Promise<readonly RefusalTimes[]> {
  const client = createClient({ baseUrl: url });
  const { codes } = await importStudents(admin, { csv: `studentId\n${STUDENTS.join('\n')}` });
  const [used, renewed, left, open] = codes as [typeof codes[number], typeof codes[number], typeof codes[number], typeof codes[number]];
  const linked = seededKey('linked');
  await linkWallet(client, { linkCode: used.linkCode, key: linked, genesisHash });
  await renewLinkCode(admin, { studentRef: renewed.studentRef });
  await importStudents(admin, { csv: `studentId\n${STUDENTS.filter((id) => id !== left.studentId).join('\n')}` });
  const wallets = Array.from({ length: WALLETS }, (_, i) => seededKey(`wallet ${i}`));
  let turn = 0;
  const by = (linkCode: string, key?: Key): Try => async () => {
    const wallet = key ?? (wallets[turn++ % WALLETS] as Key);
    const publicKey = toHex(wallet.publicKey);
    const { message } = await createChallenge(client, { publicKey });
    return { path: '/wallets/link', body: { linkCode, message, publicKey, signature: signChallenge(message, genesisHash, wallet) } };
  };
  return await timed(url, 409, tries, {
    'nobody had this code': by('0123456789'), 'it was used': by(used.linkCode), 'there is a newer one': by(renewed.linkCode), 'the student has left': by(left.linkCode), 'the wallet is linked': by(open.linkCode, linked),
  });
}

/** A node of its own with an administrator, made as an operator makes one. */
async function startNode(root: string): Promise<{ readonly node: BenchNode; readonly admin: Client; readonly genesisHash: Uint8Array }> {
  const network = makeBenchNetwork({ payers: 1, tills: 1, timeMs: Date.now() - 1_000 });
  const flags = { genesis: join(root, 'genesis.json'), 'data-dir': join(root, 'data'), 'key-dir': join(root, 'keys'), 'http-port': '0', 'log-level': 'warn' };
  await writeFile(flags.genesis, network.genesisText);
  const config = makeConfig(flags, {});
  await makeConsensusKey(config.keyDir, network.validatorSeeds[0] as Uint8Array);
  await initFolders(config, await readGenesis(flags.genesis));
  const folders = ['--genesis', flags.genesis, '--data-dir', flags['data-dir'], '--key-dir', flags['key-dir']];
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, nodeEntry(), 'users', 'add', 'boss', 'admin', ...folders]);
  const password = /Password\s+(\S+)/.exec(stdout)?.[1];
  if (password === undefined) throw new Error(`no password is told: ${stdout}`);
  const node = new BenchNode(Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]), undefined);
  await node.start();
  return { node, admin: withLogin(createClient({ baseUrl: node.url }), { username: 'boss', password }), genesisHash: network.genesisHash };
}

export async function benchOracles(logins: number = LOGINS, links: number = LINKS): Promise<OracleBench> {
  const root = await mkdtemp(join(tmpdir(), 'billcoin-oracles-'));
  const { node, admin, genesisHash } = await startNode(root);
  try {
    await putRateLimits(admin, { login: { q: RATE_LIMIT_Q_MAX, w: 60 }, link: { q: RATE_LIMIT_Q_MAX, w: 60 } });
    return { logins: await timeLogins(node.url, admin, logins), links: await timeLinks(node.url, admin, genesisHash, links) };
  } finally {
    await node.end('SIGTERM');
    await rm(root, { recursive: true, force: true });
  }
}

function lines(what: string, [first, ...others]: readonly RefusalTimes[]): string {
  const shown = ({ kind, ms }: RefusalTimes): string => `  ${kind}: ${[0.5, 0.05, 0.95].map((share) => percentile(ms, share).toFixed(2)).join(' / ')} ms`;
  if (first === undefined) return '';
  const compared = others.map((other) => {
    const { share, error } = compareTimes(first.ms, other.ms);
    return `${shown(other)}; longer in ${(100 * share).toFixed(1)} % ± ${(100 * error).toFixed(1)}: ${Math.abs(share - 0.5) > STANDARD_ERRORS * error ? 'CAN BE TOLD APART' : 'not told apart'}\n`;
  });
  return `${what}, ${first.ms.length} of each, p50 / p5 / p95\n${shown(first)}\n${compared.join('')}`;
}

export function formatOracleBench({ logins, links }: OracleBench): string {
  return lines('refused logins', logins) + lines('refused links', links);
}
