/** Exactly the required signatures: one key, or k of n, for each address that must sign. */
import t from 'tap';
import { checkTx, concat, encodePolicy, parseTx, policyAddress, ROWS, taggedHash, toHex, type TxBody } from '../../src/index.ts';
import { KEYS, keyOf, World, type Key } from '../support/world.ts';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(keyOf) as unknown as [Key, Key, Key, Key];
const policy = encodePolicy(2, [a.publicKey, b.publicKey, c.publicKey]);
const shared = policyAddress(policy);

function rich(): World {
  const world = new World();
  world.mint(1_000_000n);
  world.block([world.transfer(KEYS.farmA, shared, 10_000n), world.transfer(KEYS.farmA, d.address, 10_000n)]);
  return world;
}

function verdict(world: World, bytes: Uint8Array): string {
  const parsed = parseTx(world.chain, bytes);
  const checked = parsed.ok ? checkTx(world.chain, world.tip.state, parsed.value, { height: world.tip.height + 1, timeMs: world.tip.timeMs + 1_000, prevTimeMs: world.tip.timeMs }) : parsed;
  if (checked.ok) return 'ok';
  return checked.fault.code === 'malformed' ? `${checked.fault.path} ${checked.fault.why}` : checked.fault.code;
}

t.test('any two of three, not one, not three, nobody else', (t) => {
  const world = rich();
  const say = (signers: readonly Key[], policies: readonly Uint8Array[] = [policy]): string => verdict(world, world.sign(world.body(shared, { case: 'transfer', value: { to: d.address, amountMl: 5n } }, { policies }), ...signers));
  for (const pair of [[a, b], [a, c], [b, c], [c, a]]) t.equal(say(pair), 'ok');
  for (const [what, signers] of [['one', [a]], ['three', [a, b, c]], ['a member and a stranger', [a, d]], ['two and a stranger', [a, b, d]], ['strangers', [d]]] as const) t.equal(say(signers), 'wrong_signers', what);
  t.equal(say([a, b], []), 'wrong_signers', 'the policy must be shown the first time');
  t.equal(say([a, b], [encodePolicy(1, [a.publicKey, b.publicKey, c.publicKey])]), 'wrong_signers', 'with another k it is another account');
  t.equal(say([a, b], [policy, policy]), 'TxBody.policies has a policy that no signer needs', 'once is enough');
  t.equal(say([a, b], [policy, encodePolicy(1, [d.publicKey])]), 'TxBody.policies has a policy that no signer needs');
  t.equal(say([a, a]), 'Tx.sigs[1] is not in ascending order of key', 'one signature does not count twice');

  const unordered = concat(Uint8Array.of(2, 3), policy.slice(34, 66), policy.slice(2, 34), policy.slice(66));
  const hidden = taggedHash('bill/multi/1', unordered).slice(0, 20);
  world.block([world.transfer(d, hidden, 100n)]);
  const body: TxBody = world.body(hidden, { case: 'transfer', value: { to: d.address, amountMl: 5n } }, { policies: [unordered] });
  t.equal(verdict(world, world.sign(body, a, b)), 'wrong_signers', 'an address of policy bytes that are not in order is nobody’s');
  t.end();
});

t.test('a policy is kept at its first use, whatever that use came to, and need not be shown again', (t) => {
  const world = rich();
  const pay = (amountMl: bigint, policies: readonly Uint8Array[]): Uint8Array => world.sign(world.body(shared, { case: 'transfer', value: { to: d.address, amountMl } }, { policies }), a, b);
  t.same(world.block([pay(1_000_000n, [policy])]).codes, [9], 'the transfer itself failed');
  t.same(world.tip.state.get(ROWS.account, toHex(shared))?.policy, policy);
  t.equal(verdict(world, pay(5n, [])), 'ok');
  t.equal(verdict(world, pay(5n, [policy])), 'ok', 'one that was signed before that is not lost');
  t.end();
});

t.test('two addresses that must sign share the signatures of keys they have in common', (t) => {
  const world = rich();
  const batch = world.batchKey();
  const redeem = (sender: Uint8Array, policies: readonly Uint8Array[], ...signers: readonly Key[]): string =>
    verdict(world, world.sign(world.body(sender, { case: 'redeem', value: { batch, amountMl: 5n, noteHash: new Uint8Array(32) } }, { policies }), ...signers));
  t.equal(redeem(shared, [policy], a, b, KEYS.plant), 'ok');
  t.equal(redeem(shared, [policy], a, b), 'wrong_signers', 'without the plant');
  t.equal(redeem(shared, [policy], KEYS.plant), 'wrong_signers', 'without the holder');
  t.equal(redeem(shared, [policy], a, KEYS.plant), 'wrong_signers');
  const withPlant = encodePolicy(2, [a.publicKey, KEYS.plant.publicKey]);
  world.block([world.transfer(d, policyAddress(withPlant), 100n)]);
  t.equal(redeem(policyAddress(withPlant), [withPlant], a, KEYS.plant), 'ok', 'the plant signs once, for both');
  t.equal(redeem(policyAddress(withPlant), [withPlant], a), 'wrong_signers');
  t.equal(redeem(KEYS.plant.address, [], KEYS.plant), 'ok', 'a plant that takes its own milk');
  t.end();
});
