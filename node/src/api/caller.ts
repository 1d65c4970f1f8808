/** Who calls, as handlers see it; what a caller is stands in authPorts.ts. */
import type { Caller } from '../authPorts.ts';

export type { Caller } from '../authPorts.ts';

export const PUBLIC: Caller = { role: 'public' };

/** The merchant whose side the caller is on; undefined for everybody else. */
export function merchantOf(caller: Caller): string | undefined {
  return 'merchantId' in caller ? caller.merchantId : undefined;
}

/** The one till the caller stands at; undefined for everybody else. */
export function tillOf(caller: Caller): number | undefined {
  return 'tillNo' in caller ? caller.tillNo : undefined;
}
