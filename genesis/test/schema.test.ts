import t from 'tap';
import { readFileSync } from 'node:fs';
import Schema from 'typebox/schema';
import { DEFAULT_PARAMS } from '@billcoin/protocol';
import { makeGenesis } from '../src/index.ts';
import { sampleInput, SEEDS } from './support/sample.ts';

type Tree = { [key: string]: unknown };

const schema = JSON.parse(readFileSync(new URL('../genesis.schema.json', import.meta.url), 'utf8')) as Tree;
const checker = Schema.Compile(schema);

function sampleFile(): Tree {
  const made = makeGenesis(sampleInput(), SEEDS);
  if (!made.ok) throw new Error(made.fault.code);
  return JSON.parse(made.value.text) as Tree;
}

t.test('the schema takes what is made here', (t) => {
  t.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
  t.equal(checker.Check(sampleFile()), true);
  t.end();
});

t.test('the schema asks for every field and knows no other', (t) => {
  const file = sampleFile();
  for (const key of Object.keys(file)) {
    const { [key]: _left, ...rest } = file;
    t.equal(checker.Check(rest), false, `${key} is missing`);
  }
  t.equal(checker.Check({ ...file, chainId: 'x' }), false);
  const params = (schema['properties'] as { params: { required: string[] } }).params.required;
  t.same([...params].sort(), Object.keys(DEFAULT_PARAMS).sort(), 'the parameters of the protocol');
  t.end();
});

t.test('the schema refuses wrong forms', (t) => {
  const file = sampleFile();
  const [till] = file['tills'] as Tree[];
  t.equal(checker.Check({ ...file, format: 2 }), false);
  t.equal(checker.Check({ ...file, priceSenPerBill: 600 }), false, 'amounts are strings');
  t.equal(checker.Check({ ...file, stateRoot: 'AB'.repeat(32) }), false, 'hex is lower case');
  t.equal(checker.Check({ ...file, tills: [{ ...till, tillNo: 0 }] }), false);
  t.equal(checker.Check({ ...file, tills: [{ ...till, colour: 1 }] }), false);
  t.equal(checker.Check({ ...file, validators: [] }), false);
  t.end();
});
