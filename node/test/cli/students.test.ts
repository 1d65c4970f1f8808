/** `billcoin students`: the roster over the API of a running node. */
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { runCli } from '../../src/cli/cli.ts';
import { linkWallet } from '@billcoin/sdk';
import { openWorld, wallet } from '../support/campusWorld.ts';

t.test('an administrator takes over a roster, hands out its codes once, and erases a student', async (t) => {
  const world = await openWorld(t);
  const folder = join(world.keyFolder, '..');
  const added = await world.campus.users.add({ username: 'boss', role: 'admin', merchantId: null });
  const passwordFile = join(folder, 'boss.txt');
  await writeFile(passwordFile, added.ok ? (added.password ?? '') : '', { mode: 0o600 });
  await chmod(passwordFile, 0o600);
  const roster = join(folder, 'roster.csv');
  await writeFile(roster, 'studentId\nA001\nA002\n');
  const run = async (...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> => {
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    const code = await runCli(['students', ...args, '--http-port', String(world.api.port)], { BILLCOIN_LOG_LEVEL: 'silent' }, { print, complain: print, output: new PassThrough(), stopAsked: () => Promise.resolve() });
    return { code, text: lines.join('\n') };
  };
  const login = ['--user', 'boss', '--password-file', passwordFile];
  t.match(await run('import', roster), { code: 2, text: /--user/ });
  t.match(await run('import'), { code: 2, text: /students takes import/ });
  const out = join(folder, 'codes.csv');
  t.match(await run('import', roster, ...login, '--out', out), { code: 0, text: /^Added 2, kept 0, marked left 0\.\nThe link codes/ });
  t.equal((await stat(out)).mode & 0o777, 0o600);
  const [header, first = ''] = (await readFile(out, 'utf8')).split('\n');
  t.equal(header, 'studentId,studentRef,linkCode');
  const [id, studentRef = '', linkCode = ''] = first.split(',');
  t.equal(id, 'A001');
  await linkWallet(world.client, { linkCode, key: wallet('ali'), genesisHash: world.chain.genesisHash });
  t.match(await run('import', roster, ...login, '--out', out), { code: 2, text: /exists already and is never overwritten. Nothing was imported/ });
  t.match(await run('import', roster, ...login), { code: 0, text: 'Added 0, kept 2, marked left 0.' });
  await writeFile(roster, 'studentId\nA 1\n');
  t.match(await run('import', roster, ...login), { code: 1, text: /Roster not readable/ });
  t.match(await run('link-code', studentRef, ...login), { code: 0, text: /^Link code {3}[0-9A-Z]{10} \(works once, until / });
  t.match(await run('erase', studentRef, ...login), { code: 0, text: /^Erased\. .* 1 wallets/ });
  t.match(await run('erase', studentRef, ...login), { code: 1, text: /Not found/ });
});
