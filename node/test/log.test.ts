import t from 'tap';
import { makeLog } from '../src/log.ts';

function capture(): { lines: Record<string, unknown>[]; write: (line: string) => void } {
  const lines: Record<string, unknown>[] = [];
  return { lines, write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
}

void t.test('secrets and personal data never reach a line, at any of the first levels', (test) => {
  const { lines, write } = capture();
  const log = makeLog({ level: 'debug', nodeName: 'n1', write });
  log.info({ seed: 's3', request: { authorization: 's3', headers: { cookie: 's3' } }, key: { privateKey: 's3' }, studentId: 's3' }, 'a');
  log.child({ part: 'api', token: 's3' }).warn({ student: { studentId: 's3' } }, 'b');
  test.notOk(JSON.stringify(lines).includes('s3'), JSON.stringify(lines));
  test.match(lines[0], { level: 'info', node: 'n1', msg: 'a', seed: '[redacted]' });
  test.match(lines[1], { level: 'warn', part: 'api', msg: 'b' });
  test.end();
});

void t.test('errors keep their stack and cause; lower levels are left out', (test) => {
  const { lines, write } = capture();
  const log = makeLog({ level: 'warn', nodeName: 'n1', write });
  log.debug({}, 'no');
  log.info({}, 'no');
  log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  test.equal(lines.length, 1);
  test.match(JSON.stringify(lines[0]), /outer.*inner/);
  test.end();
});
