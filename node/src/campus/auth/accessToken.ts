/**
 * Access tokens: JWTs of RFC 9068 by the library jose. One algorithm, one type, one issuer per network; a token says which
 * session it is of, and the session says who that is, so that a token holds no address and ends when its session does.
 */
import { hash, randomBytes } from 'node:crypto';
import { toHex } from '@billcoin/protocol';
import { errors, jwtVerify, SignJWT, type CryptoKey } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Identity } from '../../authPorts.ts';
import type { Clock } from '../../ports.ts';
import type { TokenKeys } from './tokenKeys.ts';

/** The seed's 15 minutes. */
export const ACCESS_LIFE_MS = 900_000;
/** Ours have about 500 characters; nobody makes us decode more. */
const TOKEN_MAX_CHARACTERS = 2_048;
/** Fixed: the token's own header chooses nothing. */
const ALGORITHM = 'EdDSA';
const TYPE = 'at+jwt';
const AUDIENCE = 'billcoin-api';
const JTI_BYTES = 12;
/**
 * Tokens that were found good, by their hash: a till shows one a thousand times in its 15 minutes. Of everybody who pays at
 * lunch, 300 B each; the one not shown longest is forgotten first, and verified again.
 */
const VERIFIED_MAX = 16_384;

export interface AccessTokens {
  issue(who: Pick<Identity, 'role' | 'sub' | 'sid'>): Promise<string>;
  /** Undefined for a token that this node did not make, that has ended, or that is for something else. */
  verify(token: string): Promise<Verified | undefined>;
  /** Good tokens that are remembered. */
  remembered(): number;
}

export interface Verified {
  readonly sid: string;
  readonly expiresAtMs: number;
}

interface Remembered extends Verified {
  readonly kid: string;
  readonly key: CryptoKey;
}

/** `chainId` stands in the issuer: a token of another network is none of ours. */
export function openAccessTokens(keys: TokenKeys, clock: Clock, chainId: string): AccessTokens {
  const issuer = `urn:billcoin:${chainId}`;
  const nowS = (): number => Math.floor(clock.nowMs() / 1_000);
  const verified = new LRUCache<string, Remembered>({ max: VERIFIED_MAX });

  /** A good token stays good until it ends or its key goes. */
  function recall(digest: string): Verified | undefined {
    const held = verified.get(digest);
    if (held === undefined) return undefined;
    if (held.expiresAtMs > nowS() * 1_000 && keys.verifying(held.kid) === held.key) return held;
    verified.delete(digest);
    return undefined;
  }

  return {
    remembered: () => verified.size,
    async issue({ role, sub, sid }) {
      const { kid, key } = keys.signing();
      const issuedAt = nowS();
      return await new SignJWT({ sid, role }).setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid }).setIssuer(issuer).setAudience(AUDIENCE).setSubject(sub)
        .setJti(toHex(randomBytes(JTI_BYTES))).setIssuedAt(issuedAt).setExpirationTime(issuedAt + ACCESS_LIFE_MS / 1_000).sign(key);
    },
    async verify(token) {
      if (token.length > TOKEN_MAX_CHARACTERS) return undefined;
      const digest = hash('sha256', token, 'base64');
      const known = recall(digest);
      if (known !== undefined) return known;
      try {
        const { payload, protectedHeader: { kid = '' }, key: found } = await jwtVerify(token, ({ kid: wanted }) => {
          const key = wanted === undefined ? undefined : keys.verifying(wanted);
          if (key === undefined) throw new errors.JWKSNoMatchingKey();
          return key;
        }, {
          algorithms: [ALGORITHM], typ: TYPE, issuer, audience: AUDIENCE, requiredClaims: ['sub', 'sid', 'jti', 'role', 'iat', 'exp'],
          maxTokenAge: ACCESS_LIFE_MS / 1_000, currentDate: new Date(nowS() * 1_000),
        });
        const { sid, exp } = payload;
        if (typeof sid !== 'string' || exp === undefined) return undefined;
        const read = { sid, expiresAtMs: exp * 1_000, kid, key: found as CryptoKey };
        verified.set(digest, read);
        return read;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
