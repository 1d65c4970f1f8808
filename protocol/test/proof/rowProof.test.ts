/** A row of state, or its absence, proven by a final block: every part is checked, and one height proves only itself. */
import t from 'tap';
import {
  decode, encode, makeRowProof, ROWS, RowProof, rowKeyBytes, SINGLE, stateRows, toHex, verifyRowProof,
  type Executed, type ReceiptTrust, type RowType, type Verdict, type VerifiedRow,
} from '../../src/index.ts';
import { keyOf, KEYS, verifyFast, World } from '../support/world.ts';
import { randomOf } from '../support/random.ts';
import { setOf } from '../light/lightChain.ts';

const world = new World();
const alice = keyOf('alice');
const first = world.block([]);
const firstVersion = world.chain.tree.update(world.tip.treeVersion, []);
world.mint(1_000_000n);
const block = world.block([world.transfer(KEYS.farmA, alice.address, 10_000n)]);
const trust: ReceiptTrust = { genesisHash: world.genesis.genesisHash, validators: world.tip.validators, verify: verifyFast };

function keyFor(type: RowType<unknown>, id: string): Uint8Array {
  return rowKeyBytes(type, id);
}
function proofOf(rowKey: Uint8Array, value: Uint8Array | undefined, of: Executed = block, version = world.tip.treeVersion): Uint8Array {
  return makeRowProof({ headerBytes: of.headerBytes, certificate: world.certificate(of), proof: world.chain.tree.prove(version, rowKey), value });
}
function outcome(verdict: Verdict<VerifiedRow>): string {
  return verdict.ok ? verdict.value.value === undefined ? 'absent' : toHex(verdict.value.value) : verdict.refusal.code;
}

const accountKey = keyFor(ROWS.account, toHex(alice.address));
const account = encode(stateRows.AccountRow, { balanceMl: 10_000n, policy: undefined });
const nobodyKey = keyFor(ROWS.account, toHex(keyOf('nobody').address));
const supplyKey = keyFor(ROWS.supply, SINGLE);

t.test('a row, an absent row and a row that encodes to nothing', (t) => {
  t.equal(outcome(verifyRowProof(trust, proofOf(accountKey, account), accountKey)), toHex(account));
  t.equal(outcome(verifyRowProof(trust, proofOf(nobodyKey, undefined), nobodyKey)), 'absent');
  const empty = proofOf(supplyKey, new Uint8Array(0), first, firstVersion);
  t.equal(outcome(verifyRowProof(trust, empty, supplyKey)), '', 'no supply yet: the row is there and has no bytes');
  t.match(verifyRowProof(trust, proofOf(accountKey, account), accountKey), { value: { header: { height: block.header.height }, blockId: block.blockId } });
  t.end();
});

t.test('each part is checked', (t) => {
  const honest = decode(RowProof, proofOf(accountKey, account));
  if (!honest.ok) throw new Error('made here');
  const whole = honest.value;
  const said = (over: Partial<RowProof>, key = accountKey, by = trust): string => outcome(verifyRowProof(by, encode(RowProof, { ...whole, ...over }), key));
  t.equal(said({ value: encode(stateRows.AccountRow, { balanceMl: 10_001n, policy: undefined }) }), 'not_in_state', 'another balance');
  t.equal(said({ value: undefined }), 'not_in_state', 'no balance');
  t.equal(said({}, nobodyKey), 'other_row');
  t.equal(said({ proof: world.chain.tree.prove(world.tip.treeVersion, nobodyKey) }), 'other_row');
  t.equal(said({ proof: world.chain.tree.prove(firstVersion, accountKey), value: undefined }), 'not_in_state', 'absent before, present now: an old path does not fit');
  t.equal(said({ header: first.headerBytes }), 'not_in_state');
  t.equal(said({ certificate: world.certificate(first) }), 'other_block');
  t.equal(said({ certificate: { ...whole.certificate, round: 5 } }), 'bad_signature');
  t.equal(said({}, accountKey, { ...trust, genesisHash: new Uint8Array(32) }), 'other_block', 'another network');
  t.equal(said({}, accountKey, { ...trust, validators: setOf('a', 'b') }), 'other_validator_set');
  t.equal(said({ header: Uint8Array.of(1) }), 'malformed');
  const nobody = world.chain.tree.prove(world.tip.treeVersion, nobodyKey);
  t.equal(said({ proof: nobody, value: account }, nobodyKey), 'not_in_state', 'a value beside a path of absence');
  t.equal(outcome(verifyRowProof(trust, new Uint8Array(0), accountKey)), 'malformed');
  t.equal(outcome(verifyRowProof(trust, new Uint8Array(60_000), accountKey)), 'malformed', 'too long');
  t.end();
});

t.test('fuzz: no changed proof says anything else', (t) => {
  const random = randomOf(31);
  for (const [key, value] of [[accountKey, account], [nobodyKey, undefined]] as const) {
    const bytes = proofOf(key, value);
    const honest = outcome(verifyRowProof(trust, bytes, key));
    for (let round = 0; round < 1_500; round++) {
      const at = random.below(bytes.length);
      const changed = random.pick([bytes.map((byte, i) => (i === at ? byte ^ (1 << random.below(8)) : byte)), bytes.subarray(0, at)]);
      const said = verifyRowProof(trust, changed, key);
      if (said.ok && outcome(said) !== honest) t.fail(`believed ${toHex(changed)}`);
    }
  }
  t.pass('3,000 changed proofs');
  t.end();
});
