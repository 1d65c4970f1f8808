/** Cashiers of a merchant: a name, a PIN, and the tills they may stand at. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { CashierId, closed, line, page, pageQuery, TillNo, Time } from './values.ts';

/** Cashiers of one merchant. */
export const CASHIERS_MAX = 500;
/** Tills that one cashier may stand at. */
const CASHIER_TILLS_MAX = 100;

export const Cashier = closed({ cashierId: CashierId, name: Type.String(), tills: Type.Array(TillNo), createdAt: Time });
export type Cashier = Static<typeof Cashier>;

const terms = {
  name: line(64),
  pin: Type.String({ pattern: '^[0-9]{4,8}$', description: 'Stored as scrypt; never told again' }),
  tills: Type.Array(TillNo, { maxItems: CASHIER_TILLS_MAX, uniqueItems: true }),
};
const one = closed({ cashierId: CashierId });

export const listCashiers = route({
  method: 'GET', path: '/cashiers', summary: 'Cashiers, newest first: of the own merchant, or those who may stand at this till.', who: ['manager', 'till'], own: 'manager: own merchant; till: who may stand at it',
  query: closed(pageQuery), responses: { 200: page(Cashier) },
});

export const postCashier = route({
  method: 'POST', path: '/cashiers', summary: 'A new cashier of the own merchant.', who: ['manager'],
  body: closed(terms), responses: { 201: Cashier }, problems: ['weak_pin', 'unknown_till', 'too_many_cashiers'],
});

export const patchCashier = route({
  method: 'PATCH', path: '/cashiers/{cashierId}', summary: 'Change name, PIN or tills of a cashier; ends the sessions of this cashier.', who: ['manager'], own: 'cashiers of the own merchant',
  params: one, body: Type.Partial(closed(terms), { additionalProperties: false, minProperties: 1 }), responses: { 200: Cashier }, problems: ['not_found', 'weak_pin', 'unknown_till'],
});

export const deleteCashier = route({
  method: 'DELETE', path: '/cashiers/{cashierId}', summary: 'Remove a cashier; answers with the cashier as it was.', who: ['manager'], own: 'cashiers of the own merchant',
  params: one, responses: { 200: Cashier }, problems: ['not_found'],
});
