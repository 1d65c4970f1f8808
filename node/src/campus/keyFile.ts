/**
 * The campus keys: one file, `campus-keys.json`, mode 0600, in the node's key folder and never in the database. Whoever has
 * the database without this file has nothing; whoever loses the file has lost the roster. Back it up apart from the data.
 * Keys of pseudonyms rotate; the others hold what is stored together and stay (SPEC §19.5).
 */
import { randomBytes } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readSecretText } from '../secretFile.ts';

export const CAMPUS_KEY_FILE = 'campus-keys.json';
const FORMAT = 'billcoin-campus-keys/1';
const KEY_BYTES = 32;

/** What a pseudonym is for; one key each, so that two lists of pseudonyms cannot be joined. */
export const PURPOSES = ['export', 'ops', 'api'] as const;
export type Purpose = (typeof PURPOSES)[number];

export interface CampusKeys {
  /** Wraps the students' keys. */
  readonly master: Uint8Array;
  /** Blind indexes of student ids and addresses. */
  readonly index: Uint8Array;
  /** One-time codes and challenges. */
  readonly code: Uint8Array;
  /** The newest generation: a rotation puts another one in its place. */
  readonly purposes: PurposeKeys;
}
export type PurposeKeys = Readonly<Record<Purpose, Uint8Array>>;

const freshKey = (): Uint8Array => new Uint8Array(randomBytes(KEY_BYTES));
const freshPurposes = (): PurposeKeys => ({ export: freshKey(), ops: freshKey(), api: freshKey() });

/** Fresh keys in memory; for tests and for the first start. */
export function makeCampusKeys(): CampusKeys {
  return { master: freshKey(), index: freshKey(), code: freshKey(), purposes: freshPurposes() };
}

function toText(keys: CampusKeys): string {
  const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
  const purposes = Object.fromEntries(PURPOSES.map((purpose) => [purpose, hex(keys.purposes[purpose])]));
  return `${JSON.stringify({ format: FORMAT, master: hex(keys.master), index: hex(keys.index), code: hex(keys.code), purposes }, undefined, 2)}\n`;
}

function keyOf(value: unknown, name: string, path: string): Uint8Array {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) throw new Error(`${path}: "${name}" is not a key of 64 hex digits; restore the file from its backup`);
  return new Uint8Array(Buffer.from(value, 'hex'));
}

function fromText(text: string, path: string): CampusKeys {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON; restore it from its backup`, { cause: error });
  }
  const record = (typeof parsed === 'object' && parsed !== null ? parsed : {}) as Record<string, unknown>;
  if (record['format'] !== FORMAT) throw new Error(`${path} is not of format ${FORMAT}; restore it from its backup`);
  const purposes = (record['purposes'] ?? {}) as Record<string, unknown>;
  const purposeKey = (purpose: Purpose): Uint8Array => keyOf(purposes[purpose], `purposes.${purpose}`, path);
  return {
    master: keyOf(record['master'], 'master', path),
    index: keyOf(record['index'], 'index', path),
    code: keyOf(record['code'], 'code', path),
    purposes: { export: purposeKey('export'), ops: purposeKey('ops'), api: purposeKey('api') },
  };
}

/** The text of a file of keys; undefined where there is none. Throws where others may read it. */
export async function readKeyText(path: string): Promise<string | undefined> {
  try {
    return await readSecretText(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/** Writes a file of keys, mode 0600: there whole or not at all, so that a crash in the middle leaves what stood there. */
export async function replaceKeyFile(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(text, 'utf8');
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  const parent = await open(dirname(path), 'r');
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

export interface OpenedKeys {
  readonly keys: CampusKeys;
  readonly created: boolean;
  readonly path: string;
  /**
   * New keys for all purposes, in `keys` once they are on disk. The old ones are forgotten: what they made stands in rows
   * and is never made again. Not to be called twice at once, nor while a pseudonym is being written.
   */
  rotatePurposes(): Promise<void>;
}

/**
 * Reads the keys from `folder`, or makes them at the first start (`created` true). Throws where others may read the file
 * or where it is damaged: new keys would make every stored student unreadable, so none are made then.
 */
export async function openCampusKeys(folder: string): Promise<OpenedKeys> {
  const path = join(folder, CAMPUS_KEY_FILE);
  const text = await readKeyText(path);
  const held = text === undefined ? undefined : fromText(text, path);
  const keys = { ...(held ?? makeCampusKeys()) };
  if (held === undefined) await replaceKeyFile(path, toText(keys));
  return {
    keys, path, created: held === undefined,
    async rotatePurposes() {
      const purposes = freshPurposes();
      await replaceKeyFile(path, toText({ ...keys, purposes }));
      keys.purposes = purposes;
    },
  };
}
