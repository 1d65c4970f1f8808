/** The commands that ask a running node: real HTTP, a real chain, and a server that lies. */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { formatAddress, toHex } from '@billcoin/protocol';
import t, { type Test } from 'tap';
import { runCli } from '../../src/cli/cli.ts';
import { TX_KINDS } from '../../src/cli/txKinds.ts';
import { createKeyFile } from '../../src/crypto/keyFiles.ts';
import { runNode, submitFinal, type TestNode } from '../support/runNode.ts';
import { KEYS, keyOf, makeTestFolders, TxMaker, type TestFolders } from '../support/testNetwork.ts';

interface Desk {
  readonly node: TestNode;
  readonly folders: TestFolders;
  /** Options that log in. */
  readonly admin: readonly string[];
  readonly finance: readonly string[];
  readonly run: (...args: readonly string[]) => Promise<{ readonly code: number; readonly text: string }>;
}

async function cli(args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  const code = await runCli(args, { BILLCOIN_LOG_LEVEL: 'silent' }, { print, complain: print, output: new PassThrough(), stopAsked: () => Promise.resolve() });
  return { code, text: lines.join('\n') };
}

/** Two accounts made while no node runs, with their password files. */
async function makeAccounts({ root, config }: TestFolders): Promise<Pick<Desk, 'admin' | 'finance'>> {
  const make = async (role: string): Promise<readonly string[]> => {
    const { code, text } = await cli(['users', 'add', `the-${role}`, role, '--json', '--genesis', config.genesis, '--data-dir', config.dataDir, '--key-dir', config.keyDir]);
    if (code !== 0) throw new Error(text);
    const path = join(root, `${role}.txt`);
    await writeFile(path, `${(JSON.parse(text) as { password: string }).password}\n`, { mode: 0o600 });
    return ['--user', `the-${role}`, '--password-file', path];
  };
  return { admin: await make('admin'), finance: await make('finance') };
}

/** A running node whose farm has 10 L, and the farm's key file. */
async function openDesk(test: Test): Promise<Desk> {
  const folders = await makeTestFolders();
  test.teardown(folders.remove);
  const logins = await makeAccounts(folders);
  const node = await runNode(folders.config);
  test.teardown(node.stop);
  for (const bytes of new TxMaker(folders.genesis).mint(10_000n)) await submitFinal(node.port, bytes);
  await createKeyFile(folders.root, 'farm.json', KEYS.farm.seed);
  const flags = ['--genesis', folders.config.genesis, '--http-port', new URL(node.url).port, '--account-key', join(folders.root, 'farm.json')];
  return { node, folders, run: (...args) => cli([...args, ...flags]), ...logins };
}

void t.test('a transfer by hand: signed, final, verified; and what it did can be asked', async (test) => {
  const { node, run, admin, finance } = await openDesk(test);
  const receiver = formatAddress(keyOf('receiver').address);
  const sent = await run('tx', 'transfer', `to=${receiver}`, 'amountMl=1500');
  test.equal(sent.code, 0, sent.text);
  const [, txHash = ''] = /Accepted ([0-9a-f]{64})/.exec(sent.text) ?? [];
  test.match(sent.text, /Done\.\nProven under block \d+ of /);
  test.match((await run('query', 'account', receiver, ...finance)).text, /Balance {2}1\.500 BILL\nProven under block/);
  test.match((await run('query', 'account', toHex(keyOf('nobody').address), ...finance)).text, /Balance {2}0\.000 BILL/);
  test.match((await run('query', 'tx', txHash)).text, new RegExp(`Kind {8}transfer, by bill1.*\\n {2}to {8}${receiver}\\n {2}litres {4}1\\.500\\nResult {6}done`));
  const strange = await run('query', 'tx', txHash, ...admin);
  test.match(strange, { code: 0, text: /Kind {8}told to its parties.*\nResult {6}done, in block \d+\nProven under block/ });
  test.notMatch(strange.text, /bill1/);
  const validator = formatAddress(KEYS.validator.address);
  test.match((await run('query', 'validator', validator)).text, /Validator {3}Uni 1 .*\n.*\nStake {7}0\.000 BILL in 0 shares, commission 0 %\nStanding {4}good; needs no stake until/);
  test.match((await run('query', 'validator', receiver)).text, /is no validator/);
  test.match(await run('validators'), { code: 0, text: new RegExp(`1 of 1 institutions vote\\.\\n${validator} {2}votes {3}active {5}Uni 1`) });
  test.match(await run('status'), { code: 0, text: new RegExp(`Network {2}${node.port.chainId} .*\\nHeight {3}\\d+, final \\d+ m?s ago .*\\nSync {5}not behind its peers\\nPeers {4}0 connected\\nPool {5}0 transactions`) });
  test.match(JSON.parse((await run('status', '--json')).text), { chainId: node.port.chainId, sync: null });
  test.match(await run('peers', ...admin), { code: 0, text: /^This node has no peers/ });
  test.same(JSON.parse((await run('peers', '--json', ...admin)).text), { height: node.port.tip().height, data: [] });
});

void t.test('what the ledger or the node refuses is one line that says why', async (test) => {
  const { run } = await openDesk(test);
  const receiver = formatAddress(keyOf('receiver').address);
  const poor = await run('tx', 'transfer', `to=${receiver}`, 'amountMl=99999999');
  test.equal(poor.code, 1);
  test.match(poor.text, /insufficient_balance/);
  test.match(await run('tx', 'stake', `validator=${formatAddress(KEYS.validator.address)}`, 'amountMl=1000'), { code: 1 }, 'only the institution stakes behind its own validator');
  test.match(await run('query', 'tx', 'ab'.repeat(32)), { code: 1, text: /not_found/ });
});

void t.test('what cannot be meant is named, before anything is asked', async (test) => {
  const { run } = await openDesk(test);
  const receiver = formatAddress(keyOf('receiver').address);
  for (const [words, found] of [
    [['tx'], /The kind of transaction is missing\. There are:/],
    [['tx', 'burn'], /"burn" is no kind of transaction/],
    [['tx', 'toString'], /"toString" is no kind/],
    [['tx', 'transfer', `to=${receiver}`], /amountMl is missing\. transfer takes to=<bill1/],
    [['tx', 'transfer', `to=${receiver}`, 'amountMl=0'], /amountMl is "0"; it takes integer from 1/],
    [['tx', 'transfer', `to=${receiver}`, 'amountMl=1.5'], /amountMl is "1\.5"/],
    [['tx', 'transfer', `to=${receiver}`, 'amountMl=9007199254740992'], /amountMl is "9007199254740992"/],
    [['tx', 'transfer', 'to=bill1wrong', 'amountMl=5'], /to is "bill1wrong"; it takes bill1… or 40 hex digits/],
    [['tx', 'transfer', `to=${receiver}`, `to=${receiver}`, 'amountMl=5'], /to is given twice/],
    [['tx', 'transfer', `to=${receiver}`, 'amountMl=5', 'memo=x'], /transfer has no field "memo"/],
    [['tx', 'transfer', receiver, '5'], /is not field=value/],
    [['tx', 'edit-validator', `validator=${receiver}`, 'name=', 'commissionBps=10001'], /name is ""; it takes 1 to 64 characters/],
    [['tx', 'edit-validator', `validator=${receiver}`, 'name=U', 'commissionBps=10001'], /commissionBps is "10001"/],
    [['query'], /query takes one of account, validator, tx/],
    [['query', 'account'], /query takes one of/],
    [['query', 'toString', 'x'], /query takes one of/],
    [['query', 'account', receiver, 'more'], /query takes one of/],
    [['query', 'account', 'bill1wrong'], /"bill1wrong" is no address/],
    [['status', 'now'], /"now" is too much/],
  ] as const) {
    const { code, text } = await run(...words);
    test.equal(code, 2, words.join(' '));
    test.match(text, found);
  }
});

void t.test('a key that is missing, and one that is made; a node that is not there', async (test) => {
  const { folders } = await openDesk(test);
  const path = join(folders.root, 'new', 'account.json');
  const flags = ['--genesis', folders.config.genesis, '--http-port', '1', '--account-key', path];
  test.match(await cli(['tx', 'transfer', ...flags]), { code: 2, text: /There is no account key at .*new\/account\.json/ });
  test.match(await cli(['account-key', ...flags]), { code: 0, text: /mode 600; whoever has it has the money\)\nAddress {5}bill1/ });
  test.match(await cli(['account-key', ...flags]), { code: 1, text: /exists already and is never overwritten/ });
  test.match(await cli(['tx', 'transfer', `to=${formatAddress(KEYS.farm.address)}`, 'amountMl=5', ...flags]), { code: 1, text: /No node answers at http:\/\/127\.0\.0\.1:1/ });
});

void t.test('a node that lies about the chain is not believed', async (test) => {
  const { node, folders } = await openDesk(test);
  const other = await makeTestFolders();
  test.teardown(other.remove);
  // Everything is asked of the real node, which belongs to another network than the genesis file says.
  const proxy = createServer((request, response) => {
    void fetch(`${node.url}${request.url ?? ''}`).then(async (answer) => response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(await answer.text()));
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  test.teardown(() => proxy.close());
  const flags = ['--genesis', other.config.genesis, '--http-port', String((proxy.address() as AddressInfo).port)];
  const { code, text } = await cli(['query', 'validator', formatAddress(KEYS.validator.address), ...flags]);
  test.equal(code, 1);
  test.match(text, /^The node's answer is not believed: /);
  test.not(folders.genesis.chainId, other.genesis.chainId);
});

void t.test('every kind of the table is told of in the help', async (test) => {
  const { text } = await cli(['--help']);
  for (const name of TX_KINDS.keys()) test.ok(text.includes(`  ${name} `), name);
});
