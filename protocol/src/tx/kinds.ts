/** THE table of transaction kinds (SPEC §5). A new kind is one file and one row here; numbers are never reused. */
import type { KindName } from '../wire/tx.ts';
import { attest } from './attest.ts';
import type { Kind } from './context.ts';
import { openBatch } from './openBatch.ts';
import { pay } from './pay.ts';
import { redeem } from './redeem.ts';
import { refund } from './refund.ts';
import { transfer } from './transfer.ts';

export const KINDS: Readonly<Record<KindName, Kind>> = { transfer, pay, refund, redeem, openBatch, attest };

export function kindOf(name: KindName): Kind {
  return KINDS[name];
}
