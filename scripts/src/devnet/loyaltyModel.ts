/**
 * What points and coupons the purchases of a student must have given, told independently of the ledger: a point for each
 * purchase of at least 200 mL without coupon, at most ten a day; the fifth point turns the card into a coupon.
 */
import type { Purchase } from './messages.ts';

const POINT_MIN_ML = 200;
const POINTS_PER_DAY = 10;
const POINTS_PER_COUPON = 5;
const DAY_MS = 86_400_000;

export interface Card {
  readonly points: number;
  readonly earned: number;
  readonly spent: number;
}

interface Growing {
  points: number;
  earned: number;
  spent: number;
  day: number;
  today: number;
}

export class LoyaltyModel {
  readonly #cards = new Map<number, Growing>();

  /** Purchases of one student come in the order in which they became final. */
  add({ student, amountMl, coupon, timeMs }: Pick<Purchase, 'student' | 'amountMl' | 'coupon' | 'timeMs'>): void {
    const card = this.#cards.get(student) ?? { points: 0, earned: 0, spent: 0, day: 0, today: 0 };
    this.#cards.set(student, card);
    const day = Math.floor(timeMs / DAY_MS);
    if (day !== card.day) card.today = 0;
    card.day = day;
    if (coupon !== null) card.spent += 1;
    if (coupon !== null || amountMl < POINT_MIN_ML || card.today >= POINTS_PER_DAY) return;
    card.today += 1;
    card.points += 1;
    if (card.points < POINTS_PER_COUPON) return;
    card.points = 0;
    card.earned += 1;
  }

  of(student: number): Card {
    const { points, earned, spent } = this.#cards.get(student) ?? { points: 0, earned: 0, spent: 0 };
    return { points, earned, spent };
  }

  /** Of all students. */
  totals(): { readonly earned: number; readonly spent: number } {
    let [earned, spent] = [0, 0];
    for (const card of this.#cards.values()) {
      earned += card.earned;
      spent += card.spent;
    }
    return { earned, spent };
  }
}
