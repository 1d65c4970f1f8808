/**
 * Who calls (api page §2.1). The login part turns a token into one of these before the handler runs; handlers decide with
 * it which objects are the caller's own. `sub` is the API pseudonym of §4 or the id of an account: it may stand in logs
 * and limits, it names nobody.
 */
export type Caller =
  /** No login. */
  | { readonly role: 'public' }
  /** A wallet, linked or not. `studentRef` only of a linked one: all its wallets share limits and flags. */
  | { readonly role: 'student'; readonly sub: string; readonly sid: string; readonly address: Uint8Array; readonly studentRef: string | undefined }
  /** An enrolled device, by its own key. */
  | { readonly role: 'till'; readonly sub: string; readonly sid: string; readonly tillNo: number; readonly merchantId: string }
  /** A cashier, at one till. */
  | { readonly role: 'staff'; readonly sub: string; readonly sid: string; readonly tillNo: number; readonly merchantId: string; readonly cashierId: string }
  | { readonly role: 'manager'; readonly sub: string; readonly sid: string; readonly userId: string; readonly merchantId: string }
  | { readonly role: 'finance' | 'auditor' | 'admin'; readonly sub: string; readonly sid: string; readonly userId: string }
  /** A program of another organisation, for one merchant. */
  | { readonly role: 'partner'; readonly sub: string; readonly sid: string; readonly clientId: string; readonly merchantId: string }
  /** A program of the campus. */
  | { readonly role: 'service'; readonly sub: string; readonly sid: string; readonly clientId: string };

export const PUBLIC: Caller = { role: 'public' };

/** The merchant whose side the caller is on; undefined for everybody else. */
export function merchantOf(caller: Caller): string | undefined {
  return 'merchantId' in caller ? caller.merchantId : undefined;
}

/** The one till the caller stands at; undefined for everybody else. */
export function tillOf(caller: Caller): number | undefined {
  return 'tillNo' in caller ? caller.tillNo : undefined;
}
