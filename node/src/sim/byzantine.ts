/**
 * Liars: validators that run the production engine and change what leaves it. They hold their own key only, so they can
 * say anything in their name and repeat or damage what others have said, and nothing else.
 */
import {
  Block, Body, Header, NIL, ProposalBody, blockIdOf, buildBlock, decode, encode, indexOfKey, makeCertificate, parseVote, proposalBodyBytes, signingBytes, toHex, voteBodyBytes, votePreimage,
  type Certificate, type Genesis, type Proposal, type SignedVote, type ValidatorSet, type Vote, type VoteFields,
} from '@billcoin/protocol';
import { CORE, type Core } from '../driver.ts';
import type { PeerMessage } from '../ports.ts';
import { BROKEN_ENCODINGS, FORGED_CERTIFICATES, ODD_PROPOSALS, ODD_VOTES, SPOILED_BODIES, SPOILED_HEADERS, SPOILED_RANGES, giant, nilVote, withBody, wrongBody, type Forger } from './forgeries.ts';
import type { Signatures } from './keys.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './random.ts';

export const LIES = [
  'two votes', 'two proposals', 'withheld', 'late', 'amnesia', 'hidden lock', 'forged certificates', 'invalid blocks', 'flood', 'lying status', 'wrong bodies', 'no bodies', 'other blocks', 'odd votes', 'odd proposals', 'broken encodings', 'giant frames', 'lying sync',
] as const;
/** `split`: all liars together show one half of the others one block and the rest another; never drawn, it needs a third. */
export type Lie = (typeof LIES)[number] | 'split';

/** Longest that a late message is held back. */
const LATE_MAX_US = 4_000_000;
/** Useless votes for each message sent, where there is a flood. */
const FLOOD = 6;
/** Conspirators precommit a little after they have prevoted. */
const SPLIT_US = 20_000;
/** Chance that a forgery goes out beside what is true. */
const FORGE_CHANCE = 0.3;
const GIANT_CHANCE = 0.02;
/** Blocks a liar keeps to answer with the wrong one. */
const BLOCKS_MAX = 8;
/** Index of a validator that was voted out: it lies no more in its own name. */
const NOT_IN_SET = -1;
/** Places whose votes a liar collects, to forge a certificate of them. */
const PLACES_MAX = 8;
/** Block ids a liar remembers to vote for. */
const IDS_MAX = 16;

/** What conspirators share: the two blocks of a (height, round). */
export type Plot = Map<string, readonly [first: string, second: string]>;

export interface LiarSetup {
  /** The set that votes at a height up to the next one. */
  readonly setAt: (height: number) => ValidatorSet;
  readonly plot: Plot;
  /** Which block conspirators show a node. */
  readonly sideOf: (node: number) => 0 | 1;
  readonly genesis: Genesis;
  readonly signatures: Signatures;
  readonly random: Random;
  readonly send: (from: number, to: number, message: PeerMessage, extraUs: number) => void;
  readonly count: (fault: string) => void;
  readonly size: number;
  readonly lies: readonly Lie[];
}

interface NamedLie {
  readonly name: string;
  readonly message: PeerMessage;
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
  readonly #blocks: Uint8Array[] = [];
  readonly #votes = new Map<string, (SignedVote | undefined)[]>();

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
      this.#forgeBeside(target, message);
      if ((this.#tells('withheld') && random.chance(0.3)) || (this.#tells('no bodies') && message.kind === 'block')) {
        this.#setup.count('lie: withheld');
        continue;
      }
      const extraUs = this.#tells('late') && random.chance(0.3) ? random.below(LATE_MAX_US) : 0;
      if (extraUs > 0) this.#setup.count('lie: late');
      this.#setup.send(this.#node.index, target, this.#twist(target, message), extraUs);
    }
  }

  #learn(message: PeerMessage): void {
    if (message.kind === 'block') this.#blocks.push(message.blockBytes);
    if (this.#blocks.length > BLOCKS_MAX) this.#blocks.shift();
    const id = message.kind === 'vote' ? voteId(message.vote) : undefined;
    if (id === undefined || id === NIL || this.#ids.includes(id)) return;
    this.#ids.push(id);
    if (this.#ids.length > IDS_MAX) this.#ids.shift();
  }

  /** Somebody else's message, seen on the wire: another block to vote for, or the last vote of a certificate to forge. */
  hear(message: PeerMessage): void {
    this.#learn(message);
    if (message.kind !== 'vote' || !this.#tells('forged certificates')) return;
    const vote = parseVote(message.vote);
    const { setAt, size } = this.#setup;
    const validators = setAt(vote.ok ? vote.value.height : 1);
    if (!vote.ok || vote.value.blockId === NIL || vote.value.validatorIndex >= validators.validators.length) return;
    const { type, height, round, blockId, validatorIndex } = vote.value;
    const place = `${type} ${height} ${round} ${blockId}`;
    const votes = this.#votes.get(place) ?? [];
    if (votes[validatorIndex] !== undefined) return;
    votes[validatorIndex] = vote.value;
    this.#votes.set(place, votes);
    const [oldest] = this.#votes.keys();
    if (this.#votes.size > PLACES_MAX && oldest !== undefined) this.#votes.delete(oldest);
    const certificate = makeCertificate(validators, vote.value, votes);
    if (certificate === undefined) return;
    for (let target = 0; target < size; target++) {
      const { name, message: forged } = this.#forge(certificate);
      if (target !== this.#node.index) this.#sendForged(target, name, forged);
    }
  }

  /** What goes out in place of a message; the same where nothing is changed. */
  #twist(target: number, message: PeerMessage): PeerMessage {
    const other = this.#other(target, message);
    if (other === undefined) return message;
    this.#setup.count(`lie: ${other.name}`);
    return other.message;
  }

  #other(target: number, message: PeerMessage): NamedLie | undefined {
    const { random } = this.#setup;
    switch (message.kind) {
      case 'vote': {
        if (this.#tells('hidden lock')) return this.#hideLock(target, message.vote);
        const vote = this.#tells('two votes') && random.chance(0.5) ? this.#otherVote(message.vote) : undefined;
        return vote === undefined ? undefined : { name: 'two votes', message: { kind: 'vote', vote } };
      }
      case 'certificate': return this.#tells('forged certificates') ? this.#forge(message.certificate) : undefined;
      case 'status': return this.#tells('lying status') ? this.#otherStatus(message) : undefined;
      case 'block': return this.#otherBody(message.blockBytes);
      case 'blocks': return this.#tells('lying sync') && message.blocks.length > 0 && random.chance(0.8) ? this.#otherRange(message) : undefined;
      default: return undefined;
    }
  }

  #otherBody(blockBytes: Uint8Array): NamedLie | undefined {
    const { random } = this.#setup;
    if (this.#tells('wrong bodies') && random.chance(0.5)) return { name: 'wrong body', message: { kind: 'block', blockBytes: wrongBody(blockBytes) } };
    return this.#tells('other blocks') && random.chance(0.5) ? { name: 'another block than asked for', message: { kind: 'block', blockBytes: random.pick(this.#blocks) } } : undefined;
  }

  #otherStatus(message: Extract<PeerMessage, { readonly kind: 'status' }>): NamedLie {
    const { random } = this.#setup;
    const { status, tip } = message;
    const forged = tip === undefined ? undefined : random.pick([tip, undefined, { ...tip, height: tip.height + 5 }, { ...tip, blockId: random.bytes(32) }]);
    const [height, round] = [random.pick([status.height, 1, 2 ** 40, Math.max(1, status.height - 1)]), random.pick([status.round, 0, 2 ** 31])];
    return { name: 'lying status', message: { ...message, tip: forged, status: { ...status, height, round, rounds: random.chance(0.5) ? [] : status.rounds } } };
  }

  #otherRange(message: Extract<PeerMessage, { readonly kind: 'blocks' }>): NamedLie {
    const name = this.#setup.random.pick(Object.keys(SPOILED_RANGES));
    return { name: `sync: ${name}`, message: SPOILED_RANGES[name]!(message, this.#forger) };
  }

  /** One validator alone is shown the vote that completes a polka, the others see NIL; of the precommit nobody hears. */
  #hideLock(target: number, vote: Vote): NamedLie | undefined {
    const parsed = parseVote(vote);
    if (!parsed.ok || parsed.value.validatorIndex !== this.#index() || parsed.value.blockId === NIL) return undefined;
    const { type, height, round } = parsed.value;
    if (type === 'prevote' && target === (height + round) % this.#setup.size) return undefined;
    return { name: 'hidden lock', message: { kind: 'vote', vote: nilVote(parsed.value, vote, this.#forger) } };
  }

  get #forger(): Forger {
    const { random, genesis, signatures } = this.#setup;
    return { random, genesisHash: genesis.genesisHash, sign: (bytes) => signatures.sign(this.#node.key, bytes), index: this.#index() };
  }

  /** Something that nobody may take for true goes out too. */
  #forgeBeside(target: number, message: PeerMessage): void {
    const { random } = this.#setup;
    if (this.#tells('lying sync') && message.kind === 'status' && random.chance(0.1)) this.#sendForged(target, 'asks for any blocks', { kind: 'getBlocks', from: random.pick([0, 1, message.status.height, 2 ** 40]), count: random.pick([0, 1, 16, 2 ** 31]) });
    if (this.#tells('giant frames') && random.chance(GIANT_CHANCE)) this.#sendForged(target, 'giant frame', giant(message));
    if (message.kind === 'proposal') return this.#forgeProposals(target, message.proposal);
    if (!random.chance(FORGE_CHANCE)) return;
    if (message.kind === 'vote') this.#forgeVotes(target, message.vote);
    if (!this.#tells('broken encodings')) return;
    if (message.kind === 'block') this.#sendForged(target, 'broken block', { kind: 'block', blockBytes: this.#broken(message.blockBytes) });
    if (message.kind === 'txs') this.#sendForged(target, 'broken transactions', { kind: 'txs', txs: message.txs.map((tx) => this.#broken(tx)), told: [] });
  }

  #forgeVotes(target: number, vote: Vote): void {
    const parsed = parseVote(vote);
    const name = this.#setup.random.pick(Object.keys(ODD_VOTES));
    if (this.#tells('odd votes') && parsed.ok && parsed.value.validatorIndex === this.#index()) this.#sendForged(target, `vote: ${name}`, { kind: 'vote', vote: ODD_VOTES[name]!(parsed.value, vote, this.#forger) });
    if (this.#tells('broken encodings')) this.#sendForged(target, 'broken vote', { kind: 'vote', vote: { ...vote, body: this.#broken(vote.body) } });
  }

  #forgeProposals(target: number, proposal: Proposal): void {
    const { random } = this.#setup;
    const name = random.pick(Object.keys(ODD_PROPOSALS));
    if (this.#tells('odd proposals')) this.#sendForged(target, `proposal: ${name}`, { kind: 'proposal', proposal: ODD_PROPOSALS[name]!(proposal, this.#forger) });
    if (this.#tells('broken encodings')) this.#sendForged(target, 'broken proposal', { kind: 'proposal', proposal: random.chance(0.5) ? { ...proposal, body: this.#broken(proposal.body) } : { ...proposal, header: this.#broken(proposal.header) } });
  }

  #sendForged(target: number, name: string, message: PeerMessage): void {
    this.#setup.count(`lie: ${name}`);
    this.#setup.send(this.#node.index, target, message, 0);
  }

  #broken(bytes: Uint8Array): Uint8Array {
    const { random } = this.#setup;
    return BROKEN_ENCODINGS[random.pick(Object.keys(BROKEN_ENCODINGS))]!(bytes, random);
  }

  #sign(fields: VoteFields, validatorIndex: number): Vote {
    const { genesis, signatures } = this.#setup;
    return { body: voteBodyBytes(fields), validatorIndex, signature: signatures.sign(this.#node.key, votePreimage(genesis.genesisHash, fields)) };
  }

  /** The other vote for the same place, if this is the liar's own. */
  #otherVote(vote: Vote): Vote | undefined {
    const parsed = parseVote(vote);
    if (!parsed.ok || parsed.value.validatorIndex !== this.#index()) return undefined;
    const blockId = parsed.value.blockId === NIL ? (this.#ids.at(-1) ?? NIL) : this.#setup.random.pick([NIL, ...this.#ids]);
    return this.#sign({ ...parsed.value, blockId }, vote.validatorIndex);
  }

  #index(): number {
    const height = (this.#node.engine?.tip().height ?? 0) + 1;
    return indexOfKey(this.#setup.setAt(height), this.#node.key.publicKey) ?? NOT_IN_SET;
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
      this.#sendForged(random.pick(targets), 'flood', { kind: 'vote', vote: damaged });
    }
    this.#sendForged(random.pick(targets), 'flood', { kind: 'needBlock', height: Math.max(1, parsed.value.height - random.below(5)), blockId: random.bytes(32) });
  }

  #forge(certificate: Certificate): NamedLie {
    const name = this.#setup.random.pick(Object.keys(FORGED_CERTIFICATES));
    return { name: `certificate: ${name}`, message: { kind: 'certificate', certificate: FORGED_CERTIFICATES[name]!(certificate, this.#forger) } };
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
    const block = decode(Block, built.blockBytes);
    if (!block.ok) return undefined;
    const { headerBytes, blockBytes } = invalid ? this.#spoil(built.header, block.value.body) : built;
    const { genesisHash } = this.#setup.genesis;
    const id = blockIdOf(genesisHash, headerBytes);
    const bodyBytes = proposalBodyBytes({ ...body.value, blockId: id });
    const signature = this.#setup.signatures.sign(this.#node.key, signingBytes('bill/proposal/1', genesisHash, bodyBytes));
    this.#setup.count(invalid ? 'lie: invalid block' : 'lie: two proposals');
    return { id, proposal: { body: bodyBytes, signature, header: headerBytes, polka: undefined }, blockBytes };
  }

  #spoil(header: Header, bodyBytes: Uint8Array): { readonly headerBytes: Uint8Array; readonly blockBytes: Uint8Array } {
    const { random, setAt } = this.#setup;
    const name = random.pick([...Object.keys(SPOILED_HEADERS), ...Object.keys(SPOILED_BODIES)]);
    this.#setup.count(`lie: block: ${name}`);
    const body = decode(Body, bodyBytes);
    const spoilBody = SPOILED_BODIES[name];
    if (spoilBody !== undefined && body.ok) return withBody(header, spoilBody(body.value, random));
    const headerBytes = encode(Header, SPOILED_HEADERS[name]!(header, random, setAt(header.height).validators.length));
    return { headerBytes, blockBytes: encode(Block, { header: headerBytes, body: bodyBytes }) };
  }
}

function voteId(vote: Vote): string | undefined {
  const parsed = parseVote(vote);
  return parsed.ok ? parsed.value.blockId : undefined;
}
