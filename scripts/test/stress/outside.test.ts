import t from 'tap';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RunningDevnet } from '../devnet/support/devnet.ts';

t.setTimeout(590_000);

/** What somebody writes who has only the SDK: pays the order that waits, and sees it on the stream of the till. */
const SCRIPT = `
import { readFileSync } from 'node:fs';
import { createClient, getStatus, keyFromSeed, lookupFrom, payInvoice, readInvoice, streamOrders, withLogin } from '@billcoin/sdk';
const [data, baseUrl] = process.argv.slice(2);
const client = createClient({ baseUrl });
const genesisHash = Buffer.from((await getStatus(client)).genesisHash, 'hex');
const keyOf = (name) => keyFromSeed(Buffer.from(JSON.parse(readFileSync(data + '/keys/' + name + '.json', 'utf8')).seed, 'hex'));
const key = keyOf('student-example');
const invoice = await readInvoice(readFileSync(data + '/run/order.txt', 'utf8').trim(), { genesisHash, lookup: lookupFrom(client) });
if (!invoice.ok) throw new Error(invoice.fault.code);
const ref = Buffer.from(invoice.value.ref).toString('hex');
const over = new AbortController();
let paid;
const opened = (state) => { if (state === 'open') paid ??= payInvoice(client, { genesisHash, invoice: invoice.value, key }); };
const till = withLogin(client, { key: keyOf('till-' + invoice.value.tillNo), genesisHash });
for await (const { event, data: order } of streamOrders(till, { tillNo: invoice.value.tillNo, signal: over.signal, onConnection: opened })) {
  if (event !== 'order.paid' || order.ref !== ref) continue;
  console.log('seen', order.txHash === (await paid).txHash, order.status, order.proof.length > 0);
  over.abort();
}
`;

/** A folder of somebody else: nothing in it but the script and the package. */
function outsideFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'billcoin-outside-'));
  mkdirSync(join(folder, 'node_modules', '@billcoin'), { recursive: true });
  symlinkSync(fileURLToPath(new URL('../../../sdk', import.meta.url)), join(folder, 'node_modules', '@billcoin', 'sdk'));
  writeFileSync(join(folder, 'pay.mjs'), SCRIPT);
  return folder;
}

async function runOutside(folder: string, ...args: string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, ['pay.mjs', ...args], { cwd: folder });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = await once(child, 'exit') as [number | null];
  return { code, output };
}

t.test('a script with only the SDK pays and sees it; Ctrl-C stops the devnet; a later day goes on from there', { timeout: 560_000 }, async (t) => {
  const devnet = RunningDevnet.built();
  const folder = outsideFolder();
  t.teardown(() => {
    devnet.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  await devnet.saw(/students and cafeteria were topped up/);
  await devnet.until('an order that waits', () => existsSync(join(devnet.data, 'run', 'order.txt')));
  const api = /status +(http:\/\/127\.0\.0\.1:\d+)\//.exec(devnet.output)?.[1] ?? '';
  const { code, output } = await runOutside(folder, devnet.data, api);
  t.equal(code, 0, output);
  t.match(output, /seen true PAID_READY true/);

  t.equal(await devnet.stop(), 0, `it stops cleanly in the middle of a day: ${devnet.output.slice(-2_000)}`);
  t.notMatch(devnet.output, /was killed/, 'every part ended by itself');

  const again = devnet.again('--once');
  t.equal(await again.ended(), 0, again.output);
  t.match(again.output, /Going on with billcoin-devnet/);
  t.match(again.output, /Day 2: every sum agrees\./);
});
