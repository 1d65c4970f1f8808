/** The checks at the end of a day, pure: what the parts recorded against what the chain says. */
import { formatLitres, formatRinggit } from '@billcoin/protocol';
import type { MilkSums, SaleRow } from './audit.ts';
import type { Card } from './loyaltyModel.ts';
import type { LotReport, Purchase } from './messages.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Fewest cartons of a day. */
export const CARTONS_MIN = 300;
/** Litres of a coupon, mL. */
const COUPON_ML = 300;

/** Litres that the custody meter's readings recorded are the litres minted. */
export function checkMinted(lot: LotReport, recordedMl: bigint): Check {
  const mintedMl = BigInt(lot.mintedMl);
  return { name: 'litres minted', ok: recordedMl === mintedMl && mintedMl > 0n, detail: `the custody meter recorded ${formatLitres(recordedMl)} L of lot ${lot.lot}, minted are ${formatLitres(mintedMl)} L` };
}

/** minted − redeemed = supply = custody, and nothing is owed. */
export function checkReserve({ mintedMl, redeemedMl, supplyMl, custodyMl, owedMl }: MilkSums): Check {
  const ok = mintedMl - redeemedMl === supplyMl && supplyMl === custodyMl && owedMl === 0n;
  const litres = formatLitres;
  return { name: 'reserve', ok, detail: `minted ${litres(mintedMl)} − redeemed ${litres(redeemedMl)} = ${litres(mintedMl - redeemedMl)}; supply ${litres(supplyMl)}, custody ${litres(custodyMl)}, gap ${litres(owedMl)} L` };
}

/** Every payment of the wallets stands in the blocks exactly once, and the blocks hold no other. */
export function checkOnce(purchases: readonly Purchase[], inBlocks: readonly string[]): Check {
  const times = new Map<string, number>();
  for (const txHash of inBlocks) times.set(txHash, (times.get(txHash) ?? 0) + 1);
  const missing = purchases.filter(({ txHash }) => !times.has(txHash)).length;
  const doubled = [...times.values()].filter((count) => count !== 1).length;
  const known = new Set(purchases.map(({ txHash }) => txHash));
  const foreign = inBlocks.filter((txHash) => !known.has(txHash)).length;
  const ok = missing === 0 && doubled === 0 && foreign === 0 && known.size === purchases.length && purchases.length >= CARTONS_MIN;
  return { name: 'payments', ok, detail: `${purchases.length} in the wallets, ${inBlocks.length} in the blocks; ${missing} missing, ${doubled} doubled, ${foreign} foreign; at least ${CARTONS_MIN} wanted` };
}

/** A till has verified the proof of every payment. */
export function checkTills(purchases: readonly Purchase[], paidRefs: ReadonlySet<string>, open: number): Check {
  const unseen = purchases.filter(({ ref }) => !paidRefs.has(ref)).length;
  return { name: 'tills', ok: unseen === 0 && open === 0, detail: `proofs verified for ${paidRefs.size} orders, ${unseen} payments unseen, ${open} orders open` };
}

/** Points and coupons of every student as his purchases must have given them. */
export function checkCoupons(expected: readonly Card[], onChain: readonly Card[]): Check {
  const wrong = expected.filter((card, index) => {
    const other = onChain[index];
    return other === undefined || other.points !== card.points || other.earned !== card.earned || other.spent !== card.spent;
  }).length;
  const sum = (cards: readonly Card[], of: (card: Card) => number): number => cards.reduce((total, card) => total + of(card), 0);
  const text = (cards: readonly Card[]): string => `${sum(cards, ({ earned }) => earned)} coupons, ${sum(cards, ({ spent }) => spent)} spent, ${sum(cards, ({ points }) => points)} points`;
  return { name: 'coupons', ok: wrong === 0 && expected.length === onChain.length, detail: `expected ${text(expected)}; on chain ${text(onChain)}; ${wrong} students differ` };
}

/** What a payment adds to the month, sen: the part the wallet paid. */
export function paidSen({ sen, amountMl, coupon }: Pick<Purchase, 'sen' | 'amountMl' | 'coupon'>): number {
  const ownMl = coupon === null ? amountMl : amountMl - Math.min(amountMl, COUPON_ML);
  return Math.floor((2 * sen * ownMl + amountMl) / (2 * amountMl)); // half up
}

/** The export holds every payment of the wallets once, with its amount, final and with a student; others are counted apart. */
export function checkExport(purchases: readonly Purchase[], rows: readonly SaleRow[]): Check {
  const expected = new Map(purchases.map((purchase) => [purchase.txHash, paidSen(purchase)]));
  const ours = rows.filter(({ txHash }) => expected.has(txHash));
  const wrong = ours.filter(({ txHash, sen, status, student }) => sen !== expected.get(txHash) || status !== 'Final' || student === '').length;
  const exportedSen = ours.reduce((sum, { sen }) => sum + sen, 0);
  const paid = [...expected.values()].reduce((sum, sen) => sum + sen, 0);
  const ok = wrong === 0 && ours.length === expected.size && new Set(ours.map(({ txHash }) => txHash)).size === ours.length && exportedSen === paid;
  return { name: 'export', ok, detail: `${ours.length} rows sum to RM ${formatRinggit(BigInt(exportedSen))}, the wallets paid RM ${formatRinggit(BigInt(paid))} in ${expected.size} payments; ${wrong} rows wrong, ${rows.length - ours.length} rows of others` };
}

/** An auditor who makes the export again from the blocks finds the same, and what he finds else is named. */
export function checkAudit({ rows, differences }: { readonly rows: number; readonly differences: readonly string[] }): Check {
  const [first = ''] = differences;
  return { name: 'audit', ok: differences.length === 0 && rows > 0, detail: `${rows} rows made again from the blocks, ${differences.length} differences${first === '' ? '' : `: ${first}`}` };
}
