/**
 * Points and coupons (SPEC §6.3, US-005): a point for a Pay of own balance, five points make a coupon of the merchant.
 * A card is named by the Pay that gave its first point; the coupon it turns into keeps that name.
 */
import { assert } from '../lib/assert.ts';
import type { Millilitres } from '../lib/amount.ts';
import { equalBytes, toHex } from '../lib/bytes.ts';
import type { ChainEvent } from '../wire/tx.ts';
import type { CardRow, CouponRow, ParamsRow } from '../wire/state.ts';
import { cardId as cardKey, dayOf, ROWS } from './layout.ts';
import { paramsOf } from './params.ts';
import type { Draft, View } from './view.ts';

/** Points that turn a card into a coupon (US-005.2). Frozen at genesis. */
export const POINTS_PER_COUPON = 5;
export const COUPON = { unspent: 1, spent: 2, cancelled: 3 } as const;
/**
 * A moved card is followed at most this far. Each step is a coupon that a refund cancelled while the payment could still be
 * refunded itself, and each payment cancels one at most: those of 31 days before and after it, 100 a day (bounds of the
 * parameters), and a margin.
 */
const MOVES_MAX = 6_400;

export interface LoyaltyContext {
  readonly draft: Draft;
  readonly params: ParamsRow;
  readonly env: { readonly timeMs: number };
  emit(event: ChainEvent): void;
}

function cardAt(context: LoyaltyContext, key: string): CardRow {
  const { draft, env } = context;
  const row = draft.get(ROWS.card, key);
  const day = dayOf(env.timeMs);
  // Times decide, not whether the dead row was swept yet.
  if (row === undefined || env.timeMs > row.untilMs) return { points: 0, day, pointsOfDay: 0, untilMs: 0 };
  return row.day === day ? row : { ...row, day, pointsOfDay: 0 };
}

/** Whose card it is, and its row id. */
export interface Card {
  readonly merchant: Uint8Array;
  readonly account: Uint8Array;
  readonly key: string;
}

/** Adds points to the card; at five it becomes a coupon and the rest goes to a new card named by `nameId`. */
function addPoints(context: LoyaltyContext, { merchant, account, key }: Card, card: CardRow, points: number, nameId: Uint8Array): void {
  const { draft, params, emit } = context;
  const cardId = card.cardId ?? nameId;
  const sum = card.points + points;
  const { day, pointsOfDay, untilMs } = card;
  if (sum < POINTS_PER_COUPON) {
    draft.put(ROWS.card, key, { cardId, points: sum, day, pointsOfDay, untilMs });
    return;
  }
  const left = sum - POINTS_PER_COUPON;
  draft.put(ROWS.card, key, { cardId: left === 0 ? undefined : nameId, points: left, day, pointsOfDay, untilMs });
  draft.put(ROWS.coupon, toHex(cardId), { owner: account, merchant, couponMl: params.couponMl, expiresAtMs: untilMs, state: COUPON.unspent });
  emit({ case: 'couponIssued', value: { account, merchant, couponId: cardId, couponMl: params.couponMl, expiresAtMs: untilMs } });
}

/** Gives one point unless the day's limit is reached; returns the card it went to. */
export function earnPoint(context: LoyaltyContext, whose: Card, txId: Uint8Array): Uint8Array | undefined {
  const { params, env, emit } = context;
  const { merchant, account } = whose;
  const card = cardAt(context, whose.key);
  if (card.pointsOfDay >= params.pointsPerDay) return undefined;
  const cardId = card.cardId ?? txId;
  emit({ case: 'pointEarned', value: { account, merchant, points: card.points + 1, cardId } });
  addPoints(context, whose, { ...card, pointsOfDay: card.pointsOfDay + 1, untilMs: env.timeMs + params.couponLifeMs }, 1, txId);
  return cardId;
}

/** The coupon or card that a point sits on now, after cancelled coupons moved their other points. */
function couponOfPoint(view: View, cardId: Uint8Array): { readonly cardId: Uint8Array; readonly coupon: CouponRow | undefined } {
  let at = cardId;
  for (let move = 0; move <= MOVES_MAX; move++) {
    const coupon = view.get(ROWS.coupon, toHex(at));
    if (coupon?.state !== COUPON.cancelled || coupon.movedTo === undefined) return { cardId: at, coupon };
    at = coupon.movedTo;
  }
  assert(false, 'a point is found within the bound of its moves');
}

/** Where the point of a payment is now: on the card, in an unspent coupon, or spent, which keeps `couponMl` of a refund. */
export type PointPlace =
  | { readonly at: 'card' }
  | { readonly at: 'coupon'; readonly couponId: Uint8Array; readonly coupon: CouponRow }
  | { readonly at: 'spent'; readonly couponMl: Millilitres };

/**
 * Finds the point of a payment that can still be refunded; within that time neither card nor coupon dies (bounds of
 * couponLifeMs). Points that joined a fuller card may have become part of its next coupon: when those are used up, the
 * last payments of the card have no point left to give back, and count as spent.
 */
export function placeOfPoint(view: View, merchant: Uint8Array, account: Uint8Array, cardId: Uint8Array): PointPlace {
  const { cardId: couponId, coupon } = couponOfPoint(view, cardId);
  if (coupon?.state === COUPON.unspent) return { at: 'coupon', couponId, coupon };
  if (coupon !== undefined) return { at: 'spent', couponMl: coupon.couponMl };
  const card = view.get(ROWS.card, cardKey(merchant, account));
  return card?.cardId !== undefined && equalBytes(card.cardId, couponId) ? { at: 'card' } : { at: 'spent', couponMl: paramsOf(view).couponMl };
}

/**
 * Takes back the point of a refunded Pay: off its card, or by cancelling the unspent coupon it sits in, whose other four
 * points join the current card. False where the point is spent: then it stays.
 */
export function takePoint(context: LoyaltyContext, merchant: Uint8Array, account: Uint8Array, cardId: Uint8Array, refundId: Uint8Array): boolean {
  const { draft, emit } = context;
  const place = placeOfPoint(draft, merchant, account, cardId);
  if (place.at === 'spent') return false;
  const key = cardKey(merchant, account);
  const card = cardAt(context, key);
  if (place.at === 'card') {
    const points = card.points - 1;
    draft.put(ROWS.card, key, { ...card, points, cardId: points === 0 ? undefined : card.cardId });
    emit({ case: 'pointTaken', value: { account, merchant, points } });
    return true;
  }
  const { couponId, coupon } = place;
  const movedTo = card.cardId ?? refundId;
  draft.put(ROWS.coupon, toHex(couponId), { ...coupon, state: COUPON.cancelled, movedTo });
  emit({ case: 'couponCancelled', value: { couponId, movedTo } });
  // A refund is no new point: nothing lives longer for it.
  const untilMs = card.untilMs > coupon.expiresAtMs ? card.untilMs : coupon.expiresAtMs;
  addPoints(context, { merchant, account, key }, { ...card, untilMs }, POINTS_PER_COUPON - 1, refundId);
  return true;
}
