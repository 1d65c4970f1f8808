/** Does an answer have exactly the form its route declares? */
import { Value } from 'typebox/value';
import { COMMON_PROBLEMS, Problem, ROUTES, ValidationProblem, type OperationId, type ProblemCode, type Route } from '@billcoin/sdk';
import type { Answer } from './campusWorld.ts';

/** Where and why the answer departs from the declaration; empty when it conforms. */
export function departures(operationId: OperationId, answer: Answer): readonly string[] {
  const route: Route = ROUTES[operationId];
  const declared = route.responses[answer.status];
  const isExtended = operationId === 'validatePayment' && (answer.status === 400 || answer.status === 500);
  const schema = declared ?? (isExtended ? ValidationProblem : Problem);
  const body = JSON.parse(answer.text) as { readonly code?: ProblemCode };
  const codes: readonly (ProblemCode | undefined)[] = [...COMMON_PROBLEMS, ...(route.problems ?? [])];
  return [
    ...[...Value.Errors(schema, body)].map((error) => `${error.instancePath} ${error.message}`),
    ...(declared === undefined && !codes.includes(body.code) ? [`/code ${body.code} is not declared`] : []),
  ];
}
