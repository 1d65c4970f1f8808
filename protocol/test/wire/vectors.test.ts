/** protocol/vectors/codec.json: values with their one encoding, and bytes that are refused with a path. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { decode, encode, fromHex, toHex, wireFiles, type Message } from '../../src/index.ts';

interface Case {
  readonly title: string;
  readonly input: { readonly message: string; readonly bytes: string };
  readonly output: { readonly value?: unknown; readonly code?: string; readonly path?: string };
}

const { cases } = JSON.parse(readFileSync(new URL('../../vectors/codec.json', import.meta.url), 'utf8')) as { cases: readonly Case[] };
const messages = new Map(wireFiles().flatMap((file) => file.messages.map((table) => [`bill.${file.name}.${table.name}`, table as Message<unknown>])));
const readable = (value: unknown): unknown => JSON.parse(JSON.stringify(value, (_key, held: unknown) => (held instanceof Uint8Array ? toHex(held) : typeof held === 'bigint' ? held.toString() : held)));

t.test('each vector comes out', (t) => {
  for (const { title, input, output } of cases) {
    const type = messages.get(input.message);
    if (type === undefined) throw new Error(`${input.message} is no message`);
    const decoded = decode(type, fromHex(input.bytes) ?? new Uint8Array(0));
    if (decoded.ok) {
      t.same({ value: readable(decoded.value) }, output, title);
      t.equal(toHex(encode(type, decoded.value)), input.bytes, title);
    } else t.match(decoded.fault, output, title);
  }
  t.ok(cases.length > 40);
  t.end();
});
