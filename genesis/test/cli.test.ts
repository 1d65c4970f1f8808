import t from 'tap';
import { toHex } from '@billcoin/protocol';
import { runCli, USAGE } from '../src/cli.ts';
import { sampleInput, seedOf } from './support/sample.ts';

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

t.test('prove prints the proof of one institution', (t) => {
  t.match(desk().run('prove', 'input.json', '--key', 'cooperative.json'), { code: 0, out: /^[0-9a-f]{128}$/ });
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
  t.match(run('prove', 'input.json'), { code: 1, out: /--key KEYFILE is missing/ });
  t.match(run('prove', 'input.json', '--key', 'none.json'), { code: 1, out: /none\.json is not there/ });
  t.match(run('verify', 'none.json'), { code: 1, out: /none\.json is not there/ });
  t.match(run('verify', 'input.json'), { code: 1, out: /genesis/ });
  t.match(run('make', 'input.json', '--colour', 'red'), { code: 1, out: /Unknown option/ });
  t.equal(files.size, before);
  t.end();
});
