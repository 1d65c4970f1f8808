/** Several API nodes of one network behind one call: where a node does not answer, the next one is asked. */
import type { Client } from './client.ts';
import { ApiError, ConnectionError, TimeoutError } from './errors.ts';

export interface Failover {
  /** The client of the node that answered last; calls begin with it. */
  readonly client: Client;
  /**
   * Makes a call at the first node that answers. Only for what needs nothing but the chain and may be asked twice: a signed
   * transaction, its end, proofs, validation by a machine. Logins and orders live at their node: give clients of which each
   * is logged in, and post open orders again when `client` has changed.
   * @throws the refusal of the node that answered · the error of the last node where none did
   */
  call<T>(use: (client: Client) => Promise<T>): Promise<T>;
}

/** Whether another node may do better: no answer, or one that says this node is out of order. */
function isOfNode(error: unknown): boolean {
  return error instanceof ConnectionError || error instanceof TimeoutError || (error instanceof ApiError && error.status === 503);
}

/**
 * @param clients one for each node, the preferred one first
 * @example const nodes = openFailover([a, b].map((baseUrl) => withLogin(createClient({ baseUrl }), { key, genesisHash })))
 */
export function openFailover(clients: readonly Client[]): Failover {
  if (clients.length === 0) throw new TypeError('there is no client to ask');
  let at = 0;
  const current = (): Client => clients[at] as Client;
  return {
    get client() {
      return current();
    },
    async call(use) {
      for (let asked = 1; ; asked++) {
        const client = current();
        try {
          return await use(client);
        } catch (error) {
          if (!isOfNode(error)) throw error;
          // Calls at the same time that failed at the same node move on together, not one node each.
          if (client === current()) at = (at + 1) % clients.length;
          if (asked >= clients.length) throw error;
        }
      }
    },
  };
}
