/** /proofs and /light: what they serve verifies with nothing but the genesis, and their refusals have codes. */
import t, { type Test } from 'tap';
import {
  decode, duplicateVote, encode, Evidence, followTo, fromBase64Url, invoiceId, LightBlock, lightState, ROWS, rowKeyBytes, signEd25519, stateRows, takeAnswer, toBase64Url, toHex, trustGenesis, votePreimage, verifyEd25519, verifyRowProof,
  type LightStep, type Message, type SignedVote, type VerifiedRow,
} from '@billcoin/protocol';
import type { OperationId } from '@billcoin/sdk';
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

function fromHexOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

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
