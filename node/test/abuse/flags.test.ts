/** US-006.2: flag any user with more than 3 failed validations within 5 minutes. Threats 10 and 11. */
import t from 'tap';
import { EVIDENCE_MAX, FLAG_WINDOW_MS, openFlags, type FlagDeps, type OpenedFlags } from '../../src/campus/limits/flags.ts';
import { openTurns } from '../../src/campus/limits/turns.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import type { FlagRow } from '../../src/abusePorts.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { silent } from './abuseWorld.ts';

const ALI = 'student:stu_00000000000000000000000001';
const SHOWN = 'student:00000000000000000000000000000001';

interface Desk {
  readonly flags: OpenedFlags;
  readonly store: KeyValueStore;
  readonly raised: FlagRow[];
  at(timeMs: number): void;
  fail(person?: string): Promise<void>;
  /** Another process on the same store. */
  restarted(): OpenedFlags;
}

function openDesk(): Desk {
  const store = openKeyValueMemory();
  let nowMs = 1_700_000_000_000;
  const raised: FlagRow[] = [];
  const deps: FlagDeps = { store, turns: openTurns(), nowMs: () => nowMs, log: silent, shownName: (person) => Promise.resolve(person === ALI ? SHOWN : person), alertOf: (flag) => { raised.push(flag); return []; }, wakeAlerts: () => undefined };
  const flags = openFlags(deps);
  let n = 0;
  return {
    flags, store, raised,
    at: (timeMs) => { nowMs = 1_700_000_000_000 + timeMs; },
    fail: (person = ALI) => flags.failed({ person, code: 'amount_mismatch', requestId: `req_${n++}` }),
    restarted: () => openFlags({ ...deps, turns: openTurns() }),
  };
}
const open = async (flags: OpenedFlags): Promise<readonly FlagRow[]> => (await flags.list({ status: 'open', limit: 100 })).flags;

t.test('US-006: three failures within 5 minutes are no flag, the fourth is', async (t) => {
  const desk = openDesk();
  for (const atMs of [0, 100_000, 200_000]) {
    desk.at(atMs);
    await desk.fail();
  }
  t.same(await open(desk.flags), []);
  desk.at(299_999);
  await desk.fail();
  t.match(await open(desk.flags), [{ rule: 'failed_validations', subject: SHOWN, firstAtMs: 1_700_000_000_000, count: 4, resolved: null }]);
  t.same((await open(desk.flags))[0]?.evidence.map(({ code, requestId }) => [code, requestId]), [0, 1, 2, 3].map((i) => ['amount_mismatch', `req_${i}`]));
});

t.test('US-006: the 5 minutes slide: four failures that no 5 minutes hold are no flag', async (t) => {
  const desk = openDesk();
  for (const atMs of [0, 150_000, 290_000, 300_000, 450_001, 600_000]) {
    desk.at(atMs);
    await desk.fail();
  }
  t.same(await open(desk.flags), [], 'at 300,000 the first one is exactly 5 minutes old');
  desk.at(600_001);
  await desk.fail();
  t.same(await open(desk.flags), []);
  desk.at(700_000);
  await desk.fail();
  t.equal((await open(desk.flags)).length, 1, '450,001 to 700,000');
});

t.test('one flag per user and 5 minutes: later failures raise its count, after them the next flag', async (t) => {
  const desk = openDesk();
  for (let i = 0; i < 4; i++) await desk.fail();
  for (let i = 1; i <= 6; i++) {
    desk.at(i * 40_000);
    await desk.fail();
  }
  t.match(await open(desk.flags), [{ count: 10 }]);
  desk.at(FLAG_WINDOW_MS);
  await desk.fail();
  t.match(await open(desk.flags), [{ count: 4 }, { count: 10 }], 'newest first');
  t.equal(desk.raised.length, 2);
  await desk.fail('till:7');
  t.equal((await open(desk.flags)).length, 2, 'another subject counts for itself');
});

t.test('threat 11: 10,000 failures at once make one flag, one alert and bounded evidence', async (t) => {
  const desk = openDesk();
  await Promise.all(Array.from({ length: 10_000 }, async () => await desk.fail()));
  const [flag, ...others] = await open(desk.flags);
  t.same(others, []);
  t.equal(flag?.count, 10_000);
  t.equal(flag?.evidence.length, EVIDENCE_MAX);
  t.equal(desk.raised.length, 1);
  const rows = await desk.store.list({ gte: '', lt: '~', limit: 100 });
  t.equal(rows.length, 3, 'flag, its place in the list, latest failures');
  t.ok(rows.every(({ value }) => value.length < 4_096));
});

t.test('failures and flags survive a restart', async (t) => {
  const desk = openDesk();
  for (let i = 0; i < 3; i++) await desk.fail();
  const again = desk.restarted();
  await again.failed({ person: ALI, code: 'tx_not_found', requestId: 'req_x' });
  t.match(await open(again), [{ count: 4 }]);
});

t.test('a flag is resolved once; meanwhile its count goes on, and no second flag is raised for the same minutes', async (t) => {
  const desk = openDesk();
  for (let i = 0; i < 4; i++) await desk.fail();
  const flagId = (await open(desk.flags))[0]?.flagId ?? '';
  const how = { outcome: 'harmless', note: 'a broken till', by: 'usr_1' } as const;
  t.match(await desk.flags.resolve(flagId, how), { flagId, resolved: { ...how, atMs: 1_700_000_000_000 } });
  t.equal(await desk.flags.resolve(flagId, { ...how, outcome: 'abuse' }), 'resolved');
  t.equal(await desk.flags.resolve('flg_none', how), undefined);
  desk.at(1_000);
  await desk.fail();
  t.same(await open(desk.flags), []);
  t.match((await desk.flags.list({ status: 'resolved', limit: 10 })).flags, [{ count: 5, resolved: how }]);
  t.match((await desk.flags.list({ limit: 10 })).flags, [{ flagId }]);
});

t.test('flags come in pages, newest first', async (t) => {
  const desk = openDesk();
  for (let i = 0; i < 7; i++) {
    desk.at(i * 1_000);
    for (let j = 0; j < 4; j++) await desk.fail(`till:${i}`);
  }
  for (const status of ['open', undefined] as const) {
    const first = await desk.flags.list({ status, limit: 4 });
    t.same(first.flags.map(({ subject }) => subject), ['till:6', 'till:5', 'till:4', 'till:3']);
    const second = await desk.flags.list({ status, limit: 4, before: first.next });
    t.same(second.flags.map(({ subject }) => subject), ['till:2', 'till:1', 'till:0']);
    t.equal(second.next, undefined);
  }
});

t.test('failures of long ago leave the store, flags stay', async (t) => {
  const desk = openDesk();
  for (let i = 0; i < 4; i++) await desk.fail();
  await desk.fail('till:7');
  desk.at(FLAG_WINDOW_MS - 1);
  await desk.fail('till:8');
  await desk.flags.sweep();
  const keys = async (): Promise<readonly string[]> => (await desk.store.list({ gte: 'xf/', lt: 'xf0', limit: 100 })).map(({ key }) => key);
  t.equal((await keys()).length, 3);
  desk.at(FLAG_WINDOW_MS);
  await desk.flags.sweep();
  t.same(await keys(), ['xf/failed_validations/till:8']);
  t.equal((await open(desk.flags)).length, 1);
});
