/** Which accounts a transaction touched: whoever signed it first, and everybody its events name. */
import { ADDRESS_BYTES, toHex, type ChainEvent, type TxBody } from '@billcoin/protocol';

/** Every field of an event that holds an address (storage/accountsOf.test.ts compares with the wire tables). */
export const ADDRESS_FIELDS = ['from', 'to', 'payer', 'merchant', 'account', 'holder', 'plant', 'oracle', 'by', 'reporter'] as const;

function accountsOfEvent(event: ChainEvent): readonly Uint8Array[] {
  const fields = event.value as Partial<Record<(typeof ADDRESS_FIELDS)[number], Uint8Array>>;
  const named = ADDRESS_FIELDS.flatMap((field) => fields[field] ?? []);
  if (event.case === 'minted') return [...named, ...event.value.farms.map((share) => share.farm)];
  // Merchants, farms and plants are registered under their account.
  const row = event.case === 'registryChanged' ? event.value.rowKey.slice(1) : new Uint8Array(0);
  return row.length === ADDRESS_BYTES ? [...named, row] : named;
}

/** Addresses in hex, each once. */
export function accountsOf(body: TxBody, events: readonly ChainEvent[]): ReadonlySet<string> {
  return new Set([body.sender, ...events.flatMap(accountsOfEvent)].map(toHex));
}
