/** The adapter to the node's API, against a server that answers in the declared form from the same rows. */
import t from 'tap';
import { makeHttpChain } from '@billcoin/oracle';
import { createClient } from '@billcoin/sdk';
import { expectedHash, ORACLE, ROUND, startNode, TIMES, zero } from './support/httpNode.ts';
import { accountOf, GENESIS, NOON_MS } from './support/world.ts';

t.test('registry, height and times of the newest and of an earlier block', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  t.same(await chain.latest(), { height: 40, timeMs: TIMES[40] });
  t.same(await chain.registryAt(10), { ...node.registry, height: 10, timeMs: TIMES[10] });
  t.equal(await chain.registryAt(41), undefined, 'not final yet');
});

t.test('open batches: exact to the millisecond, from the bytes of the row', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  node.lot = { ...node.lot, openedAtMs: NOON_MS + 123 };
  t.match(await chain.openBatches(), [node.lot]);
});

t.test('statements: on chain, absent, unknown batch', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  t.same(await chain.attestation(node.lot.batch, 1, ORACLE.address), { volumeMl: 990_000n, reject: 0, readingsRoot: zero, profileHash: node.lot.profileHash });
  t.equal(await chain.attestation(node.lot.batch, 2, ORACLE.address), undefined);
  t.equal(await chain.attestation(node.lot.batch, 1, accountOf('farm A')), undefined);
  t.equal(await chain.attestation(zero, 1, ORACLE.address), undefined);
});

t.test('submissions: taken, refused, passing, unreachable', async (t) => {
  const node = await startNode(t);
  const chain = makeHttpChain(createClient({ baseUrl: node.url }), GENESIS);
  const tx = Buffer.from(ROUND.tx, 'hex');
  t.same(await chain.submit(tx), { ok: true, state: 'pending' });
  t.equal(node.posted[0], tx.toString('base64url'), 'the very bytes');
  for (const [code, status, passing] of [['attempt_not_open', 409, false], ['ceiling_reached', 409, true], ['valid_until_too_far', 422, true], ['pool_full', 429, true]] as const) {
    node.refusal = { code, status };
    t.same(await chain.submit(tx), { ok: false, code, passing });
  }
  t.equal(await chain.txStatus(expectedHash), 'final');
  t.equal(await chain.txStatus('00'.repeat(32)), undefined);
  const gone = makeHttpChain(createClient({ baseUrl: 'http://127.0.0.1:1', timeoutMs: 500 }), GENESIS);
  await t.rejects(gone.latest());
  await t.rejects(gone.submit(tx));
  await t.rejects(chain.submit(new Uint8Array(3)), /no transaction/);
});
