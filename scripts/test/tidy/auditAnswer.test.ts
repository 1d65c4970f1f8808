import t from 'tap';
import { judgeAudit } from '../../src/tidy/auditAnswer.ts';

t.test('an audit without findings is clean, with findings weak', async (t) => {
  const counts = { info: 0, low: 0, moderate: 0, high: 0, critical: 0, total: 0 };
  t.equal(judgeAudit(JSON.stringify({ metadata: { vulnerabilities: counts } }), '').outcome, 'clean');
  const weak = judgeAudit(JSON.stringify({ metadata: { vulnerabilities: { ...counts, high: 2, total: 2 } } }), '');
  t.equal(weak.outcome, 'weak');
  t.match(weak.message, /2 high/);
});

t.test('a registry that does not audit is not called clean', async (t) => {
  const refused = judgeAudit(JSON.stringify({ message: '405 Method Not Allowed', statusCode: 405 }), '');
  t.equal(refused.outcome, 'unanswered');
  t.match(refused.message, /NOT AUDITED.*405/);
  t.equal(judgeAudit('', 'npm error network').outcome, 'unanswered');
});
