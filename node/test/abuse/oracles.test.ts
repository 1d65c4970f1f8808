/** Threat 30: no refusal tells whether a student exists, a code was used or a wallet is linked: one answer, after the same work. */
import t from 'tap';
import { toHex } from '@billcoin/protocol';
import { createClient, linkWallet, signChallenge, type Key } from '@billcoin/sdk';
import { LINK_CODE_LIFE_MS } from '../../src/campus/students.ts';
import type { KeyValueStore } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';

/** Notes which tables are read and written, in order: what the work of a request costs. */
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

async function refusal(world: World, steps: string[], linkCode: string, key: Key): Promise<{ readonly answer: string; readonly work: string }> {
  const publicKey = toHex(key.publicKey);
  const { message } = (await world.post('/auth/challenge', { publicKey })).json as { message: string };
  const signature = signChallenge(message, world.chain.genesisHash, key);
  steps.splice(0);
  const { status, text, headers } = await world.post('/wallets/link', { linkCode, message, publicKey, signature });
  const told = ['content-type', 'cache-control', 'ratelimit-policy', 'ratelimit'].map((name) => headers.get(name)).join();
  return { answer: `${status} ${told} ${text.replace(/"instance":"[^"]*"/, '')}`, work: steps.join('; ') };
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
  for (const [name, code, key] of cases) outcomes.push({ name, ...(await refusal(world, steps, code, key)) });
  world.chain.clock.moveTo(world.nowMs + LINK_CODE_LIFE_MS + 1);
  outcomes.push({ name: 'its time is over', ...(await refusal(world, steps, open, wallet('e'))) });
  const [first] = outcomes;
  t.match(first?.answer, /^409 .*cannot_link/);
  t.match(first?.work, /get lc; get wa; get s; batch/, 'code, wallet and student are read, the challenge is used up');
  // The first write of a challenge sweeps what ended; how much does not depend on the code.
  const withoutSweep = (work: string): string => work.replace(/ del n/g, '');
  for (const { name, answer, work } of outcomes) {
    t.equal(answer.replace(/r=\d;t=\d+/, ''), first?.answer.replace(/r=\d;t=\d+/, ''), name);
    t.equal(withoutSweep(work), withoutSweep(first?.work ?? ''), name);
  }
});
