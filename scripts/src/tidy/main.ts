/** `npm run tidy`: prints every breach of the house rules and fails when there is one. */
import { resolve } from 'node:path';
import { findUntidy } from './tidy.ts';

const findings = await findUntidy(resolve(import.meta.dirname, '../../..'));
for (const { path, line, message } of findings) {
  console.error(`${path}${line === undefined ? '' : `:${line}`}: ${message}`);
}
console.log(findings.length === 0 ? 'tidy' : `${findings.length} untidy places`);
process.exitCode = findings.length === 0 ? 0 : 1;
