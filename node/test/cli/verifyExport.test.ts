/** `billcoin verify-export` as an auditor runs it: a real node, its export over HTTP, the check online and with the node stopped. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createClient, exportMilkSales, getExportManifest, withLogin } from '@billcoin/sdk';
import { runCli } from '../../src/cli/cli.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, keyOf, makeTestFolders, TxMaker } from '../support/testNetwork.ts';

t.test('an export holds against the running and the stopped node; a changed one does not, and says where', async (t) => {
  const { config, genesis, root, remove } = await makeTestFolders();
  t.teardown(remove);
  const cli = async (...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> => {
    const lines: string[] = [];
    const put = (line: string): void => void lines.push(line);
    const code = await runCli([...args, '--genesis', config.genesis, '--data-dir', config.dataDir, '--key-dir', config.keyDir], {}, { print: put, complain: put, output: process.stdout, stopAsked: () => Promise.resolve() });
    return { code, text: lines.join('\n') };
  };
  const added = await cli('users', 'add', 'the-auditor', 'auditor', '--json');
  const { password } = JSON.parse(added.text) as { readonly password: string };
  const passwordFile = join(root, 'password');
  await writeFile(passwordFile, password, { mode: 0o600 });

  const node = await runNode(config);
  t.teardown(() => node.stop());
  const maker = new TxMaker(genesis);
  const ali = keyOf('ali');
  for (const bytes of maker.mint(100_000n)) await submitFinal(node.port, bytes);
  await submitFinal(node.port, maker.transfer(KEYS.farm, ali.address, 5_000n));
  for (const label of ['one', 'two', 'three']) await submitFinal(node.port, maker.pay(ali, maker.invoice(label)));
  await submitFinal(node.port, maker.transfer(ali, KEYS.cafeteria.address, 500n));

  const client = withLogin(createClient({ baseUrl: node.url }), { username: 'the-auditor', password });
  const month = new Date(node.port.tip().timeMs).toISOString().slice(0, 7);
  const [csv, signed] = [await exportMilkSales(client, { month }), await getExportManifest(client, { month })];
  const [file, manifest] = [join(root, 'export.csv'), join(root, 'manifest.json')];
  await writeFile(file, csv);
  await writeFile(manifest, JSON.stringify(signed));
  const key = (await cli('export-key')).text;
  t.match(key, signed.publicKey);

  const check = (path: string, ...more: readonly string[]): ReturnType<typeof cli> => cli('verify-export', path, '--manifest', manifest, ...more);
  const online = ['--node', node.url, '--user', 'the-auditor', '--password-file', passwordFile];
  const holds = await check(file, ...online, '--export-key', signed.publicKey);
  t.match(holds, { code: 0, text: /the chain has 4 rows, the file differs in 0 places, the manifest in 0\. The month had not ended/ });
  t.match(await check(file, '--node', node.url), { code: 2, text: /Login needed/ });
  t.match(await check(file), { code: 2, text: /in use by process/ }, 'the folder of a running node');
  await node.stop();
  t.same(await check(file), { code: 0, text: holds.text }, 'the same of the stopped node');
  t.match(await check(file, '--export-key', '00'.repeat(32)), { code: 1, text: /not the key that you named/ });

  const changed = join(root, 'changed.csv');
  await writeFile(changed, csv.replace('1.80', '1.90'));
  t.match(await check(changed), { code: 1, text: /Line \d \([0-9a-f]{64}\): Amount \(RM\) is "1\.90", the chain says "1\.80"\./ });
  await writeFile(changed, csv.split('\r\n').toSpliced(2, 1).join('\r\n'));
  t.match(await check(changed), { code: 1, text: /Missing \([0-9a-f]{64}\): the chain has it in line 3, RM 1\.80\./ });

  t.match(await check(join(root, 'nowhere.csv')), { code: 2, text: /nowhere\.csv/ });
  t.match(await cli('verify-export', file, '--manifest', file), { code: 2, text: /is no manifest/ });
  for (const args of [['verify-export', file], ['verify-export', '--manifest', manifest], ['verify-export', file, file, '--manifest', manifest]]) t.match(await cli(...args), { code: 2, text: /takes one file and its --manifest/ });
  t.match(await check(file, '--export-key', 'short'), { code: 2, text: /64 hex digits/ });
});
