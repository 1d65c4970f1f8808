/** Peers that have an address are dialled until they are connected, with growing patience and a random part. */
import type { PeerAddress } from '../peerAddress.ts';
import type { Log, Timers } from '../ports.ts';
import type { NetworkLimits } from './limits.ts';

export interface DialerDeps {
  readonly limits: Pick<NetworkLimits, 'redialFirstMs' | 'redialMaxMs'>;
  readonly timers: Timers;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  /** Rejects where the peer cannot be reached. */
  readonly dial: (peer: PeerAddress) => Promise<void>;
  readonly isConnected: (key: string) => boolean;
  /** How long the peer must not be dialled; 0: now. */
  readonly waitMs: (key: string) => number;
  readonly onFailed: () => void;
}

interface Target {
  readonly peer: PeerAddress;
  failures: number;
  /** A dial is under way. */
  dialling: boolean;
  cancel: () => void;
}

export class Dialer {
  readonly #deps: DialerDeps;
  readonly #targets: ReadonlyMap<string, Target>;
  #stopped = false;

  constructor(peers: readonly PeerAddress[], deps: DialerDeps) {
    this.#deps = deps;
    this.#targets = new Map(peers.filter(({ at }) => at !== undefined).map((peer) => [peer.key, { peer, failures: 0, dialling: false, cancel: () => undefined }]));
  }

  start(): void {
    for (const target of this.#targets.values()) this.#attempt(target);
  }

  stop(): void {
    this.#stopped = true;
    for (const { cancel } of this.#targets.values()) cancel();
  }

  /** A connection has ended; `healthy`: it had lived long enough. */
  lost(key: string, healthy: boolean): void {
    const target = this.#targets.get(key);
    if (target === undefined || target.dialling) return;
    target.failures = healthy ? 0 : target.failures + 1;
    this.#later(target);
  }

  #later(target: Target): void {
    if (this.#stopped) return;
    const { limits: { redialFirstMs, redialMaxMs }, random, timers, waitMs } = this.#deps;
    const patienceMs = Math.min(redialMaxMs, redialFirstMs * 2 ** Math.min(target.failures, 20));
    target.cancel();
    target.cancel = timers.after(Math.max(waitMs(target.peer.key), patienceMs * (1 - random() / 2)), () => this.#attempt(target));
  }

  #attempt(target: Target): void {
    const { dial, isConnected, log, onFailed } = this.#deps;
    const { peer } = target;
    if (this.#stopped || target.dialling || isConnected(peer.key)) return;
    target.dialling = true;
    dial(peer).then(() => {
      target.dialling = false;
      // Refused, or replaced and lost again, while the dial was under way.
      if (!isConnected(peer.key)) this.#failed(target);
    }, (error: unknown) => {
      target.dialling = false;
      onFailed();
      log.debug({ peer: peer.key, at: peer.at, error }, 'A peer could not be reached');
      if (!isConnected(peer.key)) this.#failed(target);
    });
  }

  #failed(target: Target): void {
    target.failures += 1;
    this.#later(target);
  }
}
