/**
 * Access tokens: JWTs of RFC 9068 by the library jose. One algorithm, one type, one issuer per network; a token says which
 * session it is of, and the session says who that is, so that a token holds no address and ends when its session does.
 */
import { randomBytes } from 'node:crypto';
import { toHex } from '@billcoin/protocol';
import { errors, jwtVerify, SignJWT } from 'jose';
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

export interface AccessTokens {
  issue(who: Pick<Identity, 'role' | 'sub' | 'sid'>): Promise<string>;
  /** Undefined for a token that this node did not make, that has ended, or that is for something else. */
  verify(token: string): Promise<{ readonly sid: string; readonly expiresAtMs: number } | undefined>;
}

/** `chainId` stands in the issuer: a token of another network is none of ours. */
export function openAccessTokens(keys: TokenKeys, clock: Clock, chainId: string): AccessTokens {
  const issuer = `urn:billcoin:${chainId}`;
  const nowS = (): number => Math.floor(clock.nowMs() / 1_000);
  return {
    async issue({ role, sub, sid }) {
      const { kid, key } = keys.signing();
      const issuedAt = nowS();
      return await new SignJWT({ sid, role }).setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid }).setIssuer(issuer).setAudience(AUDIENCE).setSubject(sub)
        .setJti(toHex(randomBytes(JTI_BYTES))).setIssuedAt(issuedAt).setExpirationTime(issuedAt + ACCESS_LIFE_MS / 1_000).sign(key);
    },
    async verify(token) {
      if (token.length > TOKEN_MAX_CHARACTERS) return undefined;
      try {
        const { payload } = await jwtVerify(token, ({ kid }) => {
          const key = kid === undefined ? undefined : keys.verifying(kid);
          if (key === undefined) throw new errors.JWKSNoMatchingKey();
          return key;
        }, {
          algorithms: [ALGORITHM], typ: TYPE, issuer, audience: AUDIENCE, requiredClaims: ['sub', 'sid', 'jti', 'role', 'iat', 'exp'],
          maxTokenAge: ACCESS_LIFE_MS / 1_000, currentDate: new Date(nowS() * 1_000),
        });
        const { sid, exp } = payload;
        return typeof sid === 'string' && exp !== undefined ? { sid, expiresAtMs: exp * 1_000 } : undefined;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}
