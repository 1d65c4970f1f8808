/** Which accounts a transaction touched: whoever signed it first, and everybody its events name. */
import { ADDRESS_BYTES, toHex, type ChainEvent, type TxBody } from '@billcoin/protocol';

/**
 * Every field of an event that holds an address (accountsOf.test.ts compares with the wire tables). A validator's is
 * that of its consensus key, which holds nothing: its history is who staked behind it and what became of that.
 */
export const ADDRESS_FIELDS = ['from', 'to', 'payer', 'merchant', 'account', 'holder', 'plant', 'oracle', 'by', 'reporter', 'validator'] as const;

function addAccountsOfEvent(accounts: Set<string>, event: ChainEvent): void {
  const fields = event.value as Partial<Record<(typeof ADDRESS_FIELDS)[number], Uint8Array>>;
  for (const field of ADDRESS_FIELDS) {
    const address = fields[field];
    if (address !== undefined) accounts.add(toHex(address));
  }
  if (event.case === 'minted') for (const { farm } of event.value.farms) accounts.add(toHex(farm));
  // Merchants, farms and plants are registered under their account.
  if (event.case === 'registryChanged' && event.value.rowKey.length === 1 + ADDRESS_BYTES) accounts.add(toHex(event.value.rowKey.subarray(1)));
}

/** Addresses in hex, each once. */
export function accountsOf(body: TxBody, events: readonly ChainEvent[]): ReadonlySet<string> {
  const accounts = new Set([toHex(body.sender)]);
  for (const event of events) addAccountsOfEvent(accounts, event);
  return accounts;
}
