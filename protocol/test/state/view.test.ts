/** Drafts over the flat state: what is read, what is undone, what is stored. */
import t from 'tap';
import { Draft, encode, encodeChange, FlatState, rowKeyBytes, ROWS, stateRows, type RowChange } from '../../src/index.ts';

const { account, supply } = ROWS;
const held = (balanceMl: bigint) => ({ balanceMl });
const put = (id: string, balanceMl: bigint): RowChange => ({ type: account, id, value: held(balanceMl) });

t.test('a draft reads through to its base and keeps its changes to itself', (t) => {
  const state = new FlatState();
  state.apply([put('aa', 1n), put('bb', 2n)]);
  const block = new Draft(state);
  block.put(account, 'aa', held(10n));
  block.delete(account, 'bb');
  t.same([block.get(account, 'aa'), block.get(account, 'bb'), block.get(account, 'cc')], [held(10n), undefined, undefined]);
  t.same([state.get(account, 'aa'), state.get(account, 'bb')], [held(1n), held(2n)]);
  block.put(account, 'bb', held(20n));
  t.same(block.changes().map(({ type, id, value }) => [type.name, id, value]), [['account', 'aa', held(10n)], ['account', 'bb', held(20n)]], 'one change a row, the last one');
  state.apply(block.changes());
  t.same([state.get(account, 'aa'), state.get(account, 'bb'), state.size], [held(10n), held(20n), 2]);
  t.throws(() => block.put(account, 'aa', undefined as never), /deleted with delete/);
  t.end();
});

t.test('going back to a savepoint undoes what was written since, in any depth', (t) => {
  const state = new FlatState();
  state.apply([put('aa', 1n)]);
  const block = new Draft(state);
  block.put(account, 'aa', held(10n));
  const outer = block.savepoint();
  block.put(account, 'aa', held(11n));
  block.put(account, 'bb', held(20n));
  const inner = block.savepoint();
  block.delete(account, 'aa');
  block.put(account, 'bb', held(21n));
  block.put(account, 'bb', held(22n));
  block.rollback(inner);
  t.same([block.get(account, 'aa'), block.get(account, 'bb')], [held(11n), held(20n)]);
  block.rollback(outer);
  t.same([block.get(account, 'aa'), block.get(account, 'bb')], [held(10n), undefined]);
  t.same(block.changes().map(({ id }) => id), ['aa'], 'a row first written since is no change');
  block.put(account, 'cc', held(30n));
  block.settle();
  block.rollback(block.savepoint());
  t.same(block.get(account, 'cc'), held(30n), 'what is settled stays');
  t.end();
});

t.test('rows of different types with the same id are different rows', (t) => {
  const state = new FlatState();
  state.apply([put('', 1n), { type: supply, id: '', value: { supplyMl: 5n, owedMl: 0n } }]);
  t.same([...state.rows(account)], [{ id: '', value: held(1n) }]);
  t.same([...state.rows(supply)], [{ id: '', value: { supplyMl: 5n, owedMl: 0n } }]);
  state.apply([{ type: account, id: '', value: undefined }]);
  t.same([state.size, state.get(account, ''), state.get(supply, '')], [1, undefined, { supplyMl: 5n, owedMl: 0n }]);
  t.end();
});

t.test('the state is stored as bytes and loaded again; damage is seen', (t) => {
  const state = new FlatState();
  state.apply([put('aa', 1n), put('bb', 0n), { type: supply, id: '', value: { supplyMl: 1n, owedMl: 0n } }]);
  const loaded = new FlatState();
  for (const change of state.all().map(encodeChange)) t.ok(loaded.load(change.key, change.value ?? new Uint8Array(0)));
  t.same(loaded.all(), state.all());
  t.same(encodeChange({ type: account, id: 'aa', value: undefined }), { key: rowKeyBytes(account, 'aa'), value: undefined });
  const good = encode(stateRows.AccountRow, held(7n));
  t.notOk(loaded.load(Uint8Array.of(0xee, 1), good), 'a prefix nobody knows');
  t.notOk(loaded.load(rowKeyBytes(account, 'aa'), Uint8Array.of(...good, 0)), 'bytes that are not the one form');
  t.same(loaded.get(account, 'aa'), held(1n), 'and nothing was changed');
  t.end();
});
