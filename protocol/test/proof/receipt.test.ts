/** A receipt proves a final payment to whoever knows the network and its validators, and nothing else does. */
import t from 'tap';
import {
  decode, encode, equalBytes, Header, makeReceipt, merkleRoot, PaymentReceipt, toHex, verifyReceipt, blockIdBytes,
  type Executed, type ReceiptTrust, type Verdict, type VerifiedReceipt,
} from '../../src/index.ts';
import { makeValidatorSet } from '../../src/consensus/validators.ts';
import { votePreimage } from '../../src/consensus/bodies.ts';
import { commitCertificate, KEYS, keyOf, signFast, verifyFast, World } from '../support/world.ts';
import { randomOf } from '../support/random.ts';

const alice = keyOf('alice');
const world = new World();
world.mint(1_000_000n);
world.block([world.transfer(KEYS.farmA, alice.address, 10_000n)]);
const pays = [0, 1, 2, 3, 4].map((index) => world.pay(alice, world.invoice(KEYS.till1, 1, 300n, 180n, `carton ${index}`)));
const failed = world.transfer(alice, KEYS.vet.address, 1_000_000n);
const block: Executed = world.block([...pays, failed]);
const { genesisHash } = world.genesis;
const trust: ReceiptTrust = { genesisHash, validators: world.tip.validators, verify: verifyFast };
const source = { headerBytes: block.headerBytes, certificate: world.certificate(block), txs: block.txs.map((tx) => tx.bytes), results: block.results };

function outcome(verified: Verdict<VerifiedReceipt>): string {
  return verified.ok ? 'ok' : verified.refusal.code;
}

t.test('every transaction of a final block has a receipt that verifies', (t) => {
  for (const [index, tx] of block.txs.entries()) {
    const receipt = verifyReceipt(trust, makeReceipt(source, index));
    if (!receipt.ok) throw new Error(outcome(receipt));
    t.same(receipt.value.txId, tx.txId);
    t.same(receipt.value.blockId, block.blockId);
    t.equal(receipt.value.code, block.codes[index]);
    t.same(receipt.value.body, tx.body);
    t.equal(receipt.value.header.height, block.header.height);
  }
  t.equal(block.codes[5], 9, 'a transaction that failed has one too, and it says so');
  t.throws(() => makeReceipt(source, 6), /no transaction 6/);
  t.throws(() => makeReceipt(source, -1), /no transaction -1/);
  t.end();
});

t.test('it is of one network, one set and one block', (t) => {
  const receipt = makeReceipt(source, 0);
  t.equal(outcome(verifyReceipt({ ...trust, genesisHash: new Uint8Array(32) }, receipt)), 'other_transaction', 'another network');
  const others = makeValidatorSet([{ publicKey: keyOf('somebody').publicKey, power: 1 }]);
  t.equal(outcome(verifyReceipt({ ...trust, validators: others }, receipt)), 'other_validator_set');
  const heavier = makeValidatorSet([{ publicKey: KEYS.validator.publicKey, power: 2 }]);
  t.equal(outcome(verifyReceipt({ ...trust, validators: heavier }, receipt)), 'other_validator_set', 'the same keys with other power');
  const empty = world.block([]);
  const later = { ...source, certificate: world.certificate(empty) };
  t.equal(outcome(verifyReceipt(trust, makeReceipt(later, 0))), 'other_block');
  t.equal(outcome(verifyReceipt(trust, makeReceipt({ ...source, headerBytes: empty.headerBytes, certificate: world.certificate(empty) }, 0))), 'not_in_block');
  t.end();
});

t.test('each part is checked on its own', (t) => {
  const decoded = decode(PaymentReceipt, makeReceipt(source, 1));
  if (!decoded.ok) throw new Error('it was made here');
  const whole = decoded.value;
  const said = (over: Partial<typeof whole>): string => outcome(verifyReceipt(trust, encode(PaymentReceipt, { ...whole, ...over })));
  t.equal(said({}), 'ok');
  t.equal(said({ index: 2 }), 'not_in_block');
  t.equal(said({ index: 1_999 }), 'not_in_block');
  t.equal(said({ txPath: whole.txPath.slice(1) }), 'not_in_block');
  t.equal(said({ resultPath: [...whole.resultPath, new Uint8Array(32)] }), 'not_in_block');
  t.equal(said({ result: block.results[2] as Uint8Array }), 'not_in_block');
  t.equal(said({ tx: Uint8Array.of(1, 2, 3) }), 'malformed');
  t.equal(said({ result: Uint8Array.of(1, 2, 3) }), 'malformed');
  t.equal(said({ header: Uint8Array.of(1, 2, 3) }), 'malformed');
  t.equal(outcome(verifyReceipt(trust, new Uint8Array(0))), 'malformed');
  t.equal(said({ certificate: { ...whole.certificate, round: 9 } }), 'bad_signature');
  const polka = { ...whole.certificate, type: 1, signatures: [signFast(KEYS.validator.seed, votePreimage(genesisHash, { type: 'prevote', height: block.header.height, round: 0, blockId: toHex(block.blockId) }))] };
  t.equal(said({ certificate: polka }), 'other_block', 'prevotes make nothing final');
  t.end();
});

t.test('validators who sign a lie prove only that they signed it: the result must be of this transaction', (t) => {
  const results = [block.results[1] as Uint8Array, block.results[0] as Uint8Array];
  const txs = source.txs.slice(0, 2);
  const header: Header = { ...block.header, txCount: 2, txRoot: merkleRoot(txs), resultRoot: merkleRoot(results) };
  const headerBytes = encode(Header, header);
  const certificate = commitCertificate(genesisHash, [KEYS.validator], { ...block, header, blockId: blockIdBytes(genesisHash, headerBytes) });
  t.equal(outcome(verifyReceipt(trust, makeReceipt({ headerBytes, certificate, txs, results }, 0))), 'other_transaction');
  t.end();
});

t.test('fuzz: no changed receipt says anything else', (t) => {
  const random = randomOf(37);
  const good = makeReceipt(source, 2);
  let refused = 0;
  for (let i = 0; i < 4_000; i++) {
    const bytes = [...good];
    const at = random.below(bytes.length);
    const choice = random.below(4);
    if (choice === 0) bytes[at]! ^= 1 << random.below(8);
    else if (choice === 1) bytes.splice(at, 1);
    else if (choice === 2) bytes.splice(at, 0, random.below(256));
    else bytes.splice(at, 1 + random.below(40), ...bytes.slice(0, random.below(40)));
    const changed = Uint8Array.from(bytes);
    const verified = verifyReceipt(trust, changed);
    // Signatures of the transaction are covered by the root; nothing in a receipt is free to change.
    if (verified.ok && !equalBytes(changed, good)) t.fail(toHex(changed));
    if (!verified.ok) refused += 1;
  }
  t.ok(refused > 3_900, `${refused} refused`);
  t.end();
});
