/**
 * The text a wallet signs to prove its key (the fields of EIP-4361): it names who asks, for what network and until when.
 * Issuing one stores nothing: the nonce carries a MAC over the whole text. A used nonce is kept until it ends.
 */
import { randomBytes } from 'node:crypto';
import { addressOf, formatAddress, fromBase64Url, signingBytes, toBase64Url, utf8, type Verifier } from '@billcoin/protocol';
import type { ChallengeFault, SignedChallenge } from '../authPorts.ts';
import type { Clock, KeyValueOperation, KeyValueStore } from '../ports.ts';
import { challengeMac, equalSecret } from './crypto.ts';
import type { CampusKeys } from './keyFile.ts';
import { deleteRow, getRow, listRows, padded, putRow, TABLES } from './store.ts';
import { rfc3339 } from '../rfc3339.ts';

export const CHALLENGE_LIFE_MS = 120_000;
const RANDOM_BYTES = 16;
const MAC_BYTES = 16;
const STATEMENT = 'Prove that this key is yours. Signing this text pays nothing.';
/** Dead nonces forgotten with each new one: more than are added, so that their number shrinks. */
const SWEEP = 64;

export type ChallengeResult =
  /** `use` marks the nonce used; write it in the same batch as what the login does. */
  | { readonly ok: true; readonly address: Uint8Array; readonly use: readonly KeyValueOperation[] }
  | { readonly ok: false; readonly code: ChallengeFault };

export interface Challenges {
  issue(publicKey: Uint8Array, domain: string): { readonly message: string; readonly expiresAtMs: number };
  /** Checks text, end, key, signature and that it was not used; run it in the lane of whoever writes `use`. */
  check(signed: SignedChallenge): Promise<ChallengeResult>;
}

/** Who asks for whose key: both stand in the text. */
interface Asker {
  readonly domain: string;
  readonly address: string;
}

export interface ChallengeDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  readonly verify: Verifier;
  readonly genesisHash: Uint8Array;
  readonly chainId: string;
}

export function openChallenges({ store, keys, clock, verify, genesisHash, chainId }: ChallengeDeps): Challenges {
  function textOf({ domain, address }: Asker, nonce: string, issuedAt: string, expiration: string): string {
    return `${domain} wants you to sign in with your BillCoin account:\n${address}\n\n${STATEMENT}\n\n`
      + `URI: billcoin://${domain}/auth\nVersion: 1\nChain ID: ${chainId}\nNonce: ${nonce}\nIssued At: ${issuedAt}\nExpiration Time: ${expiration}`;
  }

  /** The random part of a nonce this server made for exactly this text; undefined for any other text. */
  function randomOf(message: string, asker: Asker): { readonly random: string; readonly expiration: string } | undefined {
    const match = /\nNonce: ([A-Za-z0-9_-]{43})\nIssued At: ([0-9TZ:-]{20})\nExpiration Time: ([0-9TZ:-]{20})$/.exec(message);
    const [, nonce = '', issuedAt = '', expiration = ''] = match ?? [];
    const bytes = fromBase64Url(nonce);
    if (bytes?.length !== RANDOM_BYTES + MAC_BYTES || textOf(asker, nonce, issuedAt, expiration) !== message) return undefined;
    const random = toBase64Url(bytes.subarray(0, RANDOM_BYTES));
    const mac = challengeMac(keys, textOf(asker, random, issuedAt, expiration));
    return equalSecret(mac, bytes.subarray(RANDOM_BYTES)) ? { random, expiration } : undefined;
  }

  async function useRows(nonceId: string): Promise<readonly KeyValueOperation[]> {
    const dead = await listRows(store, TABLES.usedNonce, { before: padded(Math.floor(clock.nowMs() / 1_000), 12), limit: SWEEP });
    return [...dead.map(({ id }) => deleteRow(TABLES.usedNonce, id)), putRow(TABLES.usedNonce, nonceId, 1)];
  }

  return {
    issue(publicKey, domain) {
      const issuedAtMs = clock.nowMs();
      const expiresAtMs = Math.floor((issuedAtMs + CHALLENGE_LIFE_MS) / 1_000) * 1_000;
      const asker = { domain, address: formatAddress(addressOf(publicKey)) };
      const random = new Uint8Array(randomBytes(RANDOM_BYTES));
      const times = [rfc3339(issuedAtMs), rfc3339(expiresAtMs)] as const;
      const mac = challengeMac(keys, textOf(asker, toBase64Url(random), ...times));
      return { message: textOf(asker, toBase64Url(Buffer.concat([random, mac])), ...times), expiresAtMs };
    },
    async check({ domain, message, publicKey, signature }) {
      const address = addressOf(publicKey);
      const ours = randomOf(message, { domain, address: formatAddress(address) });
      if (ours === undefined || !verify(publicKey, signingBytes('bill/login/1', genesisHash, utf8(message)), signature)) return { ok: false, code: 'bad_login_signature' };
      const expiresAtMs = Date.parse(ours.expiration);
      if (clock.nowMs() > expiresAtMs) return { ok: false, code: 'challenge_expired' };
      const nonceId = `${padded(expiresAtMs / 1_000, 12)}/${ours.random}`;
      if ((await getRow(store, TABLES.usedNonce, nonceId)) !== undefined) return { ok: false, code: 'challenge_used' };
      return { ok: true, address, use: await useRows(nonceId) };
    },
  };
}
