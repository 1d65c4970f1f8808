/**
 * Threat 30: no refusal tells whether a student, an account, a program or a cashier exists, a code was used or a wallet is
 * linked: one answer, after the same work. What is counted is reads and writes of the store and calls for keys and passwords, in
 * order; `npm run bench -- oracles` compares the times themselves.
 */
import { cryptoCalls } from '../support/countedCrypto.ts';
import t, { type Test } from 'tap';
import { toHex } from '@billcoin/protocol';
import { createClient, linkWallet, signChallenge, type Key } from '@billcoin/sdk';
import { LINK_CODE_LIFE_MS } from '../../src/campus/students.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld, wallet, type Answer, type World } from '../support/campusWorld.ts';

/** Notes which tables are read and written, in order. */
function watched(store: KeyValueStore): { readonly store: KeyValueStore; readonly steps: string[] } {
  const steps: string[] = [];
  const tableOf = (key: string): string => key.split('/')[0] ?? '';
  return {
    steps,
    store: {
      ...store,
      get: async (key) => { steps.push(`get ${tableOf(key)}`); return await store.get(key); },
      list: async (range) => { steps.push(`list ${tableOf(range.gte)}`); return await store.list(range); },
      batch: async (operations, options) => { steps.push(`batch ${operations.map(({ type, key }) => `${type} ${tableOf(key)}`).join(' ')}`); await store.batch(operations, options); },
    },
  };
}

interface Refused {
  /** Status, headers and body, without what is of this request alone. */
  readonly answer: string;
  readonly work: string;
}

async function refusal(steps: string[], send: () => Promise<Answer>): Promise<Refused> {
  steps.splice(0);
  cryptoCalls.splice(0);
  const { status, text, headers } = await send();
  const told = ['content-type', 'cache-control', 'ratelimit-policy', 'ratelimit'].map((name) => headers.get(name)).join();
  // The first write of a challenge sweeps what ended; how much does not depend on what was asked.
  const work = [...steps.map((step) => step.replace(/ del n/g, '')), ...cryptoCalls].join('; ');
  return { answer: `${status} ${told.replace(/r=\d+;t=\d+/g, '')} ${text.replace(/"instance":"[^"]*"/, '')}`, work };
}

async function refusedLink(world: World, steps: string[], linkCode: string, key: Key): Promise<Refused> {
  const publicKey = toHex(key.publicKey);
  const { message } = (await world.post('/auth/challenge', { publicKey })).json as { message: string };
  const signature = signChallenge(message, world.chain.genesisHash, key);
  return await refusal(steps, () => world.post('/wallets/link', { linkCode, message, publicKey, signature }));
}

/** All of them answer like the first and have cost what it did. */
function sameToAll(t: Test, outcomes: readonly (Refused & { readonly name: string })[]): void {
  const [first] = outcomes;
  for (const { name, answer, work } of outcomes) t.same([answer, work], [first?.answer, first?.work], name);
}

t.test('threat 30: a wrong, used, old or ended code, a code of nobody, and a wallet linked elsewhere look the same from outside', async (t) => {
  const { store, steps } = watched(openKeyValueMemory());
  const world = await openWorld(t, { store });
  const imported = await world.campus.students.importRoster('studentId\nA001\nA002\nA003\nA004');
  if (!imported.ok) throw new Error('roster refused');
  const [used, renewed, left, open] = imported.codes.map(({ linkCode }) => linkCode) as [string, string, string, string];
  await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode: used, key: wallet('linked'), genesisHash: world.chain.genesisHash });
  await world.campus.students.renewLinkCode(imported.codes[1]?.studentRef ?? '');
  await world.campus.students.importRoster('studentId\nA001\nA002\nA004');

  const cases: readonly (readonly [string, string, Key])[] = [
    ['nobody ever had this code', '0123456789', wallet('a')], ['it was used', used, wallet('b')], ['a newer one was given', renewed, wallet('c')], ['the student has left', left, wallet('d')], ['the wallet is linked', open, wallet('linked')],
  ];
  const outcomes = [];
  for (const [name, code, key] of cases) outcomes.push({ name, ...(await refusedLink(world, steps, code, key)) });
  world.chain.clock.moveTo(world.nowMs + LINK_CODE_LIFE_MS + 1);
  outcomes.push({ name: 'its time is over', ...(await refusedLink(world, steps, open, wallet('e'))) });
  const [first] = outcomes;
  t.match(first?.answer, /^409 .*cannot_link/);
  t.match(first?.work, /get lc; get wa; get s; batch/, 'code, wallet and student are read, the challenge is used up');
  sameToAll(t, outcomes);
});

t.test('threat 30: an unknown name and a wrong password, an unknown program and a wrong secret look the same from outside, and cost the same', async (t) => {
  const { store, steps } = watched(openKeyValueMemory());
  const world = await openWorld(t, { store });
  for (const username of ['mei', 'gone']) await world.campus.users.add({ username, role: 'finance', merchantId: null });
  const { data } = await world.campus.users.list(10, undefined);
  await world.campus.users.change(data.find(({ username }) => username === 'gone')?.userId ?? '', { isDisabled: true, reason: 'left' });
  const people = [];
  for (const [name, username] of [['nobody has this name', 'nobody'], ['it is another password', 'mei'], ['the account is disabled', 'gone']] as const) {
    people.push({ name, ...(await refusal(steps, () => world.post('/auth/login', { username, password: 'K7QX-K7QX-K7QX-K7QX' }))) });
  }
  t.match(people[0], { answer: /^401 .*bad_credentials/, work: /get u; createHmac; scrypt; timingSafeEqual$/ }, 'a password is tried where there is none');
  sameToAll(t, people);

  const added = await world.campus.programs.add({ name: 'library', role: 'service', merchantId: null });
  const programs = [];
  for (const [name, clientId] of [['nobody has this id', `cli_${'0'.repeat(26)}`], ['it is another secret', added.ok ? added.program.clientId : '']] as const) {
    programs.push({ name, ...(await refusal(steps, () => world.post('/auth/client', { clientId, clientSecret: 'x'.repeat(43) }))) });
  }
  sameToAll(t, programs);
});

t.test('threat 30: an unknown cashier, one of another till and a wrong PIN look the same from outside, and cost the same', async (t) => {
  const { store, steps } = watched(openKeyValueMemory());
  const world = await openWorld(t, { store });
  const [here, elsewhere] = [await world.addCashier([1]), await world.addCashier([2])];
  const till = await world.as('till');
  const outcomes = [];
  for (const [name, cashierId, pin] of [['nobody has this id', `csh_${'0'.repeat(26)}`, here.pin], ['it is another PIN', here.cashierId, '8642'], ['the right PIN, at a till where the cashier may not stand', elsewhere.cashierId, elsewhere.pin]] as const) {
    outcomes.push({ name, ...(await refusal(steps, () => world.post('/tills/1/cashier', { cashierId, pin }, till))) });
  }
  t.match(outcomes[0], { answer: /^401 /, work: /scrypt; timingSafeEqual$/ });
  sameToAll(t, outcomes);
});
