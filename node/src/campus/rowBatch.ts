/** Reads and writes of one piece of work over the store: reads see what was put before, and all of it is one batch. */
import type { KeyValueOperation, KeyValueStore } from '../ports.ts';
import { deleteRow, getRow, putRow, type Table } from './store.ts';

export interface RowBatch {
  get<V>(type: Table<V>, id: string): Promise<V | undefined>;
  put<V>(type: Table<V>, id: string, value: V): void;
  delete(type: Table<unknown>, id: string): void;
  operations(): readonly KeyValueOperation[];
}

export function openRowBatch(store: KeyValueStore): RowBatch {
  const changed = new Map<string, { readonly type: Table<unknown>; readonly id: string; readonly value: unknown }>();
  const slot = (type: Table<unknown>, id: string): string => `${type.prefix}/${id}`;
  return {
    async get<V>(type: Table<V>, id: string) {
      const change = changed.get(slot(type as Table<unknown>, id));
      return change === undefined ? await getRow(store, type, id) : (change.value as V | undefined);
    },
    put: (type, id, value) => void changed.set(slot(type as Table<unknown>, id), { type: type as Table<unknown>, id, value }),
    delete: (type, id) => void changed.set(slot(type, id), { type, id, value: undefined }),
    operations: () => [...changed.values()].map(({ type, id, value }) => (value === undefined ? deleteRow(type, id) : putRow(type, id, value))),
  };
}
