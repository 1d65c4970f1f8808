/** What a node tells its operator of itself: peers, and how far behind them it is. */
import type { Clock, PeerInfo, Timers } from './ports.ts';
import { progressOf, SAMPLE_MS, targetOf, withSample, type HeightSample, type SyncProgress } from './progress.ts';

/** The line under a running node. */
export interface NodeStatus {
  readonly height: number;
  /** Since the newest final block was made. */
  readonly finalityAgeMs: number;
  /** Connected ones. */
  readonly peers: number;
  readonly sync: SyncProgress | undefined;
}

export interface NodeView {
  peers(): readonly PeerInfo[];
  status(): NodeStatus;
  stop(): void;
}

export interface NodeViewDeps {
  readonly tip: () => { readonly height: number; readonly timeMs: number };
  readonly networkPeers: () => readonly Omit<PeerInfo, 'height'>[];
  /** Heights that peers work on, as they say: the block below is final there. */
  readonly peerHeights: () => ReadonlyMap<string, number>;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Samples the height once a second until it is stopped. */
export function openNodeView({ tip, networkPeers, peerHeights, clock, timers }: NodeViewDeps): NodeView {
  let samples: readonly HeightSample[] = [];
  let cancel: () => void = () => undefined;

  function peers(): readonly PeerInfo[] {
    const heights = peerHeights();
    return networkPeers().map((peer) => {
      const worksOn = heights.get(peer.key) ?? 0;
      return { ...peer, height: worksOn === 0 || peer.state !== 'connected' ? undefined : worksOn - 1 };
    });
  }

  function look(): HeightSample {
    const { height } = tip();
    const claims = peers().flatMap((peer) => (peer.height === undefined ? [] : [peer.height]));
    return { atMs: clock.monotonicMs(), height, target: Math.max(height, targetOf(claims)) };
  }

  function sample(): void {
    samples = withSample(samples, look());
    cancel = timers.after(SAMPLE_MS, sample);
  }

  sample();
  return {
    peers,
    status() {
      const { height, timeMs } = tip();
      const connected = networkPeers().filter(({ state }) => state === 'connected').length;
      return { height, finalityAgeMs: Math.max(0, clock.nowMs() - timeMs), peers: connected, sync: progressOf(withSample(samples, look())) };
    },
    stop: () => cancel(),
  };
}
