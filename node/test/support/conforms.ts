/** Does an answer have exactly the form its route declares? */
import { Value } from 'typebox/value';
import { Problem, ROUTES, ValidationProblem, type OperationId, type Route } from '@billcoin/sdk';
import type { Answer } from './campusWorld.ts';

/** Where and why the answer departs from the declaration; empty when it conforms. */
export function departures(operationId: OperationId, answer: Answer): readonly string[] {
  const route: Route = ROUTES[operationId];
  const declared = route.responses[answer.status];
  const isExtended = operationId === 'validatePayment' && (answer.status === 400 || answer.status === 500);
  const schema = declared ?? (isExtended ? ValidationProblem : Problem);
  return [...Value.Errors(schema, JSON.parse(answer.text))].map((error) => `${error.instancePath} ${error.message}`);
}
