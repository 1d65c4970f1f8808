/** A device that fills the quarantine: above a limit an hour only counters are kept, and an alarm is raised once. */

/** Kept rows an hour and topic device: a broken sensor at one reading in 4 s stays below (oracle page §3). */
export const KEPT_PER_HOUR_MAX = 1_000;
/** Topic devices counted at a time; beyond it the rest share one count. */
const DEVICES_MAX = 10_000;
const HOUR_MS = 3_600_000;
const SHARED = 'others';

export interface FloodGuard {
  /** keep: write the row; alarm: the first one over the limit this hour; drop: count it only. */
  admit(device: string, nowMs: number): 'keep' | 'alarm' | 'drop';
}

export function makeFloodGuard(): FloodGuard {
  let hour = -1;
  const counts = new Map<string, number>();
  return {
    admit(device, nowMs) {
      const now = Math.floor(nowMs / HOUR_MS);
      if (now !== hour) {
        counts.clear();
        hour = now;
      }
      const name = counts.has(device) || counts.size < DEVICES_MAX ? device : SHARED;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (count <= KEPT_PER_HOUR_MAX) return 'keep';
      return count === KEPT_PER_HOUR_MAX + 1 ? 'alarm' : 'drop';
    },
  };
}
