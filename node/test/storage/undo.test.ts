/** What a flush replaced can be put back: random histories against a plain Map (consensus page §5). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { toHex, type ByteChange, type ValidatorSet } from '@billcoin/protocol';
import type { Store } from '../../src/ports.ts';
import { openLevelStore } from '../../src/storage/levelStore.ts';
import { makeStateStore, type StateMark, type StateStore } from '../../src/storage/stateStore.ts';
import { decodeUndo, UNDO_HEIGHTS, UNDO_MAX_BYTES, UndoShelf } from '../../src/storage/undo.ts';
import { flipBit } from '../support/damage.ts';
import { makeRandom } from '../support/random.ts';
import { keyOf } from '../support/testNetwork.ts';

const SEED = 0x0d0;
const KEYS = 12;

async function openStore(test: Test): Promise<{ readonly store: Store; readonly dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'billcoin-undo-'));
  const store = await openLevelStore({ name: 'state', folder: join(dataDir, 'state'), onFailure: () => undefined });
  test.teardown(async () => {
    await store.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return { store, dataDir };
}

function markAt(height: number): StateMark {
  return { height, blockId: new Uint8Array(32).fill(height & 0xff), stateRoot: new Uint8Array(32).fill(7), flushNo: height };
}

const setOf = (label: string): ValidatorSet => ({ validators: [{ publicKey: keyOf(label).publicKey, power: 1 }] });

async function rowsOf(state: StateStore): Promise<Record<string, string>> {
  const rows: Record<string, string> = {};
  for await (const { key, value } of state.rows()) rows[toHex(key)] = toHex(value);
  return rows;
}

void t.test('every flush of a random history can be taken back, one after the other', async (test) => {
  const { store } = await openStore(test);
  const state = makeStateStore(store);
  const random = makeRandom(SEED);
  const model = new Map<string, string>();
  const before: { readonly mark: StateMark; readonly rows: Record<string, string>; readonly since: number }[] = [];
  let since = 1;
  await state.flush([], markAt(0), { since, validators: setOf('0') });
  for (let height = 3; height < 60; height += 3) {
    before.push({ mark: (await state.mark()) as StateMark, rows: Object.fromEntries(model), since });
    const changes = new Map<number, ByteChange>();
    for (let i = 0; i < 5; i++) {
      const id = Math.floor(random() * KEYS);
      // A row may encode to nothing, which is not the same as no row.
      changes.set(id, { key: Uint8Array.of(1, id), value: random() < 0.3 ? undefined : new Uint8Array(Math.floor(random() * 3)).fill(height) });
    }
    for (const { key, value } of changes.values()) {
      if (value === undefined) model.delete(toHex(key));
      else model.set(toHex(key), toHex(value));
    }
    const isNewSet = random() < 0.3;
    if (isNewSet) since = height;
    await state.flush([...changes.values()], markAt(height), isNewSet ? { since, validators: setOf(String(height)) } : undefined);
  }
  test.same(await rowsOf(state), Object.fromEntries(model));
  const reopened = makeStateStore(store);
  for (const expected of before.reverse()) {
    test.same(await reopened.undo(), expected.mark);
    test.same(await reopened.mark(), expected.mark);
    test.same(await rowsOf(reopened), expected.rows);
    test.equal((await reopened.validators())?.since, expected.since);
  }
  test.equal(await reopened.undo(), undefined, 'nothing stood before the first flush');
  test.same(reopened.undoInfo(), { rows: 0, bytes: 0 });
});

void t.test('undo rows older than their heights go with the next flush', async (test) => {
  const { store } = await openStore(test);
  const state = makeStateStore(store);
  for (let height = 0; height <= UNDO_HEIGHTS + 10; height++) await state.flush([{ key: Uint8Array.of(1), value: Uint8Array.of(height) }], markAt(height), undefined);
  test.equal(state.undoInfo().rows, UNDO_HEIGHTS);
  const heights: number[] = [];
  for await (const { height, before } of state.undos()) {
    heights.push(height);
    test.equal(before.height, height - 1);
  }
  test.equal(heights[0], UNDO_HEIGHTS + 10);
  test.equal(heights.length, UNDO_HEIGHTS);
  await state.clear();
  test.same(state.undoInfo(), { rows: 0, bytes: 0 });
});

void t.test('the bytes of all undo rows stay bounded; one too large for them leaves none', (test) => {
  const shelf = new UndoShelf();
  const quarter = UNDO_MAX_BYTES / 4;
  for (let height = 1; height <= 4; height++) {
    test.same(shelf.makeRoom(height, quarter), []);
    shelf.add(height, quarter);
  }
  test.same(shelf.makeRoom(5, 1), [1]);
  test.same(shelf.info, { rows: 3, bytes: 3 * quarter });
  test.same(shelf.makeRoom(6, UNDO_MAX_BYTES + 1), [2, 3, 4]);
  test.equal(shelf.newest, undefined);
  test.end();
});

void t.test('damaged undo rows are dropped at the start, and never stop a node', async (test) => {
  const { store, dataDir } = await openStore(test);
  const state = makeStateStore(store);
  for (let height = 0; height < 4; height++) await state.flush([{ key: Uint8Array.of(1), value: Uint8Array.of(height) }], markAt(height), undefined);
  await store.close();
  await flipBit(dataDir, 'state', 'u/');
  const again = await openLevelStore({ name: 'state', folder: join(dataDir, 'state'), onFailure: () => undefined });
  test.teardown(again.close);
  const damaged = makeStateStore(again);
  test.equal(await damaged.loadUndo(), false);
  test.same(damaged.undoInfo(), { rows: 0, bytes: 0 });
  test.equal(await damaged.undo(), undefined);
  await damaged.flush([], markAt(4), undefined);
  test.equal(damaged.undoInfo().rows, 1);
  test.throws(() => decodeUndo(Uint8Array.of(1, 2, 3)), { code: 'damaged_value' });
});
