import t from 'tap';
import { lineForPeople, makeLog } from '../src/log.ts';

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
  test.match(lines[0], { 'log.level': 'info', 'service.node.name': 'n1', message: 'a', billcoin: { seed: '[redacted]' } });
  test.match(lines[1], { 'log.level': 'warn', 'log.logger': 'api', message: 'b', labels: { token: '[redacted]' } });
  test.end();
});

void t.test('errors keep their stack and cause; lower levels are left out', (test) => {
  const { lines, write } = capture();
  const log = makeLog({ level: 'warn', nodeName: 'n1', write });
  log.debug({}, 'no');
  log.info({}, 'no');
  log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  test.equal(lines.length, 1);
  test.match(lines[0], { 'error.type': 'Error', 'error.message': 'outer: inner', 'error.stack_trace': /caused by: Error: inner/ });
  log.error({ error: 'no error', height: 3 }, 'failed');
  test.match(lines[1], { 'error.message': 'no error', billcoin: { height: 3 } });
  test.end();
});

/** Types of the fields that every line has: https://www.elastic.co/guide/en/ecs/8.10, keyword and date. */
const ECS: Readonly<Record<string, RegExp>> = {
  '@timestamp': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/, 'log.level': /^(debug|info|warn|error)$/, message: /./, 'ecs.version': /^8\.10\.0$/, 'service.name': /^billcoin$/, 'service.node.name': /^n1$/,
};

void t.test('every line has the fields of the Elastic Common Schema, and nothing of its own beside billcoin', (test) => {
  const { lines, write } = capture();
  const log = makeLog({ level: 'debug', nodeName: 'n1', write });
  log.debug({}, 'plain');
  log.info({ height: 3, level: 'mine', message: 'mine' }, 'names that the schema has');
  log.child({ part: 'api' }).error({ error: Object.assign(new Error('x'), { code: 'EIO' }), route: '/a' }, 'failed');
  for (const line of lines) {
    for (const [name, form] of Object.entries(ECS)) test.match(line[name], form, name);
    const own = Object.keys(line).filter((name) => !(name in ECS) && !/^(error|log)\.[a-z_]+$/.test(name));
    test.ok(own.every((name) => name === 'billcoin'), own.join(' '));
  }
  test.match(lines[1], { message: 'names that the schema has', billcoin: { level: 'mine', message: 'mine' } });
  test.match(lines[2], { 'error.code': 'EIO', 'log.logger': 'api', billcoin: { route: '/a' } });
  test.end();
});

void t.test('no address reaches a line, wherever it stands', (test) => {
  const { lines, write } = capture();
  const log = makeLog({ level: 'debug', nodeName: 'n1', write });
  const address = `bill1${'q'.repeat(38)}`;
  log.info({ path: `/accounts/${address}`, deep: { a: { b: [address] } } }, `of ${address}`);
  log.error({ error: new Error(`no row for ${address}`) }, 'failed');
  test.notOk(JSON.stringify(lines).includes('bill1'), JSON.stringify(lines));
  test.equal(lines.length, 2);
  test.end();
});

void t.test('a person at a terminal sees time, level, part, message and what belongs to it', (test) => {
  const lines: string[] = [];
  const log = makeLog({ level: 'debug', nodeName: 'n1', write: (line) => void lines.push(line) });
  log.child({ part: 'network' }).warn({ peer: 'ab', lag: 3 }, 'Peer lost');
  log.error({ error: new Error('disk') }, 'failed');
  test.match(lineForPeople(lines[0] ?? ''), /^\d\d:\d\d:\d\d warn  network: Peer lost  peer=ab lag=3$/);
  test.match(lineForPeople(lines[1] ?? ''), /error failed  error=disk$/);
  test.equal(lineForPeople('no JSON\n'), 'no JSON');
  test.end();
});
