/** The key of the campus authority, on the API nodes that register merchants and enrol tills. */
import { basename, dirname } from 'node:path';
import { addressOf, equalBytes, formatAddress, ROLE, roleId, ROWS } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import { ConfigError } from './config.ts';
import { readKeyFile } from './crypto/keyFiles.ts';
import { nativeSigner } from './crypto/nativeSigner.ts';
import type { ChainPort } from './ports.ts';

/**
 * Reads the key file that the configuration names, if it names one. Throws ConfigError where it is missing or the key of
 * somebody else: a node that cannot do what it was told to must not start and find out in front of a merchant.
 */
export async function readAuthorityKey(path: string | undefined, chain: Pick<ChainPort, 'state'>): Promise<{ readonly campusAuthority?: Signer }> {
  if (path === undefined) return {};
  const pair = await readKeyFile(dirname(path), basename(path));
  if (pair === undefined) throw new ConfigError(`There is no key file at ${path} (--campus-authority-key).`);
  const address = addressOf(pair.publicKey);
  const role = chain.state().get(ROWS.role, roleId(ROLE.campusAuthority));
  if (role === undefined || !equalBytes(role.address, address)) {
    throw new ConfigError(`${path} (--campus-authority-key) is the key of ${formatAddress(address)}, which is not the campus authority of this network. Leave the option out where the authority is an account of several keys: it signs with billcoin tx.`);
  }
  return { campusAuthority: { publicKey: pair.publicKey, address, sign: nativeSigner(pair) } };
}
