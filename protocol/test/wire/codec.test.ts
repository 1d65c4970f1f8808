/** The strict codec: one value has one encoding, and everything else is refused with the path of what is wrong. */
import t from 'tap';
import { concat, decode, decodeShared, encode, equalBytes, fromHex, message, toHex, wireFiles, type Message } from '../../src/index.ts';
import {
  amount, bytes, listOf, listOfBytes, listOfU32, oneOf, optAmount, optBool, optBytes, optS32, optSub, optU32, s32, sub, text, u32, u53,
} from '../../src/wire/field.ts';
import { randomOf, type Random } from '../support/random.ts';
import { randomValue, tablesOf } from '../support/randomValue.ts';

const Inner = message('Inner', 16, { id: bytes(1, 2), note: text(2, 0, 8) });
const All = message('All', 400, {
  id: bytes(1, 2, 4), count: u32(2), big: u53(3), ml: amount(4), delta: s32(5, -2_000_000_000, 2_000_000_000), name: text(6, 0, 20), inner: optSub(7, Inner),
  list: listOf(8, 0, 3, Inner), hashes: listOfBytes(9, 0, 2, 1, 3), numbers: listOfU32(10, 0, 3, 0, 300), maybe: optU32(11), flag: optBool(12), shift: optS32(13, -5, 5), more: optBytes(14, 1, 300), pool: optAmount(15),
});
const Choice = message('Choice', 64, { before: u32(1), what: oneOf({ inner: sub(2, Inner), number: optU32(3) }), after: u32(4) });
const Needed = message('Needed', 64, { age: u32(1, 18, 99), owner: sub(2, Inner), tags: listOfU32(3, 1, 2) });

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? t.bailout(`bad hex ${text}`) as never;

/** "path why" of the refusal, or the decoded value. */
function outcome<T>(type: Message<T>, input: string | Uint8Array): unknown {
  const decoded = decode(type, typeof input === 'string' ? hex(input) : input);
  if (decoded.ok) return decoded.value;
  return decoded.fault.code === 'malformed' ? `${decoded.fault.path} ${decoded.fault.why}` : decoded.fault;
}

const EMPTY = { count: 0, big: 0, ml: 0n, delta: 0, name: '', list: [], hashes: [], numbers: [] };
const ID = { ...EMPTY, id: Uint8Array.of(1, 2) };

t.test('each type has one encoding', (t) => {
  const cases: readonly [string, object][] = [
    ['0a020102', {}],
    ['0a020102 1001', { count: 1 }],
    ['0a020102 10ffffffff0f', { count: 0xffff_ffff }],
    ['0a020102 18ffffffffffffff0f', { big: 2 ** 53 - 1 }],
    ['0a020102 18ffffffff07', { big: 2 ** 31 - 1 }],
    ['0a020102 188080808008', { big: 2 ** 31 }],
    ['0a020102 188080808010', { big: 2 ** 32 }],
    ['0a020102 20ffffffffffffff0f', { ml: 2n ** 53n - 1n }],
    ['0a020102 2801', { delta: -1 }],
    ['0a020102 2802', { delta: 1 }],
    ['0a020102 28ffcfacf30e', { delta: -2_000_000_000 }],
    ['0a020102 2880d0acf30e', { delta: 2_000_000_000 }],
    ['0a020102 32037ac3a9', { name: 'zé' }],
    ['0a020102 3a040a021111', { inner: { id: Uint8Array.of(0x11, 0x11), note: '' } }],
    ['0a020102 42040a021111 42040a022222', { list: [{ id: Uint8Array.of(0x11, 0x11), note: '' }, { id: Uint8Array.of(0x22, 0x22), note: '' }] }],
    ['0a020102 4a0107 4a020708', { hashes: [Uint8Array.of(7), Uint8Array.of(7, 8)] }],
    ['0a020102 520400ac0205', { numbers: [0, 300, 5] }],
    ['0a020102 5800', { maybe: 0 }],
    ['0a020102 6000', { flag: false }],
    ['0a020102 6001', { flag: true }],
    ['0a020102 6809', { shift: -5 }],
    ['0a020102 7800', { pool: 0n }],
  ];
  for (const [text, over] of cases) {
    const value = { ...ID, ...over };
    t.equal(toHex(encode(All, value)), toHex(hex(text)), text);
    t.same(outcome(All, text), value, text);
  }
  const long = { ...ID, more: new Uint8Array(300).fill(9) };
  t.same(outcome(All, encode(All, long)), long, 'a length of two bytes');
  t.end();
});

t.test('every other form is refused with its path', (t) => {
  const cases: readonly [string, string][] = [
    ['0a020102 8001 01', 'All.field 16 is unknown'],
    ['0a020102 f8ffffff0f 01', 'All.field 536870911 is unknown'],
    ['0a020102 8a808080 8001 00', 'All.field 4294967297 is unknown'],
    ['0a020102 08', 'All.id stands twice or out of order'],
    ['0a020102 0a020102', 'All.id stands twice or out of order'],
    ['1001 0a020102', 'All.id stands twice or out of order'],
    ['0a020102 1801 1001', 'All.count stands twice or out of order'],
    ['0a020102 1201 01', 'All.count has the wrong wire type'],
    ['0801', 'All.id has the wrong wire type'],
    ['0d01020304', 'All.id has the wrong wire type'],
    ['0a020102 5801 5802', 'All.maybe stands twice or out of order'],
    ['', 'All.id is missing'],
    ['0a', 'All.id is cut off'],
    ['0a0201', 'All.id is cut off'],
    ['0a020102 10', 'All.count is cut off'],
    ['0a020102 1080', 'All.count is cut off'],
    ['0a020102 80', 'All is cut off'],
    ['0a0101', 'All.id has 1 bytes, not 2 to 4'],
    ['0a050102030405', 'All.id has 5 bytes, the limit is 4'],
    ['0a80808080 8020', 'All.id has 1099511627776 bytes, the limit is 4'],
    ['0a020102 00', 'All.field 0 is unknown'],
    ['0a82000102', 'All.id is not in its shortest form'],
    ['0a020102 108100', 'All.count is not in its shortest form'],
    ['0a020102 9000 01', 'All is not in its shortest form'],
    ['0a020102 1000', 'All.count is written though it has its default'],
    ['0a020102 1800', 'All.big is written though it has its default'],
    ['0a020102 2000', 'All.ml is written though it has its default'],
    ['0a020102 2800', 'All.delta is written though it has its default'],
    ['0a020102 3200', 'All.name is written though it has its default'],
    ['0a020102 5200', 'All.numbers is written though it is empty'],
    ['0a020102 108080808010', 'All.count is 4294967296, not an integer from 0 to 4294967295'],
    ['0a020102 188080808080808010', 'All.big is above 9007199254740991'],
    ['0a020102 208080808080808010', 'All.ml is above 9007199254740991'],
    ['0a020102 20ffffffffffffffffff01', 'All.ml is above 9007199254740991'],
    ['0a020102 208080808080808080808000', 'All.ml is above 9007199254740991'],
    ['0a020102 1081808080808080808002', 'All.count is above 9007199254740991'],
    ['0a020102 5880808080808080808002', 'All.maybe is above 9007199254740991'],
    ['0a020102 1881808080808080808001', 'All.big is above 9007199254740991'],
    ['0a020102 10818080808080808002', 'All.count is above 9007199254740991'],
    ['0a020102 288080808010', 'All.delta has more than 32 bits'],
    ['0a020102 28ffffffff0f', 'All.delta is -2147483648, not an integer from -2000000000 to 2000000000'],
    ['0a020102 6002', 'All.flag is 2, neither 0 nor 1'],
    ['0a020102 680b', 'All.shift is -6, not an integer from -5 to 5'],
    ['0a020102 3a050a021111', 'All.inner is cut off'],
    ['0a020102 3a030a021111', 'All.inner.id is cut off'],
    ['0a020102 3a00', 'All.inner.id is missing'],
    ['0a020102 3a060a0211111801', 'All.inner.field 3 is unknown'],
    ['0a020102 3a11' + '0a021111'.padEnd(34, '0'), 'All.inner has 17 bytes, the limit is 16'],
    ['0a020102 42040a021111 42030a0111', 'All.list[1].id has 1 bytes, not 2'],
    ['0a020102 ' + '42040a021111'.repeat(4), 'All.list[3] is one item more than 3'],
    ['0a020102 4a0107 4a00', 'All.hashes[1] has 0 bytes, not 1 to 3'],
    ['0a020102 4a0401020304', 'All.hashes[0] has 4 bytes, the limit is 3'],
    ['0a020102 520401020304', 'All.numbers[3] is one item more than 3'],
    ['0a020102 5201ad', 'All.numbers[0] is cut off'],
    ['0a020102 5202ad02', 'All.numbers[0] is 301, not an integer from 0 to 300'],
    ['0a020102 52040180', 'All.numbers is cut off'],
    ['0a020102 521f' + '00'.repeat(31), 'All.numbers has 31 bytes, the limit is 30'],
    ['0a020102 5001', 'All.numbers has the wrong wire type'],
  ];
  for (const [text, expected] of cases) t.equal(outcome(All, text), expected, text);
  t.equal(outcome(All, new Uint8Array(401)), 'All has 401 bytes, the limit is 400', 'before anything is read');
  t.end();
});

t.test('texts are UTF-8 that cannot lie on a screen', (t) => {
  const named = (name: string): unknown => outcome(All, `0a020102 32 ${(name.replaceAll(' ', '').length / 2).toString(16).padStart(2, '0')} ${name}`);
  for (const [what, name] of [
    ['a lone continuation byte', '80'], ['a truncated form', '61c3'], ['a lead byte without its follower', 'c361'], ['overlong NUL', 'c080'], ['overlong slash', 'e080af'], ['overlong in four bytes', 'f0808080'],
    ['a surrogate', 'eda080'], ['above U+10FFFF', 'f4908080'], ['a five-byte form', 'f888808080'], ['ff', 'ff'],
  ] as const) t.equal(named(name), 'All.name is not UTF-8', what);
  for (const [what, name] of [
    ['NUL', '00'], ['a line feed', '0a'], ['DEL', '7f'], ['a C1 control', 'c285'], ['a left-to-right mark', 'e2808e'], ['a right-to-left override', 'e280ae'], ['an isolate', 'e281a6'], ['the replacement character', 'efbfbd'],
  ] as const) t.equal(named(name), 'All.name has characters that are not allowed in a name', what);
  t.match(named('e7899b f09fa59b c3a9'), { name: '牛🥛é' });
  t.equal(named('61'.repeat(21)), 'All.name has 21 bytes, the limit is 20');
  t.throws(() => encode(All, { ...ID, name: '\ud800' }), /name has characters/);
  t.throws(() => encode(All, { ...ID, name: 'é'.repeat(11) }), /name has 22 bytes, not 0 to 20/);
  for (const point of [0x7e, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x1_0000, 0x10_ffff]) {
    const name = String.fromCodePoint(point);
    t.match(named(Buffer.from(name, 'utf8').toString('hex')), { name });
  }
  t.end();
});

t.test('a oneof has exactly one member', (t) => {
  t.equal(outcome(Choice, ''), 'Choice.what is missing: one of inner, number is needed');
  t.equal(outcome(Choice, '0805'), 'Choice.what is missing: one of inner, number is needed');
  t.equal(outcome(Choice, '12040a021111 1805'), 'Choice.number stands beside another member of its oneof');
  t.equal(outcome(Choice, '1805 1806'), 'Choice.number stands twice or out of order');
  t.equal(outcome(Choice, '12030a0111'), 'Choice.inner.id has 1 bytes, not 2');
  const value = { before: 1, what: { case: 'number', value: 0 }, after: 2 } as const;
  t.equal(toHex(encode(Choice, value)), '0801180020' + '02', 'a member at zero is written');
  t.same(outcome(Choice, '08011800 2002'), value);
  t.throws(() => oneOf({ plain: u32(1) }), /plain of a oneof has presence/);
  const group = Choice.fields['what'];
  t.throws(() => group?.write(undefined as never, {}, 'what'), /by its members/);
  t.throws(() => group?.read(undefined as never, undefined), /by its members/);
  t.end();
});

t.test('what is needed must be there', (t) => {
  t.equal(outcome(Needed, ''), 'Needed.age is missing');
  t.equal(outcome(Needed, '0812'), 'Needed.owner is missing');
  t.equal(outcome(Needed, '0812 12040a021111'), 'Needed.tags has 0 items, at least 1 are needed');
  t.same(outcome(Needed, '0812 12040a021111 1a0107'), { age: 18, owner: { id: Uint8Array.of(0x11, 0x11), note: '' }, tags: [7] });
  t.equal(outcome(Needed, '0811'), 'Needed.age is 17, not an integer from 18 to 99');
  t.end();
});

t.test('a value outside its bounds is a bug of the caller', (t) => {
  const good = { age: 18, owner: { id: Uint8Array.of(1, 2), note: '' }, tags: [1] };
  for (const [over, expected] of [
    [{ age: 17 }, /age is 17/], [{ age: 18.5 }, /age is 18.5/], [{ age: undefined }, /age is missing/], [{ owner: undefined }, /owner is missing/], [{ tags: [] }, /tags has 0 items/],
    [{ tags: undefined }, /tags has no items/], [{ tags: [1, 2, 3] }, /tags has 3 items/], [{ tags: [1, -1] }, /tags\[1\] is -1/], [{ owner: { id: Uint8Array.of(1), note: '' } }, /id has 1 bytes/],
  ] as const) t.throws(() => encode(Needed, { ...good, ...over } as never), expected);
  t.throws(() => encode(All, { ...ID, ml: -1n }), /ml is -1/);
  t.throws(() => encode(All, { ...ID, ml: 2n ** 53n }), /ml is 9007199254740992/);
  t.throws(() => encode(message('Small', 3, { id: bytes(1, 2) }), { id: Uint8Array.of(1, 2) }), /Small is within its size limit/);
  t.throws(() => message('Twice', 9, { a: u32(1), b: u32(1) }), /field numbers are unique/);
  t.equal(toHex(encode(Needed, good)), '081212040a0201021a0101', 'and a failed encoding leaves nothing behind');
  t.end();
});

t.test('values do not change with the memory they came from', (t) => {
  const memory = Buffer.from('0a020102', 'hex');
  const value = decode(All, memory);
  memory.fill(0xff);
  t.match(value, { ok: true, value: { id: Uint8Array.of(1, 2) } });
  const large = { ...ID, more: new Uint8Array(300) };
  const first = encode(All, large);
  const kept = toHex(first);
  encode(All, { ...large, more: new Uint8Array(300).fill(255) });
  t.equal(toHex(first), kept);
  t.end();
});

function splice(input: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return concat(input.subarray(0, at), insert, input.subarray(Math.min(input.length, at + remove)));
}

function mutate(random: Random, input: Uint8Array): Uint8Array {
  const at = random.below(input.length + 1);
  switch (random.below(6)) {
    case 0:
      return splice(input, at, 1, random.bytes(1));
    case 1:
      return splice(input, at, 1, Uint8Array.of((input[at] ?? 0) ^ (1 << random.below(8))));
    case 2:
      return splice(input, at, 0, Uint8Array.of(random.pick([0, 0x80, random.below(256)])));
    case 3:
      return splice(input, at, 1 + random.below(3), new Uint8Array(0));
    case 4:
      return splice(input, at, 0, input.slice(at, at + 1 + random.below(40)));
    default:
      return input.slice(0, at);
  }
}

t.test('fuzz: a number has one varint', (t) => {
  const random = randomOf(7_002);
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const varint = Array.from({ length: 1 + random.below(11) }, () => random.pick([0, 1, 2, 0x7f, 0x10, random.below(128)]));
    const input = Uint8Array.of(0x0a, 2, 1, 2, random.pick([0x10, 0x18, 0x20, 0x28, 0x58, 0x78]), ...varint.map((byte, index) => (index === varint.length - 1 ? byte : byte | 0x80)));
    const decoded = decode(All, input);
    if (!decoded.ok) continue;
    accepted += 1;
    if (!equalBytes(encode(All, decoded.value), input)) t.fail(toHex(input));
  }
  t.ok(accepted > 2_000, `${accepted} accepted`);
  t.end();
});

t.test('fuzz: what is accepted of any message encodes back to the same bytes', (t) => {
  const random = randomOf(7_001);
  let accepted = 0;
  let refused = 0;
  for (const table of [All, Choice, Needed, ...tablesOf(wireFiles().flatMap((file) => file.messages))] as unknown as readonly Message<unknown>[]) {
    for (let i = 0; i < 5; i++) {
      const start = encode(table, randomValue(random, table));
      for (let j = 0; j < 40; j++) {
        const input = j % 2 === 0 ? mutate(random, start) : mutate(random, mutate(random, start));
        const decoded = decode(table, input);
        if (!decoded.ok) refused += 1;
        else if (equalBytes(encode(table, decoded.value), input)) accepted += 1;
        else t.fail(`${table.name} accepts ${toHex(input)}`);
      }
    }
  }
  t.ok(accepted > 2_000 && refused > 2_000, `${accepted} accepted, ${refused} refused`);
  t.end();
});

t.test('what is decoded keeps its value when the source changes, unless they are to share it', (t) => {
  const more = new Uint8Array(65).fill(7);
  const bytes = encode(All, { ...ID, more });
  const read = (decoder: typeof decode, source: Uint8Array): { readonly id: Uint8Array; readonly more?: Uint8Array } => {
    const decoded = decoder(All, source);
    source.fill(0);
    if (!decoded.ok) throw new Error(decoded.fault.code);
    return decoded.value;
  };
  for (const source of [bytes.slice(), Buffer.from(bytes)]) {
    const value = read(decode, source);
    t.same([value.id, value.more], [ID.id, more]);
    t.equal(Object.getPrototypeOf(value.more), Uint8Array.prototype);
  }
  const shared = read(decodeShared, bytes.slice());
  t.same([shared.id, shared.more], [ID.id, new Uint8Array(65)], 'only what is long is shared');
  t.end();
});
