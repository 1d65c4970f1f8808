/** problem+json (RFC 9457) from a code: the row of PROBLEMS gives status, title and remedy; the case gives the values. */
import { FAULTS, faultText, type Fault, type FaultCode } from '@billcoin/protocol';
import { PROBLEM_TYPE_PREFIX, PROBLEMS, type Problem } from '@billcoin/sdk';
import type { Language, Refusal } from './entry.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';
/** Wait before a retry that the problem itself does not time: about two blocks. */
const RETRY_AFTER_S = 2;

/** First of en and ms in Accept-Language; English where neither is asked for. */
export function languageOf(acceptLanguage: string | undefined): Language {
  const first = (acceptLanguage ?? '').split(',').map((part) => part.trim().slice(0, 2).toLowerCase()).find((code) => code === 'en' || code === 'ms');
  return first === 'ms' ? 'ms' : 'en';
}

/** The body of a refusal. `instance` is the request id. */
export function problemBody(refusal: Refusal, instance: string, language: Language): Problem {
  const row = PROBLEMS[refusal.problem];
  return {
    type: PROBLEM_TYPE_PREFIX + refusal.problem, title: row.title[language], status: row.status, detail: refusal.detail === undefined ? row.text : `${refusal.detail} ${row.text}`, instance,
    code: refusal.problem, retryable: row.retryable,
    ...(refusal.errors === undefined ? {} : { errors: [...refusal.errors] }),
    ...(refusal.data === undefined ? {} : { data: { ...refusal.data } }),
    ...(refusal.violatedPolicies === undefined ? {} : { 'violated-policies': [...refusal.violatedPolicies] }),
  };
}

/** Headers that belong to a refusal: when to come back, where the client may. */
export function problemHeaders({ problem, headers = {} }: Refusal): Readonly<Record<string, string>> {
  const { status } = PROBLEMS[problem];
  return status === 503 || status === 429 ? { 'retry-after': String(RETRY_AFTER_S), ...headers } : headers;
}

/** A chain fault as a refusal: its data as decimal strings. */
export function faultRefusal(fault: Fault): Refusal {
  const { code, ...data } = fault;
  const entries = Object.entries(data).map(([name, value]) => [name, String(value)] as const);
  const values = faultText(fault).slice(FAULTS[code].text.length).trim();
  return { problem: code satisfies FaultCode, ...(values === '' ? {} : { detail: `${values.slice(1, -1)}.` }), ...(entries.length === 0 ? {} : { data: Object.fromEntries(entries) }) };
}
