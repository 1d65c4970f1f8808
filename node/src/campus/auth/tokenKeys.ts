/**
 * The keys that sign access tokens: one file, `token-keys.json`, mode 0600, in the key folder and apart from the campus
 * keys, so that a rotation touches nothing else. Of a key that was replaced only the public half is kept, until the last
 * token it signed has ended.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { assert, ed25519PublicKey, fromHex, toBase64Url, toHex } from '@billcoin/protocol';
import { importJWK, type CryptoKey } from 'jose';
import type { PublicJwk } from '../../authPorts.ts';
import type { Clock } from '../../ports.ts';
import { readKeyText, replaceKeyFile } from '../keyFile.ts';

export const TOKEN_KEY_FILE = 'token-keys.json';
const FORMAT = 'billcoin-token-keys/1';
const SEED_BYTES = 32;
const KID_CHARACTERS = 16;

interface OldKey {
  readonly publicKey: Uint8Array;
  /** Its last token has ended by then. */
  readonly untilMs: number;
}
interface KeyFile {
  readonly seed: Uint8Array;
  readonly previous: readonly OldKey[];
}

interface SigningKey {
  readonly kid: string;
  readonly key: CryptoKey;
}

export interface TokenKeys {
  signing(): SigningKey;
  /** Undefined for a key id that this node does not know (any more). */
  verifying(kid: string): CryptoKey | undefined;
  publicKeys(): readonly PublicJwk[];
  /** Resolves with the new key's id once it is on disk. Not to be called twice at once. */
  rotate(): Promise<string>;
}

/** Ids say nothing and need no table: the first digits of the key itself. */
function kidOf(publicKey: Uint8Array): string {
  return toHex(publicKey).slice(0, KID_CHARACTERS);
}

function jwkOf(publicKey: Uint8Array): PublicJwk {
  return { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(publicKey), kid: kidOf(publicKey), alg: 'EdDSA', use: 'sig' };
}

async function importKey(publicKey: Uint8Array, seed?: Uint8Array): Promise<CryptoKey> {
  const key = await importJWK({ ...jwkOf(publicKey), ...(seed === undefined ? {} : { d: toBase64Url(seed) }) }, 'EdDSA');
  assert(!(key instanceof Uint8Array), 'an OKP key is no secret');
  return key;
}

function textOf({ seed, previous }: KeyFile): string {
  return `${JSON.stringify({ format: FORMAT, seed: toHex(seed), previous: previous.map(({ publicKey, untilMs }) => ({ publicKey: toHex(publicKey), untilMs })) }, undefined, 2)}\n`;
}

function bytesOf(value: unknown, path: string): Uint8Array {
  const bytes = typeof value === 'string' ? fromHex(value) : undefined;
  if (bytes?.length !== SEED_BYTES) throw new Error(`${path} holds a key that is not 64 hex digits; remove the file: a new key is made, and everybody logs in again`);
  return bytes;
}

function fromText(text: string, path: string): KeyFile {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON; remove it: a new key is made, and everybody logs in again`, { cause: error });
  }
  const { format, seed, previous } = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
  if (format !== FORMAT || !Array.isArray(previous)) throw new Error(`${path} is not of format ${FORMAT}; remove it: a new key is made, and everybody logs in again`);
  return {
    seed: bytesOf(seed, path),
    previous: (previous as readonly Readonly<Record<string, unknown>>[]).map(({ publicKey, untilMs }) => ({ publicKey: bytesOf(publicKey, path), untilMs: Number(untilMs) })),
  };
}

/**
 * Reads the keys from `folder`, or makes one at the first start. `lifeMs` is how long a token lives.
 * Throws where others may read the file or where it is damaged.
 */
export async function openTokenKeys(folder: string, clock: Clock, lifeMs: number): Promise<TokenKeys> {
  const path = join(folder, TOKEN_KEY_FILE);
  const text = await readKeyText(path);
  const file: KeyFile = text === undefined ? { seed: new Uint8Array(randomBytes(SEED_BYTES)), previous: [] } : fromText(text, path);
  if (text === undefined) await replaceKeyFile(path, textOf(file));
  let held = file;
  let signing: SigningKey;
  const verifying = new Map<string, CryptoKey>();

  const alive = (): readonly OldKey[] => held.previous.filter(({ untilMs }) => untilMs > clock.nowMs());

  async function take(keys: KeyFile): Promise<void> {
    held = keys;
    const publicKey = ed25519PublicKey(keys.seed);
    signing = { kid: kidOf(publicKey), key: await importKey(publicKey, keys.seed) };
    verifying.clear();
    for (const key of [publicKey, ...alive().map((old) => old.publicKey)]) verifying.set(kidOf(key), await importKey(key));
  }
  await take(file);

  return {
    signing: () => signing,
    verifying: (kid) => verifying.get(kid),
    publicKeys: () => [ed25519PublicKey(held.seed), ...alive().map(({ publicKey }) => publicKey)].map(jwkOf),
    async rotate() {
      const next: KeyFile = { seed: new Uint8Array(randomBytes(SEED_BYTES)), previous: [{ publicKey: ed25519PublicKey(held.seed), untilMs: clock.nowMs() + lifeMs }, ...alive()] };
      await replaceKeyFile(path, textOf(next));
      await take(next);
      return signing.kid;
    },
  };
}
