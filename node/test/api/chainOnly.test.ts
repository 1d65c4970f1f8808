/** A node of the chain alone: it takes and proves transactions, knows nobody, and keeps nothing of the campus. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { formatAddress, toBase64Url } from '@billcoin/protocol';
import { CAMPUS_KEY_FILE } from '../../src/campus/keyFile.ts';
import { runCli } from '../../src/cli/cli.ts';
import { createKeyFile } from '../../src/crypto/keyFiles.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, makeTestFolders, TxMaker } from '../support/testNetwork.ts';

t.test('a node of the chain alone', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const node = await runNode({ ...folders.config, chainOnly: true });
  t.teardown(() => node.stop());
  const maker = new TxMaker(folders.genesis);
  for (const bytes of maker.mint(10_000n)) await submitFinal(node.port, bytes);
  const get = async (path: string): Promise<{ readonly status: number; readonly text: string }> => {
    const answer = await fetch(`${node.url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  await t.test('takes a transaction and proves it', async (t) => {
    const bytes = maker.transfer(KEYS.farm, KEYS.plant.address, 7n);
    const posted = await fetch(`${node.url}/api/v1/transactions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ tx: toBase64Url(bytes) }) });
    t.equal(posted.status, 202);
    const { txHash } = await posted.json() as { txHash: string };
    const { status } = await submitFinal(node.port, bytes);
    t.equal(status, 'final');
    t.match(JSON.parse((await get(`/api/v1/proofs/tx/${txHash}`)).text), { receipt: /^[\w-]+$/, execution: undefined }, 'whoever is on its machine reads as an auditor does');
    t.match(JSON.parse((await get(`/api/v1/transactions/${txHash}`)).text), { body: { kind: 'transfer', fields: { litres: '0.007' } }, events: [{ event: 'transferred' }], order: null }, 'here too; no order is known here');
    t.match(JSON.parse((await get(`/api/v1/proofs/tx/${txHash}?minimal=1`)).text), { execution: /^[\w-]+$/, receipt: undefined });
  });

  await t.test('answers what the chain knows, its peers and its health', async (t) => {
    for (const path of ['/api/v1/status', '/api/v1/peers', '/api/v1/blocks/latest', '/api/v1/validators', '/api/v1/reserve', '/api/v1/price', '/api/v1/merchants', `/api/v1/accounts/${formatAddress(KEYS.farm.address)}`, '/api/v1/light/headers?from=1', '/health/ready', '/health/startup']) {
      t.equal((await get(path)).status, 200, path);
    }
  });

  await t.test('has no logins, orders, students or exports to serve, whoever asks', async (t) => {
    for (const path of ['/api/v1/orders', '/api/v1/auth/me', '/api/v1/exports/milk-sales?month=2026-04', '/api/v1/streams/orders', '/api/v1/loyalty/x', '/api/v1/admin/users']) {
      t.equal((await get(path)).status, 404, path);
    }
    t.equal((await fetch(`${node.url}/api/v1/payments/validate`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).status, 404);
  });

  await t.test('tells its operator at the command line, who has no login there', async (t) => {
    const accountKey = join(folders.root, 'farm.json');
    await createKeyFile(folders.root, 'farm.json', KEYS.farm.seed);
    const run = async (...args: readonly string[]): Promise<string> => {
      const lines: string[] = [];
      const print = (line: string): void => void lines.push(line);
      const code = await runCli([...args, '--genesis', folders.config.genesis, '--http-port', new URL(node.url).port, '--account-key', accountKey], { BILLCOIN_LOG_LEVEL: 'silent' }, { print, complain: print, output: new PassThrough(), stopAsked: () => Promise.resolve() });
      return `${code} ${lines.join('\n')}`;
    };
    t.match(await run('peers'), /^0 /);
    const sent = await run('tx', 'transfer', `to=${formatAddress(KEYS.plant.address)}`, 'amountMl=3');
    t.match(sent, /Done\.\nProven under block/);
    t.match(await run('query', 'tx', /Accepted ([0-9a-f]{64})/.exec(sent)?.[1] ?? ''), /^0 [^]*Kind {8}transfer, by bill1/);
    t.match(await run('query', 'account', formatAddress(KEYS.farm.address)), /^0 [^]*Balance {2}9\.\d{3} BILL\nProven under block/);
  });

  await t.test('keeps no campus keys and no campus rows, and measures none', async (t) => {
    t.notOk(existsSync(join(folders.config.keyDir, CAMPUS_KEY_FILE)));
    const { text } = await get('/metrics');
    t.match(text, /^payment_success_total 0$/m);
    t.notMatch(text, /orders_open|sse_clients|rate_limited_total/);
  });
});

t.test('a node of the chain alone does not listen for others', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  await t.rejects(runNode({ ...folders.config, chainOnly: true, httpsPort: 0 }), { name: 'ConfigError', message: /--chain-only has no logins/ });
});
