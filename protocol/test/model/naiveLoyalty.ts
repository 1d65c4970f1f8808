/** Points and coupons, naively: five points of one merchant are a coupon; a refunded payment gives its point back. */
import { dayOf, PARAMS, type Card, type NaiveState } from './naiveState.ts';

/** The card of an account at a merchant as it is now: one that got no point for 90 days is empty. */
export function cardNow(state: NaiveState, merchant: string, account: string, now: number): Card {
  const key = merchant + account;
  const card = state.cards.get(key) ?? { id: undefined, points: 0, day: -1, ofDay: 0, until: 0 };
  if (now > card.until) Object.assign(card, { id: undefined, points: 0 });
  if (card.day !== dayOf(now)) Object.assign(card, { day: dayOf(now), ofDay: 0 });
  state.cards.set(key, card);
  return card;
}

/** `until`: 90 days after the last of these points was earned; moving points does not renew them. */
function addPoints(state: NaiveState, card: Card, merchant: string, account: string, points: number, txId: string, until: number): string {
  card.id ??= txId;
  card.points += points;
  card.until = Math.max(card.until, until);
  const name = card.id;
  if (card.points >= 5) {
    state.coupons.set(name, { owner: account, merchant, ml: PARAMS.couponMl, state: 'unspent', movedTo: undefined, expires: card.until });
    card.points -= 5;
    card.id = card.points === 0 ? undefined : txId;
  }
  return name;
}

/** One point for a payment; the name of the card it stands on, undefined once the day has its ten. */
export function earnPoint(state: NaiveState, merchant: string, account: string, txId: string, now: number): string | undefined {
  const card = cardNow(state, merchant, account, now);
  if (card.ofDay >= PARAMS.pointsPerDay) return undefined;
  card.ofDay += 1;
  return addPoints(state, card, merchant, account, 1, txId, now + PARAMS.couponLife);
}

/** Where the points of a card went when its coupon was cancelled. */
function follow(state: NaiveState, name: string): string {
  const coupon = state.coupons.get(name);
  return coupon?.state === 'cancelled' && coupon.movedTo !== undefined ? follow(state, coupon.movedTo) : name;
}

export interface Place { readonly at: 'card' | 'coupon' | 'spent'; readonly name: string; readonly ml: bigint }

/** Points that joined a fuller card went into its next coupon in part: a payment whose point is nowhere any more counts as spent. */
export function placeOf(state: NaiveState, cardName: string, merchant: string, account: string, now: number): Place {
  const name = follow(state, cardName);
  const coupon = state.coupons.get(name);
  if (coupon !== undefined) return { at: coupon.state === 'unspent' ? 'coupon' : 'spent', name, ml: coupon.ml };
  return cardNow(state, merchant, account, now).id === name ? { at: 'card', name, ml: 0n } : { at: 'spent', name, ml: PARAMS.couponMl };
}

/** The point of a refunded payment goes; a coupon leaves its other four points to the current card. Coupons outlive the refund window. */
export function takePoint(state: NaiveState, place: Place, merchant: string, account: string, txId: string, now: number): void {
  const card = cardNow(state, merchant, account, now);
  if (place.at === 'card') {
    card.points -= 1;
    if (card.points === 0) card.id = undefined;
  } else {
    const coupon = state.coupons.get(place.name);
    if (coupon === undefined) throw new Error('the place was found a line above');
    coupon.state = 'cancelled';
    coupon.movedTo = addPoints(state, card, merchant, account, 4, txId, coupon.expires);
  }
}
