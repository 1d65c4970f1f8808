/** The boot table of consensus page §1.10 for a chain of one validator, on real folders of a real node. */
import { readFile, rm, writeFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { balanceOf, toHex } from '@billcoin/protocol';
import { initFolders } from '../../src/offline/init.ts';
import { verifyDatabase } from '../../src/offline/verifyDb.ts';
import { StorageFailure } from '../../src/storageFailure.ts';
import { flipBit, loseHeights, loseRow, replaceValue } from '../support/damage.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, TxMaker, makeTestFolders, type TestFolders } from '../support/testNetwork.ts';

const FAST = { minBlockIntervalMs: 0 };
const BLOCKS = 5;

interface Stopped extends TestFolders {
  readonly height: number;
  readonly tipId: string;
  readonly farmMl: bigint;
}

/** A node that made some blocks with money in them and was stopped. */
async function stoppedNode(test: Test): Promise<Stopped> {
  const folders = await makeTestFolders({ params: FAST });
  test.teardown(folders.remove);
  const node = await runNode(folders.config);
  const maker = new TxMaker(folders.genesis);
  for (const bytes of maker.mint(1_000_000n)) await submitFinal(node.port, bytes);
  for (let i = 2; i < BLOCKS; i++) await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 100n));
  await node.stop();
  return { ...folders, ...(await lookAt(folders)) };
}

/** Starts the node and reads its tip, a balance from the state, and that the index knows the account. */
async function lookAt(folders: TestFolders): Promise<{ height: number; tipId: string; farmMl: bigint }> {
  const node = await runNode(folders.config);
  try {
    const [newest] = await node.port.accountHistory(KEYS.farm.address, 1);
    if (newest === undefined) throw new Error('the index does not find the farm');
    const { height, blockId } = node.port.tip();
    return { height, tipId: toHex(blockId), farmMl: balanceOf(node.port.state(), KEYS.farm.address) };
  } finally {
    await node.stop();
  }
}

async function refusal(folders: TestFolders): Promise<StorageFailure> {
  try {
    const node = await runNode(folders.config);
    await node.stop();
  } catch (error) {
    if (error instanceof StorageFailure) return error;
    throw error;
  }
  throw new Error('the node started');
}

/** Starting again gives the same chain and the same money. */
async function startsEqual(test: Test, stopped: Stopped, what: string): Promise<void> {
  const { height, tipId, farmMl } = await lookAt(stopped);
  test.same({ height, tipId, farmMl }, { height: stopped.height, tipId: stopped.tipId, farmMl: stopped.farmMl }, what);
}

void t.test('found at boot, n = 1: state at the tip, guard at most one above: the node starts where it was', async (test) => {
  const stopped = await stoppedNode(test);
  test.equal(stopped.height, BLOCKS);
  await startsEqual(test, stopped, 'again');
  const report = await verifyDatabase(stopped.config, stopped.genesis, () => undefined);
  test.same(report, { height: BLOCKS, transactions: BLOCKS, stateHeight: BLOCKS, problems: [] });
});

void t.test('found at boot, n = 1: flat state that does not give its root, damaged or gone: state and index are rebuilt from the blocks', async (test) => {
  const stopped = await stoppedNode(test);
  const { dataDir } = stopped.config;
  await rm(join(dataDir, 'state'), { recursive: true });
  await startsEqual(test, stopped, 'state lost');
  await rm(join(dataDir, 'index'), { recursive: true });
  await startsEqual(test, stopped, 'index lost');
  await flipBit(dataDir, 'state', 's/');
  await startsEqual(test, stopped, 'a state row with a wrong checksum');
  await loseRow(dataDir, 'state', 's/\u0001');
  await startsEqual(test, stopped, 'a state row missing');
  await replaceValue(dataDir, 'state', 's/', (payload) => payload.map((byte, i) => (i === 1 ? byte ^ 1 : byte)));
  await startsEqual(test, stopped, 'a state row with another value');
  await loseRow(dataDir, 'state', 'm/tip');
  await startsEqual(test, stopped, 'the mark missing');
});

void t.test('found at boot, n = 1: state behind the tip: the blocks above it are replayed', async (test) => {
  const stopped = await stoppedNode(test);
  const old = join(stopped.root, 'old-state');
  await cp(join(stopped.config.dataDir, 'state'), old, { recursive: true });
  const node = await runNode(stopped.config);
  const maker = new TxMaker(stopped.genesis);
  await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 5n));
  const { height } = node.port.tip();
  await node.stop();
  await rm(join(stopped.config.dataDir, 'state'), { recursive: true });
  await cp(old, join(stopped.config.dataDir, 'state'), { recursive: true });
  const again = await lookAt(stopped);
  test.equal(again.height, height);
  test.equal(again.farmMl, stopped.farmMl - 6n, 'amount and fee');
});

void t.test('found at boot, n = 1: certificate without body, gap, bad checksum, state or guard above the blocks: refused, with the range and the remedy', async (test) => {
  const stopped = await stoppedNode(test);
  const backup = join(stopped.root, 'backup');
  await cp(stopped.config.dataDir, backup, { recursive: true });
  const restore = async (): Promise<void> => {
    await rm(stopped.config.dataDir, { recursive: true });
    await cp(backup, stopped.config.dataDir, { recursive: true });
  };
  const cases: readonly [string, () => Promise<void>, StorageFailure['code'], RegExp][] = [
    ['a certificate in the middle', () => loseHeights(stopped.config.dataDir, 'c/', (h) => h === 2), 'lost_records', /blocks 2 to 2/],
    ['the last certificates', () => loseHeights(stopped.config.dataDir, 'c/', (h) => h >= 4), 'lost_records', /4/],
    ['a body in the middle', () => loseHeights(stopped.config.dataDir, 'b/', (h) => h === 3), 'lost_records', /body of block 3/],
    ['the end of bodies and certificates', async () => {
      await loseHeights(stopped.config.dataDir, 'b/', (h) => h >= 4);
      await loseHeights(stopped.config.dataDir, 'c/', (h) => h >= 4);
    }, 'lost_records', /blocks 4 to 5 are lost/],
    ['all blocks and the state', async () => {
      await rm(join(stopped.config.dataDir, 'blocks'), { recursive: true });
      await rm(join(stopped.config.dataDir, 'state'), { recursive: true });
    }, 'older_than_guard', /has signed block 5, but the blocks end at 0/],
    ['a damaged certificate', () => flipBit(stopped.config.dataDir, 'blocks', 'c/'), 'damaged_value', /checksum/],
    ['a damaged body that must be replayed', async () => {
      await rm(join(stopped.config.dataDir, 'state'), { recursive: true });
      await flipBit(stopped.config.dataDir, 'blocks', 'b/');
    }, 'damaged_value', /checksum/],
  ];
  for (const [what, damage, code, found] of cases) {
    await damage();
    const failure = await refusal(stopped);
    test.equal(failure.code, code, what);
    test.match(failure.message, found, what);
    test.match(failure.message, /Restore the newest backup of the data folder/, 'names the remedy');
    await restore();
  }
  await startsEqual(test, stopped, 'the backup restored');
});

void t.test('a body that its certificate does not name is not executed', async (test) => {
  const stopped = await stoppedNode(test);
  await rm(join(stopped.config.dataDir, 'state'), { recursive: true });
  await replaceValue(stopped.config.dataDir, 'blocks', 'b/', (payload) => payload.map((byte, i) => (i === 20 ? byte ^ 1 : byte)));
  const failure = await refusal(stopped);
  test.ok(failure.code === 'diverged' || failure.code === 'damaged_value', failure.code);
});

void t.test('found at boot: written by another format version or of another network: refused untouched', async (test) => {
  const stopped = await stoppedNode(test);
  const path = join(stopped.config.dataDir, 'FORMAT');
  const written = await readFile(path, 'utf8');
  await writeFile(path, written.replace('"format":1', '"format":7'));
  const format = await refusal(stopped);
  test.equal(format.code, 'wrong_format');
  test.match(format.message, /format version 7, this release reads 1/);
  await writeFile(path, written.replace(/[0-9a-f]{64}/, 'ab'.repeat(32)));
  test.equal((await refusal(stopped)).code, 'wrong_network');
  await rm(path);
  test.equal((await refusal(stopped)).code, 'not_initialised');
});

void t.test('found at boot, n = 1, peer bug 21: key without guard: refused, and overridden only for the very next height', async (test) => {
  const stopped = await stoppedNode(test);
  await rm(join(stopped.config.keyDir, 'signguard.dat'));
  test.equal((await refusal(stopped)).code, 'no_guard');
  test.equal((await refusal({ ...stopped, config: { ...stopped.config, signFromHeight: stopped.height } })).code, 'no_guard');
  const node = await runNode({ ...stopped.config, signFromHeight: stopped.height + 1 });
  const maker = new TxMaker(stopped.genesis);
  const final = await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 5n));
  test.equal(final.height, stopped.height + 1);
  await node.stop();
});

void t.test('found at boot, n = 1: a damaged guard is a lost one; `init` beside data makes none', async (test) => {
  const stopped = await stoppedNode(test);
  const path = join(stopped.config.keyDir, 'signguard.dat');
  await rm(path);
  await test.rejects(initFolders(stopped.config, stopped.genesis), { code: 'EEXIST' });
  test.equal((await refusal(stopped)).code, 'no_guard', 'it would have forgotten what was signed');
  await writeFile(path, Buffer.alloc(65_536, 0xee));
  test.equal((await refusal(stopped)).code, 'no_guard');
  const node = await runNode({ ...stopped.config, signFromHeight: stopped.height + 1 });
  const final = await submitFinal(node.port, new TxMaker(stopped.genesis).transfer(KEYS.farm, KEYS.treasury.address, 5n));
  test.equal(final.height, stopped.height + 1);
  await node.stop();
});

void t.test('found at boot, n = 1: data without key: the only validator does not start', async (test) => {
  const stopped = await stoppedNode(test);
  await rm(join(stopped.config.keyDir, 'consensus-key.json'));
  test.equal((await refusal(stopped)).code, 'no_key');
});

void t.test('a second process on the same folders is refused and names the first', async (test) => {
  const stopped = await stoppedNode(test);
  const node = await runNode(stopped.config);
  const failure = await refusal(stopped);
  test.equal(failure.code, 'locked');
  test.match(failure.message, new RegExp(`process ${process.pid}`));
  await node.stop();
});

void t.test('verify-db finds what the start does not read', async (test) => {
  const stopped = await stoppedNode(test);
  await replaceValue(stopped.config.dataDir, 'index', 'i/tx/', (payload) => payload.map((byte, i) => (i === 7 ? byte + 1 : byte)));
  const report = await verifyDatabase(stopped.config, stopped.genesis, () => undefined);
  test.equal(report.problems.length, 1);
  test.match(report.problems[0], /does not find transaction/);
  await replaceValue(stopped.config.dataDir, 'state', 's/\u0001', (payload) => payload.map((byte, i) => (i === 1 ? byte ^ 1 : byte)));
  const again = await verifyDatabase(stopped.config, stopped.genesis, () => undefined);
  test.match(again.problems.join(), /replay gives/);
});

/** The state and the index as if nothing of them had been written yet. */
async function loseCaches({ config: { dataDir } }: TestFolders): Promise<void> {
  for (const name of ['state', 'index']) await rm(join(dataDir, name), { recursive: true });
}

void t.test('found at boot, n = 1: a body at tip + 1 without certificate, blocks ahead of the state: the same block is decided again', async (test) => {
  const stopped = await stoppedNode(test);
  await loseCaches(stopped);
  await loseHeights(stopped.config.dataDir, 'c/', (height) => height === BLOCKS);
  const node = await runNode(stopped.config);
  test.teardown(node.stop);
  const final = await submitFinal(node.port, new TxMaker(stopped.genesis).transfer(KEYS.farm, KEYS.treasury.address, 5n));
  test.equal(final.height, BLOCKS + 1);
  test.equal(await node.port.heightOfBlock(stopped.tipId), BLOCKS);
});

void t.test('found at boot, n = 1: a guard that is locked on a body that is nowhere: refused, it would stand for ever', async (test) => {
  const stopped = await stoppedNode(test);
  await loseCaches(stopped);
  for (const rows of ['b/', 'c/'] as const) await loseHeights(stopped.config.dataDir, rows, (height) => height === BLOCKS);
  const failure = await refusal(stopped);
  test.equal(failure.code, 'lost_records');
  test.match(failure.message, new RegExp(`voted for a block ${BLOCKS} that is not on this disk.*Restore the newest backup`));
});

void t.test('a record dropped from the middle of the index is seen, and the index filled again', async (test) => {
  const stopped = await stoppedNode(test);
  await loseRow(stopped.config.dataDir, 'index', 'r/');
  await startsEqual(test, stopped, 'results of a block missing');
  test.same((await verifyDatabase(stopped.config, stopped.genesis, () => undefined)).problems, []);
});

void t.test('found at boot, n = 1: key without data, guard above: init keeps the guard, and the only validator says what is lost', async (test) => {
  const stopped = await stoppedNode(test);
  await rm(stopped.config.dataDir, { recursive: true });
  test.equal((await refusal(stopped)).code, 'not_initialised');
  test.match(await initFolders(stopped.config, stopped.genesis), { isValidator: true, keptGuardHeight: BLOCKS });
  const failure = await refusal(stopped);
  test.equal(failure.code, 'older_than_guard');
  test.match(failure.message, /blocks 1 to 4 are lost.*Restore the newest backup/);
});

void t.test('a torn or half damaged guard is whole; an old one under newer blocks signs only above them', async (test) => {
  const stopped = await stoppedNode(test);
  const path = join(stopped.config.keyDir, 'signguard.dat');
  const old = await readFile(path);
  const node = await runNode(stopped.config);
  const maker = new TxMaker(stopped.genesis);
  await submitFinal(node.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 1n));
  await node.stop();
  const newest = await readFile(path);
  for (const [what, from] of [['the first sector of a copy', 0], ['a sector of the other copy', 16_384], ['a sector of the other slot', 32_768]] as const) {
    await writeFile(path, Buffer.concat([newest.subarray(0, from), Buffer.alloc(512, 0xee), newest.subarray(from + 512)]));
    const again = await runNode(stopped.config);
    test.equal(again.port.tip().height, BLOCKS + 1, what);
    await again.stop();
  }
  await writeFile(path, old);
  const older = await runNode(stopped.config);
  const final = await submitFinal(older.port, maker.transfer(KEYS.farm, KEYS.treasury.address, 2n));
  test.equal(final.height, BLOCKS + 2);
  await older.stop();
  await writeFile(path, Buffer.alloc(newest.length, 0xee));
  test.equal((await refusal(stopped)).code, 'no_guard');
});
