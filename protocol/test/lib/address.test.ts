/** Addresses: one key or one policy, one address, one text. */
import { createHash } from 'node:crypto';
import t from 'tap';
import { bech32, bech32m } from '@scure/base';
import { addressOf, decodePolicy, encodePolicy, equalBytes, formatAddress, keyIdOf, maskAddress, parseAddress, policyAddress, toHex, concat } from '../../src/index.ts';
import { keyOf } from '../support/world.ts';
import { randomOf } from '../support/random.ts';

const key = keyOf('address');

t.test('an address is the first 20 bytes of the tagged hash of the key', (t) => {
  const hash = createHash('sha256').update('bill/address/1\0').update(Buffer.alloc(32)).digest();
  t.equal(toHex(addressOf(new Uint8Array(32))), hash.toString('hex', 0, 20));
  t.equal(key.address.length, 20);
  t.same(keyIdOf(key.publicKey), key.address.slice(0, 8), 'a key id is the beginning of the same hash');
  t.equal(keyIdOf(new Uint8Array(33)).length, 8, 'P-256 keys have 33 bytes');
  t.throws(() => addressOf(new Uint8Array(33)), /32 bytes/);
  t.end();
});

t.test('its text is bech32m with the prefix bill', (t) => {
  const text = formatAddress(key.address);
  t.match(text, /^bill1[02-9ac-hj-np-z]{38}$/);
  t.same(parseAddress(text), key.address);
  t.same(parseAddress(text.toUpperCase()), key.address, 'bech32 may be all upper case');
  const words = bech32m.toWords(key.address);
  for (const [what, wrong] of [
    ['mixed case', text.slice(0, 10).toUpperCase() + text.slice(10)], ['bech32 instead of bech32m', bech32.encode('bill', words)], ['another prefix', bech32m.encode('bitt', words)], ['19 bytes', bech32m.encode('bill', bech32m.toWords(key.address.slice(1)))],
    ['21 bytes', bech32m.encode('bill', bech32m.toWords(concat(key.address, Uint8Array.of(0))))], ['padding that is not zero', bech32m.encode('bill', [...words, 1])], ['nothing', ''], ['no separator', 'bill'], ['white space', ` ${text}`], ['91 characters', `${text}${'q'.repeat(60)}`],
  ] as const) t.equal(parseAddress(wrong), undefined, what);
  const random = randomOf(33);
  for (let i = 0; i < 400; i++) {
    const at = 5 + random.below(text.length - 5);
    const wrong = text.slice(0, at) + random.pick([...'qpzry9x8gf2tvdw0s3jn54khce6mua7l'].filter((character) => character !== text[at])) + text.slice(at + 1);
    if (parseAddress(wrong) !== undefined) t.fail(wrong);
  }
  t.match(maskAddress(key.address), /^bill1.\.\.\.....$/);
  t.throws(() => formatAddress(new Uint8Array(19)), /20 bytes/);
  t.end();
});

t.test('a policy is k, n and the keys ascending', (t) => {
  const keys = [keyOf('a'), keyOf('b'), keyOf('c')].map((one) => one.publicKey);
  const policy = encodePolicy(2, keys);
  t.same(decodePolicy(policy)?.k, 2);
  t.same(encodePolicy(2, [...keys].reverse()), policy, 'whoever writes it, in whatever order');
  t.equal(policyAddress(policy).length, 20);
  t.notOk(equalBytes(policyAddress(policy), policyAddress(encodePolicy(1, keys))), 'k is part of the address');
  t.equal(decodePolicy(encodePolicy(16, Array.from({ length: 16 }, (_, index) => keyOf(`${index}`).publicKey)))?.keys.length, 16);
  for (const [k, list] of [[0, keys], [4, keys], [1, []], [1, [keys[0], keys[0]]], [1, Array.from({ length: 17 }, (_, index) => keyOf(`${index}`).publicKey)]] as const) {
    t.throws(() => encodePolicy(k, list as readonly Uint8Array[]), /policy/);
  }
  const [, , ...rest] = policy;
  for (const [what, wrong] of [
    ['k = 0', [0, 3, ...rest]], ['k > n', [4, 3, ...rest]], ['n too small for the keys', [2, 2, ...rest]], ['one byte short', [2, 3, ...rest.slice(1)]], ['one byte long', [2, 3, ...rest, 0]],
    ['not ascending', [2, 3, ...rest.slice(32, 64), ...rest.slice(0, 32), ...rest.slice(64)]], ['a key twice', [2, 3, ...rest.slice(0, 32), ...rest.slice(0, 64)]], ['nothing', []], ['n = 17', [1, 17, ...new Uint8Array(17 * 32)]],
  ] as const) t.equal(decodePolicy(Uint8Array.from(wrong)), undefined, what);
  t.end();
});
