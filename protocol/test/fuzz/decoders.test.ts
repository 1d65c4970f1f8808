/** A smoke run of the decoder fuzz: no input makes a decoder throw, and what is accepted is written back as it came. */
import t from 'tap';
import { randomOf } from '../support/random.ts';
import { fuzzDecoders } from './fuzzDecoders.ts';
import { mutate } from './mutate.ts';

t.test('20,000 damaged inputs', (t) => {
  const counts = fuzzDecoders(20_261_121, () => 0, (inputs) => inputs >= 20_000);
  for (const [name, { inputs }] of counts) t.ok(inputs > 0, `${name} was tried`);
  const accepted = [...counts.values()].reduce((sum, count) => sum + count.accepted, 0);
  t.ok(accepted > 500 && accepted < 10_000, `${accepted} damaged inputs are still valid: neither noise alone nor hardly damaged`);
  t.end();
});

t.test('damage reaches the fields inside fields', (t) => {
  const inner = Uint8Array.of(0x08, 1, 0x12, 2, 7, 7);
  const bytes = Uint8Array.of(0x0a, inner.length, ...inner, 0x18, 5);
  const random = randomOf(1);
  const seen = new Set(Array.from({ length: 5_000 }, () => Buffer.from(mutate(random, bytes, inner)).toString('hex')));
  for (const [what, hex] of [
    ['a field inside is left out, and the length is right again', '0a020801 1805'], ['a field inside is doubled', '0a080801080112020707 1805'], ['fields change places', '18050a06080112020707'],
    ['a longer varint', '0a86000801120207071805'],
  ] as const) t.ok(seen.has(hex.replaceAll(' ', '')), what);
  t.end();
});
