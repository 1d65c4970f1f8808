/** Public surface of @billcoin/genesis. */
export { collectEntries, makeEntry, type GenesisEntry, type Institution } from './entries.ts';
export type { GenesisInput, ValidatorInput } from './genesisInput.ts';
export { makeGenesis, type MadeGenesis } from './makeGenesis.ts';
export { verifyGenesis } from './verifyGenesis.ts';
