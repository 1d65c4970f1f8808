/** THE table of transaction kinds (SPEC §5). A new kind is one file and one row here; numbers are never reused. */
import type { KindName } from '../wire/tx.ts';
import { anchor } from './anchor.ts';
import { attest } from './attest.ts';
import { bondDeposit, bondWithdraw } from './bond.ts';
import type { Kind } from './context.ts';
import { delegate, undelegate } from './delegate.ts';
import { editValidator } from './editValidator.ts';
import { holdBatch, recallBatch, writeOffBatch } from './custodyKinds.ts';
import { openBatch } from './openBatch.ts';
import { pay } from './pay.ts';
import { redeem } from './redeem.ts';
import { refund } from './refund.ts';
import { registerDevice, registerMeter, revokeDevice } from './registerDevice.ts';
import { registerFarm, registerMerchant, registerPlant } from './registerParties.ts';
import { registerTill, revokeTill } from './registerTill.ts';
import { rejoin } from './rejoin.ts';
import { reportPrice } from './reportPrice.ts';
import { stake, unstake } from './stake.ts';
import { transfer } from './transfer.ts';
import { voidInvoice } from './voidInvoice.ts';

export const KINDS: Readonly<Record<KindName, Kind>> = {
  transfer, pay, voidInvoice, refund, redeem, openBatch, attest,
  registerMerchant, registerTill, revokeTill, registerFarm, registerPlant, registerDevice, registerMeter, revokeDevice,
  holdBatch, recallBatch, writeOffBatch, bondWithdraw, stake, unstake, delegate, undelegate, editValidator, rejoin, reportPrice, anchor, bondDeposit,
};

export function kindOf(name: KindName): Kind {
  return KINDS[name];
}
