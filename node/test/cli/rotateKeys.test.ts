/** `billcoin rotate-keys`: in the key folder while no node runs, over the API while one does. */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createClient, listAuditLog, withLogin } from '@billcoin/sdk';
import { withAccounts } from '../../src/offline/accounts.ts';
import { openDesk } from '../support/cliDesk.ts';
import { runNode } from '../support/runNode.ts';

interface KeyFile {
  readonly master: string;
  readonly purposes: Readonly<Record<string, string>>;
}

void t.test('keys are rotated while no node runs and over the API while one does, and the node opens what was left', async (test) => {
  const { folders, run } = await openDesk(test, 'rotate-keys');
  const path = join(folders.config.keyDir, 'campus-keys.json');
  const keys = async (): Promise<KeyFile> => JSON.parse(await readFile(path, 'utf8')) as KeyFile;
  const boss = await withAccounts(folders.config, folders.genesis, (users) => users.add({ username: 'boss', role: 'admin', merchantId: null }));
  if (!boss.ok || boss.password === null) throw new Error('no account');
  const first = await keys();
  const offline = await run('pseudonyms');
  test.match(offline, { code: 0, text: /^New key {2}[0-9a-f]{16}\nWhat was written keeps its pseudonyms\. Back campus-keys\.json up again/ });
  const second = await keys();
  test.equal(second.master, first.master, 'what is stored stays readable');
  for (const purpose of ['export', 'ops', 'api']) test.not(second.purposes[purpose], first.purposes[purpose], purpose);
  test.equal((await stat(path)).mode & 0o777, 0o600);
  const tokens = await run('tokens');
  test.match(tokens, { code: 0, text: /^New key {2}[0-9a-f]{16}\nTokens of the old key are good until they end/ });

  const node = await runNode(folders.config);
  test.teardown(node.stop);
  const keyIds = async (): Promise<readonly string[]> => ((await (await fetch(`${node.url}/.well-known/jwks.json`)).json()) as { readonly keys: readonly { readonly kid: string }[] }).keys.map(({ kid }) => kid);
  test.match(tokens.text, new RegExp((await keyIds())[0] ?? 'none'), 'the node signs with the new key');
  test.equal((await keyIds()).length, 2, 'and knows the old one until its tokens have ended');
  const port = ['--http-port', new URL(node.url).port];
  test.match(await run('pseudonyms', ...port), { code: 1, text: /Log in as an administrator with --user and --password-file/ });
  test.same(await keys(), second, 'nothing happened to it');
  const passwordFile = join(folders.root, 'boss.txt');
  await writeFile(passwordFile, boss.password, { mode: 0o600 });
  const login = [...port, '--user', 'boss', '--password-file', passwordFile];
  test.match(await run('pseudonyms', ...login), { code: 0, text: /^New key {2}[0-9a-f]{16}\n/ });
  test.not((await keys()).purposes['export'], second.purposes['export']);
  test.match(await run('tokens', ...login), { code: 0 });
  test.equal((await keyIds()).length, 3);

  const asBoss = withLogin(createClient({ baseUrl: node.url }), { username: 'boss', password: boss.password });
  const { data, brokenAt } = await listAuditLog(asBoss, { check: 'true' });
  const operator = { role: 'operator', id: '' };
  const administrator = { role: 'admin', id: boss.user.userId };
  test.match(data.map(({ entry: { actor, action, detail } }) => ({ actor, action, detail })).reverse(), [
    { actor: operator, action: 'createUser', detail: { role: 'admin' } },
    { actor: operator, action: 'createUser', detail: { role: 'admin', userId: boss.user.userId } },
    { actor: operator, action: 'rotateKeys', detail: { keys: 'pseudonyms' } },
    { actor: operator, action: 'rotateKeys', detail: { keys: 'tokens' } },
    { actor: administrator, action: 'rotateKeys', detail: { keys: 'pseudonyms' } },
    { actor: administrator, action: 'rotateKeys', detail: { keys: 'tokens' } },
  ]);
  test.equal(data.length, 6, 'who was not logged in is no entry');
  test.equal(brokenAt, null, 'one log, whoever wrote to it');
});

void t.test('what it takes is named before anything is opened', async (test) => {
  const { run } = await openDesk(test, 'rotate-keys');
  for (const words of [[], ['master'], ['tokens', 'pseudonyms']]) test.match(await run(...words), { code: 2, text: /rotate-keys takes pseudonyms or tokens/ }, words.join(' '));
});
