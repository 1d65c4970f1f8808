/** What the campus holds in memory is measured: writes that wait for a slow disk, lane by lane until they are on it, and what is remembered. */
import t from 'tap';
import { makeCampusKeys } from '../../src/campus/keyFile.ts';
import { KNOWN_MAX, Pseudonyms } from '../../src/campus/wallets.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld, wallet } from '../support/campusWorld.ts';
import { addProduct, CAFETERIA } from '../support/shelf.ts';
import { until } from '../support/until.ts';

/** A store whose writes stand still between `stop` and `goOn`. */
function stallingStore(): { readonly store: KeyValueStore; readonly stop: () => void; readonly goOn: () => void } {
  const inner = openKeyValueMemory();
  let moving = Promise.resolve();
  let goOn = (): void => undefined;
  return {
    store: {
      ...inner,
      async batch(operations, options) {
        await moving;
        await inner.batch(operations, options);
      },
    },
    stop: () => { moving = new Promise((resolve) => { goOn = resolve; }); },
    goOn: () => goOn(),
  };
}

t.test('what waits in each lane of the campus is measured', async (t) => {
  const disk = stallingStore();
  const world = await openWorld(t, { store: disk.store });
  const { campus } = world;
  const measured = async (): Promise<unknown> => Object.fromEntries([...(await world.get('/metrics')).text.matchAll(/^billcoin_campus_writes_waiting\{lane="(\w+)"\} (\d+)$/gm)].map(([, lane = '', waiting]) => [lane, Number(waiting)]));
  t.same(await measured(), { ledger: 0, roster: 0, sessions: 0, accounts: 0 });
  const added = await campus.users.add({ username: 'mei', role: 'finance', merchantId: CAFETERIA });
  if (!added.ok || added.password === null) throw new Error('the account was not made');
  const { userId } = added.user;
  t.ok((await campus.logins.byPassword({ username: 'mei', password: added.password })).ok);
  disk.stop();
  const writing = [
    addProduct(campus, 1), addProduct(campus, 2), addProduct(campus, 3),
    campus.students.importRoster('studentId\nA001\n'), campus.students.importRoster('studentId\nA002\n'),
    campus.users.add({ username: 'siti', role: 'finance', merchantId: CAFETERIA }),
    campus.logins.revoke(userId),
  ];
  await until(() => campus.writesWaiting().accounts === 1); // a password is made first
  t.same(await measured(), { ledger: 3, roster: 2, sessions: 1, accounts: 1 });
  disk.goOn();
  await Promise.all(writing);
  await until(() => Object.values(campus.writesWaiting()).every((waiting) => waiting === 0));
  t.same(await measured(), { ledger: 0, roster: 0, sessions: 0, accounts: 0 });
});

t.test('what is remembered beside the rows is bounded and measured', async (t) => {
  const world = await openWorld(t, { store: { ...openKeyValueMemory(), isExclusive: true } });
  const measured = async (): Promise<unknown> => Object.fromEntries([...(await world.get('/metrics')).text.matchAll(/^billcoin_campus_remembered\{what="(\w+)"\} (\d+)$/gm)].map(([, what = '', count]) => [what, Number(count)]));
  t.same(await measured(), { tokens: 0, pseudonyms: 0, persons: 0 });
  const ali = await world.as(wallet('ali'));
  for (let call = 0; call < 2; call++) await world.post('/payments/validate', { txHash: '0'.repeat(64), expectedAmount: '1.80' }, ali);
  t.same(await measured(), { tokens: 1, pseudonyms: 2, persons: 1 }, 'who he is, and what the API calls him');
  const pseudonyms = new Pseudonyms({ store: world.store, keys: makeCampusKeys() });
  for (let n = 0; n <= KNOWN_MAX; n++) await pseudonyms.studentOf(new Uint8Array(new Uint32Array([n, 0, 0, 0, 0]).buffer));
  t.equal(pseudonyms.remembered, KNOWN_MAX);
});
