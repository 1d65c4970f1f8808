/** The whole way of a payment on a real node: disk, consensus, pool, campus rows, HTTP, stream, proof (US-001, US-002). */
import t from 'tap';
import { fromBase64Url, toBase64Url, toHex, verifyEd25519, verifyReceipt } from '@billcoin/protocol';
import { addSignature, buildPay, createClient, createOrder, encodeTransaction, streamOrders, withLogin, type Client } from '@billcoin/sdk';
import { carton, PRICE_SEN, sdkKey, wallet } from '../support/campusWorld.ts';
import { withAccounts } from '../../src/offline/accounts.ts';
import { runNode, submitFinal } from '../support/runNode.ts';
import { KEYS, makeTestFolders, TxMaker } from '../support/testNetwork.ts';

t.test('a student pays at a till and the till sees a proven payment within three seconds', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const treasury = await withAccounts(folders.config, folders.genesis, (users) => users.add({ username: 'treasury', role: 'finance', merchantId: null }));
  if (!treasury.ok || treasury.password === null) throw new Error('no account');
  const node = await runNode(folders.config);
  t.teardown(() => node.stop());
  const { genesisHash, validators } = folders.genesis;
  const maker = new TxMaker(folders.genesis);
  const ali = wallet('ali');
  for (const bytes of maker.mint(10_000n)) await submitFinal(node.port, bytes);
  await submitFinal(node.port, maker.transfer(KEYS.farm, ali.address, 5_000n));

  const base = `${node.url}/api/v1`;
  const post = async (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    await fetch(base + path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
  const till = withLogin(createClient({ baseUrl: node.url }), { key: sdkKey(KEYS.till), genesisHash });
  const finance = withLogin(createClient({ baseUrl: node.url }), { username: 'treasury', password: treasury.password });
  const bearer = async (client: Client): Promise<{ authorization: string }> => ({ authorization: `Bearer ${(await client.accessToken()) ?? ''}` });
  const order = createOrder({ genesisHash, till: sdkKey(KEYS.till), tillNo: 1, items: [carton], priceSenPerBill: PRICE_SEN });
  const posted = await post('/orders', { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice) }, { 'idempotency-key': 'till-1-1', ...await bearer(till) });
  t.equal(posted.status, 201);

  const abort = new AbortController();
  t.teardown(() => abort.abort());
  let paying: Promise<Response> | undefined;
  let startedMs = 0;
  const built = buildPay({ genesisHash, invoice: order.invoice, payer: ali.address });
  if (!built.ok) throw new Error(built.fault.code);
  const draft = addSignature(built.value, ali);
  const onConnection = (state: 'open' | 'lost'): void => {
    if (state !== 'open') return;
    startedMs = performance.now();
    paying = post('/transactions', { tx: toBase64Url(encodeTransaction(draft)) });
  };
  for await (const event of streamOrders(till, { tillNo: 1, signal: abort.signal, onConnection })) {
    if (event.event !== 'order.paid') continue;
    const tookMs = performance.now() - startedMs;
    t.comment(`paid and proven after ${Math.round(tookMs)} ms`);
    t.ok(tookMs < 3_000, 'within three seconds');
    const verified = verifyReceipt({ genesisHash, validators, verify: verifyEd25519 }, fromBase64Url(event.data.proof ?? '') ?? new Uint8Array(0));
    t.ok(verified.ok && toHex(verified.value.txId) === draft.txHash, 'the proof verifies');
    break;
  }
  t.equal((await paying)?.status, 202);
  const validated = await post('/payments/validate', { txHash: draft.txHash, expectedAmount: '1.80' }, await bearer(withLogin(createClient({ baseUrl: node.url }), { key: ali, genesisHash })));
  t.match(await validated.json(), { valid: true, error: null });
  t.match(await (await fetch(`${base}/orders?status=PAID_READY`, { headers: await bearer(till) })).json(), { data: [{ matchCode: order.matchCode, payment: { txHash: draft.txHash } }] });
  const csv = await (await fetch(`${base}/exports/milk-sales?month=${new Date().toISOString().slice(0, 7)}`, { headers: await bearer(finance) })).text();
  t.ok(csv.includes(`${draft.txHash},`) && csv.includes(',1.80,'));
  t.equal((await fetch(`${node.url}/health/ready`)).status, 200);
  t.same(node.halts, []);
});
