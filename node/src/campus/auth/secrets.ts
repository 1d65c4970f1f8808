/**
 * Passwords, PINs and secrets of programs. What people type is hashed with scrypt over a keyed hash (a pepper), so that a
 * copy of the database alone lets nobody try passwords; what a program keeps has 128 bits or more and needs the keyed hash only.
 */
import { randomBytes, randomInt, scrypt, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { fromField, toField } from '../../rowBytes.ts';
import { equalSecret, secretMac } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import { openLane } from '../lane.ts';

export interface ScryptCost {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

/**
 * 32 MiB and about 250 ms of one core: the OWASP Password Storage Cheat Sheet's row N = 2^15, r = 8, p = 3, equal in
 * strength to its first (2^17, p = 1) with a quarter of the memory, because the node shares its machine with consensus.
 */
export const PASSWORD_COST: ScryptCost = { log2N: 15, r: 8, p: 3 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** One at a time, so that logins never take more than one core and 32 MiB; these many may wait, some eight seconds. */
const WAITING_MAX = 32;

/** A password that the server makes has 80 bits: 16 characters of 32. */
const PASSWORD_CHARACTERS = 16;
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SECRET_BYTES = 32;

const scryptAsync = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

export interface Secrets {
  /** `scrypt$15$8$3$salt$hash`. Rejects with CampusBusy where too many wait. */
  hash(password: string): Promise<string>;
  /** The same work for a stored hash and for none, so that the time does not tell whether there is an account. */
  matches(stored: string | undefined, password: string): Promise<boolean>;
}

function derive(pepper: Uint8Array, salt: Uint8Array, { log2N, r, p }: ScryptCost): Promise<Uint8Array> {
  const N = 2 ** log2N;
  // Node refuses at exactly 128·N·r; twice as much leaves it room.
  return scryptAsync(pepper, salt, HASH_BYTES, { N, r, p, maxmem: 256 * N * r });
}

export function openSecrets(keys: CampusKeys, cost: ScryptCost = PASSWORD_COST): Secrets {
  const lane = openLane(WAITING_MAX);
  const pepper = (password: string): Uint8Array => secretMac(keys, 'password', password.normalize('NFC'));
  const nobody = { salt: new Uint8Array(randomBytes(SALT_BYTES)), hash: new Uint8Array(randomBytes(HASH_BYTES)) };

  return {
    hash: (password) => lane.run(async () => {
      const salt = new Uint8Array(randomBytes(SALT_BYTES));
      return ['scrypt', cost.log2N, cost.r, cost.p, toField(salt), toField(await derive(pepper(password), salt, cost))].join('$');
    }),
    matches: (stored, password) => lane.run(async () => {
      if (stored === undefined) {
        equalSecret(await derive(pepper(password), nobody.salt, cost), nobody.hash);
        return false;
      }
      const [, log2N, r, p, salt = '', hash = ''] = stored.split('$');
      return equalSecret(await derive(pepper(password), fromField(salt), { log2N: Number(log2N), r: Number(r), p: Number(p) }), fromField(hash));
    }),
  };
}

/** A password nobody thought up, in groups of four: `K7QX-…`. */
export function makePassword(): string {
  const characters = Array.from({ length: PASSWORD_CHARACTERS }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
  return characters.replace(/(.{4})(?=.)/g, '$1-');
}

/** The secret of a program, 256 bits in base64url. */
export function makeSecret(): string {
  return toField(new Uint8Array(randomBytes(SECRET_BYTES)));
}
