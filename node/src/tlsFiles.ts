/**
 * Certificate and key of the API's TLS: files that the operator names, or a certificate for development that is made once in
 * the key folder. A pair that does not belong together is refused before anybody is served with it.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isIP } from 'node:net';
import { StorageFailure } from './storageFailure.ts';

export const DEV_CERTIFICATE_FILE = 'dev-tls-cert.pem';
export const DEV_KEY_FILE = 'dev-tls-key.pem';
/** What browsers take at most. */
const DEV_LIFE_MS = 397 * 86_400_000;
/** Rights of others: whoever reads the key can be this server. A group may, for programs that renew certificates. */
const WORLD_MASK = 0o007;

export interface TlsFiles {
  readonly certPath: string;
  readonly keyPath: string;
}

/** A checked pair, PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  /** Names and end of the certificate, for the log. */
  readonly names: string;
  readonly validToMs: number;
}

function refuse(why: string, remedy: string, cause?: unknown): StorageFailure {
  return new StorageFailure('no_key', why, remedy, { cause });
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw refuse(`The ${what} ${path} cannot be read.`, 'Check its path, owner and rights.', error);
  }
}

function certificateOf(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw refuse(`${path} is no certificate in PEM form.`, 'Point --tls-cert at the chain, the server\'s own certificate first.', error);
  }
}

/** Reads and checks a pair. Throws StorageFailure `no_key` with what to do. */
export async function readTlsPair({ certPath, keyPath }: TlsFiles): Promise<TlsPair> {
  const [cert, key] = [await read(certPath, 'certificate'), await read(keyPath, 'TLS key')];
  const { mode } = await stat(keyPath);
  if ((mode & WORLD_MASK) !== 0) throw refuse(`The TLS key ${keyPath} may be read by everybody (mode ${(mode & 0o777).toString(8)}).`, `Run: chmod o= ${keyPath}`);
  const certificate = certificateOf(certPath, cert);
  let isOwn: boolean;
  try {
    isOwn = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw refuse(`${keyPath} is no private key in PEM form without a password.`, 'Point --tls-key at the key of the certificate.', error);
  }
  if (!isOwn) throw refuse(`The key in ${keyPath} is not the one of the certificate in ${certPath}.`, 'Point --tls-cert and --tls-key at files of one pair; with several certificates in the file the server\'s own stands first.');
  return { cert, key, names: certificate.subjectAltName ?? certificate.subject, validToMs: Date.parse(certificate.validTo) };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** A certificate that signs itself, for this machine's names and `host`. */
async function makeDevPair({ certPath, keyPath }: TlsFiles, host: string, nowMs: number): Promise<void> {
  const { generate } = await import('selfsigned');
  const names = [...new Set(['localhost', hostname(), '127.0.0.1', '::1', host])];
  const altNames = names.map((name) => (isIP(name) === 0 ? { type: 2 as const, value: name } : { type: 7 as const, ip: name }));
  const made = await generate([{ name: 'commonName', value: 'BillCoin development' }], {
    keyType: 'ec', curve: 'P-256', algorithm: 'sha256', notBeforeDate: new Date(nowMs), notAfterDate: new Date(nowMs + DEV_LIFE_MS),
    // It is its own root: a client that is given the file trusts this server and nothing else.
    extensions: [{ name: 'basicConstraints', cA: false, critical: true }, { name: 'keyUsage', digitalSignature: true, critical: true }, { name: 'extKeyUsage', serverAuth: true }, { name: 'subjectAltName', altNames }],
  });
  await writeFile(keyPath, made.private, { mode: 0o600 });
  await writeFile(certPath, made.cert, { mode: 0o644 });
}

/** The development pair of a key folder, made where there is none or it has ended. `isNew`: clients must be given the certificate. */
export async function openDevPair(keyDir: string, host: string, nowMs: number): Promise<{ readonly files: TlsFiles; readonly isNew: boolean }> {
  const files = { certPath: join(keyDir, DEV_CERTIFICATE_FILE), keyPath: join(keyDir, DEV_KEY_FILE) };
  if ((await exists(files.certPath)) && (await exists(files.keyPath)) && (await readTlsPair(files)).validToMs > nowMs) return { files, isNew: false };
  await makeDevPair(files, host, nowMs);
  return { files, isNew: true };
}
