/** docs/errors.md: every code a person or program can meet, with its number or status and what to do about it. */
import { FAULTS, PROOF_REFUSALS } from '@billcoin/protocol';
import { PROBLEMS } from '@billcoin/sdk';
import { markdownTable } from './markdownTable.ts';

/** The whole page; sorted by number and by code, so that a new row moves nothing else. */
export function makeErrorsDoc(): string {
  const faults = Object.entries(FAULTS).map(([code, { no, text }]) => [String(no), `\`${code}\``, String(PROBLEMS[code as keyof typeof FAULTS].status), text]);
  const own = Object.entries(PROBLEMS).filter(([code]) => !(code in FAULTS)).sort(([a], [b]) => (a < b ? -1 : 1));
  const problems = own.map(([code, { status, text, retryable }]) => [`\`${code}\``, String(status), retryable ? 'yes' : 'no', text]);
  const proofs = Object.entries(PROOF_REFUSALS).map(([code, text]) => [`\`${code}\``, text]);
  return `# Error codes

Made from the code by \`npm run generate\`. Codes and numbers are stable; texts may improve.

## Refusals of the chain

The number stands in \`TxResult.code\` of a transaction that was included with a fault; the status is that of
\`POST /api/v1/transactions\`.

${markdownTable(['no.', 'code', 'HTTP', 'what to do'], faults)}

## Problems of the API

Answers are \`application/problem+json\` (RFC 9457) with \`type\` \`urn:billcoin:problem:<code>\`.

${markdownTable(['code', 'HTTP', 'retry', 'what to do'], problems)}

## Refusals of a verifier

What a wallet, till or auditor says to a server's proof that it does not believe (SPEC §8.4, §16): \`code\` of \`ProofError\`
in the SDK. They never stand on chain.

${markdownTable(['code', 'what to do'], proofs)}
`;
}
