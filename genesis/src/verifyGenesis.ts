/** Verifies a genesis file against itself and against the hash that was published for its network. */
import { fault, loadGenesis, toHex, verifyEd25519, type Genesis, type Result } from '@billcoin/protocol';

/**
 * Loads a genesis file as a node does.
 * The file proves its keys and its state root; only the hash covers every byte, so compare it with one that came by
 * another way than the file.
 * @param expectedHash 64 hex digits, or undefined to trust the file as it is.
 * @returns the genesis, or `malformed` with the path and both values.
 */
export function verifyGenesis(text: string, expectedHash?: string): Result<Genesis> {
  const loaded = loadGenesis(text, verifyEd25519);
  if (!loaded.ok || expectedHash === undefined) return loaded;
  const hash = toHex(loaded.value.genesisHash);
  if (hash === expectedHash.toLowerCase()) return loaded;
  return fault('malformed', { path: 'genesis', why: `has the hash ${hash}, expected is ${expectedHash.toLowerCase()}` });
}
