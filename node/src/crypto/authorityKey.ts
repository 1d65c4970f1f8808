/** The key of the campus authority, on the API nodes that register merchants and enrol tills. */
import { basename, dirname } from 'node:path';
import { addressOf, equalBytes, formatAddress, ROLE, roleId, ROWS } from '@billcoin/protocol';
import type { Signer } from '@billcoin/sdk';
import type { ChainPort } from '../ports.ts';
import { StorageFailure } from '../storageFailure.ts';
import { readKeyFile } from './keyFiles.ts';
import { nativeSigner } from './nativeSigner.ts';

/**
 * Reads the key file that the configuration names, if it names one. Throws StorageFailure `no_key` where it is missing or the key of
 * somebody else: a node that cannot do what it was told to must not start and find out in front of a merchant.
 */
export async function readAuthorityKey(path: string | undefined, chain: Pick<ChainPort, 'state'>): Promise<{ readonly campusAuthority?: Signer }> {
  if (path === undefined) return {};
  const pair = await readKeyFile(dirname(path), basename(path));
  if (pair === undefined) throw new StorageFailure('no_key', `There is no key file at ${path}.`, 'Correct --campus-authority-key, or leave it out on nodes that register nobody.');
  const address = addressOf(pair.publicKey);
  const role = chain.state().get(ROWS.role, roleId(ROLE.campusAuthority));
  if (role === undefined || !equalBytes(role.address, address)) {
    throw new StorageFailure('no_key', `${path} is the key of ${formatAddress(address)}, which is not the campus authority of this network.`, 'Correct --campus-authority-key; leave it out where the authority is an account of several keys: it signs with billcoin tx.');
  }
  return { campusAuthority: { publicKey: pair.publicKey, address, sign: nativeSigner(pair) } };
}
