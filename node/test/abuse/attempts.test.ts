/** US-006.1: max 10 payment attempts per user per minute. Counting rules of the API page §2.3, threats 9 and 10. */
import fc from 'fast-check';
import t from 'tap';
import { decode, encode, Tx } from '@billcoin/protocol';
import { addSignature, buildPay, encodeTransaction } from '@billcoin/sdk';
import { Attempts } from '../../src/campus/limits/attempts.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openTurns } from '../../src/campus/limits/turns.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { sdkKey, wallet } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';
import { attempt, freshPay, linkAll, openAbuseWorld } from './abuseWorld.ts';

const PAY = { q: 10, windowMs: 60_000 };

t.test('US-006: the 11th attempt in any 60 seconds is refused, whichever of two nodes on one store is asked, restarted or not', async (t) => {
  const step = fc.record({ node: fc.integer({ min: 0, max: 1 }), person: fc.constantFrom('student:a', 'wallet:b'), waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 15_000 }), fc.constantFrom(59_999, 60_000, 60_001)), restart: fc.boolean() });
  await t.resolves(fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const store = openKeyValueMemory();
    let nowMs = 1_700_000_000_000;
    const open = (): Attempts => new Attempts({ store, turns: openTurns(), nowMs: () => nowMs });
    const nodes = [open(), open()];
    const admitted: { readonly person: string; readonly atMs: number }[] = [];
    for (const { node, person, waitMs, restart } of steps) {
      nowMs += waitMs;
      if (restart) nodes[node] = open();
      const expected = admitted.filter((one) => one.person === person && one.atMs > nowMs - 60_000).length < 10;
      const room = await (nodes[node] as Attempts).take(person, PAY);
      if (room.ok !== expected) return false;
      if (room.ok) admitted.push({ person, atMs: nowMs });
    }
    return true;
  }), { numRuns: 150 }));
});

t.test('US-006: a node whose store is its own remembers the times of a person, and finds them again after a restart', async (t) => {
  const shared = openKeyValueMemory();
  let lists = 0;
  const store: KeyValueStore = { ...shared, isExclusive: true, list: (range) => { lists += 1; return shared.list(range); } };
  let nowMs = 1_700_000_000_000;
  const open = (): Attempts => new Attempts({ store, turns: openTurns(), nowMs: () => nowMs });
  const first = open();
  for (let i = 0; i < 9; i++, nowMs += 1_000) t.match(await first.take('student:a', PAY), { ok: true, left: 9 - i });
  t.equal(lists, 1);
  t.match(await first.look('student:a', PAY), { ok: true, left: 1, resetMs: 51_000 });
  const again = open();
  t.match(await again.take('student:a', PAY), { ok: true, left: 0 });
  t.match(await again.take('student:a', PAY), { ok: false, resetMs: 51_000 });
  nowMs += 51_000;
  t.match(await again.take('student:a', PAY), { ok: true, left: 0, resetMs: 1_000 }, 'the first has left the window');
  t.match(await again.look('student:a', { q: 3, windowMs: 60_000 }), { ok: false, left: 0 });
  again.changed();
  t.match(await again.look('student:a', { q: 12, windowMs: 60_000 }), { ok: true, left: 2 });
});

t.test('threat 9: thirty attempts at once get ten places from one node, and never more than ten from two', async (t) => {
  const store = openKeyValueMemory();
  const open = (): Attempts => new Attempts({ store, turns: openTurns(), nowMs: () => 1_700_000_000_000 });
  const one = open();
  const rooms = await Promise.all(Array.from({ length: 30 }, async () => await one.take('student:a', PAY)));
  t.equal(rooms.filter(({ ok }) => ok).length, 10);
  const [left, right] = [open(), open()];
  const both = await Promise.all(Array.from({ length: 60 }, async (_, i) => await (i % 2 === 0 ? left : right).take('student:b', PAY)));
  t.ok(both.filter(({ ok }) => ok).length <= 10);
});

t.test('the window is exact to the millisecond', async (t) => {
  const store = openKeyValueMemory();
  const start = 1_700_000_000_000;
  const at = (timeMs: number): Attempts => new Attempts({ store, turns: openTurns(), nowMs: () => start + timeMs });
  for (let i = 0; i < 10; i++) await at(0).take('student:a', PAY);
  t.match(await at(59_999).take('student:a', PAY), { ok: false, resetMs: 1 });
  t.match(await at(60_000).take('student:a', PAY), { ok: true, left: 9, resetMs: 60_000 });
});

t.test('a clock that was wrong blocks nobody for longer than two windows', async (t) => {
  const store = openKeyValueMemory();
  let nowMs = 1_700_003_600_000;
  const ahead = new Attempts({ store, turns: openTurns(), nowMs: () => nowMs });
  for (let i = 0; i < 10; i++) await ahead.take('student:a', PAY);
  nowMs = 1_700_000_000_000;
  t.equal((await new Attempts({ store, turns: openTurns(), nowMs: () => nowMs }).take('student:a', PAY)).ok, true);
});

t.test('old attempts leave the store', async (t) => {
  const store = openKeyValueMemory();
  let nowMs = 1_700_000_000_000;
  const attempts = new Attempts({ store, turns: openTurns(), nowMs: () => nowMs });
  for (let i = 0; i < 1_200; i++) await attempts.take(`wallet:${i}`, PAY, { txHash: `tx${i}`, untilMs: nowMs + 120_000 });
  const rows = async (): Promise<number> => (await store.list({ gte: 'x', lt: 'y', limit: 10_000 })).length;
  nowMs += 60_001;
  await attempts.take('wallet:live', PAY);
  await attempts.sweep(PAY.windowMs);
  t.equal(await rows(), 1_201, 'the ids stay until their Pays cannot be included any more');
  nowMs += 60_000;
  await attempts.sweep(PAY.windowMs);
  t.equal(await rows(), 0);
});

t.test('threat 9: all wallets of a student share one window, a wallet that nobody linked has its own', async (t) => {
  const { world, another } = await openAbuseWorld(t);
  const abuse = await another();
  const [phone, tablet, other] = [wallet('phone'), wallet('tablet'), wallet('other')];
  await linkAll(world, 'A001', phone, tablet);
  for (let i = 0; i < 5; i++) {
    t.equal(await attempt(abuse, freshPay(world, phone)), 'counted');
    t.equal(await attempt(abuse, freshPay(world, tablet)), 'counted');
  }
  t.equal(await attempt(abuse, freshPay(world, phone)), 'full');
  t.equal((await abuse.limits.attempt(await abuse.limits.personOf(tablet.address))).ok, false, 'validate calls are of the same ten');
  t.equal(await attempt(abuse, freshPay(world, other)), 'counted');
  const person = await abuse.limits.personOf(other.address);
  t.match(person, /^wallet:[0-9a-f]{32}$/);
  t.notOk(person.includes(other.addressText));
  world.chain.clock.moveTo(world.nowMs + 60_000);
  t.equal(await attempt(abuse, freshPay(world, tablet)), 'counted', 'a minute later there is room');
});

t.test('threat 10: an attempt is booked on the payer who signed a new id, whoever posts it; nothing else counts', async (t) => {
  const { world, another } = await openAbuseWorld(t);
  const abuse = await another();
  const [ali, thief] = [wallet('ali'), wallet('thief')];
  await world.fund(5_000n, ali);
  const left = async (): Promise<number> => 10 - (await world.store.list({ gte: 'xa/', lt: 'xa0', limit: 100 })).filter(({ key }) => key.includes(person)).length;
  const person = await abuse.limits.personOf(ali.address);

  const pay = freshPay(world, ali);
  t.equal(await attempt(abuse, pay), 'counted');
  t.equal(await attempt(abuse, pay), 'none', 'posted again');
  t.equal(await attempt(await another(), pay), 'none', 'posted to another node, or after a restart');
  const taken = await world.pay(ali, world.order().invoice);
  t.ok(taken);
  const known = world.payDraft(ali, world.order().invoice);
  await world.chain.submit(encodeTransaction(known));
  t.equal(await attempt(abuse, known), 'none', 'the pool knows it');
  await world.block();
  t.equal(await attempt(abuse, known), 'none', 'the chain knows it');

  const signedByThief = world.payDraft(thief, world.order().invoice);
  const forged = { ...signedByThief, body: world.payDraft(ali, world.order().invoice).body };
  t.equal(await attempt(abuse, forged as typeof signedByThief), 'none', 'a signature of somebody else');
  const built = buildPay({ genesisHash: world.chain.genesisHash, invoice: world.order().invoice, payer: ali.address });
  if (!built.ok) throw new Error(built.fault.code);
  t.equal(await attempt(abuse, addSignature(built.value, thief)), 'none', 'signed well, by somebody else than the payer');
  const tx = decode(Tx, encodeTransaction(freshPay(world, ali)));
  if (!tx.ok) throw new Error('decodes');
  const [sig] = tx.value.sigs;
  t.equal(await attempt(abuse, encode(Tx, { ...tx.value, sigs: [{ ...sig, publicKey: thief.publicKey, signature: sig?.signature ?? new Uint8Array(64) }] })), 'none', 'a key of somebody else');
  t.equal(await attempt(abuse, Uint8Array.of(1, 2, 3)), 'none', 'no transaction');
  const short = world.order({ lifeS: 5 });
  const late = world.payDraft(ali, short.invoice);
  world.chain.clock.moveTo(world.nowMs + 6_000);
  t.equal(await attempt(abuse, late), 'none', 'its time is over: nobody can collect old ones of a victim');
  t.equal(await left(), 9, 'one attempt was counted');
  t.equal(await attempt(abuse, freshPay(world, sdkKey(KEYS.farm))), 'counted', 'a farm that pays is a payer like any other');
});

t.test('an administrator changes the quota; the default comes back; both survive a restart', async (t) => {
  const { another } = await openAbuseWorld(t);
  const abuse = await another();
  await abuse.limits.change({ pay: { q: 2, windowS: 10 }, user: { q: 3, windowS: 60 } });
  t.match(await abuse.limits.attempt('student:a'), { ok: true, q: 2, windowS: 10, left: 1, resetS: 10 });
  await abuse.limits.attempt('student:a');
  t.match(await (await another()).limits.attempt('student:a'), { ok: false, left: 0, policy: 'pay' });
  t.equal((await abuse.limits.attempt('student:a')).ok, false);
  for (let i = 0; i < 3; i++) t.equal(abuse.limits.take('user', 'manager:1').ok, true);
  t.equal(abuse.limits.take('user', 'manager:1').ok, false);
  await abuse.limits.change({});
  t.match(await abuse.limits.attempt('student:a'), { ok: true, q: 10, left: 7 });
  t.same((await another()).limits.settings().filter(({ isChanged }) => isChanged), []);
});
