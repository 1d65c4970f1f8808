/**
 * The one loop round the consensus core (consensus page §1.6): dequeue an input, `step`, run the effects in order, never
 * re-enter. Effects that must be durable wait for the disk here; the core itself never waits.
 */
import {
  BLOCK_MAX_BYTES, BLOCK_MAX_TXS, assert, buildBlock, certificateBytes, initialState, paramsOf, proposalTime, signedInput, step, toHex,
  type Certificate, type Chain, type ConsensusState, type Effect, type Executed, type HardState, type Input, type ParsedTx, type Resume, type SignAndSend, type StartHeight, type Tip,
} from '@billcoin/protocol';
import { BlocksInHand, type SaveBody } from './driver/blocksInHand.ts';
import { signGuarded, type SigningPort } from './driver/signing.ts';
import { TimerSet } from './driver/timerSet.ts';
import { finalBlockOf } from './finalBlock.ts';
import type { Clock, FinalBlock, Log, Network, Timers } from './ports.ts';

/** Inputs that wait: messages of peers are bounded by the network, the rest by the core's own effects. */
const INPUTS_MAX = 65_536;

/** Room that the ledger keeps free in a block, and the largest transaction on top. */
const FULL_MARGIN_BYTES = 65_536;

/** Where blocks come from: the pool. */
export interface BlockSource {
  offer(): readonly ParsedTx[];
  parkLeftOut(offered: readonly ParsedTx[], included: readonly ParsedTx[]): void;
  hasWork(): boolean;
}

export interface DriverDeps {
  readonly chain: Chain;
  readonly tip: Tip;
  readonly publicKey: Uint8Array | undefined;
  /** Undefined: watch only. */
  readonly signing: SigningPort | undefined;
  readonly source: BlockSource;
  readonly network: Network;
  readonly saveBody: SaveBody;
  /** Durable when it resolves. */
  readonly saveCertificate: (certificate: Certificate) => Promise<void>;
  /** Makes an executed block the tip: `commitBlock`, and whatever must see the state before it. */
  readonly commit: (tip: Tip, executed: Executed, certificate: Certificate) => Tip;
  /** A block is final and its certificate durable: index, state, pool, listeners. `bodies` counts bodies of that height on disk. */
  readonly onCommitted: (block: FinalBlock, executed: Executed, tip: Tip, bodies: number) => Promise<void>;
  /** The process must stop: storage failed, a bug, or the chain contradicts this node. */
  readonly halt: (error: Error) => void;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** What resuming needs from the disk: undecided bodies of the next height. */
export interface ResumeInfo {
  readonly hardState: HardState;
  readonly bodies: readonly { readonly blockId: Uint8Array; readonly blockBytes: Uint8Array }[];
}

export class Driver {
  readonly #deps: DriverDeps;
  readonly #blocks: BlocksInHand;
  readonly #timers: TimerSet;
  readonly #inputs: Input[] = [];
  #state: ConsensusState;
  #tip: Tip;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(deps: DriverDeps) {
    this.#deps = deps;
    this.#tip = deps.tip;
    this.#state = initialState({ publicKey: deps.publicKey });
    this.#blocks = new BlocksInHand(deps.chain, deps.saveBody);
    this.#timers = new TimerSet(deps.timers, (id) => this.enqueue({ kind: 'timerFired', ...id }));
  }

  get tip(): Tip {
    return this.#tip;
  }

  /** Height and round in progress, for status and metrics. */
  get progress(): { readonly height: number; readonly round: number; readonly step: string } {
    const { height, round, step: now } = this.#state;
    return { height, round, step: now };
  }

  /** Starts at the height after the tip; resumes from the guard's record where it is of that height. */
  start(resume: ResumeInfo | undefined): void {
    this.#enqueueStart();
    if (resume?.hardState.height === this.#tip.height + 1) this.enqueue(this.#resumeInput(resume));
    if (this.#deps.source.hasWork()) this.enqueue({ kind: 'workAvailable' });
  }

  /** Gives the core an input; it is handled after those before it. */
  enqueue(input: Input): void {
    if (this.#stopped) return;
    assert(this.#inputs.length < INPUTS_MAX, 'the network bounds its messages');
    this.#inputs.push(input);
    this.#running ??= this.#run();
  }

  /**
   * The pool has something for a block. The core needs to hear it only while a height waits to start, or between a
   * decision and the start of the next height, which is queued before it.
   */
  workAvailable(): void {
    if (this.#state.step === 'newHeight' || this.#state.step === 'decided') this.enqueue({ kind: 'workAvailable' });
  }

  /** No further input is handled; resolves when the effects under way are done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timers.cancelAll();
    await this.#running;
  }

  async #run(): Promise<void> {
    // The caller of enqueue goes on first: an effect never runs inside somebody else's call.
    await Promise.resolve();
    try {
      for (let input = this.#inputs.shift(); input !== undefined && !this.#stopped; input = this.#inputs.shift()) {
        const { state, effects } = step(this.#state, input);
        this.#state = state;
        for (const effect of effects) await this.#perform(effect);
      }
    } catch (error) {
      this.#stopped = true;
      this.#timers.cancelAll();
      this.#deps.halt(error instanceof Error ? error : new Error('The consensus loop failed.', { cause: error }));
    }
    this.#running = undefined;
  }

  async #perform(effect: Effect): Promise<void> {
    const { network, log } = this.#deps;
    switch (effect.kind) {
      case 'checkBlock':
        return this.#check(effect.id);
      case 'saveBlock':
        return this.#blocks.save(effect.id, this.#state.height);
      case 'signAndSend':
        return this.#signAndSend(effect);
      case 'send':
        return network.send(effect.to, effect.message, effect.message.kind === 'block' ? this.#blocks.bytesOf(effect.message.id) : undefined);
      case 'relay':
        return network.relay(effect.certificate);
      case 'startTimer':
        return this.#timers.start({ timer: effect.timer, height: effect.height, round: effect.round }, effect.ms);
      case 'cancelTimers':
        return this.#timers.cancelBelow(effect.height, effect.belowRound);
      case 'buildValue':
        return this.#build(effect);
      case 'fetchBlock':
        return network.requestBlock(effect.height, effect.id);
      case 'decide':
        return this.#decide(effect.id, effect.certificate);
      case 'reportEvidence':
        return log.error({ offender: effect.offender, own: effect.own }, effect.own ? 'The own key signed twice: another process runs it. Signing has stopped' : 'A validator signed twice');
      case 'halt':
        throw new Error(`Consensus stopped: ${effect.reason}`);
    }
  }

  #check(id: string): void {
    const verdict = this.#blocks.judge(id, this.#tip);
    if (verdict === undefined) return; // judged when the body comes
    if (!verdict.valid) this.#deps.log.warn({ blockId: id, why: verdict.why }, 'A proposed block is not valid');
    this.enqueue({ kind: 'blockVerdict', id, valid: verdict.valid });
  }

  async #signAndSend(effect: SignAndSend): Promise<void> {
    const { signing, network, chain, clock, log } = this.#deps;
    assert(signing !== undefined && this.#state.ownIndex !== undefined, 'only a validator is asked to sign');
    const { ownIndex } = this.#state;
    for (const id of effect.durableBeforeWrite) await this.#blocks.durable(id);
    const outcome = await signGuarded(signing, chain.genesisHash, effect);
    if (!outcome.ok) return log.error({ kind: outcome.body.kind, height: outcome.body.height, round: outcome.body.round, why: outcome.why }, 'The sign guard refused; nothing was sent');
    for (const id of effect.durableBeforeSend) await this.#blocks.durable(id);
    for (const { body, signature } of outcome.signed) {
      const input = signedInput(body, signature, ownIndex, clock.nowMs());
      if (input.kind === 'proposalMsg') {
        network.send('everybody', { kind: 'proposal', proposal: input.proposal }, undefined);
        network.send('everybody', { kind: 'block', id: body.blockId }, this.#blocks.bytesOf(body.blockId));
      } else if (input.kind === 'voteMsg') {
        network.send('everybody', { kind: 'vote', vote: input.vote }, undefined);
      }
      this.enqueue(input);
    }
  }

  #build(effect: Extract<Effect, { kind: 'buildValue' }>): void {
    const { chain, source, clock, timers } = this.#deps;
    const { height, round, prevTimeMs, prevCommit } = effect;
    if (this.#stopped || this.#tip.height + 1 !== height) return;
    const { precisionMs } = paramsOf(this.#tip.state);
    const time = proposalTime(clock.nowMs(), prevTimeMs, precisionMs);
    if ('waitMs' in time) {
      timers.after(time.waitMs, () => this.#build(effect)); // the core ignores the answer if the round has passed
      return;
    }
    const proposerIndex = this.#state.ownIndex;
    assert(proposerIndex !== undefined, 'only a validator is asked to build');
    const parent = prevCommit === undefined ? this.#tip : { ...this.#tip, certificateBytes: certificateBytes(prevCommit) };
    const offered = source.offer();
    const executed = buildBlock(chain, parent, offered, time.timeMs, { proposerIndex, round });
    if (executed.txs.length < offered.length && !isFull(executed)) source.parkLeftOut(offered, executed.txs);
    this.#blocks.putBuilt(executed);
    this.enqueue({ kind: 'valueBuilt', height, round, block: { id: toHex(executed.blockId), header: executed.headerBytes } });
  }

  async #decide(id: string, certificate: Certificate): Promise<void> {
    const { saveCertificate, commit, onCommitted, source } = this.#deps;
    await this.#blocks.durable(id);
    await saveCertificate(certificate);
    const bodies = this.#blocks.savedCount;
    const executed = this.#blocks.takeDecided(id);
    this.#tip = commit(this.#tip, executed, certificate);
    await onCommitted(finalBlockOf(executed, certificate), executed, this.#tip, bodies);
    this.#enqueueStart();
    if (source.hasWork()) this.enqueue({ kind: 'workAvailable' });
  }

  #enqueueStart(): void {
    const tip = this.#tip;
    const input: StartHeight = {
      kind: 'startHeight', height: tip.height + 1, validators: tip.validators, since: tip.validatorsSince, params: paramsOf(tip.state),
      prevBlock: { id: toHex(tip.blockId), timeMs: tip.timeMs }, sign: this.#deps.signing !== undefined,
    };
    this.enqueue(input);
  }

  /** Bodies of the height found on disk count again only if they execute. */
  #resumeInput({ hardState, bodies }: ResumeInfo): Resume {
    const blocks = bodies.flatMap(({ blockId, blockBytes }) => {
      const id = toHex(blockId);
      if (!this.#blocks.putBytes(id, blockBytes, true)) return [];
      const verdict = this.#blocks.judge(id, this.#tip);
      return verdict?.valid === true ? [{ id, header: verdict.executed.headerBytes }] : [];
    });
    return { kind: 'resume', hardState, blocks, nowMs: this.#deps.clock.nowMs() };
  }
}

/** Nothing of ordinary size fits any more: what was left out has not failed. */
function isFull(executed: Executed): boolean {
  return executed.txs.length >= BLOCK_MAX_TXS || executed.blockBytes.length > BLOCK_MAX_BYTES - FULL_MARGIN_BYTES;
}
