/** Tills from the one-time code to the revocation, and merchants (threats 3 and 25). */
import t from 'tap';
import { formatAddress, signingBytes, toBase64Url, toHex, utf8 } from '@billcoin/protocol';
import { addSignature, buildRefund, buildRegisterTill, buildRevokeTill, createOrder, encodeTransaction, parseEnrolText, signEnrolment, type Key as SdkKey } from '@billcoin/sdk';
import { openRegistryIndex } from '../../src/api/registryIndex.ts';
import { tillRoutes } from '../../src/api/routes/tills.ts';
import type { Entry } from '../../src/api/entry.ts';
import { openLane } from '../../src/campus/lane.ts';
import { openCampusKeys } from '../../src/campus/keyFile.ts';
import { openTills } from '../../src/campus/tills/tills.ts';
import type { Submitted } from '../../src/ports.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { ADMIN, callAs, manager, type Called } from '../support/callAs.ts';
import { carton, makeKeyFolder, openWorld, PRICE_SEN, sdkKey, wallet, type Teardown, type World, type WorldOptions } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, keyOf, makeTestGenesis } from '../support/testNetwork.ts';

const CAFETERIA = formatAddress(KEYS.cafeteria.address);
const MANAGER = manager(CAFETERIA);
const PUBLIC = { role: 'public' } as const;
const codeOf = ({ status, body }: Called): string => (status < 300 ? String(status) : (body as { code: string }).code);

interface Desk {
  readonly world: World;
  readonly entries: readonly Entry[];
}

/** A world whose chain makes a block for whatever is admitted. */
async function openDesk(t: Teardown, options: WorldOptions = {}): Promise<Desk> {
  const world = await openWorld(t, options);
  const { chain, campus } = world;
  const unsubscribe = chain.onAdmitted(() => void setImmediate(() => void chain.block()));
  const index = openRegistryIndex(chain);
  t.teardown(async () => {
    unsubscribe();
    index.close();
  });
  return { world, entries: tillRoutes({ chain, clock: chain.clock, sync: () => undefined, index, tills: campus.tills, checkpoint: async () => undefined }) };
}

async function codeFor({ entries }: Desk, name = 'Counter 2', caller = MANAGER): Promise<string> {
  const { body } = await callAs(entries, 'enrolTill', caller, { body: { name } });
  return (body as { enrolCode: string }).enrolCode;
}

async function activate({ world, entries }: Desk, enrolCode: string, till: SdkKey, signature = signEnrolment(enrolCode, world.chain.genesisHash, till)): Promise<Called> {
  return await callAs(entries, 'activateTill', PUBLIC, { body: { enrolCode, publicKey: toHex(till.publicKey), signature: toHex(signature) } });
}

const registrations = async ({ chain }: World): Promise<number> => {
  let count = 0;
  for (let height = 1; height <= chain.tip().height; height++) count += (await chain.readFinal(height))?.txs.filter(({ body }) => body.kind.case === 'registerTill').length ?? 0;
  return count;
};

async function postOrderOf(world: World, till: SdkKey, tillNo: number): Promise<string> {
  const order = createOrder({ genesisHash: world.chain.genesisHash, till, tillNo, items: [carton], priceSenPerBill: PRICE_SEN, expiresAtS: Math.floor(world.nowMs / 1_000) + 120 });
  const posted = await world.campus.orders.post({
    posted: order, idempotency: { subject: 'test', key: toHex(order.ref), request: 'POST /orders' },
    accepted: () => ({ status: 201, body: 'accepted' }), refused: ({ code }) => ({ status: 422, body: code }),
  });
  return posted.kind === 'answer' ? posted.answer.body : posted.kind;
}

t.test('a device with a code of the manager becomes a till whose invoices count', async (t) => {
  const desk = await openDesk(t);
  const { world, entries } = desk;
  const till = wallet('device');
  const enrolled = await callAs(entries, 'enrolTill', MANAGER, { body: { name: 'Counter 2' } });
  const { enrolCode, text, expiresAt } = enrolled.body as { enrolCode: string; text: string; expiresAt: string };
  t.same(parseEnrolText(text, world.chain.genesisHash), { ok: true, value: enrolCode });
  t.equal(Date.parse(expiresAt), Math.floor((world.nowMs + 300_000) / 1_000) * 1_000);
  t.equal(await postOrderOf(world, till, 2), 'unknown_till');
  t.match(await activate(desk, enrolCode, till), { status: 201, body: { tillNo: 2, merchantId: CAFETERIA, checkpoint: null } });
  t.equal(await postOrderOf(world, till, 2), 'accepted');
  t.match((await world.get('/tills/2')).json, { merchantId: CAFETERIA, publicKey: toHex(till.publicKey), status: 'active' });
  t.match(await callAs(entries, 'listTills', MANAGER), { status: 200, body: { data: [{ tillNo: 1, name: null, enrolledAt: null, report: null }, { tillNo: 2, name: 'Counter 2', status: 'active', revoked: null }], nextCursor: null } });
});

t.test('an activation that is sent again, or twice at once, is one till', async (t) => {
  const desk = await openDesk(t);
  const till = wallet('device');
  const code = await codeFor(desk);
  const both = await Promise.all([activate(desk, code, till), activate(desk, code, till)]);
  for (const one of [...both, await activate(desk, code, till)]) t.match(one, { status: 201, body: { tillNo: 2 } });
  t.equal(await registrations(desk.world), 1);
});

t.test('a code is for one device, for five minutes, and for who holds the key', async (t) => {
  const desk = await openDesk(t);
  const { world } = desk;
  const [till, other] = [wallet('device'), wallet('other device')];
  const code = await codeFor(desk);
  const { genesisHash } = world.chain;
  t.equal(codeOf(await activate(desk, code, till, signEnrolment(code, genesisHash, other))), 'bad_login_signature', 'another key signed');
  t.equal(codeOf(await activate(desk, code, till, signEnrolment(code, new Uint8Array(32), till))), 'bad_login_signature', 'for another network');
  t.equal(codeOf(await activate(desk, code, till, till.sign(signingBytes('bill/login/1', genesisHash, utf8(code))))), 'bad_login_signature', 'a login is no enrolment');
  t.equal(codeOf(await activate(desk, '0000000000', till)), 'enrol_code_invalid');
  t.equal(codeOf(await activate(desk, code, till)), '201');
  t.equal(codeOf(await activate(desk, code, other)), 'enrol_code_invalid', 'used');
  const late = await codeFor(desk);
  world.chain.clock.moveTo(world.nowMs + 300_001);
  t.equal(codeOf(await activate(desk, late, other)), 'enrol_code_invalid', 'ran out');
  t.equal(codeOf(await activate(desk, code, till)), '201', 'the device itself may still ask how it went');
  const dump = (await world.store.list({ gte: '', lt: '~', limit: 10_000 })).map(({ key, value }) => key + new TextDecoder().decode(value)).join('\n') + world.logLines.join('\n');
  for (const secret of [code, late]) t.notMatch(dump, secret, 'no row and no log line holds a code');
});

t.test('a stolen till is revoked, signs nothing that counts, and does not come back with its code or its key', async (t) => {
  const desk = await openDesk(t);
  const { world, entries } = desk;
  const till = wallet('device');
  const code = await codeFor(desk);
  await activate(desk, code, till);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  await world.transfer(ali, KEYS.cafeteria.address, 1_000n);
  await world.block();
  const paid = createOrder({ genesisHash: world.chain.genesisHash, till, tillNo: 2, items: [carton], priceSenPerBill: PRICE_SEN, expiresAtS: Math.floor(world.nowMs / 1_000) + 120 });
  await world.pay(ali, paid.invoice);
  await world.block();
  const refund = (): Promise<string> => world.submit(buildRefund({ genesisHash: world.chain.genesisHash, sender: till.address, tillNo: 2, ref: paid.ref, amountMl: 10n, validUntilMs: world.nowMs + 60_000 }), till);
  await t.resolves(refund(), 'in force it may give back');
  await world.block();
  t.equal(codeOf(await callAs(entries, 'revokeTill', ADMIN, { params: { tillNo: 2 }, body: { reason: 'stolen' } })), '200');
  t.equal(await postOrderOf(world, till, 2), 'till_revoked');
  await t.rejects(refund(), /till_not_active/, 'no money leaves the merchant by its hand');
  t.equal(codeOf(await activate(desk, code, till)), 'till_revoked');
  t.equal(codeOf(await activate(desk, await codeFor(desk), till)), 'key_in_use');
  t.equal(codeOf(await activate(desk, await codeFor(desk), sdkKey(KEYS.till))), 'key_in_use', 'nor is the key of a till of genesis taken');
  t.match(await callAs(entries, 'listTills', ADMIN), { body: { data: [{ tillNo: 1 }, { tillNo: 2, status: 'revoked', revoked: { reason: 'stolen' } }] } });
  t.equal(codeOf(await callAs(entries, 'revokeTill', ADMIN, { params: { tillNo: 2 }, body: { reason: 'again' } })), 'already_revoked');
});

t.test('a manager revokes with the merchant key, and only tills of the own merchant', async (t) => {
  const desk = await openDesk(t);
  const { world, entries } = desk;
  const merchant = sdkKey(KEYS.cafeteria);
  const draft = (tillNo: number, signer = merchant): string => toBase64Url(encodeTransaction(addSignature(buildRevokeTill({ genesisHash: world.chain.genesisHash, sender: merchant.address, tillNo, feeMl: 1n, validUntilMs: world.nowMs + 60_000 }), signer)));
  const revoke = async (tx: string | undefined, caller = MANAGER, tillNo = 1): Promise<string> => codeOf(await callAs(entries, 'revokeTill', caller, { params: { tillNo }, body: tx === undefined ? { reason: 'lost' } : { reason: 'lost', tx } }));
  t.equal(await revoke(undefined), 'malformed_request', 'the merchant key must sign');
  t.equal(await revoke(draft(2)), 'malformed_request', 'a transaction of another till');
  t.equal(await revoke(draft(1), manager(formatAddress(KEYS.farm.address))), 'not_found', 'a stranger learns nothing');
  t.equal(await revoke(undefined, MANAGER, 9), 'not_found');
  t.equal(await revoke(draft(1, wallet('thief'))), 'wrong_signers');
  t.equal(await revoke(draft(1), ADMIN), 'malformed_request', 'for an admin the authority signs');
  t.equal(await revoke(draft(1)), 'merchant_balance_low', 'no milk for the fee');
  await world.mint(1_000n);
  await world.transfer(sdkKey(KEYS.farm), KEYS.cafeteria.address, 100n);
  await world.block();
  t.equal(await revoke(draft(1)), '200');
  t.match((await world.get('/tills/1')).json, { status: 'revoked' });
});

t.test('a node without the key of the campus authority, or with another one, says where to go', async (t) => {
  for (const campusAuthority of [null, wallet('impostor')]) {
    const desk = await openDesk(t, { campusAuthority });
    const { entries } = desk;
    t.match(await activate(desk, await codeFor(desk), wallet('device')), { status: 501, body: { code: 'no_campus_authority' } });
    t.equal(codeOf(await callAs(entries, 'revokeTill', ADMIN, { params: { tillNo: 1 }, body: { reason: 'lost' } })), 'no_campus_authority');
    t.equal(codeOf(await callAs(entries, 'registerMerchant', ADMIN, { body: { name: 'Kiosk', account: wallet('kiosk').addressText } })), 'no_campus_authority');
  }
});

t.test('an admin registers a merchant, whose manager then enrols tills', async (t) => {
  const desk = await openDesk(t);
  const { entries } = desk;
  const account = wallet('kiosk').addressText;
  const register = async (name: string): Promise<Called> => await callAs(entries, 'registerMerchant', ADMIN, { body: { name, account } });
  t.equal(codeOf(await callAs(entries, 'enrolTill', manager(account), { body: { name: 'Kiosk' } })), 'unknown_merchant');
  t.match(await register('Kiosk'), { status: 201, body: { merchantId: account, name: 'Kiosk', status: 'active' } });
  t.equal((await register('Kiosk')).status, 201, 'asked again, nothing new happens');
  t.equal(codeOf(await register('Other name')), 'merchant_exists');
  t.equal(codeOf(await callAs(entries, 'registerMerchant', ADMIN, { body: { name: 'x', account: `${account.slice(0, -1)}${account.endsWith('q') ? 'p' : 'q'}` } })), 'malformed_request', 'a checksum that is wrong');
  t.equal(codeOf(await callAs(entries, 'registerMerchant', ADMIN, { body: { name: 'é'.repeat(40), account } })), 'malformed_request');
  t.match(await activate(desk, await codeFor(desk, 'Kiosk', manager(account)), wallet('kiosk till')), { status: 201, body: { tillNo: 2, merchantId: account } });
  t.match(await callAs(entries, 'listTills', manager(account)), { body: { data: [{ tillNo: 2 }] } }, 'each sees the own ones');
  t.equal(((await callAs(entries, 'listTills', MANAGER)).body as { data: unknown[] }).data.length, 1);
});

t.test('a till reports what only it knows, and no other does so for it', async (t) => {
  const { entries } = await openDesk(t);
  const tillCaller = (tillNo: number) => ({ role: 'till', sub: `till_${tillNo}`, sid: 's', tillNo, merchantId: CAFETERIA }) as const;
  const report = { version: '1.4.0', battery: 81, lastProof: 12 };
  t.equal((await callAs(entries, 'reportTill', tillCaller(1), { params: { tillNo: 1 }, body: report })).status, 200);
  t.equal(codeOf(await callAs(entries, 'reportTill', tillCaller(2), { params: { tillNo: 1 }, body: report })), 'not_found');
  for (const over of [{ battery: 101 }, { battery: '81' }, { version: '' }, { version: 'a b' }, { lastProof: -1 }]) t.equal(codeOf(await callAs(entries, 'reportTill', tillCaller(1), { params: { tillNo: 1 }, body: { ...report, ...over } })), 'malformed_request');
  t.match(await callAs(entries, 'listTills', MANAGER), { body: { data: [{ tillNo: 1, name: null, report }] } });
});

t.test('a number that the authority gave away by hand meanwhile is left alone', async (t) => {
  const desk = await openDesk(t);
  const { world } = desk;
  const till = wallet('device');
  const campus = sdkKey(KEYS.campus);
  const byHand = async (tillNo: number): Promise<void> => {
    await world.submit(buildRegisterTill({ genesisHash: world.chain.genesisHash, authority: campus.address, validUntilMs: world.nowMs + 60_000, tillNo, merchant: KEYS.cafeteria.address, publicKey: keyOf(`by hand ${tillNo}`).publicKey }), campus);
    await world.block();
  };
  await byHand(2);
  t.match(await activate(desk, await codeFor(desk), till), { body: { tillNo: 3 } }, 'the lowest free number');
});

t.test('whoever guesses codes is held up by address', async (t) => {
  const world = await openWorld(t, { remoteAddress: () => '203.0.113.7' });
  const till = wallet('device');
  const guess = async (i: number): Promise<number> => {
    const enrolCode = String(i).padStart(10, '0');
    return (await world.post('/tills/activate', { enrolCode, publicKey: toHex(till.publicKey), signature: toHex(signEnrolment(enrolCode, world.chain.genesisHash, till)) })).status;
  };
  const statuses: number[] = [];
  for (let i = 0; i < 32; i++) statuses.push(await guess(i));
  t.same(statuses, [...Array.from({ length: 30 }, () => 401), 429, 429]);
});

/** The campus half alone, over a chain that stands until told, with a waiter that asks once. */
async function openStanding(t: Teardown) {
  const chain = new MemoryChain(makeTestGenesis(Date.now()));
  const { keys } = await openCampusKeys(await makeKeyFolder(t));
  const submitted: Uint8Array[] = [];
  let fails = false;
  const submit = async (bytes: Uint8Array): Promise<Submitted> => {
    submitted.push(bytes);
    if (fails) throw new Error('the process died');
    return await chain.submit(bytes);
  };
  const port = new Proxy(chain, { get: (target, name) => (name === 'submit' ? submit : bound(target, name)) });
  const tills = openTills({
    chain: port, store: openKeyValueMemory(), keys, clock: chain.clock, lane: openLane(), verify: () => true, signer: sdkKey(KEYS.campus),
    waiter: { until: (probe) => probe(), waiting: () => 0, close: () => undefined },
  });
  return { chain, tills, submitted, die: (yes: boolean) => void (fails = yes) };
}

function bound(target: MemoryChain, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

t.test('while the chain stands the same transaction waits; after a crash it is handed in again; when its time is over a new one is made', async (t) => {
  const { chain, tills, submitted, die } = await openStanding(t);
  const { enrolCode } = await tills.enrol(CAFETERIA, 'Counter 2');
  const ask = () => tills.activate({ enrolCode, publicKey: wallet('device').publicKey, signature: new Uint8Array(64) });
  die(true);
  await t.rejects(ask(), /died/);
  die(false);
  const first = await ask();
  t.match(first, { ok: true, tillNo: 2, settled: { kind: 'pending' } });
  t.same(await ask(), first, 'the same transaction');
  t.equal(new Set(submitted.map(toHex)).size, 1, 'also the one that the crash cut off');
  chain.clock.moveTo(chain.clock.nowMs() + 3_700_000);
  chain.block();
  const second = await ask();
  t.match(second, { ok: true, tillNo: 2, settled: { kind: 'pending' } });
  t.notSame(second, first, 'the old one can never be included any more');
  chain.block();
  t.match(await ask(), { ok: true, tillNo: 2, settled: { kind: 'done' } });
});
