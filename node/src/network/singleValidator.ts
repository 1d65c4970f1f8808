/** The network of a chain with one validator: there is nobody to send to and nobody to ask. */
import type { Network } from '../ports.ts';

export const singleValidatorNetwork: Network = {
  send: () => undefined,
  relay: () => undefined,
  requestBlock: () => undefined,
  close: () => Promise.resolve(),
};
