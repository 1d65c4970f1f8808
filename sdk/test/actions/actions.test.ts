/** Every action sends what its declaration asks for and returns what the server answers. */
import t from 'tap';
import { fromBase64Url, signingBytes, toBase64Url, toHex, utf8, verifyEd25519 } from '@billcoin/protocol';
import {
  couponText, createClient, decodeTransaction, exportMilkSales, getAccount, getBatch, getBatchTrace, getBlock, getCoupon, getEpcis, getGenesis, getLoyalty, getMerchant, getOrder, getPrice, getRegistry, getReserve, getTill, getTxProof, getTxTrace, getValidator, importStudents, linkWallet, listAccountTransactions,
  listBatches, listBlocks, listMerchants, listOrders, listValidators, LOT_FINDINGS, MILK_SALES_HEADER, payInvoice, postOrder, readInvoice, readOrder, renewLinkCode, UntrustedAnswerError, validatePayment,
} from '../../src/index.ts';
import { carton, genesisHash, keys, makeOrder, TILL_NO } from '../fixture.ts';
import { refuse, startServer } from '../server.ts';

const hash = 'ab'.repeat(32);
const time = '2026-04-10T08:15:23Z';
const address = keys.student.addressText;
const merchantId = keys.merchant.addressText;
const ulid = '01JRF0000000000000000000AB';
const bytes = toBase64Url(new Uint8Array(92).fill(1));
const order = makeOrder();
const created = {
  orderId: `ord_${ulid}`, tillNo: TILL_NO, ref: toHex(order.ref), matchCode: order.matchCode, rm: '1.80', litres: '0.300', rmPerBill: '6.00', priceEpoch: 20553, expiresAt: time, qr: order.qr,
  status: 'AWAITING_PAYMENT', label: { en: 'Awaiting Payment', ms: 'Menunggu Bayaran' },
};
const summary = { ...created, merchantId, createdAt: time, payment: { txHash: hash, status: 'final', time, blockHeight: 1, blockHash: hash } };
const empty = { data: [], nextCursor: null };
const blockSummary = { height: 1, hash, time, txCount: 0, proposer: address, round: 0 };
const block = { ...blockSummary, prevHash: hash, txRoot: hash, resultRoot: hash, stateRoot: hash, validatorsHash: hash, nextValidatorsHash: hash, header: bytes, certificate: bytes, transactions: [{ txHash: hash, kind: 'pay', code: 0, fault: null }] };
const coupon = { couponId: hash, merchantId, litres: '0.300', expiresAt: time, state: 'unspent', usable: true, reason: null, qr: couponText(hash) };

const txPlace = { txHash: hash, height: 9, time, proof: `/api/v1/proofs/tx/${hash}` };
const batchTrace = {
  batchKey: hash, plant: { address, name: 'Dairy' }, lot: '4c31', lotText: 'L1', productionDate: '2026-04-10', expiresAt: time, state: 'minted', onHold: false,
  litres: { issued: '1000.000', available: '750.000', held: '0.000', redeemed: '250.000', owedOut: '0.000' }, farms: [{ address, name: 'Farm', litres: '1000.000', percent: '100.00' }], meter: { device: 'ab'.repeat(16), from: '0.000', to: '1000.000' },
  manifestHash: hash, opened: [{ ...txPlace, attempt: 1, claim: '1000.000', rejectedByRule: null }],
  statements: [{ ...txPlace, attempt: 1, oracle: address, name: 'Oracle', volume: '1000.000', reject: 0, readingsRoot: hash, profileHash: hash, row: `/api/v1/proofs/row/11${hash}` }],
  mint: { ...txPlace, volume: '1000.000', toll: '0.000', repaid: '0.000', bonded: '0.000', credits: [{ address, name: 'Farm', litres: '1000.000' }], readingsRoot: hash, profileHash: hash },
  deliveries: [{ ...txPlace, address: merchantId, name: 'Cafeteria', litres: '250.000', noteHash: hash, row: `/api/v1/proofs/row/12${hash}` }], acts: [], complete: true, height: 9, row: `/api/v1/proofs/row/10${hash}`,
};

t.test('reads', async (t) => {
  const answers = {
    getGenesis: { network: 'billcoin-dev' },
    listBlocks: { data: [blockSummary], nextCursor: 'abc' },
    getLatestBlock: block,
    getBlock: block,
    listValidators: { height: 1, validatorsHash: hash, set: bytes, data: [{ address, publicKey: hash, name: 'MMU', status: 'active', power: 1, account: address, litres: '100.000', shares: '100000', commissionBps: 500, standing: 'good' }] },
    getValidator: { address, publicKey: hash, name: 'MMU', status: 'active', power: 1, account: address, litres: '100.000', shares: '100000', commissionBps: 500, standing: 'good', height: 1, commits: { blocks: 1, missed: 0 } },
    getAccount: { address, litres: '0.000', height: 1, policy: null, row: `/api/v1/proofs/row/01${hash.slice(0, 40)}` },
    listAccountTransactions: { data: [{ txHash: hash, kind: 'pay', height: 1, index: 0, time, code: 0, fault: null, direction: 'out', litres: '0.300', counterparty: merchantId }], nextCursor: null },
    listBatches: empty,
    getBatch: {
      batchKey: hash, plant: address, plantName: 'Dairy', lot: '4c31', lotText: 'L1', productionDate: '2026-04-10', expiresAt: time, openedAt: time, attempt: 1, state: 'minted', onHold: false,
      claim: '1000.000', issued: '1000.000', available: '750.000', held: '0.000', redeemed: '250.000', owedOut: '0.000', meter: 'ab'.repeat(16), totalFrom: '0.000', totalTo: '1000.000', manifestHash: hash, profileHash: hash, readingsRoot: hash,
      shares: [{ farm: address, name: 'Farm', weight: '1000.000' }], attestations: [{ attempt: 1, oracle: address, name: 'Oracle', volume: '1000.000', reject: 0, readingsRoot: hash }], notes: [], redeems: [], height: 9, row: bytes,
    },
    getReserve: {
      height: 1, blockHash: hash, time, supply: '1000.000', custody: '1000.000', gap: '0.000', bonds: '0.000', pools: { fees: '0.000', insurance: '0.000', subsidy: '0.000' }, coverDays: null,
      plants: { data: [{ plant: address, name: 'Dairy', status: 'active', batches: 1, issued: '1000.000', available: '1000.000', held: '0.000', redeemed: '0.000', owedOut: '0.000', bond: '0.000', owed: '0.000', href: `/api/v1/batches?plant=${address}` }], nextCursor: null },
    },
    traceBatch: batchTrace,
    traceTx: {
      ...txPlace, kind: 'pay', tillNo: 12, ref: '0'.repeat(20), merchant: { address: merchantId, name: 'Cafeteria' }, rm: '1.80', litres: '0.300', order: { order: bytes, salt: toBase64Url(new Uint8Array(16)) },
      items: [{ product: 'milk', name: 'Milk', quantity: 1, rm: '1.80', litres: null, lot: 'L1', finding: 'proven', label: LOT_FINDINGS.proven, batches: [hash] }], batches: [batchTrace],
    },
    getPrice: { epoch: 20553, rmPerBill: '6.00', previousRmPerBill: '6.00', validFrom: time, validTo: time, reports: 3, stale: false, rowKey: '1300005049' },
    listMerchants: { data: [{ merchantId, name: 'Cafeteria', status: 'active' }], nextCursor: null },
    getMerchant: { merchantId, name: 'Cafeteria', status: 'active', tills: [{ tillNo: 12, publicKey: hash, status: 'active' }], height: 1 },
    getTill: { tillNo: 12, merchantId, merchantName: 'Cafeteria', merchantStatus: 'active', publicKey: hash, status: 'active', height: 1 },
    getRegistry: { height: 1, blockHash: hash, timeMs: 0, roles: { regulator: address, campusAuthority: address, treasury: address }, devices: [], farms: [], plants: [], meters: [], oracles: [], reporters: [] },
    getLoyalty: { address, height: 1, merchants: [{ merchantId, name: 'Cafeteria', points: 4, toNext: 1, coupons: [coupon] }] },
    getCoupon: coupon,
    getTxProof: { txHash: hash, height: 1, blockHash: hash, time, receipt: bytes },
    getOrder: { ...summary, items: [], refunds: [], history: [{ status: 'AWAITING_PAYMENT', time }] },
    listOrders: { data: [summary], nextCursor: null },
  } as const;
  const { baseUrl, requests } = await startServer(t, Object.fromEntries(Object.entries(answers).map(([operation, body]) => [operation, () => ({ status: 200, body })])));
  const client = createClient({ baseUrl });
  t.same(await getGenesis(client), answers.getGenesis);
  t.same(await listBlocks(client, { limit: 2, cursor: 'xyz' }), answers.listBlocks);
  t.same(requests.at(-1)?.query, { limit: '2', cursor: 'xyz' });
  t.same(await getBlock(client), block);
  t.equal(requests.at(-1)?.operation, 'getLatestBlock');
  t.same(await getBlock(client, { heightOrHash: 0 }), block);
  t.same(requests.at(-1)?.params, { heightOrHash: '0' }, 'height 0 is a height');
  t.same(await getBlock(client, { heightOrHash: hash }), block);
  t.same(await listValidators(client), answers.listValidators);
  t.same(await getValidator(client, { address }), answers.getValidator);
  t.same(requests.at(-1)?.params, { address });
  t.same(await getAccount(client, { address }), answers.getAccount);
  t.same(await listAccountTransactions(client, { address, limit: 1 }), answers.listAccountTransactions);
  t.same(await listBatches(client, { state: 'minted' }), empty);
  t.same(await getBatch(client, { batchKey: hash }), answers.getBatch);
  t.same(await getReserve(client), answers.getReserve);
  t.same(await getBatchTrace(client, { batchKey: hash }), answers.traceBatch);
  t.same(requests.at(-1)?.query, { format: 'json' });
  t.same(await getTxTrace(client, { txHash: hash }), answers.traceTx);
  await getEpcis(client, { txHash: hash });
  t.same([requests.at(-1)?.operation, requests.at(-1)?.query], ['traceTx', { format: 'epcis' }]);
  await getEpcis(client, { batchKey: hash });
  t.same([requests.at(-1)?.operation, requests.at(-1)?.query], ['traceBatch', { format: 'epcis' }]);
  t.same(await getPrice(client), answers.getPrice);
  t.same(await listMerchants(client), answers.listMerchants);
  t.same(await getMerchant(client, { merchantId }), answers.getMerchant);
  t.same(await getTill(client, { tillNo: 12 }), answers.getTill);
  t.same(await getRegistry(client, { height: 1 }), answers.getRegistry);
  t.same(await getLoyalty(client, { address }), answers.getLoyalty);
  t.same(await getCoupon(client, { couponId: hash }), coupon);
  t.same(await getTxProof(client, { txHash: hash }), answers.getTxProof);
  t.same(await getOrder(client, { orderId: created.orderId }), answers.getOrder);
  t.same(await listOrders(client, { status: 'PAID_READY', tillNo: TILL_NO }), answers.listOrders);
  t.same(requests.at(-1)?.query, { status: 'PAID_READY', tillNo: '12' });
});

t.test('the export is text, byte for byte', async (t) => {
  const csv = `${MILK_SALES_HEADER}\r\n`;
  const { baseUrl, requests } = await startServer(t, { exportMilkSales: () => ({ status: 200, body: csv }) });
  t.equal(await exportMilkSales(createClient({ baseUrl }), { month: '2026-04', bom: 1 }), csv);
  t.same(requests[0]?.query, { month: '2026-04', bom: '1' });
});

t.test('an order is posted under its own key, so a repeat is the same order', async (t) => {
  const { baseUrl, requests } = await startServer(t, { postOrder: ({ attempt }) => (attempt === 1 ? refuse('idempotency_in_progress') : { status: 201, body: created }) });
  const client = createClient({ baseUrl });
  await t.rejects(postOrder(client, order), { code: 'idempotency_in_progress', retryable: true });
  t.same(await postOrder(client, order), created);
  t.equal(requests[0]?.headers['idempotency-key'], requests[1]?.headers['idempotency-key']);
  const { invoice } = requests[1]?.body as { invoice: string };
  t.same(fromBase64Url(invoice), order.invoice);
});

t.test('an order is read only where the reference of the invoice commits to it', async (t) => {
  const good = { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice), status: 'AWAITING_PAYMENT' };
  const other = makeOrder({ items: [{ ...carton, quantity: 2 }] });
  const answers = [good, { ...good, order: toBase64Url(other.order) }, { ...good, salt: toBase64Url(other.salt) }, { ...good, salt: 'AA' }];
  const { baseUrl } = await startServer(t, { getOrderByRef: ({ attempt }) => ({ status: 200, body: answers[attempt - 1] }) });
  const client = createClient({ baseUrl });
  const invoice = { tillNo: TILL_NO, ref: order.ref };
  t.match(await readOrder(client, invoice), { ok: true, value: { items: [{ name: 'UHT milk 250 mL', lot: 'L2026-04-10A' }] } });
  for (let i = 0; i < 3; i++) t.match(await readOrder(client, invoice), { ok: false, fault: { code: 'malformed' } });
});

t.test('scan, check, pay, validate', async (t) => {
  const till = { tillNo: TILL_NO, merchantId, merchantName: 'Cafeteria', merchantStatus: 'active', publicKey: toHex(keys.till.publicKey), status: 'active', height: 1 } as const;
  const { baseUrl } = await startServer(t, {
    postTransaction: ({ body }) => ({ status: 202, body: { txHash: sentHash(body), status: 'pending' } }),
    validatePayment: () => ({ status: 200, body: { valid: true, confirmedAt: time, error: null } }),
  });
  const client = createClient({ baseUrl });
  const lookup = { till: () => Promise.resolve({ publicKey: keys.till.publicKey, merchant: keys.merchant.address, merchantName: till.merchantName, merchantStatus: till.merchantStatus, status: till.status }), prices: () => Promise.resolve(undefined) };
  const invoice = await readInvoice(order.qr, { genesisHash, lookup });
  if (!invoice.ok) {
    t.fail(invoice.fault.code);
    return;
  }
  const { txHash } = await payInvoice(client, { genesisHash, invoice: invoice.value, key: keys.student });
  t.same(await validatePayment(client, { txHash, expectedAmount: '1.80', waitMs: 3_000 }), { valid: true, confirmedAt: time, error: null });
});

/** The id of the posted transaction, computed by the law. */
function sentHash(body: unknown): string {
  const opened = decodeTransaction(genesisHash, fromBase64Url((body as { tx: string }).tx) ?? new Uint8Array());
  if (!opened.ok) throw new Error(opened.fault.code);
  return opened.value.draft.txHash;
}

t.test('linking signs the text of this server for this account, and no other', async (t) => {
  const text = (host: string, account: string): string => `${host} wants you to sign in with your BillCoin account:\n${account}\n\nProve that this key is yours.\n\nNonce: 1`;
  let asked = text('evil.example', address);
  const { baseUrl, host, requests } = await startServer(t, {
    createChallenge: () => ({ status: 200, body: { message: asked, expiresAt: time } }),
    linkWallet: () => ({ status: 201, body: { walletId: `wal_${ulid}`, addressMasked: `${address.slice(0, 6)}...${address.slice(-4)}` } }),
  });
  const client = createClient({ baseUrl });
  const params = { linkCode: 'abcde12345', key: keys.student, genesisHash };
  await t.rejects(linkWallet(client, params), UntrustedAnswerError);
  asked = text(host, merchantId);
  await t.rejects(linkWallet(client, params), UntrustedAnswerError);
  asked = text(host, address);
  t.match(await linkWallet(client, params), { walletId: `wal_${ulid}` });
  const { signature, linkCode } = requests.at(-1)?.body as { signature: string; linkCode: string };
  t.equal(linkCode, 'ABCDE12345');
  t.ok(verifyEd25519(keys.student.publicKey, signingBytes('bill/login/1', genesisHash, utf8(asked)), Uint8Array.from(Buffer.from(signature, 'hex'))));
});

t.test('the roster goes up as CSV', async (t) => {
  const issued = { studentRef: `stu_${ulid}`, linkCode: '0123456789' };
  const first = { studentId: '1234567890', ...issued };
  const renewed = { ...issued, expiresAt: time };
  const { baseUrl, requests } = await startServer(t, {
    importStudents: () => ({ status: 200, body: { added: 1, kept: 0, left: 0, codes: [first] } }),
    renewLinkCode: () => ({ status: 201, body: renewed }),
  });
  const client = createClient({ baseUrl });
  t.match(await importStudents(client, { csv: 'studentId\r\n1234567890\r\n' }), { added: 1, codes: [first] });
  t.equal(requests[0]?.headers['content-type'], 'text/csv');
  t.same(await renewLinkCode(client, { studentRef: issued.studentRef }), renewed);
});
