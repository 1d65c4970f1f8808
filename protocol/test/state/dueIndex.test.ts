/** What is due: the same rows in the same order as a sort of the whole state, however the heap came to be. */
import t from 'tap';
import { encodeChange, FlatState, ROWS, type RowChange, type RowType } from '../../src/index.ts';
import { DueIndex } from '../../src/state/dueIndex.ts';
import { randomOf } from '../support/random.ts';

const DAY = 86_400_000;
const done = (id: string, validUntilMs: number): RowChange => ({ type: ROWS.done as RowType<unknown>, id, value: { height: 1, index: 0, code: 0, validUntilMs } });
const card = (id: string, untilMs: number): RowChange => ({ type: ROWS.card as RowType<unknown>, id, value: { points: 1, day: 0, pointsOfDay: 1, untilMs } });
const gone = ({ type, id }: RowChange): RowChange => ({ type, id, value: undefined });
const names = (state: FlatState, beforeMs: number): readonly string[] => [...state.deadBefore(beforeMs)].map(({ type, id, timeMs }) => `${timeMs} ${type.name} ${id}`);

/** The same by brute force. */
function sorted(state: FlatState, beforeMs: number): readonly string[] {
  const dead = state.all().flatMap(({ type, id, value }) => {
    const timeMs = type.diesAtMs?.(value, id);
    return timeMs === undefined || timeMs >= beforeMs ? [] : [{ type, id, timeMs }];
  });
  const order = (row: (typeof dead)[number]): string => [row.timeMs, row.type.prefix].map((part) => String(part).padStart(16, '0')).join(' ') + row.id;
  dead.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  return dead.map(({ type, id, timeMs }) => `${timeMs} ${type.name} ${id}`);
}

t.test('oldest first, then by row key; a row lives at its last instant', (t) => {
  const state = new FlatState();
  state.apply([done('bb', 100), done('aa', 100), card('cc', 100), done('dd', 50), done('ee', 101)]);
  t.same(names(state, DAY + 100), [`${DAY + 50} done dd`], 'before, not at');
  t.same(names(state, DAY + 101), [`${DAY + 50} done dd`, `${DAY + 100} card cc`, `${DAY + 100} done aa`, `${DAY + 100} done bb`]);
  t.same(names(state, DAY + 101), names(state, DAY + 101), 'asking changes nothing');
  const [first] = state.deadBefore(Number.MAX_SAFE_INTEGER);
  t.equal(first?.id, 'dd', 'and may stop anywhere');
  t.end();
});

t.test('a row that dies later keeps one entry; one that is deleted is forgotten', (t) => {
  const state = new FlatState();
  for (let day = 0; day < 1_000; day++) state.apply([card('aa', day * DAY)]);
  t.same(names(state, 1_001 * DAY), [`${1_000 * DAY} card aa`]);
  state.apply([gone(card('aa', 0))]);
  t.same(names(state, Number.MAX_SAFE_INTEGER), []);
  state.apply([card('aa', 5)]);
  t.same(names(state, DAY + 6), [`${DAY + 5} card aa`], 'and comes back as a new row');

  const times = new Map<string, number>();
  const index = new DueIndex((_type, id) => times.get(id));
  const type = ROWS.card as RowType<unknown>;
  for (let time = 0; time < 1_000; time++) {
    index.moved(type, 'aa', times.get('aa'), time);
    times.set('aa', time);
    index.tidy();
  }
  t.equal(index.size, 1, 'one entry however often it moved');
  times.delete('aa');
  index.tidy();
  t.equal(index.size, 0);
  t.end();
});

t.test('a random life of rows: always what a sort gives, and what a state loaded from disk gives', (t) => {
  const random = randomOf(20_261_122);
  const state = new FlatState();
  let now = 0;
  for (let block = 0; block < 400; block++) {
    now += random.below(DAY);
    const changes = new Map<string, RowChange>();
    for (let i = random.below(12); i > 0; i--) {
      const id = random.below(40).toString(16).padStart(2, '0');
      // Times move both ways, as those of a batch do that opens again.
      const change = random.pick([done, card])(id, now + random.below(6 * DAY) - 2 * DAY + (random.below(3) === 0 ? -(now % DAY) : 0) + 2 * DAY);
      changes.set(change.type.name + id, random.below(6) === 0 ? gone(change) : change);
    }
    for (const { type, id } of state.deadBefore(now)) {
      if (random.below(3) > 0 && !changes.has(type.name + id)) changes.set(type.name + id, { type, id, value: undefined });
    }
    state.apply([...changes.values()]);
    const expected = sorted(state, now + DAY);
    t.same(names(state, now + DAY), expected, `block ${block}`);
    if (block % 20 === 0) {
      const loaded = new FlatState();
      for (const { key, value } of state.all().map(encodeChange).reverse()) t.ok(loaded.load(key, value as Uint8Array));
      t.same(names(loaded, now + DAY), expected, `loaded after block ${block}`);
    }
  }
  t.end();
});
