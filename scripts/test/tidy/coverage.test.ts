import t from 'tap';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeLineNumbers, describeCoverage, judgeCoverage } from '../../src/tidy/coverage.ts';

t.test('code lines are neither blank nor comments', async (t) => {
  const source = ['/** doc */', 'const a = 1 // tail', '', '/*', ' * more', ' */', '  // alone', 'run(a)'].join('\n');
  t.same(codeLineNumbers(source), [2, 8]);
});

t.test('a package is judged by its code lines, with files no test has loaded as not covered', async (t) => {
  const root = t.testdir({
    sdk: { src: {
      'ran.ts': '/** doc */\nrun()\nskip()\n',
      'forgotten.ts': 'export const a = 1\nexport const b = 2\n',
      'types.ts': 'export type Many = {\n  a: number\n}\n',
    } },
  });
  const statement = (line: number) => ({ start: { line, column: 0 }, end: { line, column: 9 } });
  mkdirSync(join(root, 'report'));
  const reportPath = join(root, 'report/coverage-final.json');
  writeFileSync(reportPath, JSON.stringify({
    [join(root, 'sdk/src/ran.ts')]: { statementMap: { 0: statement(1), 1: statement(2), 2: statement(3) }, s: { 0: 1, 1: 1, 2: 0 } },
  }));
  const [sdk] = await judgeCoverage(root, reportPath, [{ name: 'sdk', minLinesPercent: 30 }]);
  t.match(sdk, { percent: 25, codeLines: 4, ok: false });
  t.same(sdk?.files.map((file) => [file.path, file.missedLines]), [['sdk/src/forgotten.ts', [1, 2]], ['sdk/src/ran.ts', [3]], ['sdk/src/types.ts', []]]);
  const lines = describeCoverage(sdk === undefined ? [] : [sdk], root);
  t.match(lines[0], /^FAILED coverage of sdk: 25\.0 % of 4 code lines, at least 30 % wanted$/);
  t.match(lines[1], /forgotten\.ts: 2 of 2 not run \(1-2\)/);
});
