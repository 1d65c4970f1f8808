/** Snapshots that are kept for newcomers: how many, how large, and what a crash leaves of them. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { decode, peerMessages, sha256, toHex, utf8 } from '@billcoin/protocol';
import { systemClock } from '../../src/clock.ts';
import { isSnapshotHeight, SnapshotMaker } from '../../src/join/snapshotMaker.ts';
import { makeLog } from '../../src/log.ts';
import { makeBlockStore } from '../../src/storage/blockStore.ts';
import { openLevelStore } from '../../src/storage/levelStore.ts';
import { openSnapshotShelf, type SnapshotParts } from '../../src/storage/snapshotShelf.ts';
import { makeStateStore } from '../../src/storage/stateStore.ts';
import { runMinted } from '../support/mintedNode.ts';
import { submitFinal } from '../support/runNode.ts';
import { KEYS, keyOf } from '../support/testNetwork.ts';

const HOUR_MS = 3_600_000;
const PLENTY = { count: 16, bytes: 2 ** 40 };

function logged(): { readonly lines: string[]; readonly log: ReturnType<typeof makeLog> } {
  const lines: string[] = [];
  return { lines, log: makeLog({ level: 'info', nodeName: 'n', write: (line) => lines.push(line) }) };
}

async function emptyFolder(test: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-shelf-'));
  test.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a node of a few blocks hands over for a snapshot of its newest one, as often as it is asked. */
async function source(test: Test): Promise<(shelf: { add(...parts: [SnapshotParts[1], Uint8Array, SnapshotParts[3]]): Promise<void> }, height?: number) => Promise<void>> {
  const { folders, node, maker } = await runMinted(test);
  for (let i = 0; i < 3; i++) await submitFinal(node.port, maker.transfer(KEYS.farm, keyOf(`account ${i}`).address, 100n));
  const { height, headerBytes, certificate } = node.port.tip();
  const set = node.port.validators;
  await node.stop();
  const store = await openLevelStore({ name: 'state', folder: join(folders.config.dataDir, 'state'), onFailure: () => undefined });
  const blocks = await openLevelStore({ name: 'blocks', folder: join(folders.config.dataDir, 'blocks'), onFailure: () => undefined });
  test.teardown(() => store.close());
  test.teardown(() => blocks.close());
  if (certificate === undefined) throw new Error('there is a block');
  const block = await makeBlockStore(blocks).read(height);
  const state = makeStateStore(store);
  return async (shelf, named = height) => {
    const about = { genesisHash: folders.genesis.genesisHash, height: named, lightBlock: { header: headerBytes, certificate, validators: set, nextValidators: undefined }, validatorsSince: 0 };
    await shelf.add(about, block?.blockBytes ?? new Uint8Array(0), state.rows());
  };
}

void t.test('every so many blocks, and the first block of an hour, wherever a node stands', async (test) => {
  test.equal(isSnapshotHeight({ height: 10, timeMs: 5 }, 4, 10), true);
  test.equal(isSnapshotHeight({ height: 11, timeMs: 5 }, 4, 10), false);
  test.equal(isSnapshotHeight({ height: 11, timeMs: HOUR_MS }, HOUR_MS - 1, 10), true);
  test.equal(isSnapshotHeight({ height: 12, timeMs: HOUR_MS + 1 }, HOUR_MS, 10), false);
});

void t.test('a node that catches up makes none, and one at a time is made', async (test) => {
  const shelf = await openSnapshotShelf(await emptyFolder(test), PLENTY, logged().log);
  const { lines, log } = logged();
  const maker = new SnapshotMaker({ shelf, everyBlocks: 10, clock: systemClock, log });
  const nowMs = Date.now();
  test.equal(maker.isDue({ height: 10, timeMs: nowMs }, nowMs), true);
  test.equal(maker.isDue({ height: 10, timeMs: nowMs - HOUR_MS }, nowMs - 2 * HOUR_MS), false, 'an hour old');
  let give: (rows: undefined) => void = () => undefined;
  const block = { height: 10, timeMs: nowMs } as Parameters<SnapshotMaker['make']>[0]['block'];
  maker.make({ block } as Parameters<SnapshotMaker['make']>[0], { rowsAt: () => new Promise((resolve) => { give = resolve; }) });
  test.equal(maker.isDue({ height: 20, timeMs: nowMs }, nowMs), false, 'busy');
  give(undefined);
  await maker.settled();
  test.match(lines, [/No snapshot could be made/], 'and a failure is told, not thrown');
  test.equal(maker.isDue({ height: 20, timeMs: nowMs }, nowMs), true);
});

void t.test('the newest are kept, by count and by bytes; what was dropped is not served', async (test) => {
  const add = await source(test);
  const { lines, log } = logged();
  const folder = await emptyFolder(test);
  const shelf = await openSnapshotShelf(folder, { count: 2, bytes: 2 ** 40 }, log);
  for (const height of [10, 20, 30, 30]) await add(shelf, height);
  test.same(shelf.offers.map(({ height }) => height), [20, 30]);
  test.same((await readdir(folder)).sort(), ['20', '30']);
  const [older, newest] = shelf.offers;
  const manifest = decode(peerMessages.SnapshotManifest, shelf.manifest(newest?.id ?? new Uint8Array(0)) ?? new Uint8Array(0));
  test.match(manifest, { ok: true, value: { height: 30, validatorsSince: 0 } });
  test.equal(toHex(sha256(shelf.manifest(newest?.id ?? new Uint8Array(0)) ?? new Uint8Array(0))), toHex(newest?.id ?? new Uint8Array(0)));
  test.equal(toHex(sha256(await shelf.part(newest?.id ?? new Uint8Array(0), 1) ?? new Uint8Array(0))), manifest.ok ? toHex(manifest.value.chunkHashes[0] ?? new Uint8Array(0)) : '');
  test.equal(await shelf.part(newest?.id ?? new Uint8Array(0), 2), undefined, 'there are two parts');
  test.equal(await shelf.part(new Uint8Array(32), 0), undefined);

  const one = shelf.bytes / 2;
  const again = await openSnapshotShelf(folder, { count: 2, bytes: Math.ceil(one) }, log);
  test.same(again.offers.map(({ height }) => height), [30], 'bytes bind at the start too');
  test.equal(await shelf.part(older?.id ?? new Uint8Array(0), 0), undefined, 'dropped under the feet of a reader');
  const tiny = await openSnapshotShelf(folder, { count: 2, bytes: 100 }, log);
  test.same(tiny.offers, []);
  test.match(lines.at(-1), /larger than --snapshots-mib/);
});

void t.test('what a crash left is deleted; nothing is kept where none is wanted', async (test) => {
  const add = await source(test);
  const { lines, log } = logged();
  const folder = await emptyFolder(test);
  await add(await openSnapshotShelf(folder, PLENTY, log), 10);
  await cp(join(folder, '10'), join(folder, '20.making'), { recursive: true });
  await cp(join(folder, '10'), join(folder, '30'), { recursive: true });
  await rm(join(folder, '30', 'manifest.json'));
  await cp(join(folder, '10'), join(folder, '40'), { recursive: true });
  await rm(join(folder, '40', '000000.rows'));
  await mkdir(join(folder, 'mine'));
  await writeFile(join(folder, 'mine', 'note'), 'not of this program');
  test.same((await openSnapshotShelf(folder, PLENTY, log)).offers.map(({ height }) => height), [10]);
  test.same((await readdir(folder)).sort(), ['10', 'mine']);
  test.equal(lines.filter((line) => line.includes('is not whole and is deleted')).length, 2);
  test.same((await openSnapshotShelf(folder, { count: 0, bytes: 2 ** 40 }, log)).offers, []);
  test.same(await readdir(folder), ['mine']);
});

void t.test('rows that are not those of the block make no snapshot', async (test) => {
  const add = await source(test);
  const { log } = logged();
  const folder = await emptyFolder(test);
  const shelf = await openSnapshotShelf(folder, PLENTY, log);
  const lying = { add: (about: SnapshotParts[1], block: Uint8Array) => shelf.add(about, block, (async function* rows() { yield { key: utf8('x'), value: utf8('y') }; })()) };
  await test.rejects(add(lying, 10), { code: 'damaged_value', message: /cannot be made: the rows on disk give the state root/ });
  test.same(shelf.offers, []);
});

void t.test('rows are read as they were when it was asked, whatever is written meanwhile', async (test) => {
  const folder = await emptyFolder(test);
  const store = await openLevelStore({ name: 'state', folder, onFailure: () => undefined });
  test.teardown(() => store.close());
  const state = makeStateStore(store);
  const mark = (height: number) => ({ height, blockId: new Uint8Array(32), stateRoot: new Uint8Array(32), flushNo: height });
  const rows = (value: string) => Array.from({ length: 3_000 }, (_, i) => ({ key: utf8(`row ${i}`), value: utf8(`${value} ${i}`) }));
  test.equal(await state.rowsAt(1), undefined, 'an empty store');
  await state.flush(rows('old'), mark(7), undefined);
  test.equal(await state.rowsAt(6), undefined);
  const reading = state.rowsAt(7);
  await state.flush([...rows('new').slice(0, 2_999), { key: utf8('row 2999'), value: undefined }], mark(8), undefined);
  let seen = 0;
  for await (const { value } of (await reading) ?? []) {
    if (!new TextDecoder().decode(value).startsWith('old ')) test.fail('a newer row');
    seen += 1;
  }
  test.equal(seen, 3_000);
  test.equal(await state.rowsAt(7), undefined);
});
