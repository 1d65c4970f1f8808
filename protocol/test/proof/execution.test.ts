/** An execution receipt says that an id was executed, with which code, in a final block, and shows neither people nor amounts. */
import t from 'tap';
import {
  decode, encode, equalBytes, ExecutionReceipt, fromHex, makeExecutionReceipt, makeReceipt, PaymentReceipt, toHex, verifyExecutionReceipt, verifyReceipt,
  type Executed, type ReceiptTrust, type Verdict,
} from '../../src/index.ts';
import { makeValidatorSet } from '../../src/consensus/validators.ts';
import { randomOf } from '../support/random.ts';
import { KEYS, keyOf, verifyFast, World } from '../support/world.ts';

const alice = keyOf('alice');
const world = new World();
world.mint(1_000_000n);
world.block([world.transfer(KEYS.farmA, alice.address, 10_000n)]);
const pays = [0, 1, 2].map((index) => world.pay(alice, world.invoice(KEYS.till1, 1, 300n, 180n, `carton ${index}`)));
const block: Executed = world.block([...pays, world.transfer(alice, KEYS.vet.address, 1_000_000n)]);
const trust: ReceiptTrust = { genesisHash: world.genesis.genesisHash, validators: world.tip.validators, verify: verifyFast };
const source = { headerBytes: block.headerBytes, certificate: world.certificate(block), txs: block.txs.map((tx) => tx.bytes), results: block.results };

function receiptOf(index: number): Uint8Array {
  const whole = decode(PaymentReceipt, makeReceipt(source, index));
  if (!whole.ok) throw new Error('it was made here');
  return makeExecutionReceipt(whole.value);
}

function idOf(index: number): Uint8Array {
  return block.txs[index]?.txId ?? new Uint8Array(0);
}

function outcome(verified: Verdict<unknown>): string {
  return verified.ok ? 'ok' : verified.refusal.code;
}

t.test('what is proven is what the whole receipt proves, but the transaction', (t) => {
  for (const [index] of block.txs.entries()) {
    const [execution, receipt] = [verifyExecutionReceipt(trust, receiptOf(index), idOf(index)), verifyReceipt(trust, makeReceipt(source, index))];
    if (!execution.ok || !receipt.ok) throw new Error(`${outcome(execution)}, ${outcome(receipt)}`);
    const { body, ...rest } = receipt.value;
    t.same(execution.value, rest);
    t.same(body, block.txs[index]?.body);
  }
  t.equal(block.codes[3], 9, 'a transaction that failed has one too');
  t.end();
});

t.test('neither payer, merchant, key nor invoice stands in it', (t) => {
  const text = toHex(receiptOf(0));
  const [sig] = block.txs[0]?.tx.sigs ?? [];
  for (const secret of [alice.address, KEYS.cafeteria.address, alice.publicKey, sig?.signature, block.txs[0]?.invoice?.ref]) {
    t.ok(secret !== undefined && secret.length >= 10);
    t.notOk(text.includes(toHex(secret ?? new Uint8Array(0))));
  }
  t.end();
});

t.test('each part is checked on its own', (t) => {
  const decoded = decode(ExecutionReceipt, receiptOf(1));
  if (!decoded.ok) throw new Error('it was made here');
  const whole = decoded.value;
  const said = (over: Partial<ExecutionReceipt>, by = trust, txId = idOf(1)): string => outcome(verifyExecutionReceipt(by, encode(ExecutionReceipt, { ...whole, ...over }), txId));
  t.equal(said({}), 'ok');
  t.equal(said({}, trust, idOf(2)), 'other_transaction');
  t.equal(said({ index: 2 }), 'not_in_block');
  t.equal(said({ resultPath: whole.resultPath.slice(1) }), 'not_in_block');
  t.equal(said({ result: block.results[2] as Uint8Array }), 'not_in_block');
  t.equal(said({ result: Uint8Array.of(1, 2, 3) }), 'malformed');
  t.equal(said({ header: Uint8Array.of(1, 2, 3) }), 'malformed');
  t.equal(said({ certificate: { ...whole.certificate, round: 9 } }), 'bad_signature');
  t.equal(said({ certificate: { ...whole.certificate, type: 1 } }), 'other_block', 'prevotes make nothing final');
  t.equal(said({}, { ...trust, validators: makeValidatorSet([{ publicKey: alice.publicKey, power: 1 }]) }), 'other_validator_set');
  t.equal(said({}, { ...trust, genesisHash: fromHex('ab'.repeat(32)) ?? new Uint8Array(0) }), 'other_block', 'another network');
  t.equal(outcome(verifyExecutionReceipt(trust, new Uint8Array(0), idOf(1))), 'malformed');
  t.end();
});

t.test('fuzz: no changed receipt says anything', (t) => {
  const random = randomOf(41);
  const good = receiptOf(2);
  for (let i = 0; i < 1_000; i++) {
    const bytes = [...good];
    const at = random.below(bytes.length);
    if (random.below(2) === 0) bytes[at]! ^= 1 << random.below(8);
    else bytes.splice(at, random.below(3), random.below(256));
    const changed = Uint8Array.from(bytes);
    if (!equalBytes(changed, good) && verifyExecutionReceipt(trust, changed, idOf(2)).ok) t.fail(toHex(changed));
  }
  t.end();
});
