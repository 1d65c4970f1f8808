/**
 * Counts what keys and passwords cost: every call of these functions of node:crypto. It must be the first import of a test,
 * before anything that takes them from there.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** Names of the calls since the last `splice`, in order. */
export const cryptoCalls: string[] = [];

for (const name of ['scrypt', 'createHmac', 'createDecipheriv', 'timingSafeEqual'] as const) {
  const real = crypto[name] as (...args: unknown[]) => unknown;
  Object.assign(crypto, {
    [name]: (...args: unknown[]) => {
      cryptoCalls.push(name);
      return real(...args);
    },
  });
}
syncBuiltinESMExports();
