/** An order that waits at a till for whoever pays by hand: its QR text stands in a file, as a phone would scan it. */
import { join } from 'node:path';
import { writeWhole, type Paths } from '../network.ts';
import type { Till } from './till.ts';

/** Long enough to read the README beside it. */
const LIFE_S = 600;
const RENEW_BEFORE_MS = 120_000;
const LOOK_EVERY_MS = 1_000;

/** Renews the order once it is paid, or before it runs out. Returns what stops it. */
export function keepOrderWaiting(till: Till, paths: Paths, shelfLot: () => string | undefined): () => void {
  let waiting: { readonly ref: string; readonly untilMs: number } | undefined;
  let busy = false;

  async function renew(lot: string): Promise<void> {
    busy = true;
    try {
      const { qr, ref } = await till.order(lot, LIFE_S);
      waiting = { ref, untilMs: Date.now() + LIFE_S * 1_000 - RENEW_BEFORE_MS };
      writeWhole(join(paths.run, 'order.txt'), `${qr}\n`);
    } catch (error) {
      console.error(error); // tried again in a second
    } finally {
      busy = false;
    }
  }
  const timer = setInterval(() => {
    const lot = shelfLot();
    if (busy || lot === undefined || (waiting !== undefined && till.isOpen(waiting.ref) && Date.now() < waiting.untilMs)) return;
    void renew(lot);
  }, LOOK_EVERY_MS);
  return () => clearInterval(timer);
}
