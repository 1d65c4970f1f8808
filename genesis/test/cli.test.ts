import t from 'tap';
import { toHex } from '@billcoin/protocol';
import { runCli, USAGE } from '../src/cli.ts';
import { accountOf, sampleInput, seedOf } from './support/sample.ts';

/** Files in memory. */
function desk(): { readonly files: Map<string, string>; readonly run: (...args: string[]) => { code: number; out: string } } {
  const files = new Map<string, string>([
    ['input.json', JSON.stringify(sampleInput())],
    ['university.json', JSON.stringify({ format: 'billcoin-key/1', seed: toHex(seedOf('university')) })],
    ['cooperative.json', JSON.stringify({ format: 'billcoin-key/1', seed: toHex(seedOf('cooperative')) })],
    ['other.json', JSON.stringify({ colour: 'red' })],
    ['broken.json', '{'],
  ]);
  const run = (...args: string[]): { code: number; out: string } => {
    const lines: string[] = [];
    const read = (path: string): string => {
      const text = files.get(path);
      if (text === undefined) throw new Error(`${path} is not there`);
      return text;
    };
    const code = runCli(args, { read, write: (path, text) => files.set(path, text), print: (line) => lines.push(line) });
    return { code, out: lines.join('\n') };
  };
  return { files, run };
}

t.test('make, then verify with the published hash', (t) => {
  const { run } = desk();
  const made = run('make', 'input.json', '--out', 'genesis.json', '--key', 'university.json', '--key', 'cooperative.json');
  t.equal(made.code, 0);
  const hash = /genesis hash ([0-9a-f]{64})/.exec(made.out)?.[1] ?? '';
  t.match(run('verify', 'genesis.json'), { code: 0, out: /compare it with the published one/ });
  t.match(run('verify', 'genesis.json', '--hash', hash), { code: 0, out: /is sound: bill-sample-[0-9a-f]{8}, 1 active of 2 validators, 1 oracles, 1 devices/ });
  t.match(run('verify', 'genesis.json', '--hash', '00'.repeat(32)), { code: 1, out: /has the hash/ });
  t.end();
});

/** The entry command of one institution of the sample. */
function entryOf(name: 'University' | 'Cooperative', network = 'bill-sample'): string[] {
  const label = name.toLowerCase();
  return ['entry', network, '--name', name, '--account', accountOf(`${label} account`), '--key', `${label}.json`, '--out', `entry-${label}.json`, ...(name === 'Cooperative' ? ['--waiting'] : [])];
}

/** A desk with both entries made, and an input that names no institution. */
function deskWithEntries(): ReturnType<typeof desk> {
  const all = desk();
  all.files.set('empty.json', JSON.stringify(sampleInput({ validators: [] })));
  for (const name of ['University', 'Cooperative'] as const) if (all.run(...entryOf(name)).code !== 0) throw new Error(`no entry of ${name}`);
  return all;
}

t.test('institutions send entries without their seeds; collected in any order they give one file', (t) => {
  const { files, run } = deskWithEntries();
  t.notMatch(files.get('entry-university.json'), toHex(seedOf('university')));
  t.equal(run('make', 'empty.json', '--entry', 'entry-university.json', '--entry', 'entry-cooperative.json', '--out', 'one.json').code, 0);
  t.equal(run('make', 'empty.json', '--entry', 'entry-cooperative.json', '--entry', 'entry-university.json', '--out', 'two.json').code, 0);
  t.equal(files.get('one.json'), files.get('two.json'));
  t.match(run('verify', 'one.json'), { code: 0, out: /1 active of 2 validators/ });
  t.end();
});

t.test('an entry that is damaged, foreign or there already is refused by name, and nothing is written', (t) => {
  const { files, run } = deskWithEntries();
  const text = files.get('entry-university.json') ?? '';
  const given = JSON.parse(text) as { validator: Record<string, unknown> };
  const variant = (path: string, content: unknown): void => void files.set(path, JSON.stringify(content));
  variant('renamed.json', { ...given, validator: { ...given.validator, name: 'Universit\u00e9' } });
  variant('promoted.json', { ...given, validator: { ...given.validator, active: false } });
  variant('poor.json', { ...given, validator: { name: 'University' } });
  variant('short.json', { ...given, validator: { ...given.validator, proof: 'ab' } });
  variant('list.json', [given]);
  variant('null.json', null);
  variant('other.json', { colour: 'red' });
  files.set('again.json', text);
  run(...entryOf('University', 'bill-other').map((arg) => (arg === 'entry-university.json' ? 'abroad.json' : arg)));
  const before = files.size;
  const refused = (...entries: string[]): string => {
    const { code, out } = run('make', 'empty.json', '--out', 'g.json', ...entries.flatMap((path) => ['--entry', path]));
    return code === 1 ? out : 'made';
  };
  t.match(refused('renamed.json'), /^renamed\.json does not prove that Universit\u00e9 holds its key/);
  t.match(refused('promoted.json'), /^promoted\.json does not prove/);
  t.match(refused('poor.json'), /^poor\.json lacks name, publicKey/);
  t.match(refused('short.json'), /^short\.json has a key, account or proof of a wrong form/);
  t.match(refused('abroad.json'), /^abroad\.json is an entry for the network bill-other, not bill-sample/);
  t.match(refused('entry-university.json', 'again.json'), /^again\.json has the name University, which stands in entry-university\.json already/);
  for (const path of ['list.json', 'null.json', 'other.json']) t.match(refused(path), /is not an entry file/, path);
  t.match(refused('missing.json'), /missing\.json is not there/);
  t.equal(files.size, before);
  t.end();
});

t.test('an entry is read by the rules of the file it will stand in', (t) => {
  const { run } = desk();
  const replaced = (from: string, to: string): string[] => entryOf('University').map((arg) => (arg === from ? to : arg));
  t.match(run(...entryOf('University', 'x'.repeat(33))), { code: 1, out: /genesis\.network is not a text of 1 to 32 characters/ });
  t.match(run(...replaced('University', '')), { code: 1, out: /name/ });
  t.match(run(...replaced(accountOf('university account'), 'bill1wrong')), { code: 1, out: /account/ });
  for (const option of ['--name', '--account', '--key', '--out']) {
    const args = entryOf('University');
    args.splice(args.indexOf(option), 2);
    t.match(run(...args), { code: 1, out: new RegExp(`^${option} .*is missing`) }, option);
  }
  t.end();
});

t.test('every refusal says what to do, and nothing is written', (t) => {
  const { files, run } = desk();
  const before = files.size;
  t.same(run(), { code: 1, out: USAGE });
  t.same(run('bake', 'input.json'), { code: 1, out: USAGE });
  t.match(run('make', 'input.json'), { code: 1, out: /--out FILE is missing/ });
  t.match(run('make', 'broken.json', '--out', 'g'), { code: 1, out: /broken\.json cannot be read as JSON/ });
  t.match(run('make', 'input.json', '--out', 'g', '--key', 'other.json'), { code: 1, out: /other\.json is not a key file/ });
  t.match(run('make', 'input.json', '--out', 'g'), { code: 1, out: /genesis\.validators\[0\]\.proof is missing/ });
  t.match(run('verify', 'none.json'), { code: 1, out: /none\.json is not there/ });
  t.match(run('verify', 'input.json'), { code: 1, out: /genesis/ });
  t.match(run('make', 'input.json', '--colour', 'red'), { code: 1, out: /Unknown option/ });
  t.equal(files.size, before);
  t.end();
});
