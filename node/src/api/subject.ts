/** Whom limits and flags book a call on (api page §2.3), and by which key a network address is limited. */
import { isIP } from 'node:net';
import type { Limits } from '../abusePorts.ts';
import type { Caller } from './caller.ts';

export type LoggedInCaller = Exclude<Caller, { readonly role: 'public' }>;

/** Tills and programs: policy `machine`, no payment attempts. All others who log in are persons. */
export function isMachine({ role }: Caller): boolean {
  return role === 'till' || role === 'partner' || role === 'service';
}

/** A student is the same person with every linked wallet; of everybody else the id says who it is. */
export async function subjectOf(caller: LoggedInCaller, limits: Pick<Limits, 'personOf'>): Promise<string> {
  switch (caller.role) {
    case 'student':
      return await limits.personOf(caller.address);
    case 'till':
      return `till:${caller.tillNo}`;
    case 'staff':
      return `staff:${caller.cashierId}`;
    case 'manager':
    case 'finance':
    case 'auditor':
    case 'admin':
      return `${caller.role}:${caller.userId}`;
    case 'partner':
    case 'service':
      return `${caller.role}:${caller.clientId}`;
  }
}

/** The eight groups of an IPv6 address as numbers. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = address.split('::');
  const parse = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const left = parse(head);
  const right = tail === undefined ? [] : parse(tail);
  return [...left, ...new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
}

/**
 * What a remote address is limited by: of IPv6 the /64, which one household or host has whole. Undefined for this machine
 * itself: its health checks, command line and screens are the operator's own, and the API has no proxy before it (it speaks
 * TLS itself).
 */
export function addressKey(remoteAddress: string | undefined): string | undefined {
  const address = (remoteAddress ?? '').replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  switch (isIP(address)) {
    case 4:
      return address.startsWith('127.') ? undefined : address;
    case 6:
      return address === '::1' ? undefined : `${groupsOf(address).slice(0, 4).map((group) => group.toString(16)).join(':')}::/64`;
    default:
      return 'unknown'; // the connection is gone already
  }
}
