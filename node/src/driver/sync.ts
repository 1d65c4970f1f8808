/** The planner of sync with its clock and network: what peers claim and give goes in, questions go out, blocks come out in order. */
import { toHex, type Chain } from '@billcoin/protocol';
import type { Clock, DecidedBlock, Network } from '../ports.ts';
import { identifyBlock } from './blockBytes.ts';
import { SYNC_START, aheadOf, heldAt, planSync, type SyncInput, type SyncState } from './syncPlan.ts';

export interface SyncDeps {
  readonly chain: Chain;
  readonly network: Network;
  readonly clock: Clock;
}

export class Sync {
  readonly #deps: SyncDeps;
  #state: SyncState = SYNC_START;

  constructor(deps: SyncDeps) {
    this.#deps = deps;
  }

  /** Blocks held ahead of the own height. */
  get ahead(): number {
    return aheadOf(this.#state);
  }

  claim(peer: string, height: number): void {
    this.#step({ kind: 'claim', peer, height });
  }

  tick(): void {
    this.#step({ kind: 'tick' });
  }

  /** An answer of a peer. A block that is not what its certificate names costs the peer: no correct node sends it. */
  answer(peer: string, from: number, blocks: readonly DecidedBlock[]): void {
    const isWhole = blocks.every(({ blockBytes, certificate }, i) => {
      const read = identifyBlock(this.#deps.chain.genesisHash, blockBytes, () => false);
      return read.ok && certificate.height === from + i && read.value.height === from + i && read.value.id === toHex(certificate.blockId);
    });
    this.#step(isWhole ? { kind: 'answer', peer, from, blocks } : { kind: 'bad', peer, height: from });
    if (!isWhole) this.#deps.network.blame(peer, 'malformed');
  }

  /** The block of the height that starts now, if it is here. */
  at(height: number): { readonly peer: string; readonly block: DecidedBlock } | undefined {
    this.#step({ kind: 'at', height });
    return heldAt(this.#state, height);
  }

  bad(peer: string, height: number): void {
    this.#step({ kind: 'bad', peer, height });
  }

  #step(input: SyncInput): void {
    const { network, clock } = this.#deps;
    const { state, ask } = planSync(this.#state, input, clock.monotonicMs());
    this.#state = state;
    for (const { peer, from, count } of ask) network.send(peer, { kind: 'getBlocks', from, count });
  }
}
