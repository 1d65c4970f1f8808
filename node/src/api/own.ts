/**
 * Whose objects a caller may touch (api page §2.1). What exists but is not his is answered like what does not exist. The
 * roles of a route are asked before: whoever is bound to no till, merchant or wallet sees all of what his role may see.
 */
import type { OrderRow } from '../campusPorts.ts';
import type { Caller } from './caller.ts';
import type { Parties } from './parties.ts';

/** What an order, refund or payment belongs to. */
export interface OfTill {
  readonly tillNo: number;
  /** Address text. */
  readonly merchant: string;
}

/** True for the till itself, a cashier at it, the people and programs of its merchant, and roles of the whole campus. */
export function isOwnTill(caller: Caller, { tillNo, merchant }: OfTill): boolean {
  switch (caller.role) {
    case 'till':
    case 'staff':
      return caller.tillNo === tillNo;
    case 'manager':
    case 'partner':
      return caller.merchantId === merchant;
    case 'student':
      return false;
    case 'public':
    case 'finance':
    case 'auditor':
    case 'admin':
    case 'service':
      return true;
  }
}

/** As `isOwnTill`, and a student sees the orders that his own wallets paid or are paying. */
export async function isOwnOrder(parties: Parties, caller: Caller, order: OrderRow): Promise<boolean> {
  if (caller.role !== 'student') return isOwnTill(caller, order);
  const payer = order.payment === null ? undefined : await parties.senderOf(order.payment.txHash);
  return payer !== undefined && (await parties.isOwnAccount(caller, payer));
}

/** Who did something, for the merchant's own books: a cashier, a manager, the till itself. Never a student. */
export function actorOf(caller: Caller): string {
  switch (caller.role) {
    case 'till':
      return `till ${caller.tillNo}`;
    case 'staff':
      return caller.cashierId;
    case 'manager':
    case 'finance':
    case 'auditor':
    case 'admin':
      return caller.userId;
    case 'partner':
    case 'service':
      return caller.clientId;
    case 'student':
    case 'public':
      return caller.role;
  }
}
