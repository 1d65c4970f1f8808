/** RFC 9457 problem+json: the one form of every error answer. */
import { Type, type Static } from 'typebox';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import { closed, nullable } from './values.ts';

export const PROBLEM_TYPE_PREFIX = 'urn:billcoin:problem:';
const problem = {
  type: Type.String({ pattern: '^urn:billcoin:problem:[a-z_]+$' }),
  title: Type.String({ description: 'In the language of Accept-Language, en or ms' }),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  detail: Type.String({ description: 'What happened, which value, what to do' }),
  instance: Type.String({ description: 'Request id' }),
  code: Type.Unsafe<ProblemCode>({ type: 'string', enum: Object.keys(PROBLEMS) }),
  retryable: Type.Boolean({ description: 'The same request may succeed later' }),
  errors: Type.Optional(Type.Array(closed({ pointer: Type.String({ description: 'JSON pointer to the field' }), code: Type.String() }), { maxItems: 100 })),
  /** Data of the refusal, e.g. how much is left in stock or how many litres are missing. */
  data: Type.Optional(Type.Record(Type.String(), Type.String())),
  'violated-policies': Type.Optional(Type.Array(Type.String())),
};
export const Problem = closed(problem);
export type Problem = Static<typeof Problem>;

/** 400 and 500 of POST /payments/validate carry the seed's three keys as extension members. */
export const ValidationProblem = closed({ ...problem, valid: Type.Literal(false), confirmedAt: nullable(Type.String()), error: Type.String() });
export type ValidationProblem = Static<typeof ValidationProblem>;
