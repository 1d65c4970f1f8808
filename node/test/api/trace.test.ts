/** From the carton back to the farms (SPEC §15): nothing is guessed, everything has its proof, EPCIS keeps GS1's rules. */
import t, { type Test } from 'tap';
import { decode, fromBase64Url, Order, taggedHash, toHex, utf8, type Attest, type OrderItem } from '@billcoin/protocol';
import { buildAttest, buildOpenBatch, createClient, getBatchTrace, getEpcis, getTxTrace, type EpcisDocument } from '@billcoin/sdk';
import { rfc3339 } from '../../src/rfc3339.ts';
import type { Statement } from '../../src/trace/batchTrace.ts';
import { batchEvents } from '../../src/trace/epcis.ts';
import { eventIdOf, preHash } from '../../src/trace/eventHash.ts';
import type { EpcisEvent } from '../../src/trace/epcisEvent.ts';
import { carton, openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { epcisDepartures } from '../support/epcisSchema.ts';
import { KEYS, TxMaker } from '../support/testNetwork.ts';

const cafeteria = sdkKey(KEYS.cafeteria);
const eventsOf = (document: EpcisDocument): readonly EpcisEvent[] => document.epcisBody.eventList as unknown as readonly EpcisEvent[];

interface Sold {
  readonly world: World;
  readonly lot: string;
  readonly batchKey: string;
  readonly txHash: string;
  readonly mintHash: string;
  readonly noteHash: string;
}

/** A lot is minted, the cafeteria takes 5 L of it and sells a carton. */
async function sellCarton(t: Test, items: (lot: string) => readonly OrderItem[] = (lot) => [{ ...carton, lot }], isPosted = true): Promise<Sold> {
  const world = await openWorld(t);
  const ali = wallet('ali');
  const lot = await world.mint(20_000n);
  const batchKey = toHex(world.batchKey(lot));
  const mintHash = (await world.chain.batchHistory(world.batchKey(lot), 10)).find((tx) => tx.events.some(({ case: name }) => name === 'minted'))?.txHash ?? '';
  await world.transfer(sdkKey(KEYS.farm), ali.address, 2_000n);
  await world.transfer(sdkKey(KEYS.farm), cafeteria.address, 6_000n);
  await world.block();
  const noteHash = await world.redeem(cafeteria, lot, 5_000n);
  await world.block();
  const order = world.order({ items: items(lot) });
  if (isPosted) await world.postOrder(order);
  const txHash = await world.pay(ali, order.invoice);
  await world.block();
  return { world, lot, batchKey, txHash, mintHash, noteHash };
}

t.test('a payment leads over its lot and the delivery to the farm, and the reference commits to it all', async (t) => {
  const { world, lot, batchKey, txHash, mintHash, noteHash } = await sellCarton(t);
  const answer = await world.get(`/trace/tx/${txHash}`, await world.as(wallet('ali')));
  t.same(departures('traceTx', answer), []);
  t.equal(answer.headers.get('cache-control'), 'private, no-cache', 'no cache keeps for others what only parties may read');
  const trace = await getTxTrace(await world.clientAs('staff'), { txHash });
  t.match(trace, { kind: 'pay', tillNo: 1, rm: '1.80', litres: '0.300', merchant: { name: 'Cafeteria' }, proof: `/api/v1/proofs/tx/${txHash}` });
  t.match(trace.items, [{ name: carton.name, lot, finding: 'proven', batches: [batchKey], label: { en: /took this lot/, ms: /mengambil lot ini/ } }]);
  t.match(trace.batches, [{
    batchKey, lotText: lot, state: 'minted', plant: { name: 'Plant' }, farms: [{ name: 'Farm', percent: '100.00' }], meter: { from: '0.000', to: '20.000' },
    statements: [{ name: 'Oracle', volume: '20.000', reject: 0, readingsRoot: '07'.repeat(32), row: new RegExp(`^/api/v1/proofs/row/11${batchKey}01`) }],
    mint: { txHash: mintHash, volume: '20.000', credits: [{ name: 'Farm', litres: '20.000' }], proof: `/api/v1/proofs/tx/${mintHash}` },
    deliveries: [{ txHash: noteHash, name: 'Cafeteria', litres: '5.000', row: `/api/v1/proofs/row/12${batchKey}${toHex(cafeteria.address)}` }], row: `/api/v1/proofs/row/10${batchKey}`, complete: true,
  }]);
  t.notOk(answer.text.includes(wallet('ali').addressText), 'the payer stands nowhere');
  const links = [...new Set(answer.text.match(/\/proofs\/(tx|row)\/[0-9a-f]+/g))];
  t.equal(links.length, 7, 'payment, opening, statement with its row, delivery with its row, batch');
  for (const link of links) t.equal((await world.get(link)).status, 200, link);

  const order = fromBase64Url(trace.order?.order ?? '') ?? new Uint8Array(0);
  const salt = fromBase64Url(trace.order?.salt ?? '') ?? new Uint8Array(0);
  t.equal(toHex(taggedHash('bill/order/1', salt, order).subarray(0, 10)), trace.ref, 'salt and order bytes give the reference that was paid');
  const decoded = decode(Order, order);
  t.equal(decoded.ok && decoded.value.items[0]?.lot, lot);
});

t.test('an item whose lot nothing proves says so and names no batch', async (t) => {
  const strange = (lot: string): readonly OrderItem[] => [{ ...carton, lot: '' }, { ...carton, lot: 'LOT-OF-NOBODY' }, { ...carton, lot }];
  const { world, txHash, batchKey } = await sellCarton(t, strange);
  const trace = await getTxTrace(await world.clientAs('staff'), { txHash });
  t.match(trace.items, [{ lot: null, finding: 'no_lot', batches: [] }, { lot: 'LOT-OF-NOBODY', finding: 'unknown_lot', batches: [] }, { finding: 'proven', batches: [batchKey] }]);
  t.equal(trace.batches.length, 1);

  const auditor = await world.as('auditor');
  const other = await world.mint(3_000n);
  const untaken = world.order({ items: [{ ...carton, lot: other }] });
  await world.postOrder(untaken);
  const before = await world.pay(wallet('ali'), untaken.invoice);
  await world.block();
  await world.redeem(cafeteria, other, 100n);
  await world.block();
  t.match((await world.get(`/trace/tx/${before}`, auditor)).json, { items: [{ finding: 'not_taken', batches: [] }], batches: [] }, 'a delivery after the sale proves nothing about it');
});

t.test('what cannot be traced', async (t) => {
  const { world, txHash, noteHash } = await sellCarton(t, undefined, false);
  const auditor = await world.as('auditor');
  t.match((await world.get(`/trace/tx/${txHash}`, auditor)).json, { order: null, items: [], batches: [] }, 'an order the till has not posted here');
  t.match((await world.get(`/trace/tx/${noteHash}`, auditor)).json, { status: 404, detail: /Only payments/ });
  t.equal((await world.get(`/trace/tx/${'0'.repeat(64)}`, auditor)).status, 404);
  t.equal((await world.get(`/trace/batch/${'0'.repeat(64)}`)).status, 404);
  const waiting = await world.transfer(wallet('ali'), cafeteria.address, 10n);
  t.match((await world.get(`/trace/tx/${waiting}`, auditor)).json, { status: 409, code: 'not_final' });
  t.equal((await world.get(`/trace/tx/${txHash}?format=xml`, auditor)).status, 400);
});

t.test('a batch is public, with its ETag, and agrees with the batch read', async (t) => {
  const { world, batchKey } = await sellCarton(t);
  const answer = await world.get(`/trace/batch/${batchKey}`);
  t.same(departures('traceBatch', answer), []);
  const trace = await getBatchTrace(createClient({ baseUrl: world.api.url }), { batchKey });
  const { plant: _plant, ...detail } = (await world.get(`/batches/${batchKey}`)).json as Record<string, unknown>;
  t.match(detail, { lot: trace.lot, productionDate: trace.productionDate, expiresAt: trace.expiresAt, state: trace.state, available: trace.litres?.available, redeemed: trace.litres?.redeemed });
  t.match([trace.opened.length, trace.deliveries.length, trace.acts], [1, 1, []]);
  const again = await world.get(`/trace/batch/${batchKey}`, { 'if-none-match': answer.headers.get('etag') ?? '' });
  t.equal(again.status, 304);
  t.equal(answer.headers.get('vary'), 'Accept');
});

t.test('a rejected attempt stays in the trace, and EPCIS tells of the one in force', async (t) => {
  const world = await openWorld(t);
  const plant = sdkKey(KEYS.plant);
  const oracle = sdkKey(KEYS.oracle);
  const batch = world.batchKey('LOT-R');
  const envelope = { genesisHash: world.chain.genesisHash, validUntilMs: world.nowMs + 60_000 };
  const zero = new Uint8Array(32);
  const open = async (attempt: number): Promise<void> => {
    await world.submit(buildOpenBatch({
      ...envelope, plant: plant.address, lot: utf8('LOT-R'), productionDate: world.productionDate, expiresAtMs: world.nowMs + 86_400_000, claimMl: 8_000n, meter: new Uint8Array(16).fill(0x51), totalFrom: 0n, totalTo: 8_100n,
      shares: [{ farm: KEYS.farm.address, weightMl: 8_200n }], manifestHash: zero, attempt,
    }), plant);
    await world.block();
  };
  const attest = async (attempt: number, volumeMl: bigint, reject: number): Promise<void> => {
    await world.submit(buildAttest({ ...envelope, oracle: oracle.address, batch, attempt, volumeMl, reject, readingsRoot: zero, profileHash: new Uint8Array(32).fill(0x0f) }), oracle);
    await world.block();
  };
  await open(1);
  const opened = await getBatchTrace(createClient({ baseUrl: world.api.url }), { batchKey: toHex(batch) });
  t.match(opened, { state: 'open', mint: null, litres: { issued: '0.000' }, statements: [] });
  await attest(1, 0n, 35);
  await open(2);
  await attest(2, 7_900n, 0);
  const trace = await getBatchTrace(createClient({ baseUrl: world.api.url }), { batchKey: toHex(batch) });
  t.match(trace.opened, [{ attempt: 1, rejectedByRule: 35 }, { attempt: 2, rejectedByRule: null }]);
  t.match(trace.statements, [{ attempt: 1, reject: 35, volume: '0.000' }, { attempt: 2, reject: 0, volume: '7.900' }]);
  t.match(trace, { state: 'minted', mint: { volume: '7.900' }, litres: { issued: '7.900' }, farms: [{ litres: '8.200' }] });
  const document = await getEpcis(createClient({ baseUrl: world.api.url }), { batchKey: toHex(batch) });
  t.same(epcisDepartures(document), []);
  t.match(eventsOf(document), [{ bizStep: 'commissioning', inputQuantityList: [{ quantity: 8.2 }], outputQuantityList: [{ quantity: 8.1 }] }, { bizStep: 'mmu:minting', quantityList: [{ quantity: 7.9 }], bizTransactionList: [{ type: 'cert' }] }]);
  t.equal(eventsOf(document)[1]?.bizTransactionList?.length, 1, 'a refusal certifies nothing');
});

t.test('EPCIS: only the statements that the quorum counted certify the litres', (t) => {
  const [batch, profileHash, one, other] = [0x0b, 0x0f, 0x01, 0x02].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const plant = KEYS.plant.address;
  const body = { chainTag: new Uint8Array(8), sender: plant, salt: new Uint8Array(8), validUntilMs: 0, feeMl: 0n, policies: [] };
  const opened = {
    lot: utf8('LOT-Q'), productionDate: 20_260_528, expiresAtMs: 1_780_000_000_000, claimMl: 9n, meter: new Uint8Array(16), totalFrom: 0n, totalTo: 9n,
    shares: [{ farm: KEYS.farm.address, weightMl: 9n }], manifestHash: one, attempt: 1,
  };
  const said = (index: number, over: Partial<Attest> = {}): Statement => {
    const value = { batch, attempt: 1, volumeMl: 9n, reject: 0, readingsRoot: one, profileHash, ...over };
    return { tx: { height: 2, index, timeMs: 1_779_900_000_000, txHash: `${index}`.repeat(64), body: { ...body, kind: { case: 'attest', value } }, events: [] }, oracle: plant, value };
  };
  const statements = [said(1), said(2, { readingsRoot: other }), said(3, { volumeMl: 8n }), said(4), said(5), said(6)];
  const last = statements[4] as Statement;
  const opening = { tx: { ...last.tx, height: 1, body: { ...body, kind: { case: 'openBatch', value: opened } } as const }, plant, value: opened, rejectedByRule: undefined };
  const mint = { tx: last.tx, value: { batch, plant, volumeMl: 9n, tollMl: 0n, repaidMl: 0n, bondedMl: 0n, farms: [] }, statement: last.value };
  const events = batchEvents(one, { batchKey: batch, openings: [opening], statements, mint, deliveries: [], acts: [] }, 0);
  t.same(events[1]?.bizTransactionList?.map(({ bizTransaction }) => bizTransaction.slice(-1)), ['1', '4', '5'], 'neither other readings, nor another volume, nor what came after the mint');
  t.end();
});

t.test('hold, release and recall stand in the trace and in EPCIS, with who paid', async (t) => {
  const { world, batchKey } = await sellCarton(t);
  const maker = new TxMaker(world.chain.genesis);
  const batch = world.batchKey('LOT-20000');
  const kinds = [{ case: 'holdBatch', value: { batch, held: 1 } }, { case: 'holdBatch', value: { batch, held: 0 } }, { case: 'recallBatch', value: { batch } }] as const;
  for (const kind of kinds) {
    const submitted = await world.chain.submit(maker.tx(KEYS.regulator, kind, { validUntilMs: world.nowMs + 60_000 }));
    t.ok(submitted.ok, kind.case);
    await world.block();
  }
  const answer = await world.get(`/trace/batch/${batchKey}`);
  t.same(departures('traceBatch', answer), []);
  t.match(answer.json, {
    state: 'recalled', litres: { available: '0.000', owedOut: '15.000' },
    acts: [{ act: 'held', litres: '15.000', paid: null }, { act: 'released', litres: '15.000', paid: null }, { act: 'recalled', litres: '15.000', paid: { bond: '0.000', balance: '0.000', insurance: '0.000', owed: '15.000' } }],
  });
  await world.block(10 * 86_400_000);
  const document = await getEpcis(createClient({ baseUrl: world.api.url }), { batchKey });
  t.same(epcisDepartures(document), []);
  t.same(eventsOf(document).slice(4).map(({ action, bizStep, disposition, quantityList }) => `${action ?? ''} ${bizStep} ${disposition} ${quantityList?.[0]?.quantity ?? 0}`), [
    'OBSERVE holding unavailable 15', 'OBSERVE inspecting available 15', 'OBSERVE holding recalled 20',
  ], 'a recall is about all of the milk, and what was recalled does not expire');
});

t.test('EPCIS: the events keep the rules of the standard, and a second export is the same bytes', async (t) => {
  const { world, batchKey, txHash, mintHash, noteHash } = await sellCarton(t);
  const first = await world.get(`/trace/batch/${batchKey}`, { accept: 'application/ld+json' });
  t.match(first.headers.get('content-type'), /^application\/ld\+json/);
  t.same(epcisDepartures(first.json), []);
  await world.block();
  t.equal((await world.get(`/trace/batch/${batchKey}?format=epcis`)).text, first.text, 'by query as by header, a block later as before');
  t.match((await world.get(`/trace/batch/${batchKey}?format=json`, { accept: 'application/ld+json' })).json, { batchKey }, 'the query wins');

  const document = first.json as EpcisDocument;
  const events = eventsOf(document);
  t.same(events.map(({ type, bizStep }) => `${type} ${bizStep}`), ['TransformationEvent commissioning', 'TransactionEvent mmu:minting', 'ObjectEvent shipping', 'ObjectEvent receiving']);
  const network = toHex(world.chain.genesisHash).slice(0, 8);
  t.match(events[0], { inputQuantityList: [{ uom: 'LTR' }], outputQuantityList: [{ epcClass: `urn:mmu:class:batch:${batchKey}`, quantity: 20, uom: 'LTR' }], ilmd: { 'cbvmda:lotNumber': 'LOT-20000', 'cbvmda:productionDate': rfc3339(world.chain.genesis.spec.timeMs).slice(0, 10) } });
  t.match(events[1], { action: 'ADD', disposition: 'available', quantityList: [{ quantity: 20, uom: 'LTR' }], bizTransactionList: [{ type: 'cert', bizTransaction: `urn:mmu:bt:${network}:${mintHash}` }] });
  t.match(events[2], { action: 'OBSERVE', disposition: 'in_transit', quantityList: [{ quantity: 5 }], bizTransactionList: [{ type: 'desadv', bizTransaction: `urn:mmu:bt:${network}:${noteHash}` }] });
  t.equal(document.creationDate, events.at(-1)?.eventTime);
  for (const { eventID, ...rest } of events) t.equal(eventIdOf(rest), eventID, 'the id is the hash of the event');
  t.equal(new Set(events.map(({ eventID }) => eventID)).size, events.length);

  const sale = await getEpcis(await world.clientAs('manager'), { txHash });
  t.same(epcisDepartures(sale), []);
  t.match(eventsOf(sale).at(-1), {
    type: 'ObjectEvent', bizStep: 'retail_selling', disposition: 'retail_sold', quantityList: [{ epcClass: `urn:mmu:class:batch:${batchKey}`, quantity: 1 }], bizTransactionList: [{ type: 'inv', bizTransaction: `urn:mmu:bt:${network}:${txHash}` }],
  });
  t.notOk(JSON.stringify(sale).includes(wallet('ali').addressText));
});

t.test('EPCIS: milk that expires in custody is told once it has', async (t) => {
  const { world, batchKey } = await sellCarton(t);
  await world.block(10 * 86_400_000);
  const document = await getEpcis(createClient({ baseUrl: world.api.url }), { batchKey });
  t.same(epcisDepartures(document), []);
  t.match(eventsOf(document).at(-1), { action: 'DELETE', bizStep: 'destroying', disposition: 'expired', quantityList: [{ quantity: 15, uom: 'LTR' }] });
});

t.test('EPCIS: the schema of the tests refuses what the standard refuses', async (t) => {
  const { world, batchKey } = await sellCarton(t);
  const good = (await world.get(`/trace/batch/${batchKey}?format=epcis`)).text;
  const wrong: readonly (readonly [string, string])[] = [
    ['"schemaVersion":"2.0"', '"schemaVersion":"1.2"'], ['"eventTimeZoneOffset":"+00:00"', '"eventTimeZoneOffset":"Z"'], ['"action":"ADD"', '"action":"MINT"'], ['"bizStep":"shipping"', '"bizStep":"sending"'],
    ['"uom":"LTR"', '"uom":"litre"'], ['"quantity":20', '"quantity":"20"'], ['?ver=CBV2.0', ''], ['"type":"desadv"', '"type":"note"'], ['"disposition":"available"', '"disposition":"https://ref.gs1.org/cbv/Disp-available"'],
    ['"@context"', '"context"'], [`urn:mmu:class:batch:${batchKey}`, 'a batch'], ['"type":"EPCISDocument"', '"type":"Document"'],
  ];
  t.same(epcisDepartures(JSON.parse(good)), []);
  for (const [found, replaced] of wrong) {
    t.ok(good.includes(found), found);
    t.not(epcisDepartures(JSON.parse(good.replace(found, replaced))).length, 0, replaced);
  }
});

t.test('EPCIS: the pre-hash string is that of the vocabulary', (t) => {
  const event = {
    type: 'ObjectEvent', eventTime: '2026-05-28T02:00:00.000Z', eventTimeZoneOffset: '+00:00', action: 'OBSERVE', bizStep: 'shipping', disposition: 'in_transit', readPoint: { id: 'urn:mmu:loc:p' },
    quantityList: [{ epcClass: 'urn:mmu:class:b', quantity: 2.5, uom: 'LTR' }, { epcClass: 'urn:mmu:class:a', quantity: 3 }], bizTransactionList: [{ type: 'desadv', bizTransaction: 'urn:mmu:bt:1' }],
    sourceList: [{ type: 'possessing_party', source: 'urn:mmu:party:p' }], destinationList: [{ type: 'possessing_party', destination: 'urn:mmu:party:h' }],
  } as const;
  t.equal(preHash(event), [
    'eventType=ObjectEvent', 'eventTime=2026-05-28T02:00:00.000Z', 'eventTimeZoneOffset=+00:00', 'quantityList', 'quantityElementepcClass=urn:mmu:class:aquantity=3', 'quantityElementepcClass=urn:mmu:class:bquantity=2.5uom=LTR',
    'action=OBSERVE', 'bizStep=https://ref.gs1.org/cbv/BizStep-shipping', 'disposition=https://ref.gs1.org/cbv/Disp-in_transit', 'readPointid=urn:mmu:loc:p',
    'bizTransactionListtype=https://ref.gs1.org/cbv/BTT-desadvbizTransaction=urn:mmu:bt:1', 'sourceListtype=https://ref.gs1.org/cbv/SDT-possessing_partysource=urn:mmu:party:p',
    'destinationListtype=https://ref.gs1.org/cbv/SDT-possessing_partydestination=urn:mmu:party:h',
  ].join(''));
  t.end();
});
