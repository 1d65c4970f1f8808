/**
 * What can happen in a random history, as plain data: small numbers that the player reads against what is there (the
 * third lot, half the balance), so that a history keeps its meaning while it shrinks.
 */
import fc from 'fast-check';

/** How a transaction is spoilt on its way: none of these but `right` may ever move money. */
export type Twist = 'right' | 'wrongKey' | 'extraKey' | 'badSignature' | 'noFee' | 'bigFee' | 'late' | 'farAhead' | 'policyAgain';

export type Action =
  | { do: 'block'; gap: Gap }
  | { do: 'transfer'; from: number; to: number; permille: number; twist: Twist }
  | { do: 'pay'; payer: number; till: number; sen: number; off: number; lifeS: number; coupon: boolean; strayTillKey: boolean; twist: Twist }
  | { do: 'payFive'; payer: number; till: number; sen: number }
  | { do: 'payAgain'; invoice: number; payer: number; coupon: boolean }
  | { do: 'void'; invoice: number; fresh: boolean; till: number; twist: Twist }
  | { do: 'refund'; invoice: number; permille: number; by: 'till' | 'merchant' | 'payer'; twist: Twist }
  | { do: 'open'; plant: number; meter: number; lengthL: number; claimOff: number; fromOff: number; days: number; farms: number; weight: number; twist: Twist }
  | { do: 'reopen'; lot: number; attemptOff: number; days: number }
  | { do: 'attest'; lot: number; oracle: number; say: 'claim' | 'less' | 'more' | 'reject' | 'otherRoot' | 'otherProfile'; attemptOff: number; twist: Twist }
  | { do: 'attestAll'; lot: number; first: number; count: number; say: 'claim' | 'less' | 'reject' }
  | { do: 'redeem'; lot: number; holder: number; permille: number; cosigned: boolean; twist: Twist }
  | { do: 'hold'; lot: number; held: 0 | 1; twist: Twist }
  | { do: 'recall'; lot: number; twist: Twist }
  | { do: 'writeOff'; lot: number; byRegulator: boolean; twist: Twist }
  | { do: 'bond'; plant: number; deposit: boolean; permille: number; twist: Twist }
  | { do: 'registerMerchant'; merchant: number; status: 1 | 2 | 3; twist: Twist }
  | { do: 'registerTill'; till: number; merchant: number; key: number; twist: Twist }
  | { do: 'revokeTill'; till: number; byMerchant: boolean; twist: Twist }
  | { do: 'registerFarm'; farm: number; status: 1 | 2 | 3; twist: Twist }
  | { do: 'registerPlant'; plant: number; status: 1 | 2 | 3; terms: number; twist: Twist }
  | { do: 'registerDevice'; meter: number; twist: Twist }
  | { do: 'registerMeter'; meter: number; plant: number; totalL: number; twist: Twist }
  | { do: 'revokeDevice'; meter: number; twist: Twist }
  | { do: 'report'; reporter: number; sen: number; twist: Twist }
  | { do: 'reportAll'; sen: number }
  | { do: 'anchor'; by: number; twist: Twist }
  | { do: 'replay'; sent: number };

export type Gap = '1 s' | '1 ms' | '2 min' | 'midnight' | '1 d' | 'to an end' | '4 d' | '7 d' | '90 d' | '400 d';

type Drawn<D extends Action['do']> = Omit<Extract<Action, { do: D }>, 'do'>;
type Fields<T> = { readonly [K in keyof T]: fc.Arbitrary<T[K]> };

function action<D extends Action['do']>(weight: number, name: D, fields: Fields<Drawn<D>>): fc.WeightedArbitrary<Action> {
  return { weight, arbitrary: fc.record({ do: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<Action> };
}

const index = fc.nat({ max: 30 });
const permille = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 400 }) }, { weight: 1, arbitrary: fc.constantFrom(0, 999, 1_000, 1_001, 1_500) });
const status = fc.constantFrom<(1 | 2 | 3)[]>(1, 1, 1, 1, 1, 1, 2, 3);
const twist: fc.Arbitrary<Twist> = fc.oneof(
  { weight: 14, arbitrary: fc.constant('right' as const) },
  { weight: 1, arbitrary: fc.constantFrom<Twist[]>('wrongKey', 'extraKey', 'badSignature', 'noFee', 'bigFee', 'late', 'farAhead', 'policyAgain') },
);
/** Oracles that say two things about one lot are soon revoked for good; most histories need some in force. */
const mostlyClaim = <T>(...others: T[]): fc.Arbitrary<T | 'claim'> => fc.oneof({ weight: 12, arbitrary: fc.constant('claim' as const) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const sen = fc.constantFrom(119, 120, 180, 250, 600, 1_800, 60_000);
const gap = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Gap[]>('1 s', '2 min') },
  { weight: 4, arbitrary: fc.constantFrom<Gap[]>('1 ms', '1 ms', 'midnight', '1 d', 'to an end') },
  { weight: 2, arbitrary: fc.constantFrom<Gap[]>('4 d', '7 d') },
  { weight: 1, arbitrary: fc.constantFrom<Gap[]>('90 d', '400 d') },
);

export const anyAction: fc.Arbitrary<Action> = fc.oneof(
  action(24, 'block', { gap }),
  action(10, 'transfer', { from: index, to: index, permille, twist }),
  action(30, 'pay', {
    payer: index, till: index, sen, off: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -2, 40, -40), lifeS: fc.constantFrom(120, 120, 120, 120, 120, 120, 120, 120, 120, 0, -1, 86_400, 86_401),
    coupon: fc.boolean(), strayTillKey: fc.integer({ min: 0, max: 15 }).map((n) => n === 15), twist,
  }),
  action(8, 'payFive', { payer: index, till: index, sen: fc.constantFrom(120, 180) }),
  action(5, 'payAgain', { invoice: index, payer: index, coupon: fc.boolean() }),
  action(4, 'void', { invoice: index, fresh: fc.boolean(), till: index, twist }),
  action(14, 'refund', { invoice: index, permille: fc.oneof(permille, fc.constant(1_000)), by: fc.constantFrom('till', 'merchant', 'merchant', 'payer'), twist }),
  action(6, 'open', {
    plant: index, meter: index, lengthL: fc.integer({ min: 1, max: 400 }), claimOff: fc.constantFrom(0, 0, 0, 0, 0, 0, -7, 1), fromOff: fc.constantFrom(0, 0, 0, 0, 0, 0, 5, -500),
    days: fc.constantFrom(1, 4, 9, 9, 9, 9, 30, 31, 0), farms: index, weight: fc.integer({ min: 1, max: 1_000 }), twist,
  }),
  action(3, 'reopen', { lot: index, attemptOff: fc.constantFrom(1, 1, 1, 2, 0), days: fc.constantFrom(4, 9) }),
  action(8, 'attest', { lot: index, oracle: index, say: mostlyClaim('less', 'more', 'reject', 'otherRoot', 'otherProfile'), attemptOff: fc.constantFrom(0, 0, 0, 1), twist }),
  action(8, 'attestAll', { lot: index, first: index, count: fc.constantFrom(1, 2, 2, 3, 4, 4, 4, 4), say: mostlyClaim('less', 'reject') }),
  action(7, 'redeem', { lot: index, holder: index, permille, cosigned: fc.integer({ min: 0, max: 9 }).map((n) => n > 0), twist }),
  action(3, 'hold', { lot: index, held: fc.constantFrom(0, 1), twist }),
  action(2, 'recall', { lot: index, twist }),
  action(2, 'writeOff', { lot: index, byRegulator: fc.boolean(), twist }),
  action(6, 'bond', { plant: index, deposit: fc.boolean(), permille, twist }),
  action(1, 'registerMerchant', { merchant: index, status, twist }),
  action(2, 'registerTill', { till: index, merchant: index, key: index, twist }),
  action(1, 'revokeTill', { till: index, byMerchant: fc.boolean(), twist }),
  action(1, 'registerFarm', { farm: index, status, twist }),
  action(2, 'registerPlant', { plant: index, status, terms: index, twist }),
  action(1, 'registerDevice', { meter: index, twist }),
  action(1, 'registerMeter', { meter: index, plant: index, totalL: fc.integer({ min: 0, max: 2_000 }), twist }),
  action(1, 'revokeDevice', { meter: index, twist }),
  action(2, 'report', { reporter: index, sen: fc.integer({ min: 1, max: 1_200 }), twist }),
  action(4, 'reportAll', { sen: fc.integer({ min: 500, max: 700 }) }),
  action(1, 'anchor', { by: index, twist }),
  action(5, 'replay', { sent: index }),
);

/** A history of about `length` actions; fast-check draws shorter ones as well, and shrinks by leaving actions out. */
export const anyHistory = (length: number): fc.Arbitrary<Action[]> => fc.array(anyAction, { maxLength: length, size: 'max' });
