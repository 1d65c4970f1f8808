/** Access tokens that are not good (threat 15), their keys, and the turn from one key to the next. */
import { createHmac } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { ed25519PublicKey, fromHex, toBase64Url, utf8 } from '@billcoin/protocol';
import { importJWK, jwtVerify, createLocalJWKSet, SignJWT, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { ACCESS_LIFE_MS } from '../../src/campus/auth/accessToken.ts';
import { openTokenKeys, TOKEN_KEY_FILE } from '../../src/campus/auth/tokenKeys.ts';
import { makeKeyFolder, openWorld, wallet, type World } from '../support/campusWorld.ts';
import { ManualClock } from '../support/memoryChain.ts';

const seedOf = async (folder: string): Promise<Uint8Array> => fromHex((JSON.parse(await readFile(join(folder, TOKEN_KEY_FILE), 'utf8')) as { seed: string }).seed) ?? new Uint8Array();

function decodePart(part: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
}

/** Signs what it is told to with a real key: only the server's own mistakes could make such tokens. */
async function sign(seed: Uint8Array, header: JWTHeaderParameters, payload: JWTPayload): Promise<string> {
  const key = await importJWK({ kty: 'OKP', crv: 'Ed25519', x: toBase64Url(ed25519PublicKey(seed)), d: toBase64Url(seed) }, 'EdDSA');
  return await new SignJWT(payload).setProtectedHeader(header).sign(key);
}

async function statusOf(world: World, token: string): Promise<number> {
  return (await world.get('/auth/me', { authorization: `Bearer ${token}` })).status;
}

t.test('a token verifies with the published keys and names nobody', async (t) => {
  const world = await openWorld(t);
  const token = await world.loginWallet(wallet('ali'));
  const { keys } = (await world.get('/.well-known/jwks.json')).json as { keys: [] };
  const issuer = `urn:billcoin:${world.chain.chainId}`;
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet({ keys }), { issuer, audience: 'billcoin-api', typ: 'at+jwt', algorithms: ['EdDSA'], currentDate: new Date(world.nowMs) });
  t.same(Object.keys(payload).sort(), ['aud', 'exp', 'iat', 'iss', 'jti', 'role', 'sid', 'sub']);
  t.equal((payload.exp ?? 0) - (payload.iat ?? 0), 900, 'fifteen minutes');
  t.same(Object.keys(protectedHeader).sort(), ['alg', 'kid', 'typ']);
  const second = decodePart((await world.tokenOf('finance')).split('.')[1]);
  t.not(second['jti'], payload.jti);
  t.notMatch(token + JSON.stringify(payload), /bill1/, 'no address');
});

t.test('the table of bad tokens', async (t) => {
  const world = await openWorld(t);
  const good = await world.tokenOf('finance');
  const [head = '', body = '', signature = ''] = good.split('.');
  const seed = await seedOf(world.keyFolder);
  const publicKey = ed25519PublicKey(seed);
  const header = decodePart(head) as unknown as JWTHeaderParameters;
  const claims = decodePart(body);
  const nowS = Math.floor(world.nowMs / 1_000);
  const part = (value: unknown): string => toBase64Url(utf8(JSON.stringify(value)));
  const signed = (claim: JWTPayload, headers: Partial<JWTHeaderParameters> = {}, key = seed): Promise<string> => sign(key, { ...header, ...headers }, { ...claims, ...claim });
  const without = (name: string): Promise<string> => sign(seed, header, Object.fromEntries(Object.entries(claims).filter(([key]) => key !== name)));
  const hmac = (secret: Uint8Array | string): string => {
    const text = `${part({ ...header, alg: 'HS256' })}.${body}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const { kid: _kid, ...noKid } = header;
  const cases: readonly (readonly [string, string | Promise<string>])[] = [
    ['no algorithm, no signature', `${part({ ...header, alg: 'none' })}.${body}.`],
    ['no algorithm in other letters', `${part({ ...header, alg: 'nOnE' })}.${body}.${signature}`],
    ['HS256 with the public key as the secret', hmac(publicKey)],
    ['HS256 with its base64url', hmac(toBase64Url(publicKey))],
    ['HS256 with an empty secret', hmac('')],
    ['another key under our kid', signed({}, {}, new Uint8Array(32).fill(7))],
    ['a kid nobody has', signed({}, { kid: 'ffffffffffffffff' })],
    ['a kid that is a path', signed({}, { kid: '../../keys/token-keys.json' })],
    ['a kid of a prototype', signed({}, { kid: '__proto__' })],
    ['no kid', sign(seed, noKid, claims)],
    ['a key of its own in the header', signed({}, { jwk: { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey) }, kid: 'mine' })],
    ['another type', signed({}, { typ: 'JWT' })],
    ['an extension that must be understood', `${part({ ...header, crit: ['x'], x: 1 })}.${body}.${signature}`],
    ['another issuer', signed({ iss: 'urn:billcoin:other-00000000' })],
    ['another audience', signed({ aud: 'billcoin-web' })],
    ['ended', signed({ iat: nowS - 901, exp: nowS - 1 })],
    ['ends now', signed({ exp: nowS })],
    ['issued long ago, ends late', signed({ iat: nowS - 1_000, exp: nowS + 10_000 })],
    ['issued in the future', signed({ iat: nowS + 60, exp: nowS + 960 })],
    ['not yet', signed({ nbf: nowS + 60 })],
    ['a session nobody has', signed({ sid: `ses_${'0'.repeat(26)}` })],
    ['a session that is a row of something else', signed({ sid: '../u/x' })],
    ['a session that is no text', signed({ sid: 7 })],
    ...['iss', 'aud', 'sub', 'sid', 'jti', 'role', 'iat', 'exp'].map((name) => [`without ${name}`, without(name)] as const),
    ['altered claims', `${head}.${part({ ...claims, role: 'admin' })}.${signature}`],
    ['altered signature', `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`],
    ['cut off', good.slice(0, -5)],
    ['two parts', `${head}.${body}`],
    ['five parts, as if it were encrypted', `${good}.${head}.${body}`],
    ['no JSON', `${head}.AAAA.${signature}`],
    ['nothing', ''],
    ['huge', signed({ pad: 'x'.repeat(5_000) })],
  ];
  for (const [name, token] of cases) {
    const answer = await world.get('/auth/me', { authorization: `Bearer ${await token}` });
    t.equal(answer.status, 401, name);
    t.match(answer.headers.get('www-authenticate'), /^Bearer realm="billcoin", error="invalid_token"$/, name);
    t.match(answer.json, { code: 'unauthenticated' }, name);
  }
  for (const header of ['', 'Basic dTpw', `Bearer  ${good}`, `Token ${good}`, `Bearer ${good} x`]) t.equal((await world.get('/auth/me', { authorization: header })).status, 401, JSON.stringify(header.slice(0, 12)));
  t.equal(await statusOf(world, good), 200, 'the good one is');
  t.equal((await world.get('/auth/me', { authorization: `bearer ${good}` })).status, 200, 'the scheme has no case');
  t.equal((await world.get('/status', { authorization: 'Bearer x' })).status, 401, 'a bad token is told on public routes too');
  t.equal((await world.get(`/status?access_token=${good}`)).status, 200, 'and none is looked for in the URL');
  t.equal((await world.get(`/auth/me?access_token=${good}`)).status, 401);
  t.notMatch(world.logLines.join(''), new RegExp(`${signature}|${toBase64Url(seed)}`), 'no token and no key in the log');
  world.chain.clock.moveTo(world.nowMs + ACCESS_LIFE_MS);
  t.equal(await statusOf(world, good), 401, 'after 15 minutes');
});

t.test('a rotated key verifies what it signed until that has ended, in the next process too', async (t) => {
  const world = await openWorld(t);
  const old = await world.tokenOf('auditor');
  const rotated = await world.post('/admin/keys/rotate', { keys: 'tokens' }, await world.as('admin'));
  t.equal(rotated.status, 200);
  const kids = async (): Promise<readonly string[]> => ((await world.get('/.well-known/jwks.json')).json as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  t.match([await statusOf(world, old), (await kids()).length, (await kids())[0]], [200, 2, (rotated.json as { kid: string }).kid]);
  const young = await world.tokenOf('service');
  t.match(decodePart(young.split('.')[0]), { kid: (rotated.json as { kid: string }).kid });
  const again = await openTokenKeys(world.keyFolder, world.chain.clock, ACCESS_LIFE_MS);
  t.same(again.publicKeys().map(({ kid }) => kid), await kids());
  const held = JSON.parse(await readFile(join(world.keyFolder, TOKEN_KEY_FILE), 'utf8')) as { previous: object[] };
  t.same(held.previous.map((key) => Object.keys(key)), [['publicKey', 'untilMs']], 'the old secret is gone');
  world.chain.clock.moveTo(world.nowMs + ACCESS_LIFE_MS);
  t.same(await kids(), [(rotated.json as { kid: string }).kid]);
});

t.test('the key file is made once, for its owner alone, and a damaged one is named', async (t) => {
  const folder = await makeKeyFolder(t);
  const path = join(folder, TOKEN_KEY_FILE);
  const clock = new ManualClock(1_000);
  const open = () => openTokenKeys(folder, clock, ACCESS_LIFE_MS);
  const { kid } = (await open()).signing();
  t.equal((await stat(path)).mode & 0o777, 0o600);
  t.equal((await open()).signing().kid, kid);
  await chmod(path, 0o640);
  await t.rejects(open(), /can be read by others \(mode 640\); run: chmod 600/);
  await chmod(path, 0o600);
  for (const [text, message] of [['{', /not JSON/], ['{}', /not of format billcoin-token-keys\/1/], ['{"format":"billcoin-token-keys/1","seed":"00","previous":[]}', /not 64 hex digits/]] as const) {
    await writeFile(path, text);
    await t.rejects(open(), message);
  }
});
