/** The raw export of a real node, and its recount by a program that knows SPEC.md and none of our code (SPEC §14). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { batchKeyOf, DAY_MS, formatAddress, sha256, utf8 } from '@billcoin/protocol';
import { addSignature, buildRedeem, createClient, encodeTransaction, exportMilkSales, getAccount, getReserve, withLogin } from '@billcoin/sdk';
import { runCli } from '../../src/cli/cli.ts';
import type { Config } from '../../src/config.ts';
import { sdkKey } from '../support/campusWorld.ts';
import { nextBlock, runNode, submitFinal, type TestNode } from '../support/runNode.ts';
import { dateOf, KEYS, keyOf, makeTestFolders, TxMaker, type Key } from '../support/testNetwork.ts';

const RECOUNT = fileURLToPath(new URL('../../../scripts/audit/recount.py', import.meta.url));
const python = spawnSync('python3', ['--version']).error === undefined;
/** Debian has it and `npm test` installs it; elsewhere it may be missing. */
const skip = python ? false : 'python3 is not on this machine';

/** On the chain that the tests make. */
const TRANSACTIONS = 30;
const FARM = formatAddress(KEYS.farm.address);

type Line = Readonly<Record<string, unknown>>;

interface Ran {
  readonly code: number;
  readonly text: string;
  readonly output: string;
}

async function cli({ genesis, dataDir, keyDir }: Config, ...args: string[]): Promise<Ran> {
  const lines: string[] = [];
  const output = new PassThrough();
  const chunks: Buffer[] = [];
  output.on('data', (chunk: Buffer) => void chunks.push(chunk));
  const code = await runCli([...args, '--genesis', genesis, '--data-dir', dataDir, '--key-dir', keyDir], {}, { print: (line) => void lines.push(line), complain: (line) => void lines.push(line), output, stopAsked: () => Promise.resolve() });
  return { code, text: lines.join('\n'), output: Buffer.concat(chunks).toString() };
}

function linesOf(text: string): readonly Line[] {
  return text.trimEnd().split('\n').map((line) => JSON.parse(line) as Line);
}

interface Chain {
  readonly config: Config;
  readonly root: string;
  /** What the node itself says of the month. */
  readonly csv: string;
  readonly farmMl: string;
  readonly supplyMl: string;
  readonly gapMl: string;
}

/** Five payments make a coupon under the name of the first. */
async function payFive(maker: TxMaker, payer: Key, send: (bytes: Uint8Array) => Promise<unknown>): Promise<Uint8Array> {
  const pays = [1, 2, 3, 4, 5].map((no) => maker.pay(payer, maker.invoice(`carton ${no}`)));
  for (const bytes of pays) await send(bytes);
  return maker.parse(pays[0] as Uint8Array).txId;
}

/** Opens a lot of the plant's meter and mints all of it. */
async function mintLot(maker: TxMaker, send: (bytes: Uint8Array) => Promise<unknown>, lot: string, totalFrom: bigint, volumeMl: bigint, lifeMs: number): Promise<Uint8Array> {
  const opening = {
    lot: utf8(lot), productionDate: dateOf(maker.genesis.spec.timeMs), expiresAtMs: Date.now() + lifeMs, claimMl: volumeMl, meter: new Uint8Array(16).fill(0x51), totalFrom, totalTo: totalFrom + volumeMl,
    shares: [{ farm: KEYS.farm.address, weightMl: 1n }], manifestHash: new Uint8Array(32), attempt: 1,
  };
  const batch = batchKeyOf(KEYS.plant.address, opening.lot, opening.productionDate);
  await send(maker.tx(KEYS.plant, { case: 'openBatch', value: opening }));
  await send(maker.tx(KEYS.oracle, { case: 'attest', value: { batch, attempt: 1, volumeMl, reject: 0, readingsRoot: new Uint8Array(32).fill(7), profileHash: new Uint8Array(32).fill(0x0f) } }));
  return batch;
}

/** Bond, hold, write-off, recall and expiry: litres that go another way than by delivery. */
async function endMilk(maker: TxMaker, node: TestNode, send: (bytes: Uint8Array) => Promise<unknown>): Promise<void> {
  const bond = (name: 'bondDeposit' | 'bondWithdraw', amountMl: bigint): Promise<unknown> => send(maker.tx(KEYS.plant, { case: name, value: { amountMl } }, { feeMl: 1n }));
  await send(maker.transfer(KEYS.farm, KEYS.plant.address, 3_000n));
  await bond('bondDeposit', 2_000n);
  await bond('bondWithdraw', 500n);
  const [spilt, recalled] = [await mintLot(maker, send, 'LOT-2', 100_000n, 4_000n, DAY_MS), await mintLot(maker, send, 'LOT-3', 104_000n, 700n, DAY_MS)];
  for (const held of [1, 0]) await send(maker.tx(KEYS.regulator, { case: 'holdBatch', value: { batch: spilt, held } }));
  await send(maker.tx(KEYS.plant, { case: 'writeOffBatch', value: { batch: spilt } }));
  await send(maker.tx(KEYS.regulator, { case: 'recallBatch', value: { batch: recalled } }));
  await send(maker.transfer(KEYS.farm, KEYS.plant.address, 1_000n));
  await bond('bondDeposit', 800n); // all of it repays
  await mintLot(maker, send, 'LOT-4', 104_700n, 1_100n, 1_500);
  const endsMs = Date.now() + 1_500;
  await nextBlock(node.port, ({ timeMs }) => timeMs > endsMs);
}

/** A day of a small campus on a real node that was stopped in order. */
async function makeChainOnDisk(test: Test): Promise<Chain> {
  const folders = await makeTestFolders({ params: { idleBlockIntervalMs: 300 } });
  test.teardown(() => folders.remove());
  const { config, genesis, root } = folders;
  const { password } = JSON.parse((await cli(config, 'users', 'add', 'the-auditor', 'auditor', '--json')).text) as { readonly password: string };
  const node = await runNode(config);
  test.teardown(() => node.stop());
  const maker = new TxMaker(genesis);
  const ali = keyOf('ali');
  const send = (bytes: Uint8Array): Promise<unknown> => submitFinal(node.port, bytes);
  for (const bytes of maker.mint(100_000n)) await send(bytes);
  await send(maker.transfer(KEYS.farm, ali.address, 5_000n));
  await send(maker.transfer(KEYS.farm, KEYS.cafeteria.address, 10_000n));
  const couponId = await payFive(maker, ali, send);
  const invoice = maker.invoice('with coupon', { amountMl: 500n, sen: 300n });
  const { validUntilMs } = maker.parse(maker.pay(ali, invoice)).body;
  await send(maker.tx(ali, { case: 'pay', value: { invoice, couponId } }, { salt: undefined, validUntilMs }));
  await send(maker.tx(KEYS.till, { case: 'refund', value: { tillNo: 1, ref: sha256(utf8('with coupon')).slice(0, 10), amountMl: 50n } }));
  const batch = batchKeyOf(KEYS.plant.address, utf8('LOT-1'), dateOf(genesis.spec.timeMs));
  const redeem = buildRedeem({ genesisHash: genesis.genesisHash, validUntilMs: Date.now() + 60_000, holder: KEYS.cafeteria.address, batch, amountMl: 2_500n, noteHash: sha256(utf8('note')) });
  await send(encodeTransaction([sdkKey(KEYS.cafeteria), sdkKey(KEYS.plant)].reduce(addSignature, redeem)));
  await send(maker.tx(KEYS.campus, { case: 'registerTill', value: { tillNo: 2, merchant: KEYS.cafeteria.address, publicKey: keyOf('till 2').publicKey } }));
  await send(maker.tx(KEYS.cafeteria, { case: 'revokeTill', value: { tillNo: 2 } }, { feeMl: 1n }));
  await send(maker.voidInvoice(maker.invoice('nobody came')));
  await endMilk(maker, node, send);
  const auditor = withLogin(createClient({ baseUrl: node.url }), { username: 'the-auditor', password });
  const csv = await exportMilkSales(auditor, { month: new Date().toISOString().slice(0, 7) });
  const [{ litres }, { supply, gap }] = [await getAccount(auditor, { address: FARM }), await getReserve(auditor)];
  const locked = await cli(config, 'export-blocks');
  test.equal(locked.code, 1);
  test.match(locked.text, /in use by process \d+\. Stop that process first/, 'a running node is not read from');
  await node.stop();
  test.same(node.halts, []);
  const ml = (text: string): string => String(BigInt(text.replace('.', '')));
  return { config, root, csv, farmMl: ml(litres), supplyMl: ml(supply), gapMl: ml(gap) };
}

/** Sum of the column Amount (RM), sen. */
function senOf(csv: string): number {
  return csv.trimEnd().split('\r\n').slice(1).reduce((sum, row) => sum + Number((row.split(',')[3] ?? '').replace('.', '')), 0);
}

function recount(...args: string[]): { readonly code: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync('python3', [RECOUNT, ...args], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

async function writesLines(t: Test, { config, root, supplyMl, gapMl }: Chain): Promise<void> {
  const file = join(root, 'chain.jsonl');
  const ran = await cli(config, 'export-blocks', '--out', file);
  t.equal(ran.code, 0, ran.text);
  t.match(ran.text, /^Blocks 1 to \d+ with 30 transactions and \d+ state rows are in .*chain\.jsonl/);
  t.equal((await stat(file)).mode & 0o777, 0o600, 'addresses are a diet');
  const lines = linesOf(await readFile(file, 'utf8'));
  const of = (name: string): readonly Line[] => lines.filter(({ line }) => line === name);
  t.match(lines[0], { line: 'genesis', format: 1, text: /^\{"checkpointKeys":/ });
  t.match(lines.at(-1), { line: 'end', blocks: of('block').length, transactions: TRANSACTIONS, rows: of('row').length });
  t.match(of('tx').find(({ body }) => (body as { kind: { case: string } }).kind.case === 'redeem'), {
    code: 0, fault: null, body: { kind: { value: { amountMl: '2500' } } }, did: [{ case: 'redeemed', value: { availableMl: '97500' } }],
  });
  t.match(of('row').find(({ row }) => row === 'supply'), { key: '21', fields: { supplyMl, owedMl: gapMl } });

  const piped = await cli(config, 'export-blocks');
  t.equal(piped.code, 0, piped.text);
  t.equal(piped.output, await readFile(file, 'utf8'), 'standard output gets the same bytes');
  t.equal(piped.text, '', 'and nothing but data');

  const part = await cli(config, 'export-blocks', '--from', '2', '--to', '3');
  t.same(linesOf(part.output).filter(({ line }) => line === 'block').map(({ height }) => height), [2, 3]);
  t.match(linesOf(part.output).at(-1), { line: 'end', blocks: 2 }, 'no state of the past is on disk');
  for (const [args, found] of [[['--to', '999'], /--to is 999, the blocks end at \d+/], [['--from', '3', '--to', '2'], /--from is 3, the range ends at 2/]] as const) {
    const refused = await cli(config, 'export-blocks', ...args);
    t.equal(refused.code, 2);
    t.match(refused.text, found);
    const ranged = await cli(config, 'export-blocks', ...args, '--out', `${file}.part`);
    t.equal(ranged.code, 2);
    t.notOk(existsSync(`${file}.part`), 'a wrong range leaves no file in the way of the right one');
  }
  const twice = await cli(config, 'export-blocks', '--out', file);
  t.equal(twice.code, 1);
  t.match(twice.text, /chain\.jsonl exists already and is never overwritten/);
}

async function recountsTheSame(t: Test, { config, root, csv, farmMl, supplyMl, gapMl }: Chain): Promise<void> {
  const file = join(root, 'recount.jsonl');
  t.equal((await cli(config, 'export-blocks', '--out', file)).code, 0);
  const { code, out, err } = recount(file, '--balance', FARM);
  t.equal(code, 0, err);
  const summary = JSON.parse(out) as { readonly sales: Readonly<Record<string, Readonly<Record<string, { readonly ownSen: number; readonly refundedSen: number }>>>>; readonly signatures: number };
  t.match(summary, { transactions: TRANSACTIONS, supplyMl, gapMl, mintedMl: '105800', redeemedMl: '2500', endedMl: '5800', balanceMl: farmMl });
  t.equal(gapMl, '1803', 'a plant that owes more than it has');
  t.ok(summary.signatures > 24, 'transactions and certificates');
  const [sums] = Object.values(Object.values(summary.sales)[0] ?? {});
  t.equal(Object.keys(Object.values(summary.sales)[0] ?? {})[0], formatAddress(KEYS.cafeteria.address));
  t.equal((sums?.ownSen ?? 0) - (sums?.refundedSen ?? 0), senOf(csv), 'the month in sen is the one of the node’s own export');

  const text = await readFile(file, 'utf8');
  const lies: readonly (readonly [string, string, string, RegExp])[] = [
    ['another amount', ...once(text, /"line":"tx".*"tx":"[0-9a-f]+/, (found) => flip(found)), /the id is the hash of its body|the signature holds|transaction root/],
    ['another result', ...once(text, /"result":"[0-9a-f]+/, (found) => flip(found)), /code and events are those of its result|result root|the id is the hash/],
    ['another header', ...once(text, /"header":"[0-9a-f]+/, (found) => flip(found)), /id and height are the header's/],
    ['another vote', ...once(text, /"certificate":"[0-9a-f]+/, (found) => flip(found)), /the signature holds/],
    ['another genesis', ...once(text, /"text":"\{/, (found) => `${found} `), /the genesis hash is the hash of its text/],
    ['another balance', ...once(text, /"line":"row","key":"01[0-9a-f]{40}","value":"08[0-9a-f]/, (found) => found.slice(0, -1) + (found.endsWith('9') ? 'a' : '9')), /the rows give the state root/],
    ['a row less', ...once(text, /\{"line":"row".*\n/, () => ''), /the state is whole/],
    ['a cut file', ...once(text, /\{"line":"end".*\n/, () => ''), /the export ends with its end line/],
    ['a transaction less', ...once(text, /\{"line":"tx".*\n/, () => ''), /has 1 transactions/],
  ];
  for (const [what, found, replaced, complaint] of lies) {
    const lie = join(root, 'lie.jsonl');
    await writeFile(lie, text.replace(found, () => replaced));
    const answer = recount(lie);
    t.equal(answer.code, 1, what);
    t.match(answer.err, complaint, what);
  }
}

/** The first place of a pattern, and what to put there. */
function once(text: string, pattern: RegExp, change: (found: string) => string): readonly [found: string, replaced: string] {
  const found = pattern.exec(text)?.[0] ?? '';
  return [found, change(found)];
}

/** Another last hex digit. */
function flip(found: string): string {
  return found.slice(0, -1) + (found.endsWith('0') ? '1' : '0');
}

t.test('the chain of a stopped node', async (t) => {
  const chain = await makeChainOnDisk(t);
  await t.test('is written as lines', (t) => writesLines(t, chain));
  await t.test('is recounted from the text alone to the same sums, and what is not so is seen', { skip }, (t) => recountsTheSame(t, chain));
});
