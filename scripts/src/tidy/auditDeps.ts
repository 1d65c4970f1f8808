/**
 * `npm run audit:deps`: asks the registry for known weaknesses of what is shipped. A registry that
 * does not answer audits is not a clean bill: it is said plainly, and fails with AUDIT_REQUIRED=true.
 */
import { spawnSync } from 'node:child_process';
import { judgeAudit } from './auditAnswer.ts';

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const answer = judgeAudit(stdout, stderr);
console.log(answer.message);
const required = process.env['AUDIT_REQUIRED'] === 'true';
process.exitCode = answer.outcome === 'weak' || (answer.outcome === 'unanswered' && required) ? 1 : 0;
