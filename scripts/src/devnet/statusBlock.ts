/** The block of figures that is printed every five seconds. */
import { formatLitres } from '@billcoin/protocol';
import type { MilkSums } from './audit.ts';
import type { Memory } from './memory.ts';
import { reasonOf, type ReadingCounts } from './oracleView.ts';
import type { Percentiles } from './tally.ts';

export interface Figures {
  readonly height: number;
  readonly milk: MilkSums;
  readonly payments: number;
  readonly times: Percentiles | undefined;
  readonly coupons: { readonly earned: number; readonly spent: number };
  readonly readings: ReadingCounts | undefined;
  readonly processes: number;
  readonly restarts: number;
  readonly memory: Memory | undefined;
}

function readingsText(readings: ReadingCounts | undefined): readonly string[] {
  if (readings === undefined) return ['readings  no oracle answers at the moment'];
  const { byVerdict, refused, repeated } = readings;
  const accepted = (byVerdict['ok'] ?? 0) + (byVerdict['flag'] ?? 0);
  return [
    `readings  ${accepted} accepted · ${byVerdict['hold'] ?? 0} held · ${byVerdict['reject'] ?? 0} rejected · ${repeated} sent again`,
    ...refused.map(({ rule, verdict, count }) => `          ${count} × R${String(rule).padStart(2, '0')} ${verdict}: ${reasonOf(rule)}`),
  ];
}

export function statusBlock(figures: Figures, time: string): string {
  const { height, milk, payments, times, coupons, readings, processes, restarts, memory } = figures;
  const litres = formatLitres;
  const speed = times === undefined ? '' : ` · signed to "Paid" at the till p50 ${times.p50Ms} ms, p95 ${times.p95Ms} ms`;
  const memoryText = memory === undefined ? '' : `, ${Math.round(memory.residentMb)} MB resident (${Math.round(memory.sharedOnceMb)} MB with shared pages counted once)`;
  return [
    `── ${time} UTC · block ${height} · ${processes} processes${restarts === 0 ? '' : `, ${restarts} restarted`}${memoryText}`,
    `milk      minted ${litres(milk.mintedMl)} L · redeemed ${litres(milk.redeemedMl)} L · supply ${litres(milk.supplyMl)} L · custody ${litres(milk.custodyMl)} L · gap ${litres(milk.owedMl)} L`,
    `payments  ${payments} final${speed} · coupons ${coupons.earned} earned, ${coupons.spent} spent`,
    ...readingsText(readings),
  ].join('\n');
}
