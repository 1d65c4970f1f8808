/** From an answer that is no success to an error. The body is untrusted: only a problem of our own form becomes an ApiError. */
import { isProblemCode, PROBLEMS, type ProblemCode } from '../api/problems.ts';
import type { Problem } from '../api/problem.ts';
import { ApiError, ConnectionError } from './errors.ts';

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function fieldErrors(value: unknown): NonNullable<Problem['errors']> {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).map(({ pointer, code }) => ({ pointer: textOf(pointer, ''), code: textOf(code, '') }));
}

function dataOf(value: unknown): NonNullable<Problem['data']> {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, String(held)]));
}

function parse(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whole seconds of a Retry-After header; the date form is not used by this API. */
function retryAfterS(response: Response): number | undefined {
  const text = response.headers.get('retry-after');
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** ApiError for a problem of this API, else ConnectionError with the status. */
export function problemOf(response: Response, text: string): ApiError | ConnectionError {
  const fields = parse(text);
  const code = textOf(fields?.['code'], '');
  if (fields === undefined || !isProblemCode(code)) return new ConnectionError(`HTTP ${response.status} without a problem of this API`, { status: response.status });
  return new ApiError(problem(fields, code, response), PROBLEMS[code].text, retryAfterS(response));
}

function problem(fields: Fields, code: ProblemCode, response: Response): Problem {
  const row = PROBLEMS[code];
  return {
    type: `urn:billcoin:problem:${code}`,
    title: textOf(fields['title'], row.title.en),
    status: response.status,
    detail: textOf(fields['detail'], row.text),
    instance: textOf(fields['instance'], response.headers.get('x-request-id') ?? ''),
    code,
    retryable: typeof fields['retryable'] === 'boolean' ? fields['retryable'] : row.retryable,
    errors: fieldErrors(fields['errors']),
    data: dataOf(fields['data']),
  };
}
