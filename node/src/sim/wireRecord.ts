/**
 * What correct keys have put on the wire, in all their lives: no equivocation (I5), lock discipline (I6), and that what
 * was sent was on disk first (I18).
 */
import {
  CERTIFICATE_TYPE, NIL, ProposalBody, concat, decode, equalBytes, isQuorum, parseVote, toHex, totalPowerOf, u64be, utf8, verifyCertificate, votePreimage, votesOf, wireBlockId,
  type Certificate, type HardState, type SignedVote, type ValidatorSet, type Verifier, type Vote, type VoteFields,
} from '@billcoin/protocol';
import type { PeerMessage } from '../ports.ts';
import type { SimProcess } from './process.ts';

/** Keys of blocks and certificates in the database (storage/blockStore.ts). */
export function bodyKey(height: number, blockId: Uint8Array): Uint8Array {
  return concat(utf8('b/'), u64be(height), utf8('/'), blockId);
}
export function certificateKey(height: number): Uint8Array {
  return concat(utf8('c/'), u64be(height));
}

export type Blame = (invariant: string, what: string) => void;

interface Promised {
  readonly height: number;
  readonly round: number;
  readonly blockId: string;
}

export interface WireSetup {
  readonly genesisHash: Uint8Array;
  readonly verify: Verifier;
  /** The set that votes at a height up to the next one. */
  readonly setAt: (height: number) => ValidatorSet;
  readonly blame: Blame;
}

export class WireRecord {
  readonly #setup: WireSetup;
  /** `key type height round` → body, of correct keys; two heights are kept. */
  readonly #bodies = new Map<string, string>();
  /** `height round block` → validators that were seen to prevote it, by themselves or in a certificate, liars included. */
  readonly #prevoters = new Map<string, Set<number>>();
  /** Last precommit for a block of each correct node. */
  readonly #locks = new Map<number, Promised>();

  constructor(setup: WireSetup) {
    this.#setup = setup;
  }

  /** A message leaves a node. Of what liars show only the polkas count: of all that correct nodes may have heard of. */
  sent(node: SimProcess, message: PeerMessage): void {
    if (message.kind === 'vote') {
      const vote = this.#notePrevote(node, message.vote);
      if (vote !== undefined && !node.isByzantine && this.#isOwn(node, vote)) this.#ownVote(node, vote, toHex(message.vote.body), message.vote.body);
    }
    if (message.kind === 'roundCert') for (const vote of message.votes) this.#notePrevote(node, vote);
    if (message.kind === 'certificate') this.#notePolka(message.certificate);
    if (message.kind !== 'proposal') return;
    if (message.proposal.polka !== undefined) this.#notePolka(message.proposal.polka);
    if (!node.isByzantine) this.#proposal(node, message.proposal.body);
  }

  /** A guard record is about to be written: what it locks on must be durable (§1.9). */
  guardWrite(node: SimProcess, next: HardState): void {
    if (node.isByzantine) return;
    // A lock that the guard holds already is not new: its body may have been lost with the data folder since.
    const { synced } = node.guard;
    const isCarried = synced.height === next.height && synced.lockedRound === next.lockedRound;
    for (const id of [isCarried ? undefined : next.lockedId, precommitted(next)]) {
      if (id === undefined || node.disks.blocks.durable(bodyKey(next.height, id)) !== undefined) continue;
      this.#setup.blame('I18', `node ${node.index} writes a lock or precommit on ${toHex(id).slice(0, 8)} at height ${next.height} before its body is on disk`);
    }
  }

  /** Forgets heights that are over everywhere. */
  forgetBelow(height: number): void {
    for (const map of [this.#bodies, this.#prevoters]) for (const key of map.keys()) if (Number(key.slice(0, key.indexOf(' '))) < height) map.delete(key);
  }

  #isOwn(node: SimProcess, { height, validatorIndex }: SignedVote): boolean {
    const validator = this.#setup.setAt(height).validators[validatorIndex];
    return validator !== undefined && equalBytes(validator.publicKey, node.key.publicKey);
  }

  /** Correct nodes pass on only what they have verified. */
  #notePrevote(node: SimProcess, bytes: Vote): SignedVote | undefined {
    const parsed = parseVote(bytes);
    if (!parsed.ok) return undefined;
    const vote = parsed.value;
    if (vote.type !== 'prevote' || vote.blockId === NIL || this.#prevotersOf(vote).has(vote.validatorIndex)) return vote;
    const { genesisHash, verify, setAt } = this.#setup;
    const publicKey = setAt(vote.height).validators[vote.validatorIndex]?.publicKey;
    if (publicKey !== undefined && (!node.isByzantine || verify(publicKey, votePreimage(genesisHash, vote), vote.signature))) this.#prevotersOf(vote).add(vote.validatorIndex);
    return vote;
  }

  /** A liar may show its prevote in a certificate alone, and everywhere else another one. */
  #notePolka(certificate: Certificate): void {
    if (certificate.type !== CERTIFICATE_TYPE.prevote) return;
    const { genesisHash, verify, setAt } = this.#setup;
    const votes = votesOf(certificate);
    if (votes.every((vote) => this.#prevotersOf(vote).has(vote.validatorIndex)) || !verifyCertificate(genesisHash, setAt(certificate.height), certificate, verify).ok) return;
    for (const vote of votes) this.#prevotersOf(vote).add(vote.validatorIndex);
  }

  #prevotersOf({ height, round, blockId }: VoteFields): Set<number> {
    const place = `${height} ${round} ${blockId}`;
    const voters = this.#prevoters.get(place) ?? new Set();
    this.#prevoters.set(place, voters);
    return voters;
  }

  #once(node: SimProcess, type: string, height: number, round: number, body: string): boolean {
    const place = `${height} ${round} ${type} ${node.index}`;
    const before = this.#bodies.get(place);
    this.#bodies.set(place, body);
    if (before !== undefined && before !== body) this.#setup.blame('I5', `node ${node.index} signed two ${type}s at height ${height}, round ${round}`);
    return before === undefined;
  }

  #ownVote(node: SimProcess, vote: SignedVote, body: string, bytes: Uint8Array): void {
    const { height, round, type, blockId } = vote;
    if (!this.#once(node, type, height, round, body)) return;
    this.#mustBeGuarded(node, type, height, round, bytes);
    if (height > 1 && node.disks.blocks.durable(certificateKey(height - 1)) === undefined) this.#setup.blame('I18', `node ${node.index} votes at height ${height} before the certificate below is on disk`);
    if (blockId === NIL) return;
    if (type === 'precommit') this.#locks.set(node.index, { height, round, blockId });
    else this.#mustKeepLock(node, vote);
  }

  #mustKeepLock(node: SimProcess, { height, round, blockId }: SignedVote): void {
    const lock = this.#locks.get(node.index);
    if (lock === undefined || lock.height !== height || lock.round >= round || lock.blockId === blockId) return;
    const total = totalPowerOf(this.#setup.setAt(height));
    for (let r = lock.round; r < round; r++) if (isQuorum(this.#prevoters.get(`${height} ${r} ${blockId}`)?.size ?? 0, total)) return;
    this.#setup.blame('I6', `node ${node.index} precommitted ${lock.blockId.slice(0, 8)} in round ${lock.round} of height ${height} and prevotes ${blockId.slice(0, 8)} in round ${round} without a polka between`);
  }

  #proposal(node: SimProcess, bytes: Uint8Array): void {
    const body = decode(ProposalBody, bytes);
    if (!body.ok) return;
    const { height, round, blockId } = body.value;
    const own = node.guard.synced.lastProposal;
    // Proposals of others are passed on in answers to Status.
    if (own === undefined || !equalBytes(own.body, bytes)) return;
    // Later it may come back from a peer to a node that has lost its disk, and is passed on.
    if (!this.#once(node, 'proposal', height, round, toHex(bytes))) return;
    if (node.disks.blocks.durable(bodyKey(height, blockId)) === undefined) this.#setup.blame('I18', `node ${node.index} proposes ${toHex(blockId).slice(0, 8)} before its body is on disk`);
  }

  #mustBeGuarded(node: SimProcess, type: 'prevote' | 'precommit', height: number, round: number, bytes: Uint8Array): void {
    const { synced } = node.guard;
    const recorded = type === 'prevote' ? synced.lastPrevote : synced.lastPrecommit;
    if (recorded !== undefined && equalBytes(recorded.body, bytes)) return;
    // Signed long ago, come back in a certificate and passed on.
    if (synced.height > height || (synced.height === height && synced.round > round)) return;
    this.#setup.blame('I18', `node ${node.index} sends a ${type} of height ${height}, round ${round} that its guard does not hold on disk`);
  }
}

function precommitted(record: HardState): Uint8Array | undefined {
  const { lastPrecommit } = record;
  if (lastPrecommit === undefined) return undefined;
  const vote = parseVote({ body: lastPrecommit.body, signature: lastPrecommit.signature, validatorIndex: 0 });
  return vote.ok ? wireBlockId(vote.value.blockId) : undefined;
}

/** What a decided certificate must be: a commit for that block (I3 adds the signatures). */
export function isCommitFor(certificate: Certificate, height: number, blockId: Uint8Array): boolean {
  return certificate.type === CERTIFICATE_TYPE.precommit && certificate.height === height && equalBytes(certificate.blockId, blockId);
}
