/** Calls that need only the chain outlive the node they were made at. */
import t from 'tap';
import { ConnectionError, createClient, getTransaction, openFailover } from '../../src/index.ts';
import { refuse, startServer } from '../server.ts';

const txHash = '0a'.repeat(32);
const status = { txHash, status: 'pending', kind: 'pay', height: null, index: null, code: null, fault: null, time: null };
/** Nobody listens there. */
const DEAD = createClient({ baseUrl: 'http://127.0.0.1:9' });

t.test('the next node is asked where one does not answer, and stays the one to ask', async (t) => {
  const { baseUrl, requests } = await startServer(t, { getTransaction: () => ({ status: 200, body: status }) });
  const alive = createClient({ baseUrl });
  const nodes = openFailover([DEAD, alive]);
  t.equal(nodes.client, DEAD);
  const answers = await Promise.all([1, 2, 3].map(() => nodes.call((client) => getTransaction(client, { txHash }))));
  t.same(answers, [status, status, status], 'calls at the same time find the same node');
  t.equal(nodes.client, alive);
  await nodes.call((client) => getTransaction(client, { txHash }));
  t.equal(requests.length, 4);
});

t.test('a node that is out of order is left; a refusal is the answer', async (t) => {
  const full = await startServer(t, { getTransaction: () => refuse('pool_full', {}, { 'retry-after': '60' }) });
  const other = await startServer(t, { getTransaction: () => refuse('not_found') });
  const nodes = openFailover([full, other].map(({ baseUrl }) => createClient({ baseUrl })));
  await t.rejects(nodes.call((client) => getTransaction(client, { txHash })), { code: 'not_found' });
  t.equal(nodes.client.origin, other.baseUrl);
  await t.rejects(nodes.call((client) => getTransaction(client, { txHash })), { code: 'not_found' });
  t.equal(full.requests.length, 1);
});

t.test('where no node answers the last error is told; without nodes there is nothing to open', async (t) => {
  await t.rejects(openFailover([DEAD, DEAD]).call((client) => getTransaction(client, { txHash })), ConnectionError);
  t.throws(() => openFailover([]), TypeError);
});
