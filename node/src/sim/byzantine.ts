/**
 * Liars: validators that run the production engine and change what leaves it. They hold their own key only, so they can
 * say anything in their name and repeat or damage what others have said, and nothing else.
 */
import {
  Block, Body, Header, NIL, ProposalBody, blockIdOf, buildBlock, decode, encode, indexOfKey, parseVote, proposalBodyBytes, signingBytes, toHex, voteBodyBytes, votePreimage,
  type Certificate, type Genesis, type Proposal, type Vote, type VoteFields,
} from '@billcoin/protocol';
import { CORE, type Core } from '../driver.ts';
import type { PeerMessage } from '../ports.ts';
import type { Signatures } from './keys.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';

export const LIES = ['two votes', 'two proposals', 'withheld', 'late', 'amnesia', 'forged certificates', 'invalid blocks', 'flood', 'lying status', 'wrong bodies'] as const;
/** `split`: all liars together show one half of the others one block and the rest another; never drawn, it needs a third. */
export type Lie = (typeof LIES)[number] | 'split';

/** Longest that a late message is held back. */
const LATE_MAX_US = 4_000_000;
/** Useless votes for each message sent, where there is a flood. */
const FLOOD = 6;
/** Conspirators precommit a little after they have prevoted. */
const SPLIT_US = 20_000;
/** Block ids a liar remembers to vote for. */
const IDS_MAX = 16;

/** What conspirators share: the two blocks of a (height, round). */
export type Plot = Map<string, readonly [first: string, second: string]>;

export interface LiarSetup {
  readonly plot: Plot;
  /** Which block conspirators show a node. */
  readonly sideOf: (node: number) => 0 | 1;
  readonly genesis: Genesis;
  readonly signatures: Signatures;
  readonly random: Random;
  readonly send: (from: number, to: number, message: PeerMessage, extraUs: number) => void;
  readonly size: number;
  readonly lies: readonly Lie[];
}

/** A core that forgets its lock, and a guard that signs whatever it is asked to. */
export const AMNESIA: Core = {
  step(state, input) {
    const next = CORE.step(state, input);
    return { state: { ...next.state, lockedRound: -1, lockedId: NIL }, effects: next.effects };
  },
  maySign: () => ({ kind: 'sign' }),
  recordSigned: (record, content) => ({ ...record, ...content, seq: record.seq + 1, lastProposal: undefined, lastPrevote: undefined, lastPrecommit: undefined }),
};

export class Liar {
  readonly #setup: LiarSetup;
  readonly #node: SimProcess;
  /** Block ids seen, newest last. */
  readonly #ids: string[] = [];

  constructor(node: SimProcess, setup: LiarSetup) {
    this.#node = node;
    this.#setup = setup;
  }

  #tells(lie: Lie): boolean {
    return this.#setup.lies.includes(lie);
  }

  /** What the engine wanted to send; something else may go. */
  send(to: number | undefined, message: PeerMessage): void {
    const { random, size } = this.#setup;
    this.#learn(message);
    const targets = to === undefined ? Array.from({ length: size }, (_, i) => i).filter((i) => i !== this.#node.index) : [to];
    if (this.#tells('flood') && message.kind === 'vote') this.#flood(targets, message.vote);
    if (message.kind === 'proposal' && this.#lieAboutProposal(targets, message.proposal)) return;
    if (this.#tells('split') && this.#split(targets, message)) return;
    for (const target of targets) {
      if (this.#tells('withheld') && random.chance(0.3)) continue;
      const extraUs = this.#tells('late') && random.chance(0.3) ? random.below(LATE_MAX_US) : 0;
      this.#setup.send(this.#node.index, target, this.#twist(message), extraUs);
    }
  }

  #learn(message: PeerMessage): void {
    const id = message.kind === 'vote' ? voteId(message.vote) : undefined;
    if (id === undefined || id === NIL || this.#ids.includes(id)) return;
    this.#ids.push(id);
    if (this.#ids.length > IDS_MAX) this.#ids.shift();
  }

  /** Somebody else's vote, seen on the wire: another block to vote for. */
  hear(message: PeerMessage): void {
    this.#learn(message);
  }

  #twist(message: PeerMessage): PeerMessage {
    const { random } = this.#setup;
    if (message.kind === 'vote' && this.#tells('two votes') && random.chance(0.5)) return this.#otherVote(message.vote);
    if (message.kind === 'certificate' && this.#tells('forged certificates')) return { kind: 'certificate', certificate: this.#forge(message.certificate) };
    if (message.kind === 'status' && this.#tells('lying status')) return { ...message, status: { ...message.status, height: random.pick([message.status.height, 1, 2 ** 40]), round: random.pick([message.status.round, 0, 2 ** 31]), rounds: [] } };
    if (message.kind === 'block' && this.#tells('wrong bodies') && random.chance(0.5)) return { kind: 'block', blockBytes: wrongBody(message.blockBytes) };
    return message;
  }

  #sign(fields: VoteFields, validatorIndex: number): Vote {
    const { genesis, signatures } = this.#setup;
    return { body: voteBodyBytes(fields), validatorIndex, signature: signatures.sign(this.#node.key, votePreimage(genesis.genesisHash, fields)) };
  }

  /** The other vote for the same place, if this is the liar's own. */
  #otherVote(vote: Vote): PeerMessage {
    const parsed = parseVote(vote);
    if (!parsed.ok || parsed.value.validatorIndex !== this.#index()) return { kind: 'vote', vote };
    const blockId = parsed.value.blockId === NIL ? (this.#ids.at(-1) ?? NIL) : this.#setup.random.pick([NIL, ...this.#ids]);
    return { kind: 'vote', vote: this.#sign({ ...parsed.value, blockId }, vote.validatorIndex) };
  }

  #index(): number {
    return indexOfKey(this.#setup.genesis.validators, this.#node.key.publicKey)!;
  }

  #flood(targets: readonly number[], vote: Vote): void {
    const { random } = this.#setup;
    const parsed = parseVote(vote);
    if (!parsed.ok) return;
    for (let i = 0; i < FLOOD; i++) {
      const type = random.pick(['prevote', 'precommit'] as const);
      const height = Math.max(1, parsed.value.height + random.between(-2, 3));
      const round = random.pick([0, 1, 2, 5, 40, 1_000, 2 ** 31 - 1, parsed.value.round + 1]);
      const useless = this.#sign({ type, height, round, blockId: random.pick([NIL, ...this.#ids]) }, vote.validatorIndex);
      const damaged = random.chance(0.2) ? { ...useless, signature: random.bytes(64) } : random.chance(0.2) ? { ...useless, validatorIndex: random.pick([0, 1, 2, 3, 49]) } : useless;
      this.#setup.send(this.#node.index, random.pick(targets), { kind: 'vote', vote: damaged }, 0);
    }
  }

  #forge(certificate: Certificate): Certificate {
    const { random } = this.#setup;
    const signatures = [...certificate.signatures];
    switch (random.below(6)) {
      case 0: return { ...certificate, round: certificate.round + 1 };
      case 1: return { ...certificate, bitmap: certificate.bitmap.map((byte) => byte | 0x01) };
      case 2: return { ...certificate, bitmap: new Uint8Array([...certificate.bitmap, 0x80]), signatures: [...signatures, signatures[0]!] };
      case 3: return { ...certificate, type: certificate.type === 1 ? 2 : 1 };
      case 4: return { ...certificate, signatures: signatures.map(() => signatures[0]!) };
      default: return { ...certificate, blockId: random.bytes(32) };
    }
  }

  /** One side is told of the first block, the other of the second. True: a vote for one of them was sent so. */
  #split(targets: readonly number[], message: PeerMessage): boolean {
    if (message.kind !== 'vote') return message.kind === 'certificate' || message.kind === 'roundCert';
    const parsed = parseVote(message.vote);
    if (!parsed.ok) return false;
    const blocks = this.#setup.plot.get(`${parsed.value.height} ${parsed.value.round}`);
    if (blocks === undefined || parsed.value.validatorIndex !== this.#index()) return blocks !== undefined;
    for (const target of targets) {
      for (const type of ['prevote', 'precommit'] as const) {
        const vote = this.#sign({ ...parsed.value, type, blockId: blocks[this.#setup.sideOf(target)] }, parsed.value.validatorIndex);
        this.#setup.send(this.#node.index, target, { kind: 'vote', vote }, type === 'prevote' ? 0 : SPLIT_US);
      }
    }
    return true;
  }

  /** True: something else was sent in place of the proposal. */
  #lieAboutProposal(targets: readonly number[], proposal: Proposal): boolean {
    const { random } = this.#setup;
    const body = decode(ProposalBody, proposal.body);
    if (!body.ok || body.value.polRound !== -1) return false;
    const second = this.#tells('split') || (this.#tells('two proposals') && random.chance(0.7)) ? this.#otherBlock(proposal, false) : this.#tells('invalid blocks') && random.chance(0.7) ? this.#otherBlock(proposal, true) : undefined;
    if (second === undefined) return false;
    const { index } = this.#node;
    if (this.#tells('split')) this.#setup.plot.set(`${body.value.height} ${body.value.round}`, [toHex(body.value.blockId), second.id]);
    for (const target of targets) {
      const gets = this.#tells('split') ? (this.#setup.sideOf(target) === 0 ? 'first' : 'second') : random.pick(['first', 'second', 'both', 'none'] as const);
      if (gets === 'first' || gets === 'both') this.#setup.send(index, target, { kind: 'proposal', proposal }, 0);
      if (gets === 'second' || gets === 'both') {
        this.#setup.send(index, target, { kind: 'proposal', proposal: second.proposal }, 0);
        this.#setup.send(index, target, { kind: 'block', blockBytes: second.blockBytes }, 0);
        this.#setup.send(index, target, { kind: 'vote', vote: this.#sign({ type: 'prevote', height: body.value.height, round: body.value.round, blockId: second.id }, this.#index()) }, 0);
      }
    }
    this.#ids.push(second.id);
    return true;
  }

  /** Another block for the same place: an empty one that is valid, or one with a wrong field. */
  #otherBlock(proposal: Proposal, invalid: boolean): { readonly id: string; readonly proposal: Proposal; readonly blockBytes: Uint8Array } | undefined {
    const { engine, chain } = this.#node;
    const header = decode(Header, proposal.header);
    const body = decode(ProposalBody, proposal.body);
    if (engine === undefined || chain === undefined || !header.ok || !body.ok) return undefined;
    const tip = engine.tip();
    if (tip.height + 1 !== header.value.height) return undefined;
    const built = buildBlock(chain, tip, [], header.value.timeMs + 1, { proposerIndex: header.value.proposerIndex, round: header.value.round });
    chain.tree.release(built.treeVersion);
    const headerBytes = invalid ? encode(Header, this.#spoil(built.header)) : built.headerBytes;
    const block = decode(Block, built.blockBytes);
    if (!block.ok) return undefined;
    const { genesisHash } = this.#setup.genesis;
    const id = blockIdOf(genesisHash, headerBytes);
    const bodyBytes = proposalBodyBytes({ ...body.value, blockId: id });
    const signature = this.#setup.signatures.sign(this.#node.key, signingBytes('bill/proposal/1', genesisHash, bodyBytes));
    return { id, proposal: { body: bodyBytes, signature, header: headerBytes, polka: undefined }, blockBytes: encode(Block, { header: headerBytes, body: block.value.body }) };
  }

  #spoil(header: Header): Header {
    const { random } = this.#setup;
    switch (random.below(6)) {
      case 0: return { ...header, stateRoot: random.bytes(32) };
      case 1: return { ...header, resultRoot: random.bytes(32) };
      case 2: return { ...header, prevBlockId: random.bytes(32) };
      case 3: return { ...header, timeMs: header.timeMs + 3_600_000 };
      case 4: return { ...header, round: header.round + 1 };
      default: return { ...header, proposerIndex: (header.proposerIndex + 1) % this.#setup.size };
    }
  }
}

function voteId(vote: Vote): string | undefined {
  const parsed = parseVote(vote);
  return parsed.ok ? parsed.value.blockId : undefined;
}

/** The header of a good block with another body. */
function wrongBody(blockBytes: Uint8Array): Uint8Array {
  const block = decode(Block, blockBytes);
  const body = block.ok ? decode(Body, block.value.body) : block;
  if (!block.ok || !body.ok) return blockBytes;
  return encode(Block, { header: block.value.header, body: encode(Body, { ...body.value, txs: body.value.txs.slice(1), evidence: body.value.txs.length === 0 ? [new Uint8Array(3)] : [] }) });
}
