/** KeyValueStore in memory: the same behaviour as the one on disk, for simulations and tests. */
import type { KeyValueStore } from '../ports.ts';

/** Index of the first key that is not below `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function openKeyValueMemory(): KeyValueStore {
  const values = new Map<string, Uint8Array>();
  const keys: string[] = [];
  let open = true;

  function mustBeOpen(): void {
    if (!open) throw new Error('the store is closed');
  }

  function put(key: string, value: Uint8Array): void {
    if (!values.has(key)) keys.splice(lowerBound(keys, key), 0, key);
    values.set(key, value.slice());
  }

  function del(key: string): void {
    if (values.delete(key)) keys.splice(lowerBound(keys, key), 1);
  }

  return {
    isExclusive: false, // tests open several nodes on one
    async get(key) {
      mustBeOpen();
      return values.get(key)?.slice();
    },
    async list({ gte, lt, limit, reverse = false }) {
      mustBeOpen();
      const from = lowerBound(keys, gte);
      const to = Math.max(from, lowerBound(keys, lt));
      const range = reverse ? keys.slice(Math.max(from, to - limit), to).reverse() : keys.slice(from, Math.min(to, from + limit));
      return range.map((key) => ({ key, value: (values.get(key) as Uint8Array).slice() }));
    },
    async batch(operations) {
      mustBeOpen();
      for (const operation of operations) {
        if (operation.type === 'put') put(operation.key, operation.value);
        else del(operation.key);
      }
    },
    async compact() {
      mustBeOpen(); // a deleted value is garbage already
    },
    async close() {
      open = false;
    },
  };
}
