/** The generated files of the repository are what the code makes now. */
import { resolve } from 'node:path';
import t from 'tap';
import { wireFiles, type Table } from '@billcoin/protocol';
import { findDrift } from '../../src/generate/generated.ts';
import { GENERATORS } from '../../src/generate/generators.ts';
import { makeProto } from '../../src/generate/proto.ts';

const root = resolve(import.meta.dirname, '../../..');

t.test('no committed file differs from what is made', async (t) => {
  t.same(await findDrift(root, GENERATORS), []);
  t.equal(new Set(GENERATORS.map((generator) => generator.path)).size, GENERATORS.length, 'each path is made once');
});

t.test('a .proto file shows types, numbers and bounds, and imports what it names', async (t) => {
  const files = wireFiles();
  const text = (name: string): string => makeProto(files.find((file) => file.name === name) ?? { name, messages: [] }, files);
  t.match(text('tx'), 'message Transfer {\n  bytes to = 1; // 20 bytes\n  uint64 amountMl = 2; // 1..9007199254740991\n  optional bytes reference = 3; // 16 bytes\n}\n');
  t.match(text('tx'), '  // Exactly one.\n  oneof kind {\n    Transfer transfer = 16;\n    Pay pay = 17;\n');
  t.notMatch(text('tx'), /^import/m);
  t.match(text('reading'), 'package bill.reading;\n\nimport "tx.proto";\n');
  t.match(text('reading'), 'repeated bill.tx.Sig sigs = 2; // 1..32 items');
  t.match(text('consensus'), '  Certificate certificate = 7; // required\n');
  t.match(text('consensus'), 'message DuplicateVote {', 'a message that only fields name is there too');
});

t.test('two messages of one name in a file are a mistake', async (t) => {
  const one: Table = { name: 'Same', maxBytes: 1, fields: {} };
  t.throws(() => makeProto({ name: 'tx', messages: [one, { ...one }] }, []), /two messages Same/);
});
