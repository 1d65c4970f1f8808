/**
 * How a newcomer begins at a snapshot of its peers instead of at the first block (SPEC §18): which one they offer, its
 * header verified from genesis or a signed checkpoint, its parts from several peers, its root compared when the data
 * folder is built. What decides is pure (choosing.ts, partsPlan.ts, the light client); here are waiting and files.
 */
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bytesOfHex, decode, equalBytes, peerMessages, sha256, toHex, trustCheckpoint, trustGenesis, TRUSTING_PERIOD_MS, type Genesis, type LightBlock, type SignedCheckpoint, type TrustedHeader, type Verifier,
} from '@billcoin/protocol';
import { ConfigError } from '../config.ts';
import { restoreFrom } from '../offline/snapshot.ts';
import type { Clock, Log, Network, PeerMessage, Timers } from '../ports.ts';
import { progressOf, withSample, SAMPLE_MS, type HeightSample, type SyncProgress } from '../progress.ts';
import { partHashes, type SnapshotManifest } from '../storage/snapshot.ts';
import { SHELF_FOLDER } from '../storage/snapshotShelf.ts';
import { StorageFailure } from '../storageFailure.ts';
import { chooseSnapshot, judgeOffers, type Candidate, type Offered } from './choosing.ts';
import { verifiedHeader } from './lightPath.ts';
import { PartsFolder } from './partsFolder.ts';
import { partsStart, planParts, type PartsInput } from './partsPlan.ts';
import { Questions } from './questions.ts';

/** Offers are asked for again this often: it also keeps connections from looking silent. */
const OFFERS_MS = 2_000;
const TICK_MS = 50;
/** Between two pages of headers: 50 a second, of the 64 that a peer answers. */
const PAGE_MS = 20;
/** Before what nobody gave is asked for again. */
const RETRY_MS = 5_000;
/** Parts that came and are not written yet: one of each peer, and a few late ones. Others are asked for again. */
const PARTS_WAITING_MAX = 128;

export interface JoinProgress {
  readonly step: 'peers' | 'header' | 'parts' | 'state' | 'done';
  /** Connected. */
  readonly peers: number;
  /** Of the snapshot that was chosen. */
  readonly height: number | undefined;
  readonly done: number;
  readonly all: number;
  /** Of the parts. */
  readonly sync: SyncProgress | undefined;
}

export interface JoinDeps {
  readonly genesis: Genesis;
  readonly checkpoint: SignedCheckpoint | undefined;
  readonly dataDir: string;
  readonly verify: Verifier;
  readonly network: Pick<Network, 'send' | 'sendAll' | 'blame'>;
  /** Node keys of connected peers, and how many there are in the configuration. */
  readonly connected: () => readonly string[];
  readonly peerCount: number;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly report: (progress: JoinProgress) => void;
  /** The operator wants it to end. */
  readonly signal: AbortSignal | undefined;
}

/** Where parts are gathered; a node that has its data needs nothing of it. */
export function joiningPath(dataDir: string): string {
  return `${dataDir}.joining`;
}

/** The operator ended it. */
export class JoinStopped extends Error {
  override readonly name = 'JoinStopped';
}

/** The block that a snapshot is of, verified. */
interface Verified {
  readonly header: TrustedHeader;
  readonly block: LightBlock;
}

export class SnapshotJoin {
  readonly #deps: JoinDeps;
  readonly #questions: Questions;
  readonly #offers = new Map<string, readonly Offered[]>();
  readonly #lies = new Set<string>();
  /** Nobody gave it; it may be asked for again. */
  readonly #silent = new Set<string>();
  /** Peers that let a question pass: asked last, and no witnesses, until they answer one. */
  readonly #mute = new Set<string>();
  #firstAnswerMs: number | undefined;
  #root: TrustedHeader | undefined;
  #parts: PartsInput[] = [];
  /** Id of the snapshot whose parts are wanted. */
  #fetching = '';
  #progress: JoinProgress = { step: 'peers', peers: 0, height: undefined, done: 0, all: 0, sync: undefined };

  constructor(deps: JoinDeps) {
    this.#deps = deps;
    this.#questions = new Questions(deps.network, deps.timers);
  }

  /** A message of a peer. */
  receive(from: string, message: PeerMessage): void {
    if (message.kind === 'snapshots') {
      this.#firstAnswerMs ??= this.#deps.clock.monotonicMs();
      this.#offers.set(from, message.offers.map(({ height, id }) => ({ peer: from, height, id: toHex(id) })));
    } else if (message.kind === 'part') {
      if (this.#parts.length < PARTS_WAITING_MAX && toHex(message.id) === this.#fetching) this.#parts.push({ kind: 'part', peer: from, index: message.index, content: message.content });
    } else this.#questions.receive(from, message);
  }

  /**
   * Resolves once the data folder begins with a snapshot (true), or when peers have none to offer (false). Throws
   * ConfigError where trust has ended, JoinStopped, and Error where peers show two chains.
   */
  async run(): Promise<boolean> {
    let cancel: () => void = () => undefined;
    const askOffers = (): void => {
      this.#deps.network.sendAll({ kind: 'getSnapshots', above: 0 });
      cancel = this.#deps.timers.after(OFFERS_MS, askOffers);
    };
    askOffers();
    try {
      for (let candidate = await this.#choose(); candidate !== undefined; candidate = await this.#choose()) if (await this.#take(candidate)) return true;
      return false;
    } finally {
      cancel();
    }
  }

  #allOffers(): readonly Offered[] {
    return [...this.#offers.values()].flat();
  }

  async #choose(): Promise<Candidate | undefined> {
    const { clock, peerCount } = this.#deps;
    for (;;) {
      this.#tell({ step: 'peers', height: undefined, sync: undefined });
      const offers = this.#allOffers().filter(({ id }) => !this.#lies.has(id));
      const verdict = judgeOffers({ peers: peerCount, answered: this.#offers.size, offers: offers.length, firstAnswerMs: this.#firstAnswerMs, nowMs: clock.monotonicMs() });
      if (verdict === 'none') return undefined;
      if (verdict === 'choose') {
        const candidate = chooseSnapshot(offers, this.#silent);
        if (candidate !== undefined) return candidate;
        // Everything was tried: what failed by silence is tried again after a while.
        this.#silent.clear();
        for (let waitedMs = 0; waitedMs < RETRY_MS; waitedMs += TICK_MS) await this.#tick();
      }
      await this.#tick();
    }
  }

  /** False: it is not to be had, or a lie. */
  async #take(candidate: Candidate): Promise<boolean> {
    const { dataDir, genesis, log } = this.#deps;
    const { height, id } = candidate;
    log.info({ height, peers: candidate.peers.length }, 'Joining at a snapshot of peers');
    this.#tell({ step: 'header', height });
    const verified = await this.#verify(candidate);
    const manifest = verified === undefined ? undefined : await this.#manifest(candidate, verified);
    if (manifest === undefined) return false;
    const folder = await PartsFolder.open(joiningPath(dataDir), id);
    if (!(await this.#fetch(candidate, manifest, folder))) return this.#refuse(candidate, 'silent', 'nobody gives its parts');
    this.#tell({ step: 'state' });
    try {
      await folder.finish(manifest);
      await restoreFrom(folder.path, dataDir, genesis, (_, blockId) => equalBytes(blockId, manifest.lightBlock.certificate.blockId));
    } catch (error) {
      if (!(error instanceof StorageFailure) || error.code !== 'damaged_value') throw error;
      await rm(folder.path, { recursive: true, force: true });
      for (const peer of candidate.peers) this.#deps.network.blame(peer, 'malformed');
      return this.#refuse(candidate, 'lie', error.message);
    }
    // The node offers it from now on, and `verify-db --snapshot` finds what the chain of this folder begins with.
    const shelf = join(dataDir, SHELF_FOLDER);
    await mkdir(shelf, { recursive: true, mode: 0o700 });
    await rename(folder.path, join(shelf, String(height)));
    await rm(joiningPath(dataDir), { recursive: true, force: true });
    this.#tell({ step: 'done' });
    log.info({ height, rows: manifest.rows, parts: manifest.chunkHashes.length + 1 }, 'The data folder begins with a snapshot of peers; its state root is that of the verified header');
    return true;
  }

  #refuse({ id, height }: Candidate, why: 'lie' | 'silent', found: string): false {
    (why === 'lie' ? this.#lies : this.#silent).add(id);
    this.#deps.log.warn({ height, found }, why === 'lie' ? 'A snapshot of peers is refused' : 'A snapshot of peers is not to be had now');
    return false;
  }

  /** Each peer that offers it may lead; the others that answer are witnesses, and one of them has to confirm it. */
  async #verify(candidate: Candidate): Promise<Verified | undefined> {
    const { genesis: { genesisHash }, verify, clock, network, log } = this.#deps;
    let found = 'no peer is there';
    for (const leader of this.#talking(candidate.peers)) {
      const root = await this.#trustRoot(leader);
      if (root === undefined) continue;
      const others = [...this.#offers.keys()].filter((peer) => peer !== leader && !this.#mute.has(peer) && this.#deps.connected().includes(peer));
      const path = { context: { genesisHash, verify }, root, nowMs: () => clock.nowMs(), ask: (peer: string, from: number, count: number) => this.#askLight(peer, from, count) };
      const verdict = await verifiedHeader(path, [leader, ...others], candidate.height);
      if (verdict.kind === 'trusted') {
        if (others.length === 0) log.warn({ height: candidate.height, peer: leader }, 'The header verifies, and no second peer is there to confirm it');
        return verdict;
      }
      const { code, why } = verdict.refusal;
      if (verdict.kind === 'diverged') throw new Error(`Peers show two chains that both verify: ${why}. Nothing is believed; ask the institutions which one is theirs.`);
      if (code === 'trust_expired') throw new ConfigError('The root of trust is older than 14 days: get a new checkpoint (--checkpoint).');
      found = `${code}: ${why}`;
      if (code !== 'no_data' && code !== 'no_witness' && code !== 'before_trust' && code !== 'from_future') network.blame(leader, 'malformed');
    }
    this.#refuse(candidate, 'silent', found);
    return undefined;
  }

  async #askLight(peer: string, from: number, count: number): Promise<readonly LightBlock[]> {
    await this.#tick(PAGE_MS);
    const blocks = await this.#questions.ask(peer, { kind: 'getLightBlocks', from, count }, (message) => (message.kind === 'lightBlocks' && message.from === from ? message.blocks : undefined));
    if (blocks === undefined) this.#mute.add(peer);
    else this.#mute.delete(peer);
    return (blocks ?? []).slice(0, count);
  }

  /** Those that answer first, the others after them. */
  #talking(peers: readonly string[]): readonly string[] {
    return [...peers.filter((peer) => !this.#mute.has(peer)), ...peers.filter((peer) => this.#mute.has(peer))];
  }

  /** Genesis while it is young, else the checkpoint: the set it names comes from anybody. */
  async #trustRoot(peer: string): Promise<TrustedHeader | undefined> {
    const { genesis, checkpoint, verify, clock, log } = this.#deps;
    if (this.#root !== undefined) return this.#root;
    if (checkpoint === undefined) {
      if (genesis.spec.timeMs + TRUSTING_PERIOD_MS <= clock.nowMs()) throw new ConfigError('--from-snapshot needs --checkpoint: genesis is older than 14 days and vouches for nothing any more.');
      this.#root = trustGenesis(genesis);
      return this.#root;
    }
    const [block] = await this.#askLight(peer, checkpoint.checkpoint.height, 1);
    if (block === undefined) return undefined;
    const verdict = trustCheckpoint({ genesisHash: genesis.genesisHash, verify }, genesis.spec.checkpointKeys, checkpoint, block.nextValidators ?? block.validators, clock.nowMs());
    if (verdict.ok) this.#root = verdict.value;
    else if (verdict.refusal.code === 'other_validator_set' || verdict.refusal.code === 'bad_validator_set') log.warn({ peer }, 'A peer tells another validator set than the checkpoint names');
    else throw new ConfigError(`The checkpoint is refused (${verdict.refusal.code}): ${verdict.refusal.why}.`);
    return this.#root;
  }

  async #manifest(candidate: Candidate, { header, block }: Verified): Promise<SnapshotManifest | undefined> {
    const { network, genesis: { genesisHash } } = this.#deps;
    for (const peer of this.#talking(candidate.peers)) {
      this.#checkStopped();
      const bytes = await this.#questions.ask(peer, { kind: 'getManifest', id: bytesOfHex(candidate.id) }, (message) => (message.kind === 'manifest' ? message.bytes : undefined));
      if (bytes === undefined) continue;
      if (toHex(sha256(bytes)) !== candidate.id) {
        network.blame(peer, 'malformed');
        continue;
      }
      const manifest = decode(peerMessages.SnapshotManifest, bytes);
      if (manifest.ok && manifest.value.height === header.height) return { genesisHash, lightBlock: block, ...manifest.value };
      for (const one of candidate.peers) network.blame(one, 'malformed');
      this.#refuse(candidate, 'lie', 'its manifest is of another form or height');
      return undefined;
    }
    this.#refuse(candidate, 'silent', 'nobody gives its manifest');
    return undefined;
  }

  /** False: nobody is left that gives the parts. */
  async #fetch({ peers, id }: Candidate, manifest: SnapshotManifest, folder: PartsFolder): Promise<boolean> {
    const { network, clock } = this.#deps;
    const hashes = partHashes(manifest);
    const wireId = bytesOfHex(id);
    let state = partsStart(hashes, this.#talking(peers), await folder.have(hashes));
    let samples: readonly HeightSample[] = [];
    [this.#parts, this.#fetching] = [[], id];
    for (;;) {
      const input = this.#parts.shift() ?? { kind: 'tick' as const };
      const step = planParts(state, input, clock.monotonicMs());
      state = step.state;
      if (step.blame !== undefined) network.blame(step.blame, 'malformed');
      for (const { peer, index } of step.ask) network.send(peer, { kind: 'getPart', id: wireId, index });
      if (step.keep !== undefined) await folder.write(step.keep.index, step.keep.content);
      const done = hashes.length - state.missing.length;
      const atMs = clock.monotonicMs();
      if (atMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= SAMPLE_MS) samples = withSample(samples, { atMs, height: done, target: hashes.length });
      this.#tell({ step: 'parts', done, all: hashes.length, sync: progressOf(samples) });
      if (step.outcome !== 'going on') return step.outcome === 'done';
      if (input.kind === 'tick') await this.#tick();
    }
  }

  #tell(change: Partial<JoinProgress>): void {
    this.#progress = { ...this.#progress, ...change, peers: this.#deps.connected().length };
    this.#deps.report(this.#progress);
  }

  async #tick(ms = TICK_MS): Promise<void> {
    await new Promise<void>((resolve) => void this.#deps.timers.after(ms, resolve));
    this.#checkStopped();
  }

  #checkStopped(): void {
    if (this.#deps.signal?.aborted === true) throw new JoinStopped('The node was stopped while it joined; the next start goes on.');
  }
}
