/** A node starts with the campus authority's own key, with none, and with nobody else's. */
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { utf8, verifyEd25519 } from '@billcoin/protocol';
import { readAuthorityKey } from '../../src/crypto/authorityKey.ts';
import { createKeyFile } from '../../src/crypto/keyFiles.ts';
import { makeKeyFolder } from '../support/campusWorld.ts';
import { MemoryChain } from '../support/memoryChain.ts';
import { KEYS, makeTestGenesis } from '../support/testNetwork.ts';

t.test('the key of the campus authority, and no other', async (t) => {
  const chain = new MemoryChain(makeTestGenesis(Date.now()));
  const folder = await makeKeyFolder(t);
  await createKeyFile(folder, 'authority.json', KEYS.campus.seed);
  await createKeyFile(folder, 'other.json');
  t.same(await readAuthorityKey(undefined, chain), {});
  const { campusAuthority } = await readAuthorityKey(join(folder, 'authority.json'), chain);
  t.same(campusAuthority?.address, KEYS.campus.address);
  t.ok(verifyEd25519(KEYS.campus.publicKey, utf8('x'), campusAuthority?.sign(utf8('x')) ?? new Uint8Array(64)));
  await t.rejects(readAuthorityKey(join(folder, 'none.json'), chain), { name: 'StorageFailure', message: /no key file/ });
  await t.rejects(readAuthorityKey(join(folder, 'other.json'), chain), { name: 'StorageFailure', message: /not the campus authority of this network/ });
  await chmod(join(folder, 'authority.json'), 0o644);
  await t.rejects(readAuthorityKey(join(folder, 'authority.json'), chain), /may be read by others/);
});
