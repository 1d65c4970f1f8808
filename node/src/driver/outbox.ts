/** From what the core sends to what goes on the wire; blocks are fetched from memory or disk. */
import { EVERYBODY, wireProposal, wireVote, type SendMessage } from '@billcoin/protocol';
import type { Network, PeerMessage } from '../ports.ts';
import type { BlocksInHand } from './blocksInHand.ts';

export class Outbox {
  readonly #network: Network;
  readonly #blocks: BlocksInHand;

  constructor(network: Network, blocks: BlocksInHand) {
    this.#network = network;
    this.#blocks = blocks;
  }

  /** A block that is no longer here is not sent; who lacks it asks again. */
  async send(to: string, message: SendMessage): Promise<void> {
    const wire = await this.#wireMessage(message);
    if (wire === undefined) return;
    if (to === EVERYBODY) this.#network.sendAll(wire);
    else this.#network.send(to, wire);
  }

  async #wireMessage(message: SendMessage): Promise<PeerMessage | undefined> {
    switch (message.kind) {
      case 'vote': return { kind: 'vote', vote: wireVote(message.vote) };
      case 'proposal': return { kind: 'proposal', proposal: wireProposal(message.proposal) };
      case 'certificate': return message;
      case 'roundCert': return { kind: 'roundCert', votes: message.votes.map(wireVote) };
      case 'block': {
        const blockBytes = await this.#blocks.bytesOf(message.id);
        return blockBytes === undefined ? undefined : { kind: 'block', blockBytes };
      }
    }
  }
}
