/** How limits are told: RateLimit headers (draft-ietf-httpapi-ratelimit-headers) and the 429 that names what was exceeded. */
import type { LimitState } from '../abusePorts.ts';
import type { Refusal } from './entry.ts';

/** `RateLimit-Policy: "pay";q=10;w=60` and `RateLimit: "pay";r=7;t=41`, one item for each policy that was asked. */
export function rateHeaders(states: readonly LimitState[]): Readonly<Record<string, string>> {
  if (states.length === 0) return {};
  return {
    'ratelimit-policy': states.map(({ policy, q, windowS }) => `"${policy}";q=${q}${windowS === 0 ? '' : `;w=${windowS}`}`).join(', '),
    ratelimit: states.map(({ policy, left, resetS }) => `"${policy}";r=${left};t=${resetS}`).join(', '),
  };
}

/** The 429 of everything that has no room; undefined where all have. */
export function limitRefusal(states: readonly LimitState[]): Refusal | undefined {
  const violated = states.filter(({ ok }) => !ok);
  if (violated.length === 0) return undefined;
  const waitS = Math.max(1, ...violated.map(({ resetS }) => resetS));
  const said = violated.map(({ policy, q, windowS }) => `${policy}: at most ${q} ${windowS === 0 ? 'at the same time' : `in any ${windowS} s`}`);
  return { problem: 'rate_limited', detail: `${said.join('; ')}.`, violatedPolicies: violated.map(({ policy }) => policy), headers: { 'retry-after': String(waitS) } };
}
