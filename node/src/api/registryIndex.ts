/**
 * Ids of the rows that lists show, so that a list never walks the whole state. Read once at the start, then kept up by
 * the events of final blocks; values are always read from the state itself.
 */
import { ROWS, toHex } from '@billcoin/protocol';
import type { ChainPort } from '../ports.ts';

const INDEXED = ['merchant', 'till', 'farm', 'plant', 'device', 'meter', 'oracle', 'validator', 'batch'] as const;
export type IndexedRow = (typeof INDEXED)[number];

export interface RegistryIndex {
  /** Ids in ascending order; of batches in the order in which they were opened. */
  ids(name: IndexedRow): readonly string[];
  close(): void;
}

export function openRegistryIndex(chain: ChainPort): RegistryIndex {
  const state = chain.state();
  const byName = new Map<IndexedRow, string[]>(INDEXED.map((name) => [name, [...state.rows<unknown>(ROWS[name])].map(({ id }) => id).sort()]));
  const idsOf = (name: IndexedRow): string[] => byName.get(name) ?? [];
  const openedAt = (id: string): number => state.get(ROWS.batch, id)?.openedAtMs ?? 0;
  idsOf('batch').sort((a, b) => openedAt(a) - openedAt(b));

  const close = chain.onFinal((block) => {
    for (const { events } of block.txs) {
      for (const event of events) {
        if (event.case !== 'batchOpened') continue;
        const id = toHex(event.value.batch);
        const ids = idsOf('batch');
        // A later attempt opens the same batch again.
        if (!ids.includes(id)) ids.push(id);
      }
    }
  });
  return { ids: idsOf, close };
}
