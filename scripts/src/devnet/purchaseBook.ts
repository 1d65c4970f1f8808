/** What the wallets remember of their purchases: one line each, appended when the payment is final. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Purchase } from './messages.ts';

export function purchasePath(root: string): string {
  return join(root, 'wallets', 'purchases.jsonl');
}

export function keepPurchase(root: string, purchase: Purchase): void {
  mkdirSync(dirname(purchasePath(root)), { recursive: true, mode: 0o700 });
  appendFileSync(purchasePath(root), `${JSON.stringify(purchase)}\n`, { mode: 0o600 });
}

/** All purchases of all runs, oldest first. */
export function readPurchases(root: string): readonly Purchase[] {
  if (!existsSync(purchasePath(root))) return [];
  return readFileSync(purchasePath(root), 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Purchase);
}
