/**
 * What the wallets remember of their purchases. A Pay is written down before it is sent, a purchase when it is final: a
 * wallet that was stopped between the two asks the chain what became of it, so no payment is forgotten or made twice.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Purchase } from './messages.ts';

/** A purchase before its end is known. */
export type SignedPurchase = Omit<Purchase, 'height' | 'timeMs'>;

const purchasePath = (root: string): string => join(root, 'wallets', 'purchases.jsonl');
const signedPath = (root: string): string => join(root, 'wallets', 'signed.jsonl');

function append(path: string, line: object): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  appendFileSync(path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
}

function linesOf<T>(path: string): readonly T[] {
  if (!existsSync(path)) return [];
  // A line that was cut off by a kill was not sent yet.
  return readFileSync(path, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line) as T);
}

export function keepSigned(root: string, signed: SignedPurchase): void {
  append(signedPath(root), signed);
}

export function keepPurchase(root: string, purchase: Purchase): void {
  append(purchasePath(root), purchase);
}

/** All purchases of all runs, oldest first. */
export function readPurchases(root: string): readonly Purchase[] {
  return linesOf<Purchase>(purchasePath(root));
}

/** Signed and not known to have ended. */
export function readUnsettled(root: string): readonly SignedPurchase[] {
  const settled = new Set(readPurchases(root).map(({ txHash }) => txHash));
  return linesOf<SignedPurchase>(signedPath(root)).filter(({ txHash }) => !settled.has(txHash));
}

/** Every signed Pay has ended: the list begins anew. */
export function clearSigned(root: string): void {
  rmSync(signedPath(root), { force: true });
}
