/** Who must have signed: each address by its own key, or by k keys of its policy; not one signature more or less. */
import { decodePolicy, policyAddress } from '../lib/address.ts';
import { equalBytes, toHex } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { ROWS } from '../state/layout.ts';
import type { View } from '../state/view.ts';
import type { ParsedTx } from './context.ts';

/** A policy that this transaction shows for the first time; the ledger keeps it in the account's row. */
export interface ShownPolicy {
  readonly address: Uint8Array;
  readonly policy: Uint8Array;
}

const NONE: readonly ShownPolicy[] = [];

/** Keys that sign for an address in this transaction, or undefined where they are not exactly the required ones. */
function keysFor(address: Uint8Array, policy: Uint8Array | undefined, tx: ParsedTx): readonly string[] | undefined {
  if (policy === undefined) {
    const own = tx.signatures.find((item) => equalBytes(item.address, address));
    return own === undefined ? undefined : [toHex(own.publicKey)];
  }
  const parsed = decodePolicy(policy);
  if (parsed === undefined) return undefined;
  const members = new Set(parsed.keys.map(toHex));
  const signed = tx.signatures.map(({ publicKey }) => toHex(publicKey)).filter((key) => members.has(key));
  return signed.length === parsed.k ? signed : undefined;
}

/**
 * Checks that the signatures are exactly those of the required addresses. A policy that the account's row holds already may
 * be carried still: of several first transactions in flight the others would fail as soon as one is included.
 * @returns the policies shown for the first time, or `wrong_signers`, or `malformed` for a policy nobody needs.
 */
export function checkSigners(view: View, tx: ParsedTx, required: readonly Uint8Array[]): Result<readonly ShownPolicy[]> {
  const [first] = required;
  const [only] = tx.signatures;
  // PERF: one signer with one key, which almost every transaction has.
  if (first !== undefined && required.length === 1 && only !== undefined && tx.signatures.length === 1 && tx.body.policies.length === 0 && equalBytes(only.address, first)) return ok(NONE);
  const used = new Set<string>();
  const carried = new Set<Uint8Array>();
  const shown: ShownPolicy[] = [];
  for (const address of required) {
    const kept = view.get(ROWS.account, toHex(address))?.policy;
    const own = tx.body.policies.find((candidate) => equalBytes(policyAddress(candidate), address));
    if (own !== undefined) {
      if (kept === undefined && !carried.has(own)) shown.push({ address, policy: own });
      carried.add(own);
    }
    const keys = keysFor(address, kept ?? own, tx);
    if (keys === undefined) return fault('wrong_signers');
    for (const key of keys) used.add(key);
  }
  if (used.size !== tx.tx.sigs.length) return fault('wrong_signers');
  if (carried.size !== tx.body.policies.length) return fault('malformed', { path: 'TxBody.policies', why: 'has a policy that no signer needs' });
  return ok(shown);
}
