/** Answers newcomers: which snapshots there are, their parts, and the headers they verify them by (SPEC §18). */
import { peerMessages, type LightBlock } from '@billcoin/protocol';
import { NETWORK_LIMITS } from '../network/limits.ts';
import type { Clock, Network, PeerMessage, SnapshotQuestion } from '../ports.ts';
import type { SnapshotShelf } from '../storage/snapshotShelf.ts';

/** A part is up to 1 MiB of disk and line for a question of 50 bytes; everything else is small. */
const PART_COST = 4;
/** Peers whose questions are counted; more than a network has. */
const PEERS_MAX = 256;

const QUESTIONS: ReadonlySet<PeerMessage['kind']> = new Set<SnapshotQuestion['kind']>(['getSnapshots', 'getManifest', 'getPart', 'getLightBlocks']);

export function isSnapshotQuestion(message: PeerMessage): message is SnapshotQuestion {
  return QUESTIONS.has(message.kind);
}

export interface SnapshotServerDeps {
  readonly shelf: Pick<SnapshotShelf, 'offers' | 'manifest' | 'part'>;
  readonly lightBlock: (height: number) => Promise<LightBlock | undefined>;
  readonly network: Pick<Network, 'send'>;
  readonly clock: Clock;
  readonly fail: (error: unknown) => void;
}

interface Asker {
  isServed: boolean;
  fromMs: number;
  cost: number;
}

export class SnapshotServer {
  readonly #deps: SnapshotServerDeps;
  readonly #askers = new Map<string, Asker>();

  constructor(deps: SnapshotServerDeps) {
    this.#deps = deps;
  }

  /** What the disk is read for is one question of a peer at a time, and so many a second; others get no answer, which a peer that asks in turn never sees. */
  receive(from: string, question: SnapshotQuestion): void {
    const asker = this.#askerOf(from);
    const readsDisk = question.kind === 'getPart' || question.kind === 'getLightBlocks';
    if (asker === undefined || (readsDisk && asker.isServed)) return;
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - asker.fromMs >= 1_000) [asker.fromMs, asker.cost] = [nowMs, 0];
    asker.cost += question.kind === 'getPart' ? PART_COST : 1;
    if (asker.cost > NETWORK_LIMITS.newcomerCostPerS) return;
    if (readsDisk) asker.isServed = true;
    void this.#answer(from, question).catch(this.#deps.fail).finally(() => {
      if (readsDisk) asker.isServed = false;
    });
  }

  async #answer(to: string, question: SnapshotQuestion): Promise<void> {
    const { shelf, network } = this.#deps;
    switch (question.kind) {
      case 'getSnapshots':
        return network.send(to, { kind: 'snapshots', offers: shelf.offers.filter(({ height }) => height > question.above).slice(-peerMessages.SNAPSHOT_OFFERS_MAX) });
      case 'getManifest': {
        const bytes = shelf.manifest(question.id);
        return bytes === undefined ? undefined : network.send(to, { kind: 'manifest', bytes });
      }
      case 'getPart': {
        const { id, index } = question;
        const content = await shelf.part(id, index);
        return content === undefined ? undefined : network.send(to, { kind: 'part', id, index, content });
      }
      case 'getLightBlocks':
        return network.send(to, { kind: 'lightBlocks', from: question.from, blocks: await this.#lightBlocks(question.from, question.count) });
    }
  }

  async #lightBlocks(from: number, count: number): Promise<readonly LightBlock[]> {
    const blocks: LightBlock[] = [];
    while (blocks.length < Math.min(count, peerMessages.LIGHT_PAGE_MAX)) {
      const block = await this.#deps.lightBlock(from + blocks.length);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  #askerOf(from: string): Asker | undefined {
    const known = this.#askers.get(from);
    if (known !== undefined || this.#askers.size >= PEERS_MAX) return known;
    const asker: Asker = { isServed: false, fromMs: Number.NEGATIVE_INFINITY, cost: 0 };
    this.#askers.set(from, asker);
    return asker;
  }
}
