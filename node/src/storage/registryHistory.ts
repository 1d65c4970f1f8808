/**
 * Who was registered at which height (layout in chainIndex.ts). An oracle judges a lot by the registry at its manifest's
 * height, and must find the same one whenever it asks (SPEC §10). A row of state is kept as it was after each block that
 * changed its registration; what moves with milk in a row, such as a plant's bond, is of that block and of no meaning here.
 */
import { assert, concat, FlatState, ROWS, rowKeyBytes, toHex, u64be, utf8, type ByteChange, type ChainEvent, type RowType } from '@billcoin/protocol';
import type { FinalBlock, Store, StoreOperation } from '../ports.ts';
import { damagedIndex } from './indexValues.ts';
import { readU64, under } from './rowKeys.ts';

const KEPT = [ROWS.device, ROWS.farm, ROWS.plant, ROWS.meter, ROWS.oracle, ROWS.reporter, ROWS.role] as const;
const PREFIXES: ReadonlySet<number> = new Set(KEPT.map(({ prefix }) => prefix));
const ROOM = 'i/reg/';
const ROOM_BYTES = utf8(ROOM).length;
const HEIGHT_BYTES = 8;

/** A row of a registry after the block of `height` that changed its terms or status; height 0 is genesis. */
export interface Registration {
  readonly rowKey: Uint8Array;
  readonly height: number;
  readonly value: Uint8Array;
}

/** The row whose registration an event changed. */
function changedBy(event: ChainEvent): Uint8Array | undefined {
  if (event.case === 'oracleRevoked') return rowKeyBytes(ROWS.oracle as RowType<unknown>, toHex(event.value.oracle));
  return event.case === 'registryChanged' ? event.value.rowKey : undefined;
}

function registrationOf({ key, value }: ByteChange, height: number): readonly Registration[] {
  if (!PREFIXES.has(key[0] ?? 0)) return [];
  assert(value !== undefined, 'rows of registries are never deleted');
  return [{ rowKey: key, height, value }];
}

/** The registrations of a whole state, all of them of its height: 0 for genesis. */
export function registrationsAt(rows: readonly ByteChange[], height: number): readonly Registration[] {
  return rows.flatMap((row) => registrationOf(row, height));
}

/** What a block changed, told by its events; `changes` are all rows it wrote, as they stand after it. */
export function registrationsOf(block: FinalBlock, changes: readonly ByteChange[]): readonly Registration[] {
  const changed = new Set<string>();
  for (const { events } of block.txs) {
    for (const event of events) {
      const rowKey = changedBy(event);
      if (rowKey !== undefined) changed.add(toHex(rowKey));
    }
  }
  return changed.size === 0 ? [] : changes.filter(({ key }) => changed.has(toHex(key))).flatMap((change) => registrationOf(change, block.height));
}

export function registrationRows(registrations: readonly Registration[]): readonly StoreOperation[] {
  return registrations.map(({ rowKey, height, value }) => ({ type: 'put', key: concat(utf8(ROOM), rowKey, u64be(height)), value }));
}

/** Every registration there ever was, by row, then by height: keys of one type are of one length. */
export async function* registrationsIn(store: Store): AsyncGenerator<Registration> {
  for await (const [key, value] of store.entries(under(ROOM))) {
    const at = key.length - HEIGHT_BYTES;
    yield { rowKey: key.subarray(ROOM_BYTES, at), height: readU64(key, at), value };
  }
}

/**
 * The registries as a state of these rows alone: of each row the newest registration up to `height`. `all` brings those of
 * one row by height. PERF: walks all of them; they come with registrations, not with payments.
 */
export async function registryStateAt(all: Iterable<Registration> | AsyncIterable<Registration>, height: number): Promise<FlatState> {
  const newest = new Map<string, Registration>();
  for await (const registration of all) if (registration.height <= height) newest.set(toHex(registration.rowKey), registration);
  const state = new FlatState();
  for (const { rowKey, value } of newest.values()) if (!state.load(rowKey, value)) throw damagedIndex('registrations');
  return state;
}
