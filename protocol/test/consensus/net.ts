/**
 * n consensus cores in one process under virtual time: every message takes the delay the test says, or is lost. The
 * shell here does what the node's driver does: effects in order, the sign rule, one guard record, then send.
 */
import {
  blockIdOf, coreBlockId, emptyHardState, EVERYBODY, initialState, maySign, NIL, recordSigned, signedInput, statusOf, step, unsignedPreimage,
  type Certificate, type ConsensusParams, type ConsensusState, type Effect, type HardState, type Input, type Resume, type SendMessage, type SignAndSend, type TimerKind,
} from './core.ts';
import { fakeSignature, GENESIS_HASH, makeFixture, makeHeader, PARAMS, START_MS } from './fixture.ts';

/** Delay in ms, or undefined: the message is lost. */
export type Link = (from: number, to: number, message: SendMessage) => number | undefined;

export interface NetNode {
  readonly index: number;
  state: ConsensusState;
  hardState: HardState;
  guardWrites: number;
  alive: boolean;
  /** Bodies here (id → header), and those on disk. */
  readonly bodies: Map<string, Uint8Array>;
  readonly saved: Set<string>;
  readonly asked: Set<string>;
  readonly received: SendMessage[];
  readonly effects: Effect[];
  readonly inputs: Input[];
  readonly decided: { readonly height: number; readonly id: string; readonly round: number; readonly atMs: number; readonly certificate: Certificate }[];
  timersFired: { readonly timer: TimerKind; readonly height: number; readonly round: number }[];
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly node: number;
  readonly run: () => void;
  readonly timer?: { readonly timer: TimerKind; readonly height: number; readonly round: number };
}

/** More events than any test needs: a run that does not end is a bug. */
const EVENTS_MAX = 200_000;

export interface NetOptions {
  readonly powers: readonly number[];
  readonly link?: Link;
  readonly params?: Partial<ConsensusParams>;
  /** Heights to run; the last one decided ends the run of a node. */
  readonly heights?: number;
  /** Judges blocks: false for invalid. */
  readonly judge?: (node: number, id: string) => boolean;
  /** Always work in the pool, so that heights follow each other. */
  readonly busy?: boolean;
  readonly statusEveryMs?: number;
}

export function makeNet(options: NetOptions) {
  const { powers, heights = 1, judge = () => true } = options;
  const link: Link = options.link ?? (() => 1);
  const params = { ...PARAMS, ...options.params };
  const fixture = makeFixture(powers);
  const nodes = fixture.validators.validators.map(({ publicKey }, index): NetNode => ({
    index, state: initialState({ publicKey }), hardState: emptyHardState(GENESIS_HASH, publicKey), guardWrites: 0, alive: true,
    bodies: new Map(), saved: new Set(), asked: new Set(), received: [], effects: [], inputs: [], decided: [], timersFired: [],
  }));
  let events: Event[] = [];
  let nowMs = START_MS;
  let order = 0;

  const at = (delayMs: number, node: number, run: () => void, timer?: Event['timer']): void => {
    events.push({ atMs: nowMs + delayMs, order: order++, node, run, ...(timer === undefined ? {} : { timer }) });
  };

  function give(node: NetNode, input: Input): void {
    if (!node.alive) return;
    node.inputs.push(input);
    const { state, effects } = step(node.state, input);
    node.state = state;
    for (const effect of effects) {
      node.effects.push(effect);
      perform(node, effect);
    }
  }

  function transmit(from: NetNode, to: string, message: SendMessage): void {
    for (const node of nodes) {
      if (node === from || (to !== EVERYBODY && to !== String(node.index))) continue;
      const delayMs = link(from.index, node.index, message);
      if (delayMs !== undefined) at(delayMs, node.index, () => receive(node, from, message));
    }
  }

  function receive(node: NetNode, from: NetNode, message: SendMessage): void {
    if (!node.alive) return;
    node.received.push(message);
    switch (message.kind) {
      case 'vote': return give(node, { kind: 'voteMsg', vote: message.vote });
      case 'proposal': return give(node, { kind: 'proposalMsg', proposal: message.proposal, receivedAtMs: nowMs });
      case 'certificate': return give(node, { kind: 'certMsg', certificate: message.certificate });
      case 'roundCert': return message.votes.forEach((vote) => give(node, { kind: 'voteMsg', vote }));
      case 'block': return receiveBody(node, message.id, from.bodies.get(message.id)!);
    }
  }

  function receiveBody(node: NetNode, id: string, header: Uint8Array): void {
    node.bodies.set(id, header);
    if (node.asked.delete(id)) give(node, { kind: 'blockVerdict', id, valid: judge(node.index, id) });
  }

  function perform(node: NetNode, effect: Effect): void {
    switch (effect.kind) {
      case 'checkBlock':
      case 'fetchBlock':
        if (node.bodies.has(effect.id)) return at(0, node.index, () => give(node, { kind: 'blockVerdict', id: effect.id, valid: judge(node.index, effect.id) }));
        node.asked.add(effect.id);
        if (effect.kind === 'fetchBlock') for (const other of nodes) if (other.bodies.has(effect.id)) transmit(other, String(node.index), { kind: 'block', id: effect.id });
        return;
      case 'saveBlock': return void node.saved.add(effect.id);
      case 'signAndSend': return signAndSend(node, effect);
      case 'send': return transmit(node, effect.to, effect.message);
      case 'relay': return transmit(node, EVERYBODY, { kind: 'certificate', certificate: effect.certificate });
      case 'startTimer': {
        const { timer, height, round } = effect;
        return at(effect.ms, node.index, () => {
          node.timersFired.push({ timer, height, round });
          give(node, { kind: 'timerFired', timer, height, round });
        }, { timer, height, round });
      }
      case 'cancelTimers':
        events = events.filter((event) => event.node !== node.index || event.timer === undefined || !isCancelled(event.timer, effect));
        return;
      case 'buildValue': {
        const { height, round } = effect;
        const header = makeHeader({ height, round, timeMs: nowMs, proposerIndex: node.index, label: `built by ${node.index}` });
        const id = blockIdOf(GENESIS_HASH, header);
        return at(0, node.index, () => {
          node.bodies.set(id, header);
          give(node, { kind: 'valueBuilt', height, round, block: { id, header } });
        });
      }
      case 'decide': {
        node.decided.push({ height: effect.height, id: effect.id, round: effect.certificate.round, atMs: nowMs, certificate: effect.certificate });
        if (effect.height < heights) at(0, node.index, () => startHeight(node, effect.height + 1, effect.id));
        return;
      }
      case 'reportEvidence':
      case 'halt': return;
    }
  }

  function isCancelled(timer: NonNullable<Event['timer']>, effect: { readonly height: number; readonly belowRound: number }): boolean {
    if (timer.timer === 'pace') return false;
    if (timer.timer === 'idle') return timer.height <= effect.height;
    return timer.height < effect.height || (timer.height === effect.height && timer.round < effect.belowRound);
  }

  function signAndSend(node: NetNode, effect: SignAndSend): void {
    for (const id of [...effect.durableBeforeWrite, ...effect.durableBeforeSend]) if (!node.saved.has(id)) throw new Error(`body ${id} is named before it is saved`);
    const signed = effect.bodies.flatMap((body) => {
      const decision = maySign(node.hardState, body);
      if (decision.kind === 'refuse') throw new Error(`the guard refuses what the core wants: ${decision.why}`);
      return [{ body, signature: decision.kind === 'resend' ? decision.signature : fakeSignature(fixture.keyOf(node.index), unsignedPreimage(GENESIS_HASH, body)) }];
    });
    node.hardState = recordSigned(node.hardState, effect.hardState, signed);
    node.guardWrites += 1;
    for (const { body, signature } of signed) {
      const input = signedInput(body, signature, node.index, nowMs);
      if (input.kind === 'voteMsg') transmit(node, EVERYBODY, { kind: 'vote', vote: input.vote });
      if (input.kind === 'proposalMsg') {
        transmit(node, EVERYBODY, { kind: 'proposal', proposal: input.proposal });
        transmit(node, EVERYBODY, { kind: 'block', id: input.proposal.blockId });
      }
      at(0, node.index, () => give(node, input));
    }
  }

  function startHeight(node: NetNode, height: number, prevId = NIL, resume?: Resume): void {
    give(node, { kind: 'startHeight', height, validators: fixture.validators, since: 1, params, prevBlock: { id: prevId, timeMs: 0 }, sign: true, resume });
    if (options.busy === true) give(node, { kind: 'workAvailable' });
  }

  /** Runs until the condition holds; false if nothing is left to happen before `maxMs`. */
  function run(done: () => boolean, maxMs = 60_000): boolean {
    const endMs = nowMs + maxMs;
    for (let count = 0; !done(); count++) {
      if (count > EVENTS_MAX) throw new Error('the run does not end');
      const next = events.reduce<Event | undefined>((best, event) => (best === undefined || event.atMs < best.atMs || (event.atMs === best.atMs && event.order < best.order) ? event : best), undefined);
      if (next === undefined || next.atMs > endMs) return false;
      events = events.filter((event) => event !== next);
      nowMs = next.atMs;
      next.run();
    }
    return true;
  }

  /** Boots a node, resuming from its guard record where that is of the height. Memory is lost, disk and guard stay. */
  function boot(index: number, height = 1): void {
    const node = nodes[index]!;
    node.alive = true;
    const blocks = [...node.saved].map((id) => ({ id, header: node.bodies.get(id)! }));
    startHeight(node, height, NIL, node.hardState.height === height ? { hardState: node.hardState, blocks, nowMs } : undefined);
  }

  function crash(index: number): void {
    const node = nodes[index]!;
    node.alive = false;
    node.state = initialState({ publicKey: fixture.keyOf(index) });
    node.asked.clear();
    for (const id of [...node.bodies.keys()]) if (!node.saved.has(id)) node.bodies.delete(id);
    events = events.filter((event) => event.node !== index || event.timer === undefined);
  }

  function gossip(everyMs: number): void {
    for (const from of nodes) {
      if (!from.alive || from.state.height === 0) continue;
      const status = statusOf(from.state);
      for (const to of nodes) if (to !== from && to.alive) at(1, to.index, () => {
        give(to, { kind: 'peerStatus', peer: String(from.index), status });
        // A peer in a lower height is served by block sync.
        const decided = to.decided.find((decision) => decision.height === status.height);
        if (to.state.height === status.height || decided === undefined) return;
        transmit(to, String(from.index), { kind: 'certificate', certificate: decided.certificate });
        transmit(to, String(from.index), { kind: 'block', id: decided.id });
      });
    }
    at(everyMs, -1, () => gossip(everyMs));
  }
  if (options.statusEveryMs !== undefined) at(options.statusEveryMs, -1, () => gossip(options.statusEveryMs!));

  return {
    fixture, nodes, run, boot, crash, give,
    work: (index: number) => give(nodes[index]!, { kind: 'workAvailable' }),
    elapsedMs: () => nowMs - START_MS,
    decidedBy: (indices: readonly number[], height = 1) => indices.every((i) => nodes[i]!.decided.some((decision) => decision.height === height)),
    validIdOf: (index: number) => coreBlockId(nodes[index]!.hardState.validId),
  };
}

export type Net = ReturnType<typeof makeNet>;
