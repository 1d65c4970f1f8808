/** Public surface of @billcoin/genesis. */
export type { GenesisInput, ValidatorInput } from './genesisInput.ts';
export { makeGenesis, proveValidator, type MadeGenesis } from './makeGenesis.ts';
export { verifyGenesis } from './verifyGenesis.ts';
