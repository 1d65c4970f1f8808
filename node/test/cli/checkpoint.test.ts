/** The checkpoint file from making to serving: made by one node, signed offline, checked, served, refused when it is not good. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { lightState, parseCheckpoint, trustCheckpoint, verifyEd25519 } from '@billcoin/protocol';
import { checkpointRoot, createClient, createVerifiedClient, verifiedReserve } from '@billcoin/sdk';
import { runCli } from '../../src/cli/cli.ts';
import { CHECKPOINT_KEY_FILE } from '../../src/offline/checkpoint.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { makeTestFolders, TxMaker } from '../support/testNetwork.ts';

t.test('make, sign, verify, serve', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const file = join(folders.root, 'checkpoint.json');
  const node = await runNode({ ...folders.config, checkpoint: file });
  t.teardown(() => node.stop());
  const port = new URL(node.url).port;
  const cli = async (command: string, ...more: readonly string[]): Promise<{ readonly code: number; readonly text: string }> => {
    const lines: string[] = [];
    const flags = ['--genesis', folders.config.genesis, '--key-dir', folders.config.keyDir, '--http-port', port, ...more];
    const code = await runCli([command, ...flags], { BILLCOIN_LOG_LEVEL: 'silent' }, { print: (line) => void lines.push(line), complain: (line) => void lines.push(line), output: new PassThrough(), stopAsked: () => Promise.resolve() });
    return { code, text: lines.join('\n') };
  };
  const at = ['--checkpoint', file] as const;
  const served = async (): Promise<Response> => await fetch(`${node.url}/api/v1/light/checkpoint`);

  t.match(await cli('checkpoint-make'), { code: 2, text: /--checkpoint <file> is missing/ });
  t.match(await cli('checkpoint-make', ...at), { code: 2, text: /gives no block/ }, 'before the first block');
  for (const bytes of new TxMaker(folders.genesis).mint(1_000n)) await submitFinal(node.port, bytes);
  const other = await makeTestFolders();
  t.teardown(() => other.remove());
  t.match(await cli('checkpoint-make', ...at, '--genesis', other.config.genesis), { code: 2, text: /is of another network than node-test-/ });
  t.match(await cli('checkpoint-make', ...at), { code: 0, text: /not signed yet/ });
  t.match(await cli('checkpoint-make', ...at), { code: 1, text: /exists already/ }, 'never overwrites');
  t.match(await cli('checkpoint-verify', ...at), { code: 1, text: /checkpoint_not_signed: 0 of 1/ });
  t.equal((await served()).status, 404, 'an unsigned one is not served');
  t.match(await cli('checkpoint-sign', ...at), { code: 0, text: /has 1 signatures of 1 keys/ });
  t.match(await cli('checkpoint-verify', ...at), { code: 0, text: /more than two thirds/ });
  const answer = await served();
  t.equal(answer.status, 200, 'without a restart');
  const signed = parseCheckpoint(await answer.text());
  if (!signed.ok) throw new Error(signed.refusal.why);
  t.same(parseCheckpoint(await readFile(file, 'utf8')), signed, 'file and API carry the same');
  const { genesisHash, spec, validators } = folders.genesis;
  const trusted = trustCheckpoint({ genesisHash, verify: verifyEd25519 }, spec.checkpointKeys, signed.value, validators, Date.now());
  t.ok(trusted.ok && lightState(trusted.value, 0).trusted.length === 1);

  const client = createClient({ baseUrl: node.url });
  const root = await checkpointRoot(client, { genesisHash, checkpointKeys: spec.checkpointKeys });
  t.equal(root.height, signed.value.checkpoint.height);
  t.equal((await verifiedReserve(createVerifiedClient({ client, genesisHash, root }))).supplyMl, 1_000n, 'a client begins there');
  await t.rejects(checkpointRoot(client, { genesisHash, checkpointKeys: [new Uint8Array(32)] }), { code: 'checkpoint_not_signed' });
  await t.rejects(checkpointRoot(client, { genesisHash, checkpointKeys: spec.checkpointKeys, nowMs: Date.now() + 15 * 86_400_000 }), { code: 'trust_expired' });

  await writeFile(file, (await readFile(file, 'utf8')).replace(/"height": \d+/, '"height": 999'));
  t.match(await cli('checkpoint-verify', ...at), { code: 1, text: /bad_signature/ });
  t.equal((await served()).status, 404);
  await writeFile(file, '{');
  t.match(await cli('checkpoint-sign', ...at), { code: 2, text: /not JSON/ });
});

t.test('a key of its own, which signs only where genesis names it', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const lines: string[] = [];
  const run = (...args: readonly string[]): Promise<number> => runCli([...args, '--genesis', folders.config.genesis, '--key-dir', join(folders.root, 'other')], { BILLCOIN_LOG_LEVEL: 'silent' }, { print: (line) => void lines.push(line), complain: (line) => void lines.push(line), output: new PassThrough(), stopAsked: () => Promise.resolve() });
  t.equal(await run('checkpoint-key'), 0);
  t.match(lines[0], CHECKPOINT_KEY_FILE);
  t.equal(await run('checkpoint-key'), 1, 'never overwrites a key');
  const file = join(folders.root, 'checkpoint.json');
  await writeFile(file, `{"blockId":"${'00'.repeat(32)}","height":1,"signatures":[],"timeMs":1,"validatorsHash":"${'00'.repeat(32)}"}`);
  t.equal(await run('checkpoint-sign', '--checkpoint', file), 2);
  t.match(lines.at(-1), /no checkpoint key that the genesis of node-test-[0-9a-f]{8} names/);
});
