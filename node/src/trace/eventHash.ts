/**
 * Event ids by the hash rule of GS1's Core Business Vocabulary 2.0 (§8.9): an event says its own name, so whoever exports
 * it again gets the same id. The pre-hash string joins key=value in the order of the standard; lists are sorted, times
 * are UTC with milliseconds, words of the vocabulary stand as web URIs, own words under their whole URI (SPEC §15).
 */
import { sha256, toHex, utf8 } from '@billcoin/protocol';
import { CBV, MMU, type EpcisEvent, type EpcisQuantity, type EpcisTyped } from './epcisEvent.ts';

const MDA = 'urn:epcglobal:cbv:mda:';

/** A short word of the vocabulary as its URI; our own words by our own prefix. */
function word(kind: 'BizStep' | 'Disp' | 'BTT' | 'SDT', value: string): string {
  return value.startsWith('mmu:') ? MMU + value.slice('mmu:'.length) : `${CBV}${kind}-${value}`;
}

function list(name: string, items: readonly string[] | undefined): string {
  return items === undefined || items.length === 0 ? '' : name + [...items].sort().join('');
}

function quantity({ epcClass, quantity: amount, uom }: EpcisQuantity): string {
  return `quantityElementepcClass=${epcClass}quantity=${amount}${uom === undefined ? '' : `uom=${uom}`}`;
}

function typed(kind: 'BTT' | 'SDT', key: string, items: readonly EpcisTyped[] | undefined): readonly string[] | undefined {
  return items?.map((item) => `type=${word(kind, item.type)}${key}=${(item as unknown as Readonly<Record<string, string>>)[key] ?? ''}`);
}

/** What the id of an event is the hash of. */
export function preHash(event: Omit<EpcisEvent, 'eventID'>): string {
  const ilmd = event.ilmd === undefined ? undefined : Object.entries(event.ilmd).map(([key, value]) => `{${MDA}}${key.replace('cbvmda:', '')}=${value}`);
  return [
    `eventType=${event.type}`, `eventTime=${event.eventTime}`, `eventTimeZoneOffset=${event.eventTimeZoneOffset}`,
    list('quantityList', event.quantityList?.map(quantity)), list('inputQuantityList', event.inputQuantityList?.map(quantity)), list('outputQuantityList', event.outputQuantityList?.map(quantity)),
    event.action === undefined ? '' : `action=${event.action}`, `bizStep=${word('BizStep', event.bizStep)}`, `disposition=${word('Disp', event.disposition)}`, `readPointid=${event.readPoint.id}`,
    list('bizTransactionList', typed('BTT', 'bizTransaction', event.bizTransactionList)), list('sourceList', typed('SDT', 'source', event.sourceList)), list('destinationList', typed('SDT', 'destination', event.destinationList)),
    list('ilmd', ilmd),
  ].join('');
}

/** `ni:///sha-256;…?ver=CBV2.0` (RFC 6920 form as the vocabulary writes it: hex). */
export function eventIdOf(event: Omit<EpcisEvent, 'eventID'>): string {
  return `ni:///sha-256;${toHex(sha256(utf8(preHash(event))))}?ver=CBV2.0`;
}
