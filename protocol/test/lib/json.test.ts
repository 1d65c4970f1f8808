/** JSON that is signed or hashed has one text; JSON of people is refused with the path of the first wrong value. */
import t from 'tap';
import { canonicalJson, fromBase64Url, fromHex, prettyCanonicalJson, toBase64Url, u32be, u64be, toHex, compareBytes, type Json } from '../../src/index.ts';
import { JsonProblem, JsonReader } from '../../src/lib/jsonReader.ts';
import { formatAddress } from '../../src/index.ts';

t.test('canonical JSON sorts keys by UTF-16 and has no white space (RFC 8785)', (t) => {
  t.equal(canonicalJson({ b: 1, a: [true, false, null, 'x'], '': {} }), '{"":{},"a":[true,false,null,"x"],"b":1}');
  // The order of RFC 8785 §3.2.3: by UTF-16 code units, so the emoji stands before U+FB33.
  t.equal(canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 }), '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}');
  t.equal(canonicalJson('\u0000\u001f"\\/é\u2028'), '"\\u0000\\u001f\\"\\\\/é\u2028"');
  t.equal(canonicalJson(-9_007_199_254_740_991), '-9007199254740991');
  t.equal(canonicalJson(0), '0');
  t.equal(prettyCanonicalJson({ b: [1], a: {} }), '{\n  "a": {},\n  "b": [\n    1\n  ]\n}\n');
  for (const wrong of [1.5, 2 ** 53, Number.NaN, Infinity, -0]) t.throws(() => canonicalJson({ a: [wrong] }), /safe integers/);
  t.end();
});

t.test('bytes in texts', (t) => {
  t.same(fromHex('00fF'), Uint8Array.of(0, 255));
  for (const wrong of ['0', '0g', ' 00', '00\n', '0x00']) t.equal(fromHex(wrong), undefined, JSON.stringify(wrong));
  t.equal(toBase64Url(Uint8Array.of(251, 255)), '-_8');
  t.same(fromBase64Url('-_8'), Uint8Array.of(251, 255));
  for (const wrong of ['-_8=', '+/8', '-_9', 'a', ' -_8']) t.equal(fromBase64Url(wrong), undefined, JSON.stringify(wrong));
  t.equal(toHex(u32be(0xffff_fffe)), 'fffffffe');
  t.equal(toHex(u64be(2 ** 53 - 1)), '001fffffffffffff');
  t.ok(compareBytes(Uint8Array.of(1), Uint8Array.of(1, 0)) < 0, 'a prefix comes first');
  t.ok(compareBytes(Uint8Array.of(2), Uint8Array.of(1, 255)) > 0);
  t.equal(compareBytes(Uint8Array.of(3, 4), Uint8Array.of(3, 4)), 0);
  t.end();
});

/** "path why" of the problem that reading ends with. */
function problem(value: Json, read: (reader: JsonReader) => unknown): string {
  try {
    const reader = new JsonReader(value, 'file');
    read(reader);
    reader.end();
    return 'none';
  } catch (error) {
    if (error instanceof JsonProblem) return error.message;
    throw error;
  }
}

t.test('a reader names the path of the first wrong value', (t) => {
  const address = formatAddress(new Uint8Array(20));
  const cases: readonly [Json, (reader: JsonReader) => unknown, string][] = [
    [[], () => 0, 'file is not an object'], [null, () => 0, 'file is not an object'], ['x', () => 0, 'file is not an object'],
    [{}, (r) => r.raw('a'), 'file.a is missing'], [{}, (r) => r.raw('toString'), 'file.toString is missing'], [{ a: 1 }, () => 0, 'file.a is not a known field'],
    [{ a: 1 }, (r) => r.text('a', 1, 2), 'file.a is not a text of 1 to 2 characters'], [{ a: 'abc' }, (r) => r.text('a', 1, 2), 'file.a is not a text of 1 to 2 characters'], [{ a: '' }, (r) => r.text('a', 1, 2), 'file.a is not a text of 1 to 2 characters'],
    [{ a: 'AB' }, (r) => r.hex('a', 1), 'file.a is not lower-case hex of 1 bytes'], [{ a: 'abcd' }, (r) => r.hex('a', 1, 3), 'file.a is not lower-case hex of 1 or 3 bytes'], [{ a: 7 }, (r) => r.hex('a', 1), 'file.a is not lower-case hex of 1 bytes'],
    [{ a: `${address}x` }, (r) => r.address('a'), 'file.a is not an address (bill1…)'], [{ a: 7 }, (r) => r.address('a'), 'file.a is not an address (bill1…)'],
    [{ a: 1.5 }, (r) => r.int('a', 0, 9), 'file.a is not an integer from 0 to 9'], [{ a: '1' }, (r) => r.int('a', 0, 9), 'file.a is not an integer from 0 to 9'], [{ a: 10 }, (r) => r.int('a', 0, 9), 'file.a is not an integer from 0 to 9'],
    [{ a: -1 }, (r) => r.int('a', 0, 9), 'file.a is not an integer from 0 to 9'],
    ...['01', '-1', '1.0', '', '1e3', '99999999999999999', 1].map((wrong): [Json, (reader: JsonReader) => unknown, string] => [{ a: wrong }, (r) => r.amount('a'), 'file.a is not a decimal string of base units']),
    [{ a: '9007199254740992' }, (r) => r.amount('a'), 'file.a is above 9007199254740991'],
    [{ a: 0 }, (r) => r.bool('a'), 'file.a is neither true nor false'],
    [{ a: { b: { c: 1 } } }, (r) => r.object('a', (b) => b.object('b', (c) => c.int('c', 2, 3))), 'file.a.b.c is not an integer from 2 to 3'],
    [{ a: { b: 1, x: 2 } }, (r) => r.object('a', (b) => b.int('b', 0, 9)), 'file.a.x is not a known field'],
    [{ a: {} }, (r) => r.list('a', 0, 9, () => 0), 'file.a is not a list of 0 to 9 items'], [{ a: [] }, (r) => r.list('a', 1, 9, () => 0), 'file.a is not a list of 1 to 9 items'],
    [{ a: [{ b: 1 }, { b: 'x' }] }, (r) => r.list('a', 1, 2, (b) => b.int('b', 0, 9)), 'file.a[1].b is not an integer from 0 to 9'], [{ a: [7] }, (r) => r.list('a', 1, 2, (b) => b.int('b', 0, 9)), 'file.a[0] is not an object'],
    [{ a: [{ b: 1, c: 2 }] }, (r) => r.list('a', 1, 2, (b) => b.int('b', 0, 9)), 'file.a[0].c is not a known field'],
  ];
  for (const [value, read, expected] of cases) t.equal(problem(value, read), expected, JSON.stringify(value));
  const whole = { text: 'x', hex: '00ff', address, int: 3, amount: '9007199254740991', flag: true, list: [{ n: 1 }, { n: 2 }] };
  t.equal(problem(whole, (r) => {
    t.same([r.text('text', 1, 1), r.hex('hex', 2), r.address('address'), r.int('int', 3, 3), r.amount('amount'), r.bool('flag')], ['x', Uint8Array.of(0, 255), new Uint8Array(20), 3, 9_007_199_254_740_991n, true]);
    t.same(r.list('list', 2, 2, (n) => n.int('n', 1, 2)), [1, 2]);
  }), 'none');
  t.end();
});
