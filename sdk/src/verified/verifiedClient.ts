/**
 * A client that believes nothing a server says (SPEC §16): it follows the headers from genesis or a signed checkpoint and
 * takes rows and receipts only under headers it has verified. Reads are free functions in reads.ts.
 */
import {
  equalBytes, followTo, lightState, newestTrusted, parseCheckpoint, takeAnswer, toHex, trustCheckpoint, validatorsHash, verifyEd25519, walkBackwards,
  type Certificate, type LightBlock, type LightState, type LightStep, type NamedHeader, type ProofContext, type TrustedHeader, type ValidatorSet, type Verifier, type WalkedBack,
} from '@billcoin/protocol';
import type { Routes } from '../api/index.ts';
import { LIGHT_HEADERS_MAX } from './limits.ts';
import type { Client } from '../client/client.ts';
import { request, type CallOptions } from '../client/request.ts';
import { believe, ProofError, refuse } from './proofError.ts';
import { lightBlocks } from './source.ts';

/** Oldest header that a read of "now" takes: six idle blocks. A server that hides new blocks is found out after this. */
export const HEADER_AGE_MAX_MS = 60_000;
/** Validator sets that are remembered by hash, so that a proof needs no second request: more than change in 14 days of hourly epochs is not worth it. */
const SETS_MAX = 64;
const CHECKPOINT_ANSWER_MAX_BYTES = 32_768;
/** Headers that are walked back from a checkpoint to an older block: ten answers. */
export const BACKWARDS_MAX = 1_000;

export interface VerifiedClientOptions {
  /** The server that is asked. */
  readonly client: Client;
  /** Servers of other institutions; at least one must confirm each header before it is believed. */
  readonly witnesses?: readonly Client[];
  /** Pinned, 32 bytes. */
  readonly genesisHash: Uint8Array;
  /** Where trust begins: `trustGenesis(genesis)`, or `checkpointRoot`. At most 14 days old. */
  readonly root: TrustedHeader;
  /** Oldest header for reads of the newest state, in ms. */
  readonly headerAgeMaxMs?: number;
  /** Default: the platform's clock. */
  readonly nowMs?: () => number;
  /** Default: the portable one. */
  readonly verify?: Verifier;
}

/** A header with the certificate a proof brought along; its set is looked up where the server sent none with it. */
export interface BroughtHeader extends NamedHeader {
  readonly headerBytes: Uint8Array;
  readonly certificate: Certificate;
  readonly lightBlock?: LightBlock | undefined;
}

export class VerifiedClient {
  readonly client: Client;
  readonly context: ProofContext;
  readonly nowMs: () => number;
  readonly headerAgeMaxMs: number;
  readonly #witnesses: readonly Client[];
  readonly #sets = new Map<string, ValidatorSet>();
  #state: LightState;
  /** One sync at a time: the state machine follows one target. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ client, witnesses = [], genesisHash, root, headerAgeMaxMs = HEADER_AGE_MAX_MS, nowMs = () => Date.now(), verify = verifyEd25519 }: VerifiedClientOptions) {
    this.client = client;
    this.context = { genesisHash, verify };
    this.nowMs = nowMs;
    this.headerAgeMaxMs = headerAgeMaxMs;
    this.#witnesses = witnesses;
    this.#state = lightState(root, witnesses.length);
    this.#remember(root.nextValidators);
  }

  /** The newest header that is believed. */
  get newest(): TrustedHeader {
    return newestTrusted(this.#state);
  }

  /** Follows to the server's newest header. @throws ProofError `stale` where that is too old · what `trust` throws */
  async follow(options?: CallOptions): Promise<TrustedHeader> {
    // Beyond every chain: no headers, only the tip.
    const { tip } = await lightBlocks(this.client, Number.MAX_SAFE_INTEGER, 1, options);
    if (tip === undefined) return refuse('malformed', 'the server names no height');
    const newest = tip > this.newest.height ? await this.trust(tip, undefined, options) : this.newest;
    this.checkAge(newest);
    return newest;
  }

  /** @throws ProofError `stale` */
  checkAge({ height, timeMs }: TrustedHeader): void {
    const ageMs = this.nowMs() - timeMs;
    if (ageMs > this.headerAgeMaxMs) refuse('stale', `block ${height} is ${ageMs} ms old`);
  }

  /**
   * The header of a height, verified. One that came with a proof saves the request for it, and must be that very header.
   * @throws ProofError · ConnectionError, TimeoutError, ApiError of the server that is asked
   */
  async trust(height: number, brought?: BroughtHeader, options?: CallOptions): Promise<TrustedHeader> {
    const turn = this.#turn.then(() => this.#trustNow(height, brought, options));
    this.#turn = turn.catch(() => undefined);
    const trusted = await turn;
    if (brought !== undefined && !equalBytes(trusted.blockId, brought.blockId)) refuse('other_block', `the proof is of another block ${height} than the one that is final`);
    return trusted;
  }

  async #trustNow(height: number, brought: BroughtHeader | undefined, options: CallOptions | undefined): Promise<TrustedHeader> {
    const [root] = this.#state.trusted;
    const isBelow = root !== undefined && height >= 1 && (height < root.height || (height === root.height && root.header === undefined));
    if (isBelow && this.#state.stopped === undefined) return await this.#trustBackTo(root, height, options);
    let step: LightStep = followTo(this.#state, height, this.nowMs());
    while (step.action.kind === 'ask') {
      const block = await this.#answer(step.action.source, step.action.height, brought, options);
      if (block !== undefined) this.#rememberBoth(block);
      step = takeAnswer(this.context, step.state, block, this.nowMs());
    }
    this.#state = step.state;
    if (step.action.kind === 'trusted') return step.action.trusted;
    throw new ProofError(step.action.refusal, step.action.kind === 'diverged' ? step.action.evidence : []);
  }

  async #answer(source: number, height: number, brought: BroughtHeader | undefined, options: CallOptions | undefined): Promise<LightBlock | undefined> {
    if (source === 0) {
      const held = brought?.header.height === height ? this.#complete(brought) : undefined;
      return held ?? (await lightBlocks(this.client, height, 1, options)).blocks[0];
    }
    const witness = this.#witnesses[source - 1];
    if (witness === undefined) return undefined;
    try {
      return (await lightBlocks(witness, height, 1, options)).blocks[0];
    } catch {
      return undefined; // a witness out of reach confirms nothing; the machine says so
    }
  }

  /** A brought header with its sets, where both are known here or came along. */
  #complete({ header, headerBytes, certificate, lightBlock }: BroughtHeader): LightBlock | undefined {
    const validators = this.#sets.get(toHex(header.validatorsHash)) ?? lightBlock?.validators;
    const nextValidators = this.#sets.get(toHex(header.nextValidatorsHash)) ?? lightBlock?.nextValidators ?? lightBlock?.validators;
    if (validators === undefined || nextValidators === undefined) return undefined;
    return { header: headerBytes, certificate, validators, nextValidators: nextValidators === validators ? undefined : nextValidators };
  }

  #rememberBoth({ validators, nextValidators }: LightBlock): void {
    this.#remember(validators);
    if (nextValidators !== undefined) this.#remember(nextValidators);
  }

  /** By hash, so a server cannot make us remember a wrong one; the oldest goes. */
  #remember(set: ValidatorSet): void {
    this.#sets.set(toHex(validatorsHash(set)), set);
    const [oldest] = this.#sets.keys();
    if (this.#sets.size > SETS_MAX && oldest !== undefined) this.#sets.delete(oldest);
  }

  /** Below a checkpoint: back by the hash of the block before, from the checkpoint's own block. */
  async #trustBackTo(root: TrustedHeader, height: number, options: CallOptions | undefined): Promise<TrustedHeader> {
    if (root.height - height > BACKWARDS_MAX) refuse('before_trust', `height ${height} is ${root.height - height} blocks below the first trusted one`);
    let walked: WalkedBack = { trusted: root, later: undefined };
    for (let upTo = root.height; upTo >= height;) {
      const from = Math.max(height, upTo - LIGHT_HEADERS_MAX + 1);
      const { blocks } = await lightBlocks(this.client, from, upTo - from + 1, options);
      if (blocks.length !== upTo - from + 1) refuse('no_data', `headers ${from} to ${upTo}`);
      walked = believe(walkBackwards(this.context, walked, blocks));
      upTo = from - 1;
    }
    return walked.trusted;
  }
}

/** A client that follows the chain of `genesisHash` from `root`. Opens no connection. */
export function createVerifiedClient(options: VerifiedClientOptions): VerifiedClient {
  return new VerifiedClient(options);
}

export interface CheckpointRootOptions {
  readonly genesisHash: Uint8Array;
  /** Pinned, from genesis. */
  readonly checkpointKeys: readonly Uint8Array[];
  readonly nowMs?: number;
  readonly verify?: Verifier;
}

/**
 * The checkpoint a server serves as the beginning of trust, for whoever was away longer than 14 days.
 * @throws ProofError `checkpoint_not_signed`, `trust_expired` … · ApiError `not_found` where it serves none
 */
export async function checkpointRoot(client: Client, { genesisHash, checkpointKeys, nowMs = Date.now(), verify = verifyEd25519 }: CheckpointRootOptions, options?: CallOptions): Promise<TrustedHeader> {
  const answer = await request<Routes['getCheckpoint']>(client, 'GET', '/light/checkpoint', { idempotent: true, answerMaxBytes: CHECKPOINT_ANSWER_MAX_BYTES }, options);
  const signed = believe(parseCheckpoint(JSON.stringify(answer)));
  const [block] = (await lightBlocks(client, signed.checkpoint.height, 1, options)).blocks;
  if (block === undefined) return refuse('no_data', `no header of height ${signed.checkpoint.height}`);
  return believe(trustCheckpoint({ genesisHash, verify }, checkpointKeys, signed, block.nextValidators ?? block.validators, nowMs));
}
