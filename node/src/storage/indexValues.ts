/** Values that several rows of the index hold. */
import { Events, decode, encode, type ChainEvent } from '@billcoin/protocol';
import { REMEDY, StorageFailure } from '../storageFailure.ts';

export function damagedIndex(what: string): StorageFailure {
  return new StorageFailure('damaged_value', `The index holds damaged ${what}.`, REMEDY.restoreBackup);
}

export function encodeEvents(events: readonly ChainEvent[]): Uint8Array {
  return encode(Events, { events: events.map((event) => ({ event })) });
}

export function decodeEvents(bytes: Uint8Array): readonly ChainEvent[] {
  const events = decode(Events, bytes);
  if (!events.ok) throw damagedIndex('events');
  return events.value.events.map(({ event }) => event);
}
