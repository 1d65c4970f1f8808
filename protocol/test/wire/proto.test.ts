/** The .proto files describe the codec truly: a full protobuf library that knows only them gives the same bytes. */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import t from 'tap';
import { decode, encode, equalBytes, wireFiles, type Message, type Table } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';
import { randomValue, tablesOf } from '../support/randomValue.ts';

/** Random values of each message. */
const VALUES = 40;
const folder = join(import.meta.dirname, '../../src/wire');
const files = wireFiles();
const root = new protobuf.Root().loadSync(files.map((file) => join(folder, `${file.name}.proto`)), { keepCase: true });

/** Package of each message: the first file that exports it, else the first whose fields name it. */
const homes = new Map<Table, string>();
for (const file of files) for (const table of file.messages) if (!homes.has(table)) homes.set(table, file.name);
for (const file of files) for (const table of tablesOf(file.messages)) if (!homes.has(table)) homes.set(table, file.name);

/** The value as protobufjs takes it: members of a oneof beside the other fields, 64-bit integers as text. */
function plain(table: Table, value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  const one = (field: Table['fields'][string], held: unknown): unknown => {
    if (field.nested !== undefined) return plain(field.nested, held as Record<string, unknown>);
    return field.proto === 'uint64' ? String(held) : held;
  };
  for (const [name, field] of Object.entries(table.fields)) {
    const held = value[name];
    if (held === undefined) continue;
    if (field.members !== undefined) {
      const { case: member, value: inner } = held as { case: string; value: unknown };
      out[member] = one(field.members[member] as Table['fields'][string], inner);
    } else out[name] = Array.isArray(held) ? held.map((item) => one(field, item)) : one(field, held);
  }
  return out;
}

t.test('every message of the tables is in the files, and no other', (t) => {
  const inFiles: string[] = [];
  const walk = (space: protobuf.NamespaceBase): void => {
    for (const inner of space.nestedArray) {
      if (inner instanceof protobuf.Type) inFiles.push(inner.fullName.slice(1));
      else if (inner instanceof protobuf.Namespace) walk(inner);
    }
  };
  walk(root);
  t.same(inFiles.sort(), [...homes].map(([table, file]) => `bill.${file}.${table.name}`).sort());
  t.end();
});

for (const [table, file] of homes) {
  t.test(`bill.${file}.${table.name}: both libraries write and read the same bytes`, (t) => {
    const ours = table as Message<unknown>;
    const theirs = root.lookupType(`bill.${file}.${table.name}`);
    const random = randomOf(table.name.length);
    for (let i = 0; i < VALUES; i++) {
      const value = randomValue(random, table);
      const bytes = encode(ours, value);
      const theirBytes = theirs.encode(theirs.fromObject(plain(table, value))).finish();
      const readAgain = theirs.encode(theirs.decode(bytes)).finish();
      if (i === 0) t.same(decode(ours, theirBytes), { ok: true, value });
      if (!equalBytes(theirBytes, bytes) || !equalBytes(readAgain, bytes) || !decode(ours, theirBytes).ok) t.same({ theirBytes, readAgain }, { theirBytes: bytes, readAgain: bytes });
    }
    t.end();
  });
}
