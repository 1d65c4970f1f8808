/** /proofs and /light: what they serve verifies with nothing but the genesis, and their refusals have codes. */
import t, { type Test } from 'tap';
import {
  decode, DONE_KEPT_MS, duplicateVote, encode, Evidence, followTo, formatAddress, fromBase64Url, invoiceId, LightBlock, lightState, ROWS, rowKeyBytes, signEd25519, stateRows, takeAnswer, toBase64Url, toHex, trustGenesis, votePreimage, verifyEd25519, verifyExecutionReceipt, verifyRowProof,
  type LightStep, type Message, type SignedVote, type VerifiedRow,
} from '@billcoin/protocol';
import { createVerifiedClient, TX_LIFE_MS, verifiedExecution, verifiedTransaction, type OperationId } from '@billcoin/sdk';
import { STATES_MAX } from '../../src/recentStates.ts';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';
import { KEYS } from '../support/testNetwork.ts';

async function proven(t: Test, world: World, operation: OperationId, path: string, rowKey: Uint8Array): Promise<VerifiedRow & { readonly height: number }> {
  const answer = await world.get(path, await world.as('auditor'));
  t.same(departures(operation, answer), [], path);
  const body = answer.json as { height: number; rowKey: string; proof: string; blockHash: string };
  t.equal(body.rowKey, toHex(rowKey));
  const trust = { genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 };
  const verified = verifyRowProof(trust, fromBase64Url(body.proof) ?? new Uint8Array(0), rowKey);
  if (!verified.ok) throw new Error(verified.refusal.code);
  t.equal(verified.value.header.height, body.height);
  t.equal(toHex(verified.value.blockId), body.blockHash);
  return { ...verified.value, height: body.height };
}

function rowOf<V>(type: Message<V>, { value }: VerifiedRow): V | undefined {
  const row = value === undefined ? undefined : decode(type, value);
  if (row !== undefined && !row.ok) throw new Error(row.fault.code);
  return row?.value;
}

t.test('invoices, executions and any row, present and absent', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  t.match((await world.get(`/proofs/row/01${toHex(ali.address)}`, await world.as(ali))).json, { status: 404, code: 'not_found' }, 'before the first block');
  await world.fund(20_000n, ali);
  const order = world.order();
  const ref = toHex(order.ref);
  const invoiceKey = rowKeyBytes(ROWS.invoice, invoiceId(1, order.ref));
  const unpaid = await proven(t, world, 'getInvoiceProof', `/proofs/invoice/1/${ref}`, invoiceKey);
  t.equal(unpaid.value, undefined);
  const txHash = await world.pay(ali, order.invoice);
  await world.block();
  t.match(rowOf(stateRows.InvoiceRow, await proven(t, world, 'getInvoiceProof', `/proofs/invoice/1/${ref}`, invoiceKey)), { state: 1, amountMl: 300n, sen: 180n });
  const before = await proven(t, world, 'getInvoiceProof', `/proofs/invoice/1/${ref}?height=${unpaid.height}`, invoiceKey);
  t.equal(before.value, undefined, 'the height before');
  const sent = await world.transfer(ali, sdkKey(KEYS.cafeteria).address, 100n);
  await world.block();
  t.match(rowOf(stateRows.DoneRow, await proven(t, world, 'getDoneProof', `/proofs/done/${sent}`, rowKeyBytes(ROWS.done, sent))), { height: world.chain.tip().height, index: 0, code: 0 });
  t.equal((await proven(t, world, 'getDoneProof', `/proofs/done/${txHash}`, rowKeyBytes(ROWS.done, txHash))).value, undefined, 'a Pay has its invoice instead');
  const account = rowOf(stateRows.AccountRow, await proven(t, world, 'getRowProof', `/proofs/row/01${toHex(ali.address)}`, rowKeyBytes(ROWS.account, toHex(ali.address))));
  t.equal(account?.balanceMl, 20_000n - 300n - 101n);
  const longest = 'ff'.repeat(54);
  t.equal((await proven(t, world, 'getRowProof', `/proofs/row/${longest}`, fromHexOf(longest))).value, undefined);
});

t.test('rows about people are for themselves, finance and auditors, whatever the length of the key', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const [validator, other, own] = [toHex(KEYS.farm.address), toHex(wallet('siti').address), toHex(ali.address)];
  const merchant = toHex(KEYS.cafeteria.address);
  const logins = await Promise.all(([ali, 'till', 'manager', 'staff', 'partner', 'service', 'admin', 'finance', 'auditor'] as const).map((who) => world.as(who)));
  const statuses = (rowKey: string): Promise<readonly number[]> => Promise.all([{}, ...logins].map(async (headers) => (await world.get(`/proofs/row/${rowKey}`, headers)).status));
  const [public_, refused, read] = [401, 403, 200];
  const nobodys = [public_, refused, refused, refused, refused, refused, refused, refused, read, read];
  for (const prefix of ['01', '02', '03', '15', '16']) {
    for (const bytes of [0, 1, 19, 21, 39, 41, 53]) t.same(await statuses(prefix + '01'.repeat(bytes)), nobodys, `${prefix} with ${bytes} bytes`);
  }
  const [alis, sitis] = [[public_, read, ...nobodys.slice(2)], nobodys];
  for (const row of [(who: string) => `01${who}`, (who: string) => `02${merchant}${who}`, (who: string) => `15${validator}${who}`, (who: string) => `16${validator}00000001${who}`]) {
    t.same([await statuses(row(own)), await statuses(row(other))], [alis, sitis], row('…'));
  }
  t.same(await statuses(`01${merchant}`), [public_, refused, read, read, read, refused, refused, refused, read, read], 'a partner reads no accounts, of its merchant neither');
});

function fromHexOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

interface Proof {
  readonly height: number;
  readonly receipt?: string;
  readonly execution?: string;
  readonly record?: string;
  readonly lightBlock?: string;
}

/** The forms of proof that somebody gets of a transaction. */
async function formsFor(t: Test, world: World, path: string, who?: Parameters<World['as']>[0]): Promise<string> {
  const answer = await world.get(`/proofs/tx/${path}`, who === undefined ? {} : await world.as(who));
  t.same(departures('getTxProof', answer), [], path);
  const { receipt, execution, record } = answer.json as Proof;
  return Object.entries({ receipt, execution, record }).filter(([, bytes]) => bytes !== undefined).map(([form]) => form).join();
}

t.test('a transaction is shown to its parties, finance and auditors; everybody else gets the proof without it', async (t) => {
  const world = await openWorld(t);
  const [ali, siti] = [wallet('ali'), wallet('siti')];
  await world.mint(50_000n);
  await world.transfer(sdkKey(KEYS.farm), ali.address, 20_000n);
  await world.block();
  const order = world.order();
  const txHash = await world.pay(ali, order.invoice);
  await world.block();
  for (const who of [ali, 'till', 'staff', 'manager', 'finance', 'auditor', sdkKey(KEYS.cafeteria)] as const) t.equal(await formsFor(t, world, txHash, who), 'receipt', `${typeof who === 'string' ? who : who.addressText}`);
  for (const who of [undefined, siti, 'admin', 'service', 'partner'] as const) t.equal(await formsFor(t, world, txHash, who), 'execution', typeof who === 'string' ? who : 'nobody, or siti');
  const stranger = { authorization: `Bearer ${await world.tokenOf('manager', formatAddress(KEYS.farm.address))}` };
  t.notOk('receipt' in (await world.get(`/proofs/tx/${txHash}`, stranger)).json, 'the manager of another merchant');
  for (const who of [ali, 'auditor'] as const) t.equal(await formsFor(t, world, `${txHash}?minimal=1`, who), 'execution', 'the small form for those too who may see more');
  t.equal(await formsFor(t, world, `${txHash}?minimal=0`, ali), 'receipt');
  t.equal((await world.get(`/proofs/tx/${txHash}?minimal=2`)).status, 400);
  const refund = await world.refund(order.ref, 100n);
  await world.block();
  t.same([await formsFor(t, world, refund, ali), await formsFor(t, world, refund, siti)], ['receipt', 'execution'], 'the payer did not sign the refund and is its party');

  const answer = await world.get(`/proofs/tx/${txHash}`);
  const { height, execution = '' } = answer.json as Proof;
  const trust = { genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 };
  const bytes = fromBase64Url(execution) ?? new Uint8Array(0);
  t.match(verifyExecutionReceipt(trust, bytes, fromHexOf(txHash)), { ok: true, value: { code: 0, header: { height } } }, 'verifies without this server');
  for (const secret of [ali.address, ali.publicKey, KEYS.cafeteria.address, order.ref]) t.notOk(toHex(bytes).includes(toHex(secret)), 'neither people nor invoice stand in it');
  t.equal(answer.headers.get('cache-control'), 'no-store', 'what a caller may see is kept by no cache');
});

t.test('what a batch of milk is made of is shown to everybody, as its trace is', async (t) => {
  const world = await openWorld(t);
  const lot = await world.mint(20_000n);
  const { statements, opened } = (await world.get(`/trace/batch/${toHex(world.batchKey(lot))}`)).json as { statements: { proof: string }[]; opened: { proof: string }[] };
  for (const { proof } of [...statements, ...opened]) t.equal(await formsFor(t, world, proof.slice('/api/v1/proofs/tx/'.length)), 'receipt');
});

t.test('of a Transfer strangers get its replay record while there is one: the hash of its events could be guessed from', async (t) => {
  const world = await openWorld(t);
  const [ali, siti] = [wallet('ali'), wallet('siti')];
  await world.fund(20_000n, ali);
  const txHash = await world.transfer(ali, siti.address, 700n);
  const { height } = await world.block();
  await world.block();
  t.same([await formsFor(t, world, txHash, ali), await formsFor(t, world, txHash, siti)], ['receipt', 'receipt'], 'sender and receiver');
  t.equal(await formsFor(t, world, `${txHash}?minimal=1`, siti), 'execution');
  for (const query of ['', '?minimal=1']) {
    t.equal(await formsFor(t, world, txHash + query, wallet('nosy')), 'record');
    const { height: at, record = '' } = (await world.get(`/proofs/tx/${txHash}${query}`)).json as Proof;
    t.equal(at, height);
    const trust = { genesisHash: world.chain.genesisHash, validators: world.chain.validators, verify: verifyEd25519 };
    const verified = verifyRowProof(trust, fromBase64Url(record) ?? new Uint8Array(0), rowKeyBytes(ROWS.done, txHash));
    if (!verified.ok) throw new Error(verified.refusal.code);
    t.match(rowOf(stateRows.DoneRow, verified.value), { height, index: 0, code: 0 });
    t.equal(verified.value.header.height, world.chain.tip().height);
  }
  const verified = createVerifiedClient({ client: world.client, genesisHash: world.chain.genesisHash, root: trustGenesis(world.chain.genesis), nowMs: () => world.nowMs });
  t.match(await verifiedExecution(verified, { txHash }), { height, code: 0, header: { height: world.chain.tip().height } });
  await t.rejects(verifiedTransaction(verified, { txHash }), { name: 'ProofError', code: 'only_for_parties', retryable: false });
  await world.block(TX_LIFE_MS + DONE_KEPT_MS + 1);
  await world.block();
  t.match((await world.get(`/proofs/tx/${txHash}`)).json, { status: 410, code: 'dropped', detail: /has died/ });
  t.equal(await formsFor(t, world, txHash, ali), 'receipt', 'its parties get it for ever');
});

t.test('sinceHeight brings the sets that a caller does not know', async (t) => {
  const world = await openWorld(t);
  const ali = wallet('ali');
  await world.fund(20_000n, ali);
  const txHash = await world.pay(ali, world.order().invoice);
  const { height } = await world.block();
  const of = async (query: string): Promise<Proof> => (await world.get(`/proofs/tx/${txHash}${query}`)).json as Proof;
  for (const since of [0, 1, height]) t.equal((await of(`?sinceHeight=${since}`)).lightBlock, undefined, `the set of ${since} is in force`);
  const unknown = await of(`?minimal=1&sinceHeight=${height + 7}`);
  const block = decode(LightBlock, fromBase64Url(unknown.lightBlock ?? '') ?? new Uint8Array(0));
  t.match(block, { ok: true, value: { validators: world.chain.validators } }, 'of a height that this node has not');
});

t.test('heights outside the window and keys that are none', async (t) => {
  const world = await openWorld(t);
  for (let i = 0; i <= STATES_MAX; i++) world.chain.block();
  const row = '/proofs/row/20';
  t.match((await world.get(`${row}?height=1`)).json, { status: 410, code: 'dropped', detail: /block 1 is no longer kept/ });
  t.equal((await world.get(`${row}?height=2`)).status, 200);
  t.match((await world.get(`${row}?height=${STATES_MAX + 2}`)).json, { status: 404, code: 'not_found' });
  for (const path of [`${row}?height=0`, `${row}?height=x`, `${row}?height=9007199254740993`, '/proofs/row/2', '/proofs/row/2G', `/proofs/row/${'00'.repeat(55)}`, '/proofs/invoice/0/00112233445566778899', '/proofs/invoice/1/00', '/proofs/done/00', `${row}?other=1`]) {
    t.match((await world.get(path)).json, { status: 400, code: 'malformed_request' }, path);
  }
});

t.test('proof of a lie is taken from anybody, known the second time; what proves nothing is refused', async (t) => {
  const world = await openWorld(t);
  world.chain.block();
  const vote = (blockId: string): SignedVote => {
    const fields = { type: 'prevote', height: 1, round: 0, blockId } as const;
    return { ...fields, validatorIndex: 0, signature: signEd25519(KEYS.validator.seed, votePreimage(world.chain.genesisHash, fields)) };
  };
  const evidence = toBase64Url(encode(Evidence, duplicateVote(vote('aa'.repeat(32)), vote('bb'.repeat(32)))));
  const first = await world.post('/evidence', { evidence });
  t.match(first, { status: 202, json: { state: 'kept' } });
  t.same(departures('postEvidence', first), []);
  const again = await world.post('/evidence', { evidence });
  t.match(again, { status: 200, json: { state: 'known' } });
  t.same(departures('postEvidence', again), []);
  t.match((await world.post('/evidence', { evidence: toBase64Url(Uint8Array.of(1, 2, 3)) })).json, { status: 422, code: 'invalid_evidence' });
  t.match((await world.post('/evidence', { evidence: '!' })).json, { status: 400, code: 'malformed_request' });
});

t.test('headers from a height on are followed from genesis', async (t) => {
  const world = await openWorld(t);
  for (let i = 0; i < 130; i++) world.chain.block();
  const read = async (query: string): Promise<{ tip: number; data: { height: number; lightBlock: string }[] }> => {
    const answer = await world.get(`/light/headers${query}`);
    t.same(departures('listLightHeaders', answer), [], query);
    return answer.json as never;
  };
  t.match(await read('?from=131'), { tip: 130, data: [] });
  const first = await read('?from=1');
  t.same(first.data.map(({ height }) => height), Array.from({ length: 100 }, (_, i) => i + 1));
  const [last] = (await read('?from=130&limit=3')).data;
  const block = decode(LightBlock, fromBase64Url(last?.lightBlock ?? '') ?? new Uint8Array(0));
  if (!block.ok) throw new Error('no light block');
  t.same(encode(LightBlock, block.value), fromBase64Url(last?.lightBlock ?? ''));
  const context = { genesisHash: world.chain.genesisHash, verify: verifyEd25519 };
  const asked: LightStep = followTo(lightState(trustGenesis(world.chain.genesis), 0), 130, world.nowMs);
  t.match(takeAnswer(context, asked.state, block.value, world.nowMs).action, { kind: 'trusted', trusted: { height: 130, blockId: world.chain.tip().blockId } });
  for (const path of ['', '?from=0', '?from=1&limit=101', '?from=1&limit=0', '?from=9007199254740993', '?from=-1']) t.equal((await world.get(`/light/headers${path}`)).status, 400, path);
  t.match((await world.get('/light/checkpoint')).json, { status: 404, code: 'not_found' }, 'this node was given none');
});
