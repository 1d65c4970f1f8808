/** The client against a real server: answers, refusals, retries, time. */
import t from 'tap';
import { fromBase64Url, toHex } from '@billcoin/protocol';
import {
  ApiError, ATTEMPTS_MAX_PER_CALL, ConnectionError, createClient, getLoyalty, getStatus, getTransaction, sendTransaction, signTransfer, TimeoutError, UntrustedAnswerError, validatePayment, waitForTransaction, encodeTransaction,
} from '../../src/index.ts';
import { genesisHash, keys } from '../fixture.ts';
import { refuse, startServer } from '../server.ts';

const draft = signTransfer({ genesisHash, to: keys.merchant.address, amountMl: 300n }, keys.student);
const { txHash } = draft;
const status = {
  network: 'billcoin-dev', chainId: 'billcoin-dev-01020304', genesisHash: toHex(genesisHash), height: 0, blockHash: '00'.repeat(32), time: '2026-04-10T08:15:23Z', finalityAgeMs: 0,
  pool: { transactions: 0, bytes: 0 }, peers: 3, sync: null, params: { minFeeMl: '1' },
};
const pending = { txHash, status: 'pending', kind: 'transfer', height: null, index: null, code: null, fault: null, time: null };
const final = { txHash, status: 'final', kind: 'transfer', height: 0, index: 0, code: 0, fault: null, time: '2026-04-10T08:15:23Z' };

async function thrown(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

t.test('an answer comes back as declared, zero height included, with language and login sent', async (t) => {
  const { baseUrl, requests } = await startServer(t, { getStatus: () => ({ status: 200, body: status }) });
  const client = createClient({ baseUrl: `${baseUrl}/`, language: 'ms', accessToken: () => Promise.resolve('token-1') });
  t.same(await getStatus(client), status);
  t.match(requests[0]?.headers, { 'accept-language': 'ms', authorization: 'Bearer token-1' });
  await getStatus(createClient({ baseUrl }));
  t.equal(requests[1]?.headers.authorization, undefined);
  t.throws(() => createClient({ baseUrl: 'file:///etc/passwd' }), TypeError);
  t.throws(() => createClient({ baseUrl: 'nonsense' }), TypeError);
});

t.test('a refusal is an ApiError with code, status, remedy, request id and data', async (t) => {
  const { baseUrl } = await startServer(t, {
    postTransaction: () => refuse('insufficient_balance', { detail: 'has 0.100, needs 0.301', data: { haveMl: '100', needMl: '301' }, errors: [{ pointer: '/tx', code: 'insufficient_balance' }] }),
  });
  const error = await thrown(sendTransaction(createClient({ baseUrl }), draft));
  if (!(error instanceof ApiError)) {
    t.fail(String(error));
    return;
  }
  t.match(error, { code: 'insufficient_balance', status: 422, retryable: false, requestId: 'req_1', data: { haveMl: '100', needMl: '301' }, errors: [{ pointer: '/tx' }] });
  t.match(error.message, 'has 0.100, needs 0.301');
  t.match(error.remedy, 'Top up');
});

t.test('sending posts the exact bytes and checks the id the server names', async (t) => {
  const { baseUrl, requests } = await startServer(t, {
    postTransaction: ({ attempt }) => ({ status: 202, body: { txHash: attempt === 1 ? txHash : 'ff'.repeat(32), status: 'pending' } }),
  });
  const client = createClient({ baseUrl });
  t.same(await sendTransaction(client, draft), { txHash, status: 'pending' });
  t.same(fromBase64Url((requests[0]?.body as { tx: string }).tx), encodeTransaction(draft));
  t.ok(await thrown(sendTransaction(client, draft)) instanceof UntrustedAnswerError);
});

t.test('what is safe to repeat is repeated while the trouble passes', async (t) => {
  const { baseUrl, requests } = await startServer(t, {
    postTransaction: ({ attempt }) => (attempt === 1 ? { raw: (response) => void response.destroy() } : attempt === 2 ? refuse('pool_full', {}, { 'retry-after': '0' }) : { status: 200, body: { txHash, status: 'pending' } }),
  });
  t.match(await sendTransaction(createClient({ baseUrl }), draft), { status: 'pending' });
  t.equal(requests.length, 3);
});

t.test('a node that stays down is asked a bounded number of times', async (t) => {
  const { baseUrl, requests } = await startServer(t, { getStatus: () => ({ status: 503, body: 'busy' }) });
  const error = await thrown(getStatus(createClient({ baseUrl })));
  t.match(error, { name: 'ConnectionError', code: 'unreachable', status: 503, retryable: true });
  t.equal(requests.length, ATTEMPTS_MAX_PER_CALL);
});

t.test('what must not be repeated is not, and neither is a refusal that will not pass', async (t) => {
  const { baseUrl, requests } = await startServer(t, {
    validatePayment: () => refuse('chain_unavailable'),
    getTransaction: () => refuse('not_found'),
    getStatus: () => refuse('rate_limited', {}, { 'retry-after': '60' }),
  });
  const client = createClient({ baseUrl });
  t.match(await thrown(validatePayment(client, { txHash, expectedAmount: '1.80' })), { code: 'chain_unavailable', retryable: true });
  t.match(await thrown(getTransaction(client, { txHash })), { code: 'not_found', status: 404 });
  t.match(await thrown(getStatus(client)), { code: 'rate_limited', retryAfterS: 60 }, 'a minute is for the caller to wait');
  t.equal(requests.length, 3);
});

t.test('answers of something else than this API are connection errors', async (t) => {
  const { baseUrl } = await startServer(t, {
    getStatus: ({ attempt }) => ({ raw: (response) => response.writeHead(attempt === 1 ? 200 : 404, { 'content-type': 'application/json' }).end(attempt === 1 ? '{"network":' : '{"code":"constructor"}') }),
  });
  const client = createClient({ baseUrl });
  t.match(await thrown(getStatus(client)), { name: 'ConnectionError', status: 200 });
  t.match(await thrown(getStatus(client)), { name: 'ConnectionError', status: 404 }, 'a code is looked up in the table only');
  const nobody = createClient({ baseUrl: 'http://127.0.0.1:1' });
  const error = await thrown(getStatus(nobody));
  t.ok(error instanceof ConnectionError && error.cause !== undefined && error.status === undefined);
});

t.test('a timeout of a sent transaction carries its id; the caller may give up earlier', async (t) => {
  const { baseUrl } = await startServer(t, { postTransaction: () => ({ raw: () => undefined }) });
  const client = createClient({ baseUrl, timeoutMs: 80 });
  const error = await thrown(sendTransaction(client, draft));
  if (!(error instanceof TimeoutError)) {
    t.fail(String(error));
    return;
  }
  t.equal(error.txHash, txHash);
  t.match(error.remedy, 'waitForTransaction');
  const controller = new AbortController();
  const given = thrown(sendTransaction(client, draft, { signal: controller.signal, timeoutMs: 60_000 }));
  controller.abort(new Error('the user went back'));
  t.match(await given, { message: 'the user went back' });
  t.match(await thrown(sendTransaction(client, draft, { signal: controller.signal })), { message: 'the user went back' });
});

t.test('waiting ends when the transaction is settled, whatever happens on the way', async (t) => {
  const { baseUrl } = await startServer(t, {
    getTransaction: ({ attempt }) => (attempt === 1 ? refuse('not_found') : attempt === 2 ? { status: 200, body: pending } : { status: 200, body: final }),
  });
  const client = createClient({ baseUrl });
  t.same(await waitForTransaction(client, { txHash }), final);
});

t.test('waiting too long is a timeout with the id; a refusal for good is passed on', async (t) => {
  const { baseUrl } = await startServer(t, { getTransaction: ({ params }) => (params['txHash'] === txHash ? { status: 200, body: pending } : refuse('forbidden')) });
  const client = createClient({ baseUrl });
  const error = await thrown(waitForTransaction(client, { txHash, timeoutMs: 250 }));
  t.match(error, { name: 'TimeoutError', txHash, message: /pending/ });
  t.match(await thrown(waitForTransaction(client, { txHash: '00'.repeat(32) })), { code: 'forbidden' });
  const controller = new AbortController();
  const given = thrown(waitForTransaction(client, { txHash, signal: controller.signal }));
  controller.abort(new Error('closed'));
  t.match(await given, { message: 'closed' });
});

t.test('a text in the path cannot leave its place', async (t) => {
  let asked = '';
  const client = createClient({ baseUrl: 'http://127.0.0.1', fetch: (url) => Promise.resolve((asked = typeof url === 'string' ? url : '', new Response('{}'))) });
  await getLoyalty(client, { address: '../admin?x=1' });
  t.equal(asked, 'http://127.0.0.1/api/v1/loyalty/..%2Fadmin%3Fx%3D1');
});
