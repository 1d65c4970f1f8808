/**
 * Ids of the rows that lists show, so that a list never walks the whole state. Read once at the start, then kept up by
 * the events of final blocks; values are always read from the state itself.
 */
import { parseRowKey, ROWS, toHex } from '@billcoin/protocol';
import type { ChainPort } from '../ports.ts';

const INDEXED = ['merchant', 'till', 'plant', 'oracle', 'validator', 'batch'] as const;
export type IndexedRow = (typeof INDEXED)[number];

export interface RegistryIndex {
  /** Ids in ascending order; of batches in the order in which they were opened. */
  ids(name: IndexedRow): readonly string[];
  close(): void;
}

function isIndexed(name: string): name is IndexedRow {
  return (INDEXED as readonly string[]).includes(name);
}

export function openRegistryIndex(chain: ChainPort): RegistryIndex {
  const first = chain.state();
  const byName = new Map<IndexedRow, string[]>(INDEXED.map((name) => [name, [...first.rows<unknown>(ROWS[name])].map(({ id }) => id).sort()]));
  const idsOf = (name: IndexedRow): string[] => byName.get(name) ?? [];
  const openedAt = (id: string): number => first.get(ROWS.batch, id)?.openedAtMs ?? 0;
  idsOf('batch').sort((a, b) => openedAt(a) - openedAt(b));

  function opened(id: string): void {
    const ids = idsOf('batch');
    // The rows of old batches die; the oldest stand first.
    while (ids[0] !== undefined && chain.state().get(ROWS.batch, ids[0]) === undefined) ids.shift();
    // A later attempt opens the same batch again.
    if (!ids.includes(id)) ids.push(id);
  }

  function registered(rowKey: Uint8Array): void {
    const row = parseRowKey(rowKey);
    if (row === undefined || !isIndexed(row.type.name)) return;
    const ids = idsOf(row.type.name);
    if (!ids.includes(row.id)) ids.splice(ids.findLastIndex((id) => id < row.id) + 1, 0, row.id);
  }

  const close = chain.onFinal((block) => {
    for (const { events } of block.txs) {
      for (const event of events) {
        if (event.case === 'batchOpened') opened(toHex(event.value.batch));
        else if (event.case === 'registryChanged') registered(event.value.rowKey);
      }
    }
  });
  return { ids: idsOf, close };
}
