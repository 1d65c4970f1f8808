/** `billcoin users`: in the data folder while no node runs, over the API while one does. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { formatAddress } from '@billcoin/protocol';
import { createClient, listAuditLog, withLogin } from '@billcoin/sdk';
import { openDesk } from '../support/cliDesk.ts';
import { runNode } from '../support/runNode.ts';
import { KEYS } from '../support/testNetwork.ts';

void t.test('the first administrator is made while no node runs, and makes the others over the API', async (test) => {
  const { folders, run } = await openDesk(test, 'users');
  const first = await run('add', 'boss', 'admin');
  test.match(first, { code: 0, text: /^Account {3}boss, admin \(usr_\w{26}\)\nPassword {2}([0-9A-Z]{4}-){3}[0-9A-Z]{4}\nIt is shown this once/ });
  test.match(await run('add', 'boss', 'admin'), { code: 1, text: 'There is an account of this name already.' });
  test.match(await run('disable', 'boss'), { code: 1, text: /last administrator who may log in/ });
  test.match(await run('list'), { code: 0, text: /^usr_\w{26} {2}admin {5}active {4}boss$/ });

  const node = await runNode(folders.config);
  test.teardown(node.stop);
  const port = ['--http-port', new URL(node.url).port];
  test.match(await run('list', ...port), { code: 1, text: /Log in as an administrator with --user and --password-file/ });
  test.match(await run('list', ...port, '--user', 'boss'), { code: 2, text: /--user needs --password-file/ });
  const path = join(folders.root, 'boss.txt');
  await writeFile(path, /Password {2}(\S+)/.exec(first.text)?.[1] ?? '', { mode: 0o644 });
  const login = [...port, '--user', 'boss', '--password-file', path];
  test.match(await run('list', ...login), { code: 2, text: /can be read by others \(mode 644\); run: chmod 600/ });
  await chmod(path, 0o600);
  const { data } = await listAuditLog(withLogin(createClient({ baseUrl: node.url }), { username: 'boss', password: /Password {2}(\S+)/.exec(first.text)?.[1] ?? '' }));
  const userId = /usr_\w{26}/.exec(first.text)?.[0];
  test.match(data.map(({ entry: { actor, action, detail } }) => ({ actor, action, detail })).reverse(), [
    { action: 'createUser', detail: { role: 'admin' } }, { action: 'createUser', detail: { role: 'admin', userId } },
    { action: 'createUser', detail: { role: 'admin' } }, { action: 'createUser', detail: { role: 'admin', refused: 'username_taken' } },
    { action: 'changeUser', detail: { userId, disabled: true } }, { action: 'changeUser', detail: { userId, disabled: true, refused: 'last_admin' } },
  ].map((entry) => ({ actor: { role: 'operator', id: '' }, ...entry })), 'what was done at the stopped node stands in the audit log');
  const merchant = formatAddress(KEYS.cafeteria.address);
  test.match(await run('add', 'mei', 'manager', ...login), { code: 1, text: /Merchant missing/ });
  test.match(JSON.parse((await run('add', 'mei', 'manager', merchant, '--json', ...login)).text), { username: 'mei', role: 'manager', password: /^[0-9A-Z-]{19}$/ });
  test.match(await run('list', ...login), { code: 0, text: new RegExp(`manager {3}active {4}mei of ${merchant}\\nusr_\\w{26} {2}admin {5}active {4}boss$`) });
  test.match(await run('disable', 'mei', 'left', 'us', ...login), { code: 0, text: /^mei may not log in any more/ });
  test.match(JSON.parse((await run('list', '--json', ...login)).text), [{ username: 'mei', isDisabled: true, reason: 'left us' }, { username: 'boss' }]);
  test.match(await run('disable', 'nobody', ...login), { code: 1, text: 'There is no such account.' });
});

void t.test('what cannot be meant is named before anything is opened', async (test) => {
  const { run } = await openDesk(test, 'users');
  for (const [words, found] of [
    [[], /users takes add, list or disable/], [['drop'], /users takes add, list or disable/], [['add'], /users add takes a name/], [['add', 'Boss', 'admin'], /users add takes a name/],
    [['list', 'all'], /users takes add, list or disable/], [['disable'], /users disable takes a name/], [['add', 'boss', 'king'], /one of manager, finance, auditor, admin/], [['add', 'boss', 'manager', 'bill1wrong'], /"bill1wrong" is no address/],
  ] as const) {
    const { code, text } = await run(...words);
    test.equal(code, 2, words.join(' '));
    test.match(text, found);
  }
});
