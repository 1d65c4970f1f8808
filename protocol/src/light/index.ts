/** The light client: follows headers by certificates alone. No clock, no network: whoever uses it brings both. */
export * from './attack.ts';
export * from './checkpoint.ts';
export * from './client.ts';
export * from './trust.ts';
