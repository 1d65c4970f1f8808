/**
 * Points and coupons (SPEC §6.3, US-005): a point for a Pay of own balance, five points make a coupon of the merchant.
 * A card is named by the Pay that gave its first point; the coupon it turns into keeps that name.
 */
import { equalBytes, toHex } from '../lib/bytes.ts';
import type { ChainEvent } from '../wire/tx.ts';
import type { CardRow, CouponRow, ParamsRow } from '../wire/state.ts';
import { cardId as cardKey, dayOf, ROWS } from './layout.ts';
import type { Draft, View } from './view.ts';

/** Points that turn a card into a coupon (US-005.2). Frozen at genesis. */
export const POINTS_PER_COUPON = 5;
export const COUPON = { unspent: 1, spent: 2, cancelled: 3 } as const;
/** A moved card is followed at most this far; each step needs a cancelled coupon of five paid points. */
const MOVES_MAX = 64;

export interface LoyaltyContext {
  readonly draft: Draft;
  readonly params: ParamsRow;
  readonly env: { readonly timeMs: number };
  emit(event: ChainEvent): void;
}

function cardAt(context: LoyaltyContext, merchant: Uint8Array, account: Uint8Array): CardRow {
  const { draft, env } = context;
  const row = draft.get(ROWS.card, cardKey(merchant, account));
  const day = dayOf(env.timeMs);
  // Times decide, not whether the dead row was swept yet.
  if (row === undefined || env.timeMs > row.untilMs) return { points: 0, day, pointsOfDay: 0, untilMs: 0 };
  return row.day === day ? row : { ...row, day, pointsOfDay: 0 };
}

/** Adds points to the card; at five it becomes a coupon and the rest goes to a new card named by `nameId`. */
function addPoints(context: LoyaltyContext, merchant: Uint8Array, account: Uint8Array, card: CardRow, points: number, nameId: Uint8Array): Uint8Array {
  const { draft, params, env, emit } = context;
  const cardId = card.cardId ?? nameId;
  const sum = card.points + points;
  const untilMs = env.timeMs + params.couponLifeMs;
  const shared = { day: card.day, pointsOfDay: card.pointsOfDay, untilMs };
  if (sum < POINTS_PER_COUPON) {
    draft.put(ROWS.card, cardKey(merchant, account), { ...shared, cardId, points: sum });
    return cardId;
  }
  const left = sum - POINTS_PER_COUPON;
  draft.put(ROWS.card, cardKey(merchant, account), left === 0 ? { ...shared, points: 0 } : { ...shared, cardId: nameId, points: left });
  draft.put(ROWS.coupon, toHex(cardId), { owner: account, merchant, couponMl: params.couponMl, expiresAtMs: untilMs, state: COUPON.unspent });
  emit({ case: 'couponIssued', value: { account, merchant, couponId: cardId, couponMl: params.couponMl, expiresAtMs: untilMs } });
  return cardId;
}

/** Gives one point unless the day's limit is reached; returns the card it went to. */
export function earnPoint(context: LoyaltyContext, merchant: Uint8Array, account: Uint8Array, txId: Uint8Array): Uint8Array | undefined {
  const card = cardAt(context, merchant, account);
  if (card.pointsOfDay >= context.params.pointsPerDay) return undefined;
  const cardId = card.cardId ?? txId;
  context.emit({ case: 'pointEarned', value: { account, merchant, points: card.points + 1, cardId } });
  return addPoints(context, merchant, account, { ...card, pointsOfDay: card.pointsOfDay + 1 }, 1, txId);
}

/** The coupon or card that a point sits on now, after cancelled coupons moved their other points. */
export function couponOfPoint(draft: View, cardId: Uint8Array): { readonly cardId: Uint8Array; readonly coupon: CouponRow | undefined } {
  let at = cardId;
  for (let move = 0; move < MOVES_MAX; move++) {
    const coupon = draft.get(ROWS.coupon, toHex(at));
    if (coupon?.state !== COUPON.cancelled || coupon.movedTo === undefined) return { cardId: at, coupon };
    at = coupon.movedTo;
  }
  return { cardId: at, coupon: draft.get(ROWS.coupon, toHex(at)) };
}

/** Takes back the point of a refunded Pay: off its card, or by cancelling the unspent coupon it sits in. */
export function takePoint(context: LoyaltyContext, merchant: Uint8Array, account: Uint8Array, cardId: Uint8Array, refundId: Uint8Array): void {
  const { draft, env, emit } = context;
  const at = couponOfPoint(draft, cardId);
  const card = cardAt(context, merchant, account);
  if (at.coupon === undefined) {
    if (card.cardId === undefined || !equalBytes(card.cardId, at.cardId) || card.points === 0) return;
    const points = card.points - 1;
    draft.put(ROWS.card, cardKey(merchant, account), { ...card, points, cardId: points === 0 ? undefined : card.cardId });
    emit({ case: 'pointTaken', value: { account, merchant, points } });
    return;
  }
  if (at.coupon.state !== COUPON.unspent) return;
  // An expired coupon is worth nothing any more: its points do not come back to life.
  const alive = env.timeMs <= at.coupon.expiresAtMs;
  const movedTo = alive ? (card.cardId ?? refundId) : undefined;
  draft.put(ROWS.coupon, toHex(at.cardId), { ...at.coupon, state: COUPON.cancelled, movedTo });
  emit({ case: 'couponCancelled', value: { couponId: at.cardId, movedTo } });
  if (alive) addPoints(context, merchant, account, card, POINTS_PER_COUPON - 1, refundId);
}
