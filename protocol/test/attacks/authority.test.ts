/** Attacks on who may act: policies, roles, and space in blocks that nobody pays for (SPEC §3, §4, §5). */
import t from 'tap';
import { compareBytes, decode, encode, encodePolicy, FEE_FREE_MAX, FEE_FREE_PER_SIGNER_MAX, policyAddress, ROWS, toHex, Tx, TxBody } from '../../src/index.ts';
import { alice, bob, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf, type Key, type World } from '../support/world.ts';

const members = ['a', 'b', 'c'].map((name) => keyOf(`member ${name}`)).sort((x, y) => compareBytes(x.publicKey, y.publicKey)) as [Key, Key, Key];
const policy = encodePolicy(2, members.map((key) => key.publicKey));
const shared = policyAddress(policy);
const weaker = encodePolicy(1, members.map((key) => key.publicKey));

function fromShared(world: World, policies: readonly Uint8Array[], ...signers: readonly Key[]): Uint8Array {
  return world.sign(world.body(shared, { case: 'transfer', value: { to: bob.address, amountMl: 5n } }, { policies }), ...signers);
}

t.test('a policy cannot be swapped between admission and inclusion', (t) => {
  const world = rich();
  world.block([world.transfer(alice, shared, 1_000n)]);
  const tx = fromShared(world, [policy], members[0], members[1]);
  t.equal(verdict(world, tx), 'ok');
  // Whoever passes it on shows a weaker policy: it stands in the body, and it is not the address's.
  const outer = decode(Tx, tx);
  if (!outer.ok) return t.fail();
  const inner = decode(TxBody, outer.value.body);
  if (!inner.ok) return t.fail();
  const swapped = encode(Tx, { ...outer.value, body: encode(TxBody, { ...inner.value, policies: [weaker] }) });
  t.equal(verdict(world, swapped), 'wrong_signers');
  t.equal(verdict(world, fromShared(world, [weaker], members[0])), 'wrong_signers', 'a weaker policy is another account\'s');
  t.equal(verdict(world, fromShared(world, [policy, weaker], members[0], members[1])), 'malformed');
  t.same(world.block([swapped, tx]).codes, [0]);
  t.same(world.tip.state.get(ROWS.account, toHex(shared))?.policy, policy);
  t.equal(verdict(world, fromShared(world, [weaker], members[0])), 'wrong_signers', 'nor once the account has its own');
  return t.end();
});

t.test('several first transactions of a k-of-n account may be in flight, in any order', (t) => {
  const world = rich();
  world.block([world.transfer(alice, shared, 1_000n)]);
  const flight = [[members[0], members[1]], [members[1], members[2]], [members[0], members[2]]].map((pair) => fromShared(world, [policy], ...pair)).reverse();
  t.same(world.block(flight.slice(0, 2)).codes, [0, 0], 'in one block');
  t.same(world.block(flight.slice(2)).codes, [0], 'and in the next');
  t.end();
});

t.test('a Transfer to a k-of-n account that was never shown waits there for its keys', (t) => {
  const world = rich();
  t.same(world.block([world.transfer(alice, shared, 1_000n)]).codes, [0]);
  t.equal(world.tip.state.get(ROWS.account, toHex(shared))?.policy, undefined);
  for (const signers of [[members[0]], [alice], [members[0], alice], members] as const) t.equal(verdict(world, fromShared(world, [policy], ...signers)), 'wrong_signers');
  t.equal(verdict(world, fromShared(world, [], members[0], members[1])), 'wrong_signers', 'without its policy nobody can tell whose it is');
  t.same(world.block([fromShared(world, [policy], members[0], members[2])]).codes, [0]);
  t.end();
});

t.test('a role that changes its account: what the old one signed before is refused after', (t) => {
  const world = rich();
  const farm = (by: Key, status: number): Uint8Array => world.tx(by, { case: 'registerFarm', value: { account: KEYS.farmA.address, name: 'Farm', status } });
  const pending = farm(KEYS.regulator, 3);
  t.equal(verdict(world, pending), 'ok');
  setRow(world, ROWS.role, '01', { address: alice.address });
  t.equal(verdict(world, pending), 'wrong_signers', 'admitted is not included');
  t.equal(verdict(world, farm(alice, 2)), 'ok');
  setRow(world, ROWS.role, '01', { address: shared });
  const body = world.body(shared, { case: 'registerFarm', value: { account: KEYS.farmA.address, name: 'Farm', status: 2 } }, { policies: [policy] });
  t.equal(verdict(world, world.sign(body, members[0], members[1])), 'ok', 'a role may be k of n');
  t.equal(verdict(world, world.sign(body, members[0])), 'wrong_signers');
  t.equal(verdict(world, farm(alice, 2)), 'wrong_signers');
  t.end();
});

function anchor(world: World, by: Key, no: number): Uint8Array {
  return world.tx(by, { case: 'anchor', value: { topic: `log ${no}`, hash: new Uint8Array(32) } });
}

/** 16 anchors of each role, then price reports of four reporters. */
function freeOnes(world: World): readonly Uint8Array[] {
  const roles = [KEYS.regulator, KEYS.campus, KEYS.treasury].flatMap((key) => Array.from({ length: FEE_FREE_PER_SIGNER_MAX }, (_, no) => anchor(world, key, no)));
  const reports = KEYS.reporters.flatMap((key) => Array.from({ length: 5 }, (_, no) => world.tx(key, { case: 'reportPrice', value: { senPerBill: 600n + BigInt(no) } })));
  return [...roles, ...reports];
}

t.test(`the ${FEE_FREE_MAX + 1}th fee-free transaction waits for the next block, and so does a signer's ${FEE_FREE_PER_SIGNER_MAX + 1}th; who pays goes on`, (t) => {
  const world = rich();
  const offered = freeOnes(world);
  const seventeenth = anchor(world, KEYS.regulator, 99);
  const paying = world.transfer(alice, bob.address, 1n);
  t.ok(offered.length > FEE_FREE_MAX);
  const { txs } = world.block([...offered.slice(0, 16), seventeenth, ...offered.slice(16), paying]);
  t.equal(txs.length, FEE_FREE_MAX + 1);
  const ids = new Set(txs.map((tx) => tx.txHash));
  t.notOk(ids.has(toHex(world.txId(seventeenth))));
  t.ok(ids.has(toHex(world.txId(paying))));
  t.equal(verdict(world, seventeenth), 'ok', 'it is refused by this block only');
  t.same(world.block([seventeenth]).codes, [0]);
  t.end();
});
