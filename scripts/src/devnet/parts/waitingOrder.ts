/** An order that waits at a till for whoever pays by hand: its QR text stands in a file, as a phone would scan it. */
import { join } from 'node:path';
import type { Product } from '@billcoin/sdk';
import { writeWhole, type Paths } from '../network.ts';
import type { Till } from './till.ts';

/** Long enough to read the README beside it. */
const LIFE_S = 600;
const RENEW_BEFORE_MS = 120_000;
const LOOK_EVERY_MS = 1_000;

/** Renews the order once it is paid, or before it runs out. Returns what stops it. */
export function keepOrderWaiting(till: Till, paths: Paths, onShelf: () => Product | undefined): () => void {
  let waiting: { readonly ref: string; readonly untilMs: number } | undefined;
  let busy = false;

  async function renew(product: Product): Promise<void> {
    busy = true;
    try {
      const { qr, ref } = await till.order(product, LIFE_S);
      waiting = { ref, untilMs: Date.now() + LIFE_S * 1_000 - RENEW_BEFORE_MS };
      writeWhole(join(paths.run, 'order.txt'), `${qr}\n`);
    } catch (error) {
      console.error(error); // tried again in a second
    } finally {
      busy = false;
    }
  }
  const timer = setInterval(() => {
    const product = onShelf();
    if (busy || product === undefined || (waiting !== undefined && till.isOpen(waiting.ref) && Date.now() < waiting.untilMs)) return;
    void renew(product);
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}
