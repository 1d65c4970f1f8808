/** Every read answers in exactly the form its declaration gives. */
import t, { type Test } from 'tap';
import { addressOf, formatAddress, fromBase64Url, toHex, verifyEd25519, verifyReceipt } from '@billcoin/protocol';
import { API_BASE, COMMITS_MAX, parseCouponText, ROUTES, type OperationId, type Route } from '@billcoin/sdk';
import { makeOpenApi } from '../../src/api/openapi.ts';
import { FINALITY_AGE_MAX_MS } from '../../src/api/routes/health.ts';
import { carton, openWorld, sdkKey, wallet, type Answer, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, keyOf, makeTestGenesis, type Key } from '../support/testNetwork.ts';

type Who = Parameters<World['as']>[0];

async function read(t: Test, world: World, operationId: OperationId, path: string, who?: Who): Promise<never> {
  const answer = await world.get(path, who === undefined ? {} : await world.as(who));
  t.equal(answer.status, 200, `${operationId} ${path}`);
  t.same(departures(operationId, answer), [], operationId);
  return answer.json;
}

t.test('all reads conform, with what happened in them', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const farm = sdkKey(KEYS.farm);
  const cafeteria = sdkKey(KEYS.cafeteria);
  const order = world.order({ items: [carton, { ...carton, product: 'yoghurt', senLine: 300n, lineMl: 500n, lot: '' }] });
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const txHash = await world.pay(ali, order.invoice);
  await world.block();
  const [batch] = (await read(t, world, 'listBatches', '/batches') as { data: { batchKey: string; lotText: string }[] }).data;
  await world.redeem(cafeteria, batch?.lotText ?? '', 200n);
  await world.block();

  await read(t, world, 'getStatus', '/status');
  t.same(await read(t, world, 'listPeers', '/peers', 'admin'), { height: 5, data: [] });
  await read(t, world, 'listBlocks', '/blocks?limit=2');
  await read(t, world, 'getLatestBlock', '/blocks/latest');
  const block = await read(t, world, 'getBlock', '/blocks/4') as { hash: string; transactions: { txHash: string; kind: string }[] };
  t.same(await read(t, world, 'getBlock', `/blocks/${block.hash}`), block, 'by height and by hash');
  t.match(block.transactions, [{ txHash, kind: 'pay' }]);
  const { data: [validator] } = await read(t, world, 'listValidators', '/validators') as { data: { address: string }[] };
  t.match(await read(t, world, 'getValidator', `/validators/${validator?.address ?? ''}`), { ...validator, height: 5, commits: { blocks: 5, missed: 0 } });
  t.equal((await world.get(`/validators/${ali.addressText}`)).status, 404, 'not a validator');
  const account = await read(t, world, 'getAccount', `/accounts/${ali.addressText}`, ali) as { row: string };
  t.equal(account.row, `${API_BASE}/proofs/row/01${toHex(ali.address)}`);
  await read(t, world, 'getRowProof', account.row.slice(API_BASE.length), ali);
  const history = await read(t, world, 'listAccountTransactions', `/accounts/${ali.addressText}/transactions?limit=1`, ali) as { data: object[]; nextCursor: string };
  t.match(history.data, [{ txHash, kind: 'pay', direction: 'out', litres: '0.800', counterparty: cafeteria.addressText }]);
  const older = await read(t, world, 'listAccountTransactions', `/accounts/${ali.addressText}/transactions?cursor=${history.nextCursor}`, 'auditor') as { data: object[]; nextCursor: null };
  t.match(older, { data: [{ kind: 'transfer', direction: 'in', litres: '20.000', counterparty: farm.addressText }], nextCursor: null });
  t.same(await read(t, world, 'listTransactions', `/transactions?address=${ali.addressText}&cursor=${history.nextCursor}`, ali), older, 'the account as a filter');
  t.match(await read(t, world, 'listTransactions', `/transactions?address=${ali.addressText}&kind=pay`, 'finance'), { data: [{ txHash }], nextCursor: null });
  t.same([(await world.get(`/transactions?address=${ali.addressText}`, await world.as('manager'))).status, (await world.get('/transactions', await world.as(ali))).status], [404, 400], 'another’s; of all accounts there is none');
  const detail = await read(t, world, 'getBatch', `/batches/${batch?.batchKey ?? ''}`) as object;
  t.match(detail, { redeemed: '0.200', notes: [{ merchantId: cafeteria.addressText, name: 'Cafeteria', litres: '0.200' }], redeems: [{ holder: cafeteria.addressText }], attestations: [{ attempt: 1, name: 'Oracle' }] });
  t.match(await read(t, world, 'listBatches', '/batches?state=minted&limit=1'), { data: [{ batchKey: batch?.batchKey }], nextCursor: null });
  t.match(await read(t, world, 'listBatches', '/batches?state=open'), { data: [] });
  t.match(await read(t, world, 'getReserve', '/reserve'), { supply: '20.800', custody: '20.800', gap: '0.000', coverDays: 182.4, plants: { data: [{ name: 'Plant', available: '20.800', redeemed: '0.200' }] } });
  t.match(await read(t, world, 'getPrice', '/price'), { rmPerBill: '6.00', previousRmPerBill: '6.00', stale: false });
  await read(t, world, 'listMerchants', '/merchants');
  t.match(await read(t, world, 'getMerchant', `/merchants/${cafeteria.addressText}`), { name: 'Cafeteria', tills: [{ tillNo: 1, status: 'active' }] });
  await read(t, world, 'getTill', '/tills/1');
  t.match(await read(t, world, 'getRegistry', '/registry'), { farms: [{ name: 'Farm' }], plants: [{ name: 'Plant' }], oracles: [{ name: 'Oracle' }], devices: [{ alg: 'ed25519' }], meters: [{ total: '0.000' }], reporters: [], height: 5, roles: { regulator: sdkKey(KEYS.regulator).addressText } });
  await read(t, world, 'listOrders', '/orders', 'till');
  await read(t, world, 'getOrder', `/orders/${orderId}`, ali);
  await read(t, world, 'getOrderByRef', `/orders/by-ref/1/${toHex(order.ref)}`);
  t.match(await read(t, world, 'getTransaction', `/transactions/${txHash}`), { status: 'final', kind: 'pay', code: 0, fault: null });
  await read(t, world, 'getLoyalty', `/loyalty/${ali.addressText}`, 'finance');
  for (const [operation, path] of [['healthLive', '/health/live'], ['healthReady', '/health/ready'], ['healthStartup', '/health/startup']] as const) await read(t, world, operation, path);
  for (const path of ['/blocks/99', `/blocks/${'0'.repeat(64)}`, '/blocks/0', '/tills/7', `/merchants/${ali.addressText}`, `/batches/${'0'.repeat(64)}`, `/coupons/${'0'.repeat(64)}`, `/transactions/${'0'.repeat(64)}`, '/orders/ord_01M7XZRX1G2J0BZCKPKH6GP5SJ', `/orders/by-ref/1/${'0'.repeat(20)}`, `/accounts/${ali.addressText.slice(0, -2)}qq`]) {
    const answer = await world.get(path, await world.as('till'));
    t.equal(answer.status, 404, path);
    t.equal((answer.json as { code: string }).code, 'not_found');
  }
});

t.test('an idle node that makes no blocks is not ready', async (t) => {
  const world = await openWorld(t);
  t.match((await world.get('/blocks/latest')).json, { code: 'not_found' }, 'before the first block');
  await world.block();
  t.equal((await world.get('/health/ready')).status, 200);
  world.chain.clock.moveTo(world.nowMs + 31_000);
  const answer = await world.get('/health/ready');
  t.equal(answer.status, 503);
  t.same(departures('healthReady', answer), []);
  t.match(answer.json, { status: 'fail', checks: [{ name: 'store', ok: true }, { name: 'campus_lag', ok: true }, { name: 'finality_age', ok: false }, {}] });
});

t.test('what never changes may be kept, and is asked for by its tag', async (t) => {
  const world = await openWorld(t);
  await world.block();
  for (const path of ['/genesis', '/blocks/1']) {
    const first = await world.get(path);
    const etag = first.headers.get('etag') ?? '';
    t.match(first.headers.get('cache-control'), /immutable/);
    const again = await world.get(path, { 'if-none-match': `"other", ${etag}` });
    t.same([again.status, again.text], [304, '']);
  }
  t.equal((await world.get('/genesis')).text, world.chain.genesisJson, 'byte for byte');
  t.equal((await world.get('/status')).headers.get('cache-control'), 'no-store');
});

t.test('what changes with the chain is known by a tag until it does', async (t) => {
  const world = await openWorld(t);
  await world.fund(20_000n, wallet('ali'));
  const { data: [validator] } = (await world.get('/validators')).json as { data: { address: string }[] };
  const { data: [batch] } = (await world.get('/batches')).json as { data: { batchKey: string }[] };
  const paths = ['/blocks', '/blocks/latest', '/validators', `/validators/${validator?.address ?? ''}`, '/reserve', '/batches', `/batches/${batch?.batchKey ?? ''}`, '/light/headers?from=1', '/registry'];
  const tags = new Map<string, string>();
  for (const path of paths) {
    const first = await world.get(path);
    t.match([first.status, first.headers.get('cache-control')], [200, 'public, no-cache'], path);
    tags.set(path, first.headers.get('etag') ?? '');
    const again = await world.get(path, { 'if-none-match': tags.get(path) ?? '' });
    t.same([again.status, again.text], [304, ''], path);
  }
  await world.block();
  for (const path of paths.filter((one) => !one.startsWith('/batches'))) {
    const later = await world.get(path, { 'if-none-match': tags.get(path) ?? '' });
    t.equal(later.status, 200, path);
    t.not(later.headers.get('etag'), tags.get(path), path);
  }
});

t.test('a transaction goes in once and is proven afterwards', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const order = world.order();
  const draft = world.payDraft(ali, order.invoice);
  const text = world.textOf(draft);
  const send = (tx: string): Promise<Answer> => world.post('/transactions', { tx });
  const first = await send(text);
  t.same([first.status, first.json], [202, { txHash: draft.txHash, status: 'pending' }]);
  t.match((await world.get(`/transactions/${draft.txHash}`)).json, { status: 'pending', kind: null, height: null });
  t.match((await world.get(`/proofs/tx/${draft.txHash}`)).json, { status: 409, code: 'not_final' });
  await world.block();
  const again = await send(text);
  t.same([again.status, again.json], [200, { txHash: draft.txHash, status: 'final' }]);
  const poor = world.payDraft(wallet('nothing'), world.order().invoice);
  const refused = await send(world.textOf(poor));
  t.match(refused.json, { status: 422, code: 'insufficient_balance', data: { needMl: '300', haveMl: '0' } });
  const rival = await send(world.textOf(world.payDraft(wallet('siti'), order.invoice)));
  t.match(rival.json, { status: 409, code: 'invoice_already_paid', data: { txId: draft.txHash } });

  const proof = await world.get(`/proofs/tx/${draft.txHash}`, await world.as(ali));
  t.same(departures('getTxProof', proof), []);
  const receipt = fromBase64Url((proof.json as { receipt: string }).receipt) ?? new Uint8Array(0);
  const verified = verifyReceipt({ genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 }, receipt);
  t.ok(verified.ok && verified.value.code === 0 && toHex(verified.value.txId) === draft.txHash, 'the proof verifies without this server');
  t.equal((await world.get(`/proofs/tx/${'0'.repeat(64)}`)).status, 404);
});

t.test('a node whose newest block is old refuses nothing for good', async (t) => {
  const world = await openWorld(t);
  const order = world.order();
  const poor = world.textOf(world.payDraft(wallet('nothing'), order.invoice));
  await world.block();
  t.match((await world.post('/transactions', { tx: poor })).json, { status: 422, code: 'insufficient_balance' });
  world.chain.clock.moveTo(world.nowMs + FINALITY_AGE_MAX_MS + 1);
  const stale = await world.post('/transactions', { tx: poor });
  t.match(stale.json, { status: 503, code: 'chain_unavailable', retryable: true, detail: /insufficient_balance/ });
  t.equal(stale.headers.get('retry-after'), '2');
  t.match((await world.post('/transactions', { tx: 'AAAA' })).json, { status: 400, code: 'malformed' }, 'what no state can make good');
});

t.test('the history of an account, of one kind and between two times, in pages', async (t) => {
  const world = await openWorld(t);
  const [ali, cafeteria] = [wallet('ali'), sdkKey(KEYS.cafeteria)];
  await world.fund(20_000n, ali);
  const ids: string[] = [];
  const times: string[] = [];
  for (let i = 0; i < 6; i++) {
    ids.push(i % 2 === 0 ? await world.pay(ali, world.order().invoice) : await world.transfer(ali, cafeteria.address, 100n));
    times.push(`${new Date((await world.block(5_000)).timeMs).toISOString().slice(0, 19)}Z`);
  }
  const auditor = await world.as('auditor');
  const history = async (query: string): Promise<{ readonly ids: readonly number[]; readonly next: string | null }> => {
    const { data, nextCursor } = (await world.get(`/accounts/${ali.addressText}/transactions?${query}`, auditor)).json as { data: { txHash: string }[]; nextCursor: string | null };
    return { ids: data.map(({ txHash }) => ids.indexOf(txHash)).filter((i) => i !== -1), next: nextCursor };
  };
  t.same((await history('kind=pay')).ids, [4, 2, 0], 'newest first');
  t.same((await history('kind=transfer')).ids, [5, 3, 1]);
  t.same(await history('kind=stake'), { ids: [], next: null });
  t.same(await history(`from=${times[2] ?? ''}`), { ids: [5, 4, 3, 2], next: null }, 'from it on');
  t.same((await history(`to=${times[2] ?? ''}`)).ids, [1, 0], 'before it');
  t.same((await history(`kind=pay&from=${times[1] ?? ''}&to=${times[5] ?? ''}`)).ids, [4, 2]);
  const first = await history('kind=pay&limit=2');
  t.same(first.ids, [4, 2]);
  t.same((await history(`kind=pay&limit=2&cursor=${first.next ?? ''}`)).ids, [0]);
  for (const wrong of ['from=yesterday', 'to=2026-02-30T00:00:00Z', 'kind=', 'kind=a-b']) t.equal((await world.get(`/accounts/${ali.addressText}/transactions?${wrong}`, auditor)).status, 400, wrong);
});

t.test('a sender with as many waiting transactions as he may have is told so, and when to come back', async (t) => {
  const world = await openWorld(t);
  world.chain.submit = () => Promise.resolve({ ok: false, refusal: { code: 'too_many_pending', text: 'The sender has 64 pending transactions.' } });
  const answer = await world.post('/transactions', { tx: world.textOf(world.payDraft(wallet('nothing'), world.order().invoice)) });
  t.match(answer.json, { status: 429, code: 'rate_limited', retryable: true, 'violated-policies': ['pending'], detail: /64 pending/ });
  t.equal(answer.headers.get('retry-after'), '2');
});

t.test('nor does one that is behind its peers, however young its newest block', async (t) => {
  let isBehind = true;
  const world = await openWorld(t, { sync: () => (isBehind ? { targetHeight: 9, blocksPerMinute: undefined, leftMs: undefined } : undefined) });
  const poor = world.textOf(world.payDraft(wallet('nothing'), world.order().invoice));
  await world.block();
  t.match((await world.post('/transactions', { tx: poor })).json, { status: 503, code: 'chain_unavailable', retryable: true, detail: /insufficient_balance/ });
  isBehind = false;
  t.match((await world.post('/transactions', { tx: poor })).json, { status: 422, code: 'insufficient_balance' });
});

t.test('five purchases make a coupon that the screens show until it is spent (US-005)', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  type Loyalty = { merchants: { points: number; toNext: number; coupons: { couponId: string; state: string; usable: boolean; reason: string | null; qr: string; litres: string }[] }[] };
  const loyalty = async (): Promise<Loyalty['merchants'][number] | undefined> => ((await world.get(`/loyalty/${ali.addressText}`, await world.as(ali))).json as Loyalty).merchants[0];
  t.equal(await loyalty(), undefined);
  for (let i = 1; i <= 4; i++) {
    await world.pay(ali, world.order().invoice);
    await world.block();
    t.match(await loyalty(), { points: i, toNext: 5 - i, coupons: [] });
  }
  await world.pay(ali, world.order().invoice);
  await world.block();
  const [coupon] = (await loyalty())?.coupons ?? [];
  t.match(await loyalty(), { points: 0, toNext: 5, coupons: [{ state: 'unspent', usable: true, reason: null, litres: '0.300' }] });
  const id = coupon?.couponId ?? '';
  t.same(parseCouponText(coupon?.qr ?? ''), { ok: true, value: id });
  t.same(departures('getCoupon', await world.get(`/coupons/${id}`, await world.as(ali))), []);
  await world.pay(ali, world.order().invoice, new Uint8Array(Buffer.from(id, 'hex')));
  await world.block();
  t.match((await world.get(`/coupons/${id}`, await world.as('staff'))).json, { state: 'spent', usable: false, reason: 'spent' });
});

t.test('the document describes every route and the page needs no other server', async (t) => {
  const world = await openWorld(t);
  const answer = await world.get('/openapi.json');
  t.same(answer.json, JSON.parse(JSON.stringify(makeOpenApi())));
  const { openapi, paths } = answer.json as { openapi: string; paths: Record<string, Record<string, { operationId: string }>> };
  t.equal(openapi, '3.1.0');
  const described = Object.values(paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
  t.same(described.sort(), Object.keys(ROUTES).sort());
  for (const route of Object.values(ROUTES) as Route[]) t.ok(route.summary.length > 5);
  for (const path of ['/docs', '/docs/static/swagger-initializer.js', '/docs/static/index.css']) {
    const page = await world.get(path);
    t.equal(page.status, 200, path);
    t.notMatch(page.text, /(src|href|url)\s*[=:(]\s*["'(]?https?:\/\//, `${path} asks no other server`);
  }
  t.match((await world.get('/docs')).headers.get('content-security-policy'), /default-src 'none'.*connect-src 'self'/);
});

t.test('metrics count what happened and name nobody', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const order = world.order();
  const lost = world.order({ lifeS: 5 });
  await world.postOrder(order);
  await world.postOrder(lost);
  const txHash = await world.pay(ali, order.invoice);
  await world.block();
  await world.post('/payments/validate', { txHash, expectedAmount: '1.80' }, await world.as('partner'));
  await world.post('/payments/validate', { txHash, expectedAmount: '1.81' }, await world.as('partner'));
  await world.post('/transactions', { tx: world.textOf(world.payDraft(wallet('nothing'), world.order().invoice)) });
  await world.block(6_000);
  const { text } = await world.get('/metrics');
  for (const line of [
    'payment_success_total 1', 'payment_failed_total{reason="insufficient_balance"} 1', 'payment_failed_total{reason="expired"} 1', 'validations_total{result="valid"} 1', 'validations_total{result="amount_mismatch"} 1',
    'validation_latency_seconds_count 2', 'validation_latency_seconds_bucket{le="3"} 2', 'orders_open 0', 'reserve_gap_ml 0', 'sse_clients 0', 'campus_height_lag 0',
    'http_requests_total{route="/api/v1/payments/validate",status="200"} 2',
  ]) t.ok(text.includes(`\n${line}\n`), line);
  t.match(text, /\nfinality_age_seconds \d/);
  t.match(text, /\nsupply_cover_days \d/);
  for (const secret of [ali.addressText, txHash, toHex(order.ref)]) t.notOk(text.includes(secret) || world.logLines.join('').includes(secret), 'neither metrics nor log name it');
});

t.test('of a validator anybody reads how many of the newest blocks were final without its vote', async (t) => {
  const validators = Array.from({ length: 4 }, (_, i) => keyOf(`validator ${i}`));
  const world = await openWorld(t, { chain: new MemoryChain(makeTestGenesis(Date.now(), {}, validators), validators.slice(1)) });
  const commitsOf = async (key: Key): Promise<unknown> => (await read(t, world, 'getValidator', `/validators/${formatAddress(addressOf(key.publicKey))}`) as { commits: unknown }).commits;
  const [silent, diligent] = validators as [Key, Key, Key, Key];
  t.same(await commitsOf(silent), { blocks: 0, missed: 0 }, 'before the first block');
  for (let height = 1; height <= COMMITS_MAX + 2; height++) await world.block();
  t.same(await commitsOf(silent), { blocks: COMMITS_MAX, missed: COMMITS_MAX });
  t.same(await commitsOf(diligent), { blocks: COMMITS_MAX, missed: 0 });
});
