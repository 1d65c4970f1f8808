/**
 * The SDK against a server that lies: it believes none of it, each refusal has its code, and nothing crashes. The server
 * stands before a real chain of four validators whose honest answers pass first.
 */
import t, { type Test } from 'tap';
import {
  blockIdBytes, decode, encode, Header, LightBlock, makeCertificate, makeValidatorSet, ROWS, rowKeyBytes, SINGLE, stateRows, toBase64Url, toHex, trustGenesis, validatorsHash, votePreimage,
  type Certificate, type RowProof, type TrustedHeader,
} from '@billcoin/protocol';
import { ApiError, buildTransfer, ConnectionError, createVerifiedClient, decodeTransaction, ProofError, provenExecutionOutcome, provenInvoiceOutcome, verifiedBalance, verifiedExecution, verifiedPayment, verifiedReserve, verifiedRow, verifiedTransaction, type VerifiedClient } from '@billcoin/sdk';
import { lightBlockAt } from '../../src/lightBlock.ts';
import { openWorld, sdkKey, wallet, type World } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, keyOf, makeTestGenesis } from '../support/testNetwork.ts';
import { inExecutions, inHeaders, inReceipts, inRows, startLyingServer, type Json, type Lie, type LyingServer } from './lyingServer.ts';

const VALIDATORS = [KEYS.validator, keyOf('validator 2'), keyOf('validator 3'), keyOf('validator 4')];
const START_MS = Date.now();
const HOUR_MS = 3_600_000;
const ali = wallet('ali');
const siti = wallet('siti');

async function openFour(t: Test): Promise<World> {
  return await openWorld(t, { chain: new MemoryChain(makeTestGenesis(START_MS, {}, VALIDATORS), VALIDATORS) });
}

/** Signs any header with keys a server does not have: only for lies that validators would have to help with. */
function signed(genesisHash: Uint8Array, set: LightBlock['validators'], headerBytes: Uint8Array): Certificate {
  const header = decode(Header, headerBytes);
  if (!header.ok) throw new Error('a header');
  const vote = { type: 'precommit', height: header.value.height, round: 0, blockId: toHex(blockIdBytes(genesisHash, headerBytes)) } as const;
  const votes = set.validators.map(({ publicKey }, validatorIndex) => {
    const key = [...VALIDATORS, ...STRANGERS].find((one) => toHex(one.publicKey) === toHex(publicKey))!;
    return { ...vote, validatorIndex, signature: sdkKey(key).sign(votePreimage(genesisHash, vote)) };
  });
  return makeCertificate(set, vote, votes)!;
}
const STRANGERS = [keyOf('stranger')];
const strangerSet = { validators: STRANGERS.map(({ publicKey }) => ({ publicKey, power: 1 })) };

function reheader(bytes: Uint8Array, over: Partial<Header>): Uint8Array {
  const header = decode(Header, bytes);
  if (!header.ok) throw new Error('a header');
  return encode(Header, { ...header.value, ...over });
}

interface Stage {
  readonly world: World;
  readonly server: LyingServer;
  readonly invoice: Uint8Array;
  readonly txHash: string;
  readonly otherInvoice: Uint8Array;
  readonly failedHash: string;
  /** A client that trusts only genesis yet. */
  fresh(witnesses?: readonly LyingServer[]): VerifiedClient;
}

async function setStage(t: Test): Promise<Stage> {
  const world = await openFour(t);
  await world.fund(20_000n, ali, siti);
  const order = world.order();
  const other = world.order();
  const txHash = await world.pay(ali, order.invoice);
  await world.pay(siti, other.invoice);
  await world.block();
  const failedHash = world.forceTransfer(ali, siti.address, 1_000_000n);
  await world.block();
  const server = await startLyingServer(t, world.api.url, () => world.tokenOf('auditor'));
  const { genesisHash, genesis } = world.chain;
  const fresh = (witnesses: readonly LyingServer[] = []): VerifiedClient =>
    createVerifiedClient({ client: server.client, witnesses: witnesses.map(({ client }) => client), genesisHash, root: trustGenesis(genesis), nowMs: () => world.nowMs });
  return { world, server, invoice: order.invoice, txHash, otherInvoice: other.invoice, failedHash, fresh };
}

/** What becomes of a read: the code of its refusal, or that it was believed. */
async function outcomeOf(read: () => Promise<unknown>): Promise<string> {
  try {
    await read();
    return 'believed';
  } catch (error) {
    if (error instanceof ProofError || error instanceof ApiError || error instanceof ConnectionError) return error.code;
    throw error;
  }
}

const balanceRow = (balanceMl: bigint): Uint8Array => encode(stateRows.AccountRow, { balanceMl, policy: undefined });

t.test('honest answers pass', async (t) => {
  const { world, fresh, invoice, txHash, failedHash } = await setStage(t);
  const verified = fresh();
  t.equal((await verifiedBalance(verified, ali.address)).balanceMl, world.chain.state().get(ROWS.account, toHex(ali.address))?.balanceMl);
  t.equal((await verifiedBalance(verified, wallet('nobody').address)).balanceMl, 0n);
  const { supplyMl, owedMl, custodyMl } = await verifiedReserve(verified);
  t.same([supplyMl, owedMl, custodyMl], [41_000n, 0n, 41_000n]);
  t.match(await verifiedPayment(verified, { invoice, txHash }), { txHash, payer: ali.address });
  t.match(await provenInvoiceOutcome(verified, invoice), { kind: 'paid', row: { sen: 180n, amountMl: 300n } });
  t.equal((await verifiedTransaction(verified, { txHash: failedHash })).code, 9);
  t.match(await verifiedExecution(verified, { txHash: failedHash }), { height: world.chain.tip().height, code: 9, header: { height: world.chain.tip().height } });
  t.equal((await verified.follow()).height, world.chain.tip().height);
  const older = await verifiedBalance(verified, ali.address, { height: 3 });
  t.equal(older.header.height, 3);
});

t.test('"never paid" and "never executed" come only from headers of the right time', async (t) => {
  const { world, fresh } = await setStage(t);
  const unpaid = world.order({ lifeS: 120 });
  const verified = fresh();
  const sent = decodeTransaction(world.chain.genesisHash, (await world.chain.readFinal(3))!.txs[0]!.bytes);
  if (!sent.ok) throw new Error('a transaction');
  const kept = buildTransfer({ genesisHash: world.chain.genesisHash, sender: ali.address, to: siti.address, amountMl: 5n, validUntilMs: world.nowMs + 60_000 });
  const executed = () => provenExecutionOutcome(verified, sent.value.draft.body);
  const never = () => provenExecutionOutcome(verified, kept.body);
  t.match(await executed(), { kind: 'executed', height: 3, index: 0, code: 0 });
  t.match(await never(), { kind: 'notYetKnown', retryAfterMs: Number });
  t.match(await provenInvoiceOutcome(verified, unpaid.invoice), { kind: 'notYetKnown', retryAfterMs: Number });
  await world.block(121_000);
  t.same(await provenInvoiceOutcome(verified, unpaid.invoice), { kind: 'neverPaid' });
  t.same(await never(), { kind: 'neverExecuted' });
  await world.block(7 * 24 * HOUR_MS);
  t.same(await provenInvoiceOutcome(verified, unpaid.invoice), { kind: 'windowOver' }, 'a record may be gone');
  t.same(await never(), { kind: 'windowOver' });
  const pay = world.payDraft(ali, unpaid.invoice);
  await t.rejects(provenExecutionOutcome(verified, pay.body), TypeError, 'a Pay is told by its invoice');
  await t.rejects(provenExecutionOutcome(verified, Uint8Array.of(1)), TypeError);
});

t.test('lies', async (t) => {
  const stage = await setStage(t);
  const { world, server, fresh, invoice, otherInvoice, txHash, failedHash } = stage;
  const { genesisHash, validators } = world.chain;
  const nobody = wallet('nobody').address;
  const old = await (await fetch(`${world.api.url}/api/v1/proofs/row/01${toHex(ali.address)}?height=3`, { headers: await world.as('auditor') })).json() as Json;
  const wasUnpaid = await (await fetch(`${world.api.url}/api/v1/proofs/row/${toHex(rowKeyBytes(ROWS.invoice, '00000001' + toHex(invoice.slice(14, 24))))}?height=3`)).json() as Json;
  const elsewhere = await openWorld(t, { chain: new MemoryChain(makeTestGenesis(START_MS - 5_000, {}, VALIDATORS), VALIDATORS) });
  await elsewhere.fund(20_000n, ali);
  await elsewhere.block();

  const balance = (address = ali.address) => (verified: VerifiedClient) => verifiedBalance(verified, address);
  const reserve = (verified: VerifiedClient) => verifiedReserve(verified);
  const payment = (verified: VerifiedClient) => verifiedPayment(verified, { invoice, txHash });
  const execution = (verified: VerifiedClient) => verifiedExecution(verified, { txHash });
  const outcome = (verified: VerifiedClient) => provenInvoiceOutcome(verified, invoice);
  const follow = (verified: VerifiedClient) => verified.follow();
  const raw = (write: (response: Parameters<Lie>[2]) => void): Lie => (_body, _path, response) => {
    write(response);
    return 'written';
  };
  const fromElsewhere: Lie = async (_body, path) => await (await fetch(elsewhere.api.url + path, { headers: await elsewhere.as('auditor') })).json() as Json;
  const noQuorum = ({ bitmap, signatures, ...rest }: Certificate): Certificate => ({ ...rest, bitmap: bitmap.map(() => 0b1100_0000), signatures: signatures.slice(0, 2) });
  const doubled = ({ bitmap, signatures, ...rest }: Certificate): Certificate => ({ ...rest, bitmap: bitmap.map(() => 0b1110_0000), signatures: [signatures[0]!, signatures[0]!, signatures[1]!] });
  const proofAt = (key: Uint8Array, height?: number): RowProof['proof'] => {
    const row = world.chain.proveRow(key, height);
    if (typeof row === 'string') throw new Error(row);
    return row.proof;
  };
  const siti20 = rowKeyBytes(ROWS.account, toHex(siti.address));
  const foreign = (block: LightBlock): LightBlock => {
    const header = reheader(block.header, { validatorsHash: validatorsHash(strangerSet), nextValidatorsHash: validatorsHash(strangerSet), stateRoot: new Uint8Array(32) });
    return { header, certificate: signed(genesisHash, strangerSet, header), validators: strangerSet, nextValidators: undefined };
  };
  const ahead = (bytes: Uint8Array): Uint8Array => reheader(bytes, { timeMs: world.nowMs + HOUR_MS });
  const [v0, v1, ...more] = validators.validators;

  type Row = readonly [name: string, lie: Lie, read: (verified: VerifiedClient) => Promise<unknown>, code: string];
  const lies: readonly Row[] = [
    ['wrong balance', inRows((proof) => ({ ...proof, value: balanceRow(999_999n) })), balance(), 'not_in_state'],
    ['hidden balance: the row left out', inRows((proof) => ({ ...proof, value: undefined })), balance(), 'not_in_state'],
    ['hidden payment: the record left out', inRows((proof) => ({ ...proof, value: undefined })), outcome, 'not_in_state'],
    ['hidden payment: absence of before the payment under the header of now', inRows((proof) => ({ ...proof, proof: proofAt(rowKeyBytes(ROWS.invoice, '00000001' + toHex(invoice.slice(14, 24))), 3), value: undefined })), outcome, 'not_in_state'],
    ['forged inclusion: a balance for nobody', inRows((proof) => ({ ...proof, proof: { ...proof.proof, leafKeyHash: proof.proof.keyHash, leafValueHash: new Uint8Array(32) }, value: balanceRow(5n) })), balance(nobody), 'not_in_state'],
    ['forged inclusion: another account\'s leaf', inRows((proof) => ({ ...proof, proof: { ...proofAt(siti20), keyHash: proof.proof.keyHash }, value: balanceRow(20_000n) })), balance(nobody), 'not_in_state'],
    ['forged absence: the path of another row with this key on it', inRows((proof) => ({ ...proof, proof: { ...proofAt(siti20), keyHash: proof.proof.keyHash }, value: undefined })), balance(), 'not_in_state'],
    ['forged absence: an empty place at depth 0', inRows((proof) => ({ ...proof, proof: { keyHash: proof.proof.keyHash, depth: 0, bitmap: new Uint8Array(0), siblings: [] }, value: undefined })), balance(), 'not_in_state'],
    ['zero root: a header of the empty state', inRows((proof) => ({ ...proof, header: reheader(proof.header, { stateRoot: new Uint8Array(32) }), proof: { keyHash: proof.proof.keyHash, depth: 0, bitmap: new Uint8Array(0), siblings: [] }, value: undefined })), balance(), 'other_block'],
    ['empty root', inRows((proof) => ({ ...proof, header: proof.header.slice(0, 40) })), balance(), 'malformed'],
    ['a proof for another key', async (_body, path) => await (await fetch(world.api.url + path.replace(toHex(ali.address), toHex(siti.address)), { headers: await world.as('auditor') })).json() as Json, balance(), 'other_row'],
    ['inflated supply', inRows((proof) => ({ ...proof, value: encode(stateRows.SupplyRow, { supplyMl: 10n ** 9n, owedMl: 0n }) })), reserve, 'not_in_state'],
    ['inflated supply in a header of its own', inRows((proof) => ({ ...proof, header: reheader(proof.header, { stateRoot: new Uint8Array(32).fill(9) }), value: encode(stateRows.SupplyRow, { supplyMl: 10n ** 9n, owedMl: 0n }) })), reserve, 'not_in_state'],
    ['another row for the supply', async () => await (await fetch(`${world.api.url}/api/v1/proofs/row/22`)).json() as Json, reserve, 'other_row'],
    ['wrong amount: the receipt of another payment', async (_body, path) => await (await fetch(world.api.url + path.replace(txHash, failedHash), { headers: await world.as('auditor') })).json() as Json, payment, 'other_transaction'],
    ['wrong result: the execution of another transaction', async (_body, path) => await (await fetch(world.api.url + path.replace(txHash, failedHash), { headers: await world.as('auditor') })).json() as Json, execution, 'other_transaction'],
    ['swapped result of an execution', inExecutions((receipt) => ({ ...receipt, result: receipt.result.map((byte, i) => (i === receipt.result.length - 1 ? byte ^ 1 : byte)) })), execution, 'not_in_block'],
    ['an execution without a quorum', inExecutions((receipt) => ({ ...receipt, certificate: noQuorum(receipt.certificate) })), execution, 'no_quorum'],
    ['no proof at all', (body) => ({ ...body, receipt: undefined, execution: undefined }), execution, 'malformed'],
    ['a receipt kept back', (body) => ({ ...body, receipt: undefined }), payment, 'malformed'],
    ['a party who is taken for a stranger', async (_body, path) => await (await fetch(world.api.url + path)).json() as Json, payment, 'only_for_parties'],
    ['another invoice, paid by another', (body) => body, (verified) => verifiedPayment(verified, { invoice: otherInvoice, txHash }), 'other_invoice'],
    ['swapped result: failed becomes done', inReceipts((receipt) => ({ ...receipt, result: receipt.result.map((byte, i) => (i === receipt.result.length - 1 ? byte ^ 1 : byte)) })), payment, 'not_in_block'],
    ['another transaction in the receipt', inReceipts((receipt) => ({ ...receipt, tx: Uint8Array.from(receipt.tx, (byte, i) => (i === 40 ? byte ^ 1 : byte)) })), payment, 'not_in_block'],
    ['another place in the block', inReceipts((receipt) => ({ ...receipt, index: receipt.index + 1 })), payment, 'not_in_block'],
    ['a path with a sibling more', inReceipts((receipt) => ({ ...receipt, txPath: [...receipt.txPath, new Uint8Array(32)] })), payment, 'not_in_block'],
    ['certificate for another block', inReceipts((receipt) => ({ ...receipt, certificate: { ...receipt.certificate, blockId: new Uint8Array(32).fill(1) } })), payment, 'other_block'],
    ['certificate without a quorum', inReceipts((receipt) => ({ ...receipt, certificate: noQuorum(receipt.certificate) })), payment, 'no_quorum'],
    ['certificate with a signer doubled', inReceipts((receipt) => ({ ...receipt, certificate: doubled(receipt.certificate) })), payment, 'bad_signature'],
    ['certificate of prevotes', inRows((proof) => ({ ...proof, certificate: { ...proof.certificate, type: 1 } })), balance(), 'other_block'],
    ['certificate of another round', inRows((proof) => ({ ...proof, certificate: { ...proof.certificate, round: 3 } })), balance(), 'bad_signature'],
    ['other network', fromElsewhere, balance(), 'other_block'],
    ['other network in the headers', fromElsewhere, follow, 'other_block'],
    ['other validator set, whose keys the server has', inHeaders(foreign), follow, 'other_validator_set'],
    ['altered order of the set', inHeaders((block) => ({ ...block, validators: { validators: [v1!, v0!, ...more] } })), follow, 'bad_validator_set'],
    ['altered power', inHeaders((block) => ({ ...block, validators: { validators: [{ ...v0!, power: 5 }, v1!, ...more] } })), follow, 'other_validator_set'],
    ['a validator doubled', inHeaders((block) => ({ ...block, validators: { validators: [v0!, v0!, ...more] } })), follow, 'bad_validator_set'],
    ['another next set', inHeaders((block) => ({ ...block, nextValidators: strangerSet })), follow, 'other_validator_set'],
    ['future header', inHeaders((block) => ({ ...block, header: ahead(block.header), certificate: signed(genesisHash, validators, ahead(block.header)) })), follow, 'from_future'],
    ['no headers', (body) => ({ ...body, data: [] }), follow, 'no_data'],
    ['headers of other heights', async (body, path) => (path.includes('9007199254740991') ? body : await (await fetch(`${world.api.url}/api/v1/light/headers?from=1&limit=1`)).json() as Json), follow, 'no_data'],
    ['peer bug 34: heights beyond 2^53, as text and as numbers that saturate', (body) => ({ ...body, tip: '9007199254740993', data: [] }), follow, 'malformed'],
    ['a tip beyond every chain', (body) => ({ ...body, tip: 9_007_199_254_740_991, data: [] }), follow, 'no_data'],
    ['a dropped height for the newest', raw((response) => response.writeHead(410, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code: 'dropped', status: 410 }))), balance(), 'dropped'],
    ['truncated answer', raw((response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"height":3,"proof":"AAAA')), balance(), 'unreachable'],
    ['truncated proof', (body) => ({ ...body, proof: String(body['proof']).slice(0, 400) }), balance(), 'malformed'],
    ['huge answer', raw((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        while (!response.destroyed && response.write('a'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    }), balance(), 'unreachable'],
    ['nothing', raw((response) => response.writeHead(200, { 'content-type': 'application/json' }).end('null')), balance(), 'malformed'],
    ['other types', (body) => ({ ...body, proof: 12 }), balance(), 'malformed'],
    ['bytes that are no proof', (body) => ({ ...body, proof: toBase64Url(new Uint8Array(300).fill(0xff)) }), balance(), 'malformed'],
    ['a page of a proxy', raw((response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')), balance(), 'malformed'],
    ['not found', raw((response) => response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ code: 'not_found', status: 404 }))), payment, 'not_found'],
  ];
  for (const [name, lie, read, code] of lies) {
    server.lie = lie;
    const verified = fresh();
    t.equal(await outcomeOf(() => read(verified)), code, name);
    // The header of an honest answer to another question is true all the same.
    if (!code.startsWith('other_t') && code !== 'other_invoice') t.equal(verified.newest.height, 0, `${name}: nothing is trusted by it`);
    server.lie = undefined;
    if (code !== 'other_invoice') t.equal(await outcomeOf(() => read(verified)), 'believed', `${name}: the truth is believed afterwards`);
  }
  t.comment(`${lies.length} lies`);

  // Time passes: what was true is now stale.
  await world.block(61_000);
  for (const [name, lie, read] of [['stale header: a balance of before', () => old, balance()], ['hidden payment: the state of before the payment', () => wasUnpaid, outcome]] as readonly (readonly [string, Lie, (verified: VerifiedClient) => Promise<unknown>])[]) {
    server.lie = (body, path, response) => (path.includes('/proofs/row/20') ? body : lie(body, path, response));
    t.equal(await outcomeOf(() => read(fresh())), 'stale', name);
  }
  server.lie = (body) => ({ ...body, tip: 3 });
  t.equal(await outcomeOf(() => fresh().follow()), 'stale', 'a tip of before');
  server.lie = undefined;
  world.chain.clock.moveTo(world.nowMs + 14 * 24 * HOUR_MS);
  t.equal(await outcomeOf(() => fresh().follow()), 'trust_expired', 'after two weeks genesis vouches for nothing: a checkpoint is needed');
});

t.test('two-faced validators: a witness of another institution shows it, and the evidence is kept', async (t) => {
  const { world, server, fresh } = await setStage(t);
  const { genesisHash, validators } = world.chain;
  const witness = await startLyingServer(t, world.api.url, () => world.tokenOf('auditor'));
  t.equal((await fresh([witness]).follow()).height, world.chain.tip().height, 'a witness that agrees');
  witness.lie = (body) => ({ ...body, data: [] });
  t.equal(await outcomeOf(() => fresh([witness]).follow()), 'no_witness');
  const fork = (bytes: Uint8Array): Uint8Array => reheader(bytes, { stateRoot: new Uint8Array(32).fill(7) });
  server.lie = inHeaders((block) => ({ ...block, header: fork(block.header), certificate: signed(genesisHash, validators, fork(block.header)) }));
  witness.lie = undefined;
  const verified = fresh([witness]);
  const refused = await verified.follow().then(() => undefined, (error: unknown) => error as ProofError);
  t.equal(refused?.code, 'diverged');
  t.match(refused?.evidence, [{ evidence: { case: 'lightClientAttack' } }, { evidence: { case: 'lightClientAttack' } }]);
  server.lie = undefined;
  const before = server.asked.length;
  t.equal(await outcomeOf(() => verified.trust(1)), 'diverged', 'it has stopped, also for the truth');
  t.equal(server.asked.length, before, 'and asks nobody any more');
});

t.test('reads at once, and from a stored or checkpointed root', async (t) => {
  const { world, server, fresh } = await setStage(t);
  const verified = fresh();
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => verifiedBalance(verified, ali.address, { height: 2 + (i % 4) })));
  t.same(many.map(({ header }) => header.height), many.map((_, i) => 2 + (i % 4)));
  const tip = await verified.follow();
  // A root that comes without its header, as a checkpoint does: older blocks are reached by the hash of the block before.
  const checkpoint: TrustedHeader = { ...tip, header: undefined };
  const later = createVerifiedClient({ client: server.client, genesisHash: world.chain.genesisHash, root: checkpoint, nowMs: () => world.nowMs });
  t.equal((await verifiedBalance(later, ali.address)).header.height, tip.height);
  t.equal((await verifiedBalance(later, ali.address, { height: 2 })).balanceMl, 0n);
  server.lie = inHeaders((block) => ({ ...block, header: reheader(block.header, { round: 9 }) }));
  t.equal(await outcomeOf(() => verifiedBalance(later, ali.address, { height: 3 })), 'other_block', 'not the block of the checkpoint');
  server.lie = (body) => (Array.isArray(body['data']) ? { ...body, data: body['data'].slice(1) } : body);
  t.equal(await outcomeOf(() => verifiedBalance(later, ali.address, { height: 3 })), 'no_data');
  t.equal(await outcomeOf(() => later.trust(0)), 'malformed');
  t.equal(await outcomeOf(() => verifiedRow(later, ROWS.supply, SINGLE, { height: tip.height + 5 })), 'not_found');
});

t.test('sets that come along with a proof save the question for them, and are believed no more than its answer', async (t) => {
  const { world, server, txHash } = await setStage(t);
  const { chain } = world;
  const first = await lightBlockAt(chain, 1);
  const header = first === undefined ? undefined : decode(Header, first.header);
  const { height } = await chain.txStatus(txHash) as { readonly height: number };
  const block = await lightBlockAt(chain, height);
  if (first === undefined || header?.ok !== true || block === undefined) throw new Error('the blocks are there');
  // As for a client whose newest header names another set than the one that voted on the payment.
  const others = makeValidatorSet([...chain.validators.validators, ...strangerSet.validators]);
  const root: TrustedHeader = { height: 1, timeMs: header.value.timeMs, blockId: blockIdBytes(chain.genesisHash, first.header), nextValidators: others, header: header.value };
  const fresh = (): VerifiedClient => createVerifiedClient({ client: server.client, genesisHash: chain.genesisHash, root, nowMs: () => world.nowMs });
  const bringing = (sets: LightBlock): Lie => (body) => ('lightBlock' in body || 'execution' in body ? { ...body, lightBlock: toBase64Url(encode(LightBlock, sets)) } : body);
  t.equal((await verifiedExecution(fresh(), { txHash })).height, height);
  t.equal(server.asked.splice(0).length, 2, 'the proof and its sets');
  server.lie = bringing(block);
  t.equal((await verifiedExecution(fresh(), { txHash })).height, height);
  t.same(server.asked.splice(0), [`/api/v1/proofs/tx/${txHash}?minimal=1&sinceHeight=1`]);
  server.lie = bringing({ ...block, validators: strangerSet });
  t.equal(await outcomeOf(() => verifiedExecution(fresh(), { txHash })), 'other_validator_set');
});
