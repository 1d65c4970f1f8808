/** One day of the devnet, as a person would tell it: milk, mint, trade, shelf, students. */
import { formatLitres, formatRinggit, mlToSen } from '@billcoin/protocol';
import { SPLIT_SENTENCE } from './herd.ts';
import type { Call, LotReport } from './messages.ts';
import { STUDENTS } from './network.ts';

export interface DayPlan {
  readonly day: number;
  /** Cartons that each student buys. */
  readonly cartons: number;
  /** Time over which the purchases of a day are spread, ms; 0 as fast as it goes. */
  readonly spreadMs: number;
  /** Batch of a day whose milk must leave before it expires. */
  readonly oldBatch: string | undefined;
}

/** Price in force of the devnet's genesis, sen per litre: for the sentences only. */
const PRICE_SEN = 600n;
/** A carton holds 250 mL; its price buys 300 mL at RM 6.00, the difference is the cafeteria's margin. */
const CARTON_ML = 250;
const CARTON_PRICE_ML = 300;
/** More than a day's cartons cost a student. */
const POCKET_SPARE_ML = 300;
const FEE_ML = 1;

const litres = (amountMl: number): string => `${formatLitres(BigInt(amountMl))} L`;
const ringgit = (amountMl: number): string => `RM ${formatRinggit(mlToSen(BigInt(amountMl), PRICE_SEN))}`;
const kg = (grams: number): string => `${(grams / 1_000).toFixed(1)} kg`;

/** Runs a day; throws where a part could not do its share. */
export async function runDay(call: Call, say: (text: string) => void, { day, cartons, spreadMs, oldBatch }: DayPlan): Promise<LotReport> {
  const lot = await call('dairy', 'produce', { day });
  say(`day ${day}: ${lot.cows} cows on three farms gave ${kg(lot.dailyG)} = ${litres(lot.milkedMl)}. ${SPLIT_SENTENCE}`);
  say(`day ${day}: the plant filled ${litres(lot.filledMl)} (0.5 % stays in the pipes); three of four oracles agreed: ${litres(lot.mintedMl)} minted as batch ${lot.batchKey.slice(0, 8)}…`);
  if (oldBatch !== undefined) {
    const { redeemedMl } = await call('treasury', 'trade', { batchKey: oldBatch });
    if (redeemedMl > 0) say(`day ${day}: ${litres(redeemedMl)} of an older batch left custody in ordinary trade`);
  }
  const { soldMl } = await call('dairy', 'sell', {});
  say(`day ${day}: the treasury bought ${litres(soldMl)} from farms and plant for ${ringgit(soldMl)}`);
  const { linked } = await call('wallets', 'link', {});
  const shelfMl = cartons * STUDENTS * CARTON_ML;
  const { paidMl } = await call('treasury', 'topUp', { studentMl: cartons * CARTON_PRICE_ML + POCKET_SPARE_ML, cafeteriaMl: shelfMl + FEE_ML });
  say(`day ${day}: ${linked} wallets are linked; students and cafeteria were topped up by ${litres(paidMl)} for ${ringgit(paidMl)}`);
  const { redeemedMl } = await call('cafeteria', 'restock', { batchKey: lot.batchKey, lot: lot.lot, amountMl: shelfMl });
  say(`day ${day}: the cafeteria took ${litres(redeemedMl)} for its shelf, plant and cafeteria signed the delivery; the till opens`);
  const { purchases } = await call('wallets', 'shop', { cartons, spreadMs });
  await call('cafeteria', 'settled', {});
  const earned = await call('cafeteria', 'sell', {});
  say(`day ${day}: ${purchases} cartons were paid; the cafeteria sold ${litres(earned.soldMl)} to the treasury`);
  return lot;
}
