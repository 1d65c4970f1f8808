import t from 'tap';
import { resolve } from 'node:path';
import { checkThreats, findUnnamedThreats, testNames } from '../../src/tidy/namedTests.ts';

const root = resolve(import.meta.dirname, '../../..');

t.test('names of tests are read as they are written', async (t) => {
  const source = 't.test(\'one\', async (t) => {});\nawait t.test(\'the day\\\'s ten\', { skip }, f);\nvoid t.test(`made of ${parts}`, f);';
  t.same([...testNames(source)], ['one', 'the day\'s ten']);
});

t.test('a test that is not there, a file that is not there, and a row with neither test nor reason are found', async (t) => {
  const text = [
    '| # | threat | tests |', '|---|---|---|', '| 1 | replay | `a.test.ts` › `one`; `b.test.ts` › `two` › `three` |', '| 2 | spam | nothing yet |', '| 3 | later | No test: it comes later |', '| 4 | x | `gone.test.ts` › `one` |', 'prose names `a.test.ts` › `four`',
  ].join('\n');
  const files: Readonly<Record<string, ReadonlySet<string>>> = { 'a.test.ts': new Set(['one']), 'b.test.ts': new Set(['two']) };
  t.same((await checkThreats(text, async (path) => files[path])).map(({ line, message }) => `${line}: ${message}`), [
    '3: b.test.ts has no test "three"', '4: name a test, or say "No test:" and why', '6: gone.test.ts is not there', '7: a.test.ts has no test "four"',
  ]);
});

t.test('every test that the table of threats names is there', async (t) => {
  t.same(await findUnnamedThreats(root), []);
  t.same(await findUnnamedThreats(t.testdir({})), [], 'a checkout without the table');
});
