/** Health checks at the root of the server, without login. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { closed } from './values.ts';

export const Health = closed({
  status: Type.Union([Type.Literal('ok'), Type.Literal('fail')]),
  checks: Type.Array(closed({ name: Type.String(), ok: Type.Boolean(), detail: Type.String() })),
});
export type Health = Static<typeof Health>;

const health = (path: `/health/${string}`, summary: string) => route({ method: 'GET', path, summary, who: ['public'], atRoot: true, responses: { 200: Health, 503: Health } });
export const healthLive = health('/health/live', 'The process answers.');
export const healthReady = health('/health/ready', 'Store, height lag, finality age and price age are in order: send traffic here.');
export const healthStartup = health('/health/startup', 'The state is rebuilt and verified.');
