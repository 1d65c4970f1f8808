/** Names of the rate policies, as headers, problems and /admin/rate-limits tell them. Their quotas are the server's own. */

export const RATE_POLICIES = [
  'pay', 'login', 'pin', 'login-address', 'link', 'link-address', 'user', 'machine', 'public', 'bad', 'streams', 'streams-address',
] as const;
export type RatePolicy = (typeof RATE_POLICIES)[number];
