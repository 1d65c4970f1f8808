import t from 'tap';
import { signingBytes, toHex, utf8 } from '@billcoin/protocol';
import { ApiError, createClient, linkWallet, type Key } from '@billcoin/sdk';
import { LINK_CODE_LIFE_MS } from '../../src/campus/students.ts';
import { openWorld, wallet, type World } from '../support/campusWorld.ts';

async function codesOf(world: World, ...ids: readonly string[]): Promise<readonly { readonly studentRef: string; readonly linkCode: string }[]> {
  const imported = await world.campus.students.importRoster(['studentId', ...ids].join('\n'));
  if (!imported.ok) throw new Error('roster refused');
  return imported.codes;
}

async function outcome(world: World, linkCode: string, key: Key): Promise<string> {
  try {
    const { walletId, addressMasked } = await linkWallet(createClient({ baseUrl: world.api.url }), { linkCode, key, genesisHash: world.chain.genesisHash });
    return /^wal_/.test(walletId) && addressMasked === `${key.addressText.slice(0, 6)}...${key.addressText.slice(-4)}` ? 'linked' : 'wrong answer';
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}

t.test('a code links one wallet once; everything else gets one answer', async (t) => {
  const world = await openWorld(t);
  const [a, b] = await codesOf(world, 'A001', 'A002');
  t.equal(await outcome(world, a?.linkCode ?? '', wallet('ali')), 'linked');
  t.equal(await outcome(world, a?.linkCode ?? '', wallet('ali 2')), 'cannot_link', 'used code');
  t.equal(await outcome(world, '0123456789', wallet('ali 3')), 'cannot_link', 'wrong code');
  t.equal(await outcome(world, b?.linkCode ?? '', wallet('ali')), 'cannot_link', 'wallet linked elsewhere');
  const renewed = await world.campus.students.renewLinkCode(b?.studentRef ?? '');
  t.equal(await outcome(world, b?.linkCode ?? '', wallet('siti')), 'cannot_link', 'the old code died');
  world.chain.clock.moveTo(world.nowMs + LINK_CODE_LIFE_MS + 1);
  t.equal(await outcome(world, renewed?.linkCode ?? '', wallet('siti')), 'cannot_link', 'expired code');
});

t.test('a student has at most three wallets', async (t) => {
  const world = await openWorld(t);
  const [student] = await codesOf(world, 'A001');
  const ref = student?.studentRef ?? '';
  t.equal(await outcome(world, student?.linkCode ?? '', wallet('1')), 'linked');
  for (const label of ['2', '3']) t.equal(await outcome(world, (await world.campus.students.renewLinkCode(ref))?.linkCode ?? '', wallet(label)), 'linked');
  const fourth = (await world.campus.students.renewLinkCode(ref))?.linkCode ?? '';
  t.equal(await outcome(world, fourth, wallet('4')), 'too_many_wallets');
});

t.test('the login text binds domain, key, network and time, and is used once', async (t) => {
  const world = await openWorld(t);
  await world.campus.abuse.limits.change({ link: { q: 100, windowS: 3_600 } });
  const [student] = await codesOf(world, 'A001');
  const linkCode = student?.linkCode ?? '';
  const ali = wallet('ali');
  const publicKey = toHex(ali.publicKey);
  const challenge = async (): Promise<string> => ((await world.post('/auth/challenge', { publicKey })).json as { message: string }).message;
  const sign = (message: string, key: Key = ali, genesisHash = world.chain.genesisHash): string => toHex(key.sign(signingBytes('bill/login/1', genesisHash, utf8(message))));
  const link = async (message: string, signature: string, key = publicKey): Promise<string> => ((await world.post('/wallets/link', { linkCode, message, publicKey: key, signature })).json as { code?: string }).code ?? 'linked';

  const message = await challenge();
  t.match(message, /^127\.0\.0\.1:\d+ wants you to sign in with your BillCoin account:\nbill1/);
  for (const field of ['URI: ', 'Version: 1', `Chain ID: ${world.chain.chainId}`, 'Nonce: ', 'Issued At: ', 'Expiration Time: ']) t.ok(message.includes(field), field);
  t.equal(await link(message, sign(message, wallet('thief'))), 'bad_login_signature', 'signed by another key');
  t.equal(await link(message, sign(message, ali, new Uint8Array(32))), 'bad_login_signature', 'another network');
  const foreign = message.replace(/^127\.0\.0\.1:\d+/, 'evil.example');
  t.equal(await link(foreign, sign(foreign)), 'bad_login_signature', 'another domain');
  const later = message.replace(/Expiration Time: \d{4}/, 'Expiration Time: 2099');
  t.equal(await link(later, sign(later)), 'bad_login_signature', 'a longer life');
  const invented = message.replace(/Nonce: .{43}/, `Nonce: ${'A'.repeat(43)}`);
  t.equal(await link(invented, sign(invented)), 'bad_login_signature', 'a nonce this server did not make');
  t.equal(await link(message, sign(message)), 'linked');
  t.equal(await link(message, sign(message)), 'challenge_used');
  const old = await challenge();
  world.chain.clock.moveTo(world.nowMs + 121_000);
  t.equal(await link(old, sign(old)), 'challenge_expired');
});

t.test('used nonces are forgotten after their end', async (t) => {
  const world = await openWorld(t);
  const nonces = async (): Promise<number> => (await world.store.list({ gte: 'n/', lt: 'n0', limit: 100 })).length;
  for (let i = 0; i < 3; i++) await outcome(world, '0123456789', wallet('ali'));
  t.equal(await nonces(), 3);
  world.chain.clock.moveTo(world.nowMs + 300_000);
  await outcome(world, '0123456789', wallet('ali'));
  t.equal(await nonces(), 1);
});
