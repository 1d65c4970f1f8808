/** Public surface of @billcoin/protocol: the law. Everything else of this package is private. */
export * from './lib/address.ts';
export * from './lib/amount.ts';
export * from './lib/assert.ts';
export * from './lib/bytes.ts';
export * from './lib/fault.ts';
export * from './lib/hash.ts';
export * from './state/layout.ts';
export * from './state/view.ts';
export * from './wire/codec.ts';
export * as stateRows from './wire/state.ts';
export * from './wire/consensus.ts';
export * from './wire/reading.ts';
export * from './wire/tx.ts';
