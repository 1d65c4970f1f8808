/** What happened to orders, told to streams and metrics after the rows are on disk. */
import type { OrderEvent } from '../campusPorts.ts';

export interface OrderEvents {
  emit(events: readonly OrderEvent[]): void;
  /** Listeners must not throw; returns the unsubscribe function. */
  subscribe(listener: (event: OrderEvent) => void): () => void;
}

export function openOrderEvents(): OrderEvents {
  const listeners = new Set<(event: OrderEvent) => void>();
  return {
    emit(events) {
      for (const event of events) for (const listener of listeners) listener(event);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
