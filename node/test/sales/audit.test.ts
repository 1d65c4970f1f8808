import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { verifyEd25519 } from '@billcoin/protocol';
import type { RawBlock, SignedExportManifest } from '@billcoin/sdk';
import { auditExport, type ExportFindings } from '../../src/sales/auditExport.ts';
import { differenceText, ExportComparer, UNMATCHED_MAX, type Difference } from '../../src/sales/compareExport.ts';
import { exportLines } from '../../src/sales/csvFile.ts';
import { saleBookOfGenesis, type SoldBlock } from '../../src/sales/saleBook.ts';
import { linkedBlocks, rawBlockOf } from '../../src/sales/soldBlock.ts';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { buy, csvOf, transferBack, utc } from './support.ts';

const [ali, siti, cafeteria] = [wallet('ali'), wallet('siti'), sdkKey(KEYS.cafeteria)];

async function* blocksOf({ chain }: World): AsyncGenerator<SoldBlock> {
  for (let height = 1; height <= chain.tip().height; height++) {
    const block = await chain.readFinal(height);
    if (block !== undefined) yield block;
  }
}

async function* eachOf<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

async function manifestOf(world: World, month: string, tz: string): Promise<SignedExportManifest> {
  const made = await world.campus.sales.manifest({ month, tz });
  if (!made.ok) throw new Error(made.code);
  return made.signed;
}

interface Audited extends ExportFindings {
  readonly found: readonly Difference[];
}

async function audit(world: World, lines: Iterable<string>, signed: SignedExportManifest, more: { readonly publicKey?: Uint8Array; readonly blocks?: AsyncIterable<SoldBlock> } = {}): Promise<Audited> {
  const found: Difference[] = [];
  const { genesis, genesisHash } = world.chain;
  const findings = await auditExport({ genesisHash, verify: verifyEd25519, book: saleBookOfGenesis(genesis.spec), blocks: blocksOf(world), lines: eachOf(lines), signed, onDifference: (difference) => found.push(difference), ...more });
  return { ...findings, found };
}

/** April and May in UTC, with every kind of row; the month of Malaysia ends eight hours earlier. */
async function twoMonths(t: Test): Promise<World> {
  const world = await openWorld(t, { startMs: utc('2026-04-29T08:00:00Z') });
  await world.fund(30_000n, ali, siti, cafeteria);
  const { ref } = await buy(world, ali);
  await buy(world, siti);
  const stray = await world.transfer(siti, cafeteria.address, 1_001n);
  await world.block();
  await world.refund(ref, 100n);
  await world.block();
  await world.block(utc('2026-04-30T15:59:00Z') - world.nowMs);
  await buy(world, ali);
  await world.block(utc('2026-04-30T16:00:00Z') - world.nowMs);
  await buy(world, siti);
  await transferBack(world, cafeteria, siti.address, 500n, stray.slice(0, 32));
  await world.block();
  await world.block(utc('2026-05-01T00:00:00Z') - world.nowMs);
  await buy(world, ali);
  await buy(world, siti);
  return world;
}

const linesOf = async (world: World, month: string, tz: string): Promise<string[]> => (await csvOf(world, month, tz)).split('\r\n').slice(1, -1);
const kinds = ({ found }: Audited): readonly string[] => found.map((one) => `${one.kind} ${'line' in one ? one.line : one.expectedLine}`);

t.test('an export is what the chain says, in every zone; of a running month up to the block of its manifest', async (t) => {
  const world = await twoMonths(t);
  for (const [month, tz, rows] of [['2026-04', 'UTC', 7], ['2026-05', 'UTC', 2], ['2026-04', 'Asia/Kuala_Lumpur', 5], ['2026-05', 'Asia/Kuala_Lumpur', 4], ['2026-03', 'UTC', 0]] as const) {
    const signed = await manifestOf(world, month, tz);
    t.same(await audit(world, await linesOf(world, month, tz), signed), { rows, differences: 0, manifest: [], partial: month === '2026-05', found: [] }, `${month} ${tz}`);
  }
  const lines = await linesOf(world, '2026-05', 'UTC');
  const signed = await manifestOf(world, '2026-05', 'UTC');
  await buy(world, ali);
  t.match(await audit(world, lines, signed), { rows: 2, differences: 0, manifest: [], partial: true }, 'what came later is not missing');
});

t.test('each altered cell is named, whichever it is', async (t) => {
  const world = await twoMonths(t);
  const lines = await linesOf(world, '2026-04', 'UTC');
  const signed = await manifestOf(world, '2026-04', 'UTC');
  const columns = signed.manifest.columns;
  for (const [column, value] of [[1, '2026-04-29T08:00:59Z'], [3, '1.90'], [3, '-1.80'], [4, 'bill1q...aaaa'], [5, 'ab'.repeat(32)], [6, 'Refunded'], [2, 'a student by name'], [2, '=1+1']] as const) {
    const changed = lines.with(1, (lines[1] ?? '').split(',').with(column, value).join(','));
    const audited = await audit(world, changed, signed);
    t.match(audited, { differences: 1, found: [{ kind: 'altered', line: 3, column: columns[column], found: value }], manifest: [/root is another/] }, `${columns[column] ?? ''} ${value}`);
  }
  const [first = '', second = ''] = lines;
  t.same(kinds(await audit(world, lines.with(0, first.split(',').with(0, 'ab'.repeat(32)).join(',')), signed)), ['missing 2', 'added 2'], 'another id is another row');
  t.same(kinds(await audit(world, lines.with(1, `"${second.split(',').join('","')}"`), signed)), ['form 3'], 'the same values in quotes');
  t.same(kinds(await audit(world, lines.with(1, `${second},more`), signed)), ['unreadable 3', 'missing 3']);

  const pseudonym = lines.with(0, first.split(',').with(2, 'ab'.repeat(16)).join(','));
  t.match(await audit(world, pseudonym, signed), { differences: 0, manifest: [/root is another\. Where nothing else differs, a pseudonym was changed/] }, 'only the signature knows pseudonyms');
});

t.test('missing, added, doubled and moved rows are told apart, each once', async (t) => {
  const world = await twoMonths(t);
  const lines = await linesOf(world, '2026-04', 'UTC');
  const other = await linesOf(world, '2026-05', 'UTC');
  const signed = await manifestOf(world, '2026-04', 'UTC');
  const differs = async (changed: readonly string[]): Promise<readonly string[]> => kinds(await audit(world, changed, signed));
  for (let i = 0; i < lines.length; i++) t.same(await differs(lines.toSpliced(i, 1)), [`missing ${i + 2}`]);
  t.same(await differs(lines.toSpliced(1, 3)), ['missing 3', 'missing 4', 'missing 5']);
  t.same(await differs([]), lines.map((_, i) => `missing ${i + 2}`));
  for (let i = 0; i <= lines.length; i++) t.same(await differs(lines.toSpliced(i, 0, other[0] ?? '')), [`added ${i + 2}`]);
  t.match((await audit(world, [...lines, ...other], signed)).found, [{ kind: 'added', ofOtherMonth: true }, { kind: 'added', ofOtherMonth: true }]);
  for (let i = 0; i < lines.length; i++) t.same(await differs(lines.toSpliced(i, 0, lines[i] ?? '')), [`added ${i + 3}`], 'doubled');
  for (let i = 0; i + 1 < lines.length; i++) t.same(await differs(lines.toSpliced(i, 2, lines[i + 1] ?? '', lines[i] ?? '')), [`moved ${i + 3}`], 'two neighbours swapped');
  t.same((await differs(lines.with(0, lines[5] ?? '').with(5, lines[0] ?? ''))).map((text) => text.split(' ')[0]), ['moved', 'moved']);
  t.same(await differs([...lines.slice(1, 4), ...lines.slice(5), other[0] ?? '']), ['missing 2', 'missing 6', 'added 7'], 'several at once');
});

t.test('the file of another month or zone is found out, and so is a manifest that was changed', async (t) => {
  const world = await twoMonths(t);
  const lines = await linesOf(world, '2026-04', 'UTC');
  const signed = await manifestOf(world, '2026-04', 'UTC');
  const may = await audit(world, await linesOf(world, '2026-05', 'UTC'), signed);
  t.same([may.differences, may.found.filter(({ kind }) => kind === 'missing').length], [9, 7]);
  t.same(kinds(await audit(world, await linesOf(world, '2026-04', 'Asia/Kuala_Lumpur'), signed)), ['missing 7', 'missing 8']);
  t.ok((await audit(world, lines, await manifestOf(world, '2026-04', 'Asia/Kuala_Lumpur'))).found.every((one) => one.kind === 'added' && one.ofOtherMonth));

  const changed = async (over: Partial<SignedExportManifest['manifest']>): Promise<readonly string[]> => (await audit(world, lines, { ...signed, manifest: { ...signed.manifest, ...over } })).manifest;
  for (const over of [{ sumRm: '1.00' }, { sumLitres: '1.000' }, { rows: 8 }, { from: '2026-04-02T00:00:00Z' }, { firstBlock: 2 }, { columns: ['a'] }]) {
    const [name = ''] = Object.keys(over);
    const problems = await changed(over);
    t.equal(problems.length, 2, name);
    t.match(problems, [/signature of the manifest does not verify/, new RegExp(`says ${name}`)]);
  }
  t.match(await changed({ pseudonymKeyId: '00'.repeat(8) }), [/signature/]);
  t.match((await audit(world, lines, { ...signed, signature: '00'.repeat(64) })).manifest, [/signature/]);
  t.match((await audit(world, lines, signed, { publicKey: new Uint8Array(32) })).manifest, [/not the key that you named/]);
  t.match(await changed({ lastBlock: 1_000 }), [/signature/, /says lastBlock 1000, the chain says/]);
  const running = await manifestOf(world, '2026-05', 'UTC');
  await t.rejects(audit(world, lines, { ...running, manifest: { ...running.manifest, lastBlock: 1_000 } }), { name: 'CannotAudit', message: /up to block 1000, the blocks here end at/ });
  await t.rejects(audit(world, lines, { ...signed, manifest: { ...signed.manifest, tz: 'Mars/Olympus' } }), { name: 'CannotAudit', message: /does not know/ });
});

t.test('blocks of an API are believed as far as they are linked to a header that is', async (t) => {
  const world = await twoMonths(t);
  const { chain } = world;
  const lines = await linesOf(world, '2026-04', 'UTC');
  const signed = await manifestOf(world, '2026-04', 'UTC');
  const { height: last, blockId: lastId } = chain.tip();
  const read = async (height: number): Promise<RawBlock> => {
    const block = await chain.readFinal(height);
    if (block === undefined) throw new Error(`${height}`);
    return rawBlockOf(block);
  };
  const through = (lie: (block: RawBlock) => RawBlock): Promise<Audited> => audit(world, lines, signed, { blocks: linkedBlocks(chain.genesisHash, { last, lastId, read: async (height) => [lie(await read(height))] }) });
  t.match(await through((block) => block), { rows: 7, differences: 0, manifest: [] });
  const sold = (await read(last)).transactions[0];
  await t.rejects(through((block) => ({ ...block, transactions: [] })), { message: /are not the ones of its header/ });
  await t.rejects(through((block) => ({ ...block, transactions: block.transactions.map((tx) => ({ ...tx, events: '' })) })), { message: /is not the one of its result/ });
  await t.rejects(through((block) => ({ ...block, transactions: sold === undefined ? [] : block.transactions.map(() => sold) })), { name: 'CannotAudit' });
  const pages = linkedBlocks(chain.genesisHash, { last, lastId, read: async (height) => Promise.all([height, height + 1].filter((one) => one <= last).map(read)) });
  t.match(await audit(world, lines, signed, { blocks: pages }), { rows: 7, differences: 0, manifest: [] }, 'two at a time');
  await t.rejects(audit(world, lines, signed, { blocks: linkedBlocks(chain.genesisHash, { last, lastId, read: async () => [] }) }), { message: /Block 1 is not given/ });
  const [third, sixth] = [await read(3), await read(6)];
  await t.rejects(through((block) => (block.height === 6 ? third : block)), { name: 'CannotAudit' });
  await t.rejects(through((block) => (block.height === 6 ? { ...sixth, header: 'AA' } : block)), { message: /header of block 6 cannot be read/ });
  await t.rejects(audit(world, lines, signed, { blocks: linkedBlocks(chain.genesisHash, { last, lastId: new Uint8Array(32), read: async (height) => [await read(height)] }) }), { message: /not the one that is final/ });
});

t.test('a file is read line by line, whatever its parts; what is no export is refused', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-export-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const world = await twoMonths(t);
  const csv = await csvOf(world, '2026-04');
  const path = join(folder, 'export.csv');
  const read = async (content: string): Promise<readonly string[]> => {
    await writeFile(path, content);
    const lines: string[] = [];
    for await (const line of exportLines(path)) lines.push(line);
    return lines;
  };
  const lines = csv.split('\r\n').slice(1, -1);
  t.same(await read(csv), lines);
  t.same(await read(`\ufeff${csv}`), lines, 'with a byte order mark');
  t.same((await read(csv.slice(0, -3))).slice(0, -1), lines.slice(0, -1));
  const signed = await manifestOf(world, '2026-04', 'UTC');
  t.same(kinds(await audit(world, await read(csv.slice(0, -2)), signed)), ['unreadable 8', 'missing 8'], 'the last line has no end: the file was cut');
  await t.rejects(read(''), { name: 'CannotAudit' });
  await t.rejects(read(csv.replaceAll('\r\n', '\n')), { name: 'CannotAudit' }, 'other line ends');
  await t.rejects(read(csv.replace('Amount', 'Sum')), { name: 'CannotAudit' });
});

t.test('a file of other rows altogether is given up, not held in memory', async (t) => {
  const comparer = new ExportComparer({ fromMs: 0, toMs: 1 }, () => undefined);
  t.throws(() => {
    for (let i = 0; i <= UNMATCHED_MAX; i++) comparer.line(`${i},,,,,,`);
  }, { name: 'TooDifferent' });
});

t.test('differences are sentences', async (t) => {
  const txHash = 'ab';
  t.equal(differenceText({ kind: 'altered', line: 3, txHash, column: 'Amount (RM)', found: '1.90', expected: '1.80' }), 'Line 3 (ab): Amount (RM) is "1.90", the chain says "1.80".');
  t.match(differenceText({ kind: 'missing', expectedLine: 4, txHash, amount: '1.80' }), /Missing \(ab\): the chain has it in line 4, RM 1\.80\./);
  t.match(differenceText({ kind: 'moved', line: 3, txHash, expectedLine: 4 }), /Line 3 \(ab\): the chain has this row in line 4\./);
  t.match(differenceText({ kind: 'added', line: 3, txHash, ofOtherMonth: true }), /of another one/);
  t.match(differenceText({ kind: 'form', line: 3, txHash }), /bytes/);
  t.match(differenceText({ kind: 'unreadable', line: 3, text: 'x' }), /has not the 7 cells/);
});
