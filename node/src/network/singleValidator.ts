/** The network of a chain with one validator: there is nobody to send to. */
import type { Network } from '../ports.ts';

export const singleValidatorNetwork: Network = {
  send: () => undefined,
  sendAll: () => undefined,
  connected: () => [],
  blame: () => undefined,
  close: () => Promise.resolve(),
};
