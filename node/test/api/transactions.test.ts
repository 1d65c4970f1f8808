/** GET /transactions/{txHash}: the public view for everybody, what was signed and what it did for those it belongs to. */
import t from 'tap';
import { Event, formatAddress, toHex, TxBody, type ChainEvent, type Table } from '@billcoin/protocol';
import type { TxStatus } from '@billcoin/sdk';
import { bodyView, eventView } from '../../src/transactionView.ts';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

type Who = Parameters<World['as']>[0];

/** Roles that are no party to a payment of somebody to another merchant. */
const STRANGERS: readonly Who[] = [wallet('stranger'), 'admin', 'partner', 'service'];
const HEADERS_OF_ALL = ['content-length', 'content-type', 'cache-control', 'etag', 'vary'];

async function ask(world: World, txHash: string, who?: Who): Promise<TxStatus> {
  const answer = await world.get(`/transactions/${txHash}`, who === undefined ? {} : await world.as(who));
  t.same(departures('getTransaction', answer), []);
  t.equal(answer.status, 200);
  return answer.json;
}

/** What the answer is without its headers of the moment: body, and every header that says something of it. */
async function seen(world: World, txHash: string, who?: Who): Promise<readonly (string | null)[]> {
  const { text, headers } = await world.get(`/transactions/${txHash}`, who === undefined ? {} : await world.as(who));
  return [text, ...HEADERS_OF_ALL.map((name) => headers.get(name))];
}

t.test('a payment, waiting and final, by who asks', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  const order = world.order();
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const txHash = await world.pay(ali, order.invoice);
  const cafeteria = sdkKey(KEYS.cafeteria);
  const fields = { tillNo: 1, ref: toHex(order.ref), rm: '1.80', litres: '0.300', invoice: /^[\w-]{123}$/ };
  const body = { sender: ali.addressText, salt: null, fee: '0.000', policies: [], kind: 'pay', fields };
  const party: readonly Who[] = [ali, 'till', 'staff', 'manager', 'finance', 'auditor'];
  const orderFor = (who: Who): string | null => (who === 'auditor' ? null : orderId);

  for (const who of party) t.match(await ask(world, txHash, who), { status: 'pending', kind: null, body, events: null, order: orderFor(who) }, 'waiting');
  for (const who of [undefined, ...STRANGERS]) t.strictSame(await ask(world, txHash, who), { txHash, status: 'pending', kind: null, height: null, index: null, code: null, fault: null, time: null });

  await world.block();
  for (const who of party) {
    const told = await ask(world, txHash, who);
    t.match(told, { status: 'final', kind: 'pay', code: 0, body, order: orderFor(who) });
    t.match(told.events, [{ event: 'paid', fields: { tillNo: 1, ref: toHex(order.ref), payer: ali.addressText, merchant: cafeteria.addressText, litres: '0.300', own: '0.300', rm: '1.80' } }, { event: 'pointEarned', fields: { account: ali.addressText, points: 1 } }]);
  }
  for (const who of STRANGERS) t.strictSame(Object.keys(await ask(world, txHash, who)), ['txHash', 'status', 'kind', 'height', 'index', 'code', 'fault', 'time']);
});

t.test('a stranger’s answer is that of nobody, and says neither address nor amount, also by its size', async (t) => {
  const world = await openWorld(t);
  const [ali, siti] = [wallet('ali'), wallet('siti')];
  await world.fund(2_000_000n, ali, siti);
  const small = await world.transfer(ali, siti.address, 7n);
  const large = await world.transfer(siti, KEYS.farm.address, 1_234_567n);
  const poor = world.forceTransfer(ali, siti.address, 5_000_000n);
  const lengths: number[] = [];
  const check = async (): Promise<void> => {
    for (const txHash of [small, large, poor]) {
      const [text, ...rest] = await seen(world, txHash);
      for (const who of [...STRANGERS, 'manager', 'till', 'staff'] as const) t.strictSame(await seen(world, txHash, who), [text, ...rest]);
      t.notMatch(text, /bill1|0\.007|1234|body|events|order|sender|litres/);
      for (const { address } of [ali, siti, KEYS.farm]) t.notOk(text?.includes(toHex(address)));
    }
    lengths.push((await seen(world, small))[0]?.length ?? 0, (await seen(world, large))[0]?.length ?? 0);
  };
  t.match(await ask(world, small, ali), { body: { kind: 'transfer', fields: { to: siti.addressText, litres: '0.007' } }, events: null, order: null });
  t.notOk('body' in await ask(world, small, siti), 'who gets what waits is no party yet');
  await check();
  await world.block();
  await check();
  t.equal(lengths[0], lengths[1], 'the amount has no part in the size, waiting');
  t.equal(lengths[2], lengths[3], 'nor final');
  for (const who of [ali, siti]) t.match((await ask(world, small, who)).events, [{ event: 'transferred', fields: { from: ali.addressText, to: siti.addressText, litres: '0.007' } }]);
  t.match(await ask(world, poor, ali), { status: 'final', fault: 'insufficient_balance', body: { sender: ali.addressText, fields: { litres: '5000.000' } }, events: [], order: null });
  t.notOk('body' in await ask(world, poor, siti), 'what failed has touched nobody else');
  const unknown = `/transactions/${'0'.repeat(64)}`;
  const [stranger, party] = await Promise.all([world.as(wallet('stranger')), world.as('finance')]);
  for (const headers of [stranger, party]) t.match((await world.get(unknown, headers)).json, { status: 404, code: 'not_found' });
});

t.test('an order is named to those who may read it, and only where this node knows it', async (t) => {
  const world = await openWorld(t);
  const [ali, siti] = [wallet('ali'), wallet('siti')];
  await world.fund(10_000n, ali, siti);
  const order = world.order();
  const { orderId } = (await world.postOrder(order)).json as { orderId: string };
  const foreign = await world.pay(siti, world.order().invoice);
  await world.pay(ali, order.invoice);
  await world.block();
  t.match(await ask(world, foreign, siti), { body: { kind: 'pay' }, order: null }, 'an invoice whose order was never posted');
  const refunded = await world.refund(order.ref, 100n);
  t.match(await ask(world, refunded, 'manager'), { body: { kind: 'refund', fields: { tillNo: 1, ref: toHex(order.ref), litres: '0.100' } }, events: null, order: orderId }, 'the till’s merchant, while it waits');
  await world.block();
  for (const who of [ali, 'finance'] as const) t.match(await ask(world, refunded, who), { order: orderId, events: [{ event: 'refunded', fields: { payer: ali.addressText, litres: '0.100' } }] });
  t.notOk('body' in await ask(world, refunded, siti));
});

t.test('what ended without a block is told by its end alone', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(10_000n, ali);
  await world.pay(ali, world.order().invoice);
  await world.block();
  const { invoice } = world.order();
  const voided = await world.voidInvoice(invoice);
  const late = await world.pay(ali, invoice);
  t.match(await ask(world, voided, 'till'), { body: { kind: 'voidInvoice', fields: { tillNo: 1, litres: '0.300' } }, order: null });
  await world.block();
  for (const who of [ali, 'finance'] as const) {
    const told = [await ask(world, voided, who), await ask(world, late, who)].filter(({ status }) => status === 'superseded');
    t.equal(told.length, 1, 'one of the two');
    t.notOk(told.some((one) => 'body' in one || 'events' in one || 'order' in one));
  }
});

/** A value for every field of a message, by its type word and bounds. */
function sample(table: Table): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table.fields).map(([name, { proto, bounds, nested }]) => {
    if (nested !== undefined) return [name, [sample(nested)]];
    const [, length = '1'] = /(\d+) bytes/.exec(bounds) ?? [];
    if (proto === 'bytes') return [name, new Uint8Array(Number(length)).fill(5)];
    if (proto === 'string') return [name, 'text'];
    const isAmount = proto === 'uint64' && !/Ms$/.test(name);
    return [name, isAmount ? 1_500n : /Ms$/.test(name) ? Date.UTC(2026, 3, 10) : 20_260_410];
  }));
}

t.test('every kind and every event reads as the API writes', async (t) => {
  const address = formatAddress(new Uint8Array(20).fill(5));
  const all = [
    ...Object.entries(TxBody.fields['kind']?.members ?? {}).filter(([name]) => name !== 'pay' && name !== 'voidInvoice').map(([name, { nested }]) => ({ name, table: nested as Table, isEvent: false })),
    ...Object.entries(Event.fields['event']?.members ?? {}).map(([name, { nested }]) => ({ name, table: nested as Table, isEvent: true })),
  ];
  t.ok(all.length > 45);
  for (const { name, table, isEvent } of all) {
    const member = { case: name, value: sample(table) };
    const { fields } = isEvent ? eventView(member as unknown as ChainEvent) : bodyView({ sender: new Uint8Array(20), salt: undefined, validUntilMs: 0, feeMl: 0n, policies: [], kind: member } as unknown as TxBody);
    t.equal(Object.keys(fields).length, Object.keys(table.fields).length, `${name}: no field is lost`);
    for (const [key, value] of Object.entries(fields)) t.notMatch(key, /Ml$|Ms$|^sen/, `${name}.${key} ${JSON.stringify(value)}`);
    for (const [key, { bounds }] of Object.entries(table.fields)) if (bounds === '20 bytes') t.equal(fields[key], address, `${name}.${key}`);
    if ('productionDate' in fields) t.equal(fields['productionDate'], '2026-04-10');
    const amounts = Object.entries(member.value).filter(([key, value]) => typeof value === 'bigint' && key !== 'shares');
    for (const [key] of amounts) t.ok(Object.values(fields).some((value) => value === '1.500' || value === '15.00'), `${name}.${key}`);
  }
});
