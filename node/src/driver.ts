/**
 * The one loop round the consensus core (consensus page §1.6): dequeue an input, `step`, run the effects in order, never
 * re-enter. Effects that must be durable wait for the disk here; the core itself never waits.
 */
import {
  Certificate, EVERYBODY, assert, decode, indexOfKey, initialState, isClosed, paramsOf, signedInput, statusOf, toHex,
  type ConsensusState, type Effect, type Fault, type Input, type SignAndSend, type Tip,
} from '@billcoin/protocol';
import { identifyBlock } from './driver/blockBytes.ts';
import { BlocksInHand, type BlockVerdict } from './driver/blocksInHand.ts';
import { buildValue, type BuildValue } from './driver/building.ts';
import { ClockOffsets } from './driver/clockOffsets.ts';
import { CORE, type ConsensusMessage, type Core, type DriverDeps } from './driver/driverDeps.ts';
import { EvidenceDesk } from './driver/evidenceDesk.ts';
import { EvidencePool } from './driver/evidencePool.ts';
import { Gathering } from './driver/gathering.ts';
import { readPeerMessage } from './driver/inbox.ts';
import { ItemQueue, type DriverItem } from './driver/itemQueue.ts';
import { Observation } from './driver/observation.ts';
import { Outbox } from './driver/outbox.ts';
import { IDLE_STATUS_MS, Peers, STATUS_MS, type StatusMessage } from './driver/peers.ts';
import { signGuarded } from './driver/signing.ts';
import { Sync } from './driver/sync.ts';
import { TimerSet } from './driver/timerSet.ts';
import { finalBlockOf } from './finalBlock.ts';

export { CORE, isConsensusMessage, type ConsensusMessage, type Core, type DriverDeps } from './driver/driverDeps.ts';
export { PEER_INPUTS_MAX } from './driver/itemQueue.ts';

/** A block that was made this long ago or less was not one of many to catch up with. */
const NEW_TIP_MS = 10_000;

export class Driver {
  readonly #deps: DriverDeps;
  readonly #core: Core;
  readonly #blocks: BlocksInHand;
  readonly #timers: TimerSet;
  readonly #peers: Peers;
  readonly #outbox: Outbox;
  readonly #sync: Sync;
  readonly #evidence: EvidencePool;
  readonly #desk: EvidenceDesk;
  readonly #observation: Observation;
  readonly #clocks: ClockOffsets;
  readonly #queue: ItemQueue;
  readonly #gathering: Gathering;
  #tipCertificate: Certificate | undefined;
  #state: ConsensusState;
  #tip: Tip;
  #cancelStatus: () => void = () => undefined;
  /** Of the build that waits for its time; one of an earlier round would build nothing. */
  #cancelBuild: () => void = () => undefined;

  constructor(deps: DriverDeps) {
    this.#deps = deps;
    this.#core = deps.core ?? CORE;
    this.#tip = deps.tip;
    const certificate = deps.tip.certificateBytes === undefined ? undefined : decode(Certificate, deps.tip.certificateBytes);
    this.#tipCertificate = certificate?.ok === true ? certificate.value : undefined;
    this.#state = initialState({ publicKey: deps.publicKey });
    this.#queue = new ItemQueue((item) => this.#handle(item), (error) => this.#fail(error));
    this.#gathering = new Gathering({ ...deps, ready: () => deps.source.ready, start: () => this.#input({ kind: 'workAvailable' }) });
    this.#blocks = new BlocksInHand(deps.chain, deps.disk);
    this.#evidence = new EvidencePool(deps.chain, deps.disk, deps.storedEvidence);
    this.#desk = new EvidenceDesk(deps, this.#evidence);
    this.#clocks = new ClockOffsets(deps);
    this.#observation = new Observation({ ...deps, lost: deps.signing?.lost });
    this.#outbox = new Outbox(deps.network, this.#blocks);
    this.#sync = new Sync(deps);
    this.#timers = new TimerSet(deps.timers, (id) => this.#input({ kind: 'timerFired', ...id }));
    this.#peers = new Peers({ network: deps.network, clock: deps.clock, readBlock: deps.readBlock, bytesInHand: (id) => this.#blocks.bytesOf(id), fail: (error) => this.#fail(error) });
  }

  get tip(): Tip {
    return this.#tip;
  }

  /** Height and round in progress, for status and metrics. */
  get progress(): { readonly height: number; readonly round: number; readonly step: string } {
    const { height, round, step: now } = this.#state;
    return { height, round, step: now };
  }

  /** What waits and what is held, against the limits. */
  get load(): { readonly items: number; readonly wholeBlocks: number; readonly syncedAhead: number } {
    return { items: this.#queue.size, wholeBlocks: this.#blocks.wholeCount, syncedAhead: this.#sync.ahead };
  }

  /** The largest difference between the own clock and a validator's. */
  get clockOffsetMs(): number {
    return this.#clocks.worstMs;
  }

  /** The height that each peer works on, as it says. */
  get peerHeights(): ReadonlyMap<string, number> {
    return this.#peers.heights;
  }

  /** Starts at the height after the tip; resumes from the guard's record where it is of that height. */
  start(): void {
    this.#queue.add({ kind: 'start' });
    this.#cancelStatus = this.#deps.timers.after(STATUS_MS, () => this.#queue.add({ kind: 'status' }));
  }

  /** A message of a peer, unchecked. Dropped where too many of this peer wait. */
  receive(from: string, message: ConsensusMessage): void {
    this.#queue.addOfPeer({ kind: 'peer', from, message, atMs: this.#deps.clock.nowMs() });
  }

  /**
   * The pool has something for a block. The core needs to hear it only while a height waits to start, or between a
   * decision and the start of the next height, which is queued before it.
   */
  workAvailable(): void {
    if (this.#state.step === 'newHeight' || this.#state.step === 'decided') this.#gathering.work();
  }

  /** No further input is handled; resolves when the effects under way are done. */
  async stop(): Promise<void> {
    this.#silence();
    await this.#queue.settled();
    this.#silence(); // timers that were set meanwhile
  }

  #silence(): void {
    this.#queue.stop();
    this.#timers.cancelAll();
    this.#cancelStatus();
    this.#cancelBuild();
    this.#gathering.cancel();
  }

  #fail(error: unknown): void {
    if (this.#queue.isStopped) return;
    this.#silence();
    this.#deps.halt(error instanceof Error ? error : new Error('The consensus loop failed.', { cause: error }));
  }

  #input(input: Input): void {
    this.#queue.add({ kind: 'input', input });
  }

  async #handle(item: DriverItem): Promise<void> {
    switch (item.kind) {
      case 'input': return this.#step(item.input);
      case 'peer': return this.#hear(item.from, item.message, item.atMs);
      case 'build': return this.#build(item.effect);
      case 'start': return this.#startHeight();
      case 'status': return this.#tellStatus();
    }
  }

  async #step(input: Input): Promise<void> {
    const { state, effects } = this.#core.step(this.#state, input);
    this.#state = state;
    for (const effect of effects) await this.#perform(effect);
  }

  async #hear(from: string, message: ConsensusMessage, atMs: number): Promise<void> {
    if (message.kind === 'needBlock') return this.#peers.giveBlock(from, message.height, message.blockId);
    if (message.kind === 'block') return this.#takeBlock(from, message.blockBytes);
    if (message.kind === 'evidence') return void (await this.offerEvidence(message.evidence));
    if (message.kind === 'getBlocks') return this.#peers.giveBlocks(from, message.from, message.count);
    if (message.kind === 'blocks') {
      this.#sync.answer(from, message.from, message.blocks);
      return this.#feed(this.#state.height);
    }
    if (message.kind === 'status') {
      this.#sync.claim(from, message.status.height);
      await this.#desk.mustNotFork(this.#tip, from, message.tip);
      if (this.#peers.hear(from, message.status, this.#state.height, () => this.#status())) await this.#step({ kind: 'peerStatus', peer: from, status: message.status });
      return;
    }
    const read = readPeerMessage(this.#deps.chain, this.#state, message, atMs);
    if (!read.ok) return this.#blame(from, message.kind, read.fault);
    for (const input of read.value) {
      this.#clocks.hear(this.#state, input, this.#tip.timeMs);
      await this.#step(input);
    }
  }

  #takeBlock(from: string, blockBytes: Uint8Array): void {
    const read = identifyBlock(this.#deps.chain.genesisHash, blockBytes, (id) => this.#blocks.has(id));
    if (!read.ok) return this.#blame(from, 'block', read.fault);
    const { id, height, decoded } = read.value;
    if (decoded !== undefined && (height === this.#tip.height + 1 || height === this.#tip.height + 2)) this.#judged(id, this.#blocks.take(from, id, decoded, this.#tip));
  }

  /** The block of a height that sync holds is heard when the height starts, or when it comes: the body first, so that nobody is asked for it. */
  #feed(height: number): void {
    const held = this.#sync.at(height);
    if (held === undefined) return;
    const { peer: from, block: { blockBytes, certificate } } = held;
    const atMs = this.#deps.clock.nowMs();
    this.#queue.addFirst({ kind: 'peer', from, message: { kind: 'block', blockBytes }, atMs }, { kind: 'peer', from, message: { kind: 'certificate', certificate }, atMs });
  }

  #blame(from: string, kind: ConsensusMessage['kind'], refusal: Fault): void {
    this.#deps.log.debug({ from, kind, refusal }, 'A peer sent what is not valid');
    this.#sync.bad(from, this.#state.height);
    this.#deps.network.blame(from, refusal.code === 'bad_signature' ? 'bad_signature' : 'malformed');
  }

  async #perform(effect: Effect): Promise<void> {
    const { network } = this.#deps;
    switch (effect.kind) {
      case 'checkBlock': return this.#judged(effect.id, this.#blocks.want(effect.id, this.#tip));
      case 'saveBlock': return this.#blocks.save(effect.id, [this.#state.lockedId, this.#state.validId]);
      case 'signAndSend': return this.#signAndSend(effect);
      case 'send': return this.#outbox.send(effect.to, effect.message);
      case 'relay': return network.sendAll({ kind: 'certificate', certificate: effect.certificate });
      case 'startTimer': return this.#timers.start({ timer: effect.timer, height: effect.height, round: effect.round }, effect.ms);
      case 'cancelTimers': return this.#timers.cancelBelow(effect.height, effect.belowRound);
      case 'buildValue': return this.#build(effect);
      case 'fetchBlock': {
        const verdict = this.#blocks.want(effect.id, this.#tip);
        if (verdict === undefined) this.#peers.askBlocks([{ id: effect.id, height: effect.height }]);
        return this.#judged(effect.id, verdict);
      }
      case 'decide': return this.#decide(effect.id, effect.certificate);
      case 'reportEvidence': return this.#desk.report(effect);
      case 'halt': throw new Error(`Consensus stopped: ${effect.reason}`);
    }
  }

  /** Proof of a lie from anybody (`ChainPort.offerEvidence`), or from a peer. */
  async offerEvidence(bytes: Uint8Array): Promise<'kept' | 'recorded' | 'known' | undefined> {
    const taken = await this.#desk.offer(this.#tip, bytes);
    if (taken === 'kept') this.#input({ kind: 'workAvailable' });
    return taken;
  }

  #judged(id: string, verdict: BlockVerdict | undefined): void {
    if (verdict === undefined) return; // judged when the body comes
    if (!verdict.valid) this.#deps.log.warn({ blockId: id, why: verdict.why }, 'A proposed block is not valid');
    this.#input({ kind: 'blockVerdict', id, valid: verdict.valid, header: this.#blocks.headerOf(id) });
  }

  async #signAndSend(effect: SignAndSend): Promise<void> {
    const { signing, chain, clock, log } = this.#deps;
    assert(signing !== undefined && this.#state.ownIndex !== undefined, 'only a validator is asked to sign');
    const { ownIndex } = this.#state;
    for (const id of effect.durableBeforeWrite) await this.#blocks.durable(id);
    const outcome = await signGuarded(this.#core, signing, chain.genesisHash, effect);
    if (!outcome.ok) return log.error({ kind: outcome.body.kind, height: outcome.body.height, round: outcome.body.round, why: outcome.why }, 'The sign guard refused; nothing was sent');
    for (const id of effect.durableBeforeSend) await this.#blocks.durable(id);
    for (const { body, signature } of outcome.signed) {
      const input = signedInput(body, signature, ownIndex, clock.nowMs());
      if (input.kind === 'voteMsg') await this.#outbox.send(EVERYBODY, { kind: 'vote', vote: input.vote });
      if (input.kind === 'proposalMsg') {
        await this.#outbox.send(EVERYBODY, { kind: 'proposal', proposal: input.proposal });
        await this.#outbox.send(EVERYBODY, { kind: 'block', id: body.blockId });
      }
      this.#input(input);
    }
  }

  #build(effect: BuildValue): void {
    const { timers } = this.#deps;
    const { height, round } = effect;
    // Waited for its time: the round, or the node, may have gone on.
    if (this.#state.height !== height || this.#state.round !== round || this.#state.ownIndex === undefined) return;
    const built = buildValue({ ...this.#deps, evidence: this.#evidence }, this.#tip, this.#state.ownIndex, effect);
    if ('waitMs' in built) {
      this.#cancelBuild();
      this.#cancelBuild = timers.after(built.waitMs, () => this.#queue.add({ kind: 'build', effect }));
      return;
    }
    this.#blocks.putBuilt(built);
    this.#input({ kind: 'valueBuilt', height, round, block: { id: toHex(built.blockId), header: built.headerBytes } });
  }

  async #decide(id: string, certificate: Certificate): Promise<void> {
    const { saveCertificate, commit, onCommitted } = this.#deps;
    await this.#blocks.durable(id);
    await saveCertificate(certificate);
    const bodies = this.#blocks.savedCount;
    const executed = await this.#blocks.takeDecided(id, this.#tip);
    await this.#evidence.settle(this.#tip, executed.evidence);
    this.#tip = commit(this.#tip, executed, certificate);
    this.#tipCertificate = certificate;
    this.#gathering.decided({ txs: executed.txs.length, timeMs: this.#tip.timeMs });
    await this.#observation.decided(this.#tip);
    await onCommitted(finalBlockOf(executed, certificate), executed, this.#tip, bodies);
    // Ahead of what has queued up: those messages are of the next height more likely than of this one.
    this.#queue.addFirst({ kind: 'start' });
  }

  /** Startup, and after each decision. A guard that is ahead of the blocks (they were lost) is resumed when its height comes. */
  async #startHeight(): Promise<void> {
    const tip = this.#tip;
    const height = tip.height + 1;
    const { signing, source, publicKey } = this.#deps;
    const hardState = signing?.current();
    if (publicKey !== undefined && indexOfKey(tip.validators, publicKey) !== undefined) this.#observation.announce();
    const resume = hardState?.height === height && !isClosed(hardState) ? { hardState, blocks: this.#blocks.takeFromDisk(await this.#deps.bodies(height), tip), nowMs: this.#deps.clock.nowMs() } : undefined;
    await this.#step({
      kind: 'startHeight', height, validators: tip.validators, since: tip.validatorsSince, params: paramsOf(tip.state),
      prevBlock: { id: toHex(tip.blockId), timeMs: tip.timeMs }, sign: hardState !== undefined && (hardState.height < height || resume !== undefined), resume,
    });
    if (this.#evidence.hasWork(tip)) this.#input({ kind: 'workAvailable' });
    else if (source.ready > 0) this.#gathering.work();
    this.#feed(height);
    const isBehind = this.#peers.isBehind(height);
    if (isBehind) this.#deps.network.sendAll(this.#status());
    // Heights are claims: where the tip is new there is nothing to catch up with, and no liar keeps the proofs of his lies back.
    if (!isBehind || this.#deps.clock.nowMs() - tip.timeMs < NEW_TIP_MS) this.#desk.tell(tip);
  }

  #status(): StatusMessage {
    return { kind: 'status', status: statusOf(this.#state), tip: this.#tipCertificate };
  }

  #tellStatus(): void {
    const { network, timers } = this.#deps;
    network.sendAll(this.#status());
    this.#peers.askBlocks(this.#blocks.missing());
    this.#sync.tick();
    const waits = this.#state.step === 'newHeight' && !this.#peers.isBehind(this.#state.height);
    this.#cancelStatus = timers.after(waits ? IDLE_STATUS_MS : STATUS_MS, () => this.#queue.add({ kind: 'status' }));
  }
}
