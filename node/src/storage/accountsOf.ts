/** Which accounts a transaction touched: whoever signed it first, and everybody its events name. */
import { ADDRESS_BYTES, toHex, type ChainEvent, type TxBody } from '@billcoin/protocol';

/** Merchants, farms and plants are registered under their account. */
function accountOfRow(rowKey: Uint8Array): readonly Uint8Array[] {
  const account = rowKey.slice(1);
  return account.length === ADDRESS_BYTES ? [account] : [];
}

function accountsOfEvent(event: ChainEvent): readonly Uint8Array[] {
  switch (event.case) {
    case 'transferred':
      return [event.value.from, event.value.to];
    case 'paid':
    case 'refunded':
      return [event.value.payer, event.value.merchant];
    case 'pointEarned':
    case 'couponIssued':
    case 'pointTaken':
      return [event.value.account, event.value.merchant];
    case 'redeemed':
      return [event.value.holder];
    case 'batchOpened':
      return [event.value.plant];
    case 'attested':
    case 'oracleRevoked':
      return [event.value.oracle];
    case 'minted':
      return [event.value.plant, ...event.value.farms.map((share) => share.farm)];
    case 'invoiceVoided':
      return [event.value.merchant];
    case 'registryChanged':
      return [event.value.by, ...accountOfRow(event.value.rowKey)];
    case 'priceReported':
      return [event.value.reporter];
    case 'anchored':
      return [event.value.by];
    case 'custodyEnded':
    case 'bondDeposited':
    case 'bondWithdrawn':
      return [event.value.plant];
    case 'couponCancelled':
    case 'batchRejected':
    case 'batchHeld':
      return [];
  }
}

/** Addresses in hex, each once. */
export function accountsOf(body: TxBody, events: readonly ChainEvent[]): ReadonlySet<string> {
  return new Set([body.sender, ...events.flatMap(accountsOfEvent)].map(toHex));
}
