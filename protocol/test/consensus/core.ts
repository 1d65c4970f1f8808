/** What these tests use of the package. */
export * from '../../src/consensus/index.ts';
export * from '../../src/lib/bytes.ts';
export * from '../../src/lib/hash.ts';
export type { Verifier } from '../../src/lib/signature.ts';
export * from '../../src/wire/codec.ts';
export * from '../../src/wire/consensus.ts';
