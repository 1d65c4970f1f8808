/** What a node still tells a student after a restart: his own payment, before and after it ends (US-004, SPEC §21.1). */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { toBase64Url, toHex } from '@billcoin/protocol';
import { addSignature, buildPay, createClient, createOrder, encodeTransaction, withLogin, type Key, type TillOrder, type TxDraft } from '@billcoin/sdk';
import { CONSENSUS_KEY_FILE } from '../../src/crypto/keyFiles.ts';
import { carton, PRICE_SEN, sdkKey, wallet } from '../support/campusWorld.ts';
import { runNode, submitFinal, type TestNode } from '../support/runNode.ts';
import { KEYS, makeTestFolders, TxMaker, type TestFolders } from '../support/testNetwork.ts';
import { until } from '../support/until.ts';

const [ali, ben] = [wallet('ali'), wallet('ben')];

interface Counter {
  readonly node: TestNode;
  as(key: Key): Promise<{ readonly authorization: string }>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<{ readonly status: number; readonly json: unknown }>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<unknown>;
}

async function open(folders: TestFolders, isValidator: boolean): Promise<Counter> {
  const node = await runNode(isValidator ? folders.config : { ...folders.config, peers: [] });
  const base = `${node.url}/api/v1`;
  return {
    node,
    async as(key) {
      const client = withLogin(createClient({ baseUrl: node.url }), { key, genesisHash: folders.genesis.genesisHash });
      return { authorization: `Bearer ${(await client.accessToken()) ?? ''}` };
    },
    async post(path, body, headers = {}) {
      const answer = await fetch(base + path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
      return { status: answer.status, json: await answer.json() };
    },
    get: async (path, headers = {}) => await (await fetch(base + path, { headers })).json(),
  };
}

t.test('a payment that waits through a restart is known to its payer and to nobody else, and to the till as seen', async (t) => {
  const folders = await makeTestFolders();
  t.teardown(() => folders.remove());
  const { genesisHash } = folders.genesis;
  const maker = new TxMaker(folders.genesis);
  const key = { here: join(folders.config.keyDir, CONSENSUS_KEY_FILE), away: join(folders.root, CONSENSUS_KEY_FILE) };
  let counter = await open(folders, true);
  t.teardown(() => counter.node.stop());
  for (const bytes of maker.mint(10_000n)) await submitFinal(counter.node.port, bytes);
  await submitFinal(counter.node.port, maker.transfer(KEYS.farm, ali.address, 5_000n));
  await counter.node.stop();

  // Without its key it makes no blocks: whatever it admits waits.
  await rename(key.here, key.away);
  counter = await open(folders, false);
  const order = createOrder({ genesisHash, till: sdkKey(KEYS.till), tillNo: 1, items: [carton], priceSenPerBill: PRICE_SEN });
  const postOrder = async ({ order: bytes, salt, invoice }: TillOrder) => await counter.post('/orders', { order: toBase64Url(bytes), salt: toBase64Url(salt), invoice: toBase64Url(invoice) }, { 'idempotency-key': 'till-1-1', ...await counter.as(sdkKey(KEYS.till)) });
  const posted = await postOrder(order);
  const { orderId } = posted.json as { readonly orderId: string };
  const built = buildPay({ genesisHash, invoice: order.invoice, payer: ali.address });
  if (!built.ok) throw new Error(built.fault.code);
  const pay: TxDraft = addSignature(built.value, ali);
  t.match(await counter.post('/transactions', { tx: toBase64Url(encodeTransaction(pay)) }), { status: 202 });
  await counter.node.stop();

  counter = await open(folders, false);
  t.same(await postOrder(order), posted, 'the till asks again under its Idempotency-Key and gets the stored answer');
  t.match(await postOrder(createOrder({ genesisHash, till: sdkKey(KEYS.till), tillNo: 1, items: [carton, carton], priceSenPerBill: PRICE_SEN })), { status: 422, json: { code: 'idempotency_key_reused' } });
  const validate = async (who: Key, txHash = pay.txHash): Promise<unknown> => (await counter.post('/payments/validate', { txHash, expectedAmount: '1.80' }, await counter.as(who))).json;
  t.match(await validate(ali), { valid: false, error: 'not_final' });
  // Not found, or that this node is too old to say so: what of a hash of nobody.
  const [ofBen, ofNobody] = [await validate(ben), await validate(ben, 'f'.repeat(64))] as { readonly code?: string; readonly error?: string }[];
  t.same([ofBen?.code, ofBen?.error], [ofNobody?.code, ofNobody?.error]);
  t.match(await counter.get(`/transactions/${pay.txHash}`, await counter.as(ali)), { status: 'pending', body: { kind: 'pay' }, order: orderId });
  t.notOk('body' in (await counter.get(`/transactions/${pay.txHash}`, await counter.as(ben)) as object));
  t.match(await counter.get(`/orders/${orderId}`, await counter.as(ali)), { orderId, status: 'SUBMITTED', payment: { txHash: pay.txHash, status: 'pending' } });
  t.match(await counter.get(`/orders/${orderId}`, await counter.as(ben)), { status: 404 });
  await counter.node.stop();

  await rename(key.away, key.here);
  counter = await open(folders, true);
  await until(async () => ((await counter.get(`/orders/by-ref/1/${toHex(order.ref)}`)) as { readonly status: string }).status === 'PAID_READY');
  t.match(await validate(ali), { valid: true, error: null });
  t.same(counter.node.halts, []);
});
