/** How peers behave: points for offences, forgiven with time, and bans that end (consensus page §1.13). */
import type { NetworkLimits } from './limits.ts';

/** `cut`: the connection ends at once, whether the score is full or not. */
export const OFFENCES = {
  /** Bytes that no build of this network sends: an unknown or misplaced kind, too long, or not to be decoded. */
  unknown_kind: { points: 100, cut: true },
  wrong_channel: { points: 100, cut: true },
  oversize: { points: 100, cut: true },
  malformed: { points: 100, cut: true },
  /** A signature that does not verify under the set of its height: two within 20 s are a ban. */
  bad_signature: { points: 60, cut: true },
  /** A message beyond the peer's rates; it was dropped unread. */
  flood: { points: 1, cut: false },
  /** Nothing came for a long time: no fault of its own. */
  silent: { points: 0, cut: true },
} as const satisfies Record<string, { readonly points: number; readonly cut: boolean }>;
export type Offence = keyof typeof OFFENCES;

export type ConductLimits = Pick<NetworkLimits, 'scoreMax' | 'forgivenPerS' | 'banFirstMs' | 'banMaxMs' | 'banForgottenMs'>;

interface Standing {
  score: number;
  atMs: number;
  bans: number;
  bannedUntilMs: number;
}

export class Conduct {
  readonly #limits: ConductLimits;
  /** Peers that offended; only admitted peers are ever noted, so the configuration bounds it. */
  readonly #records = new Map<string, Standing>();

  constructor(limits: ConductLimits) {
    this.#limits = limits;
  }

  /** Notes an offence; true where it brings a ban. Times are monotonic ms. */
  note(peer: string, offence: Offence, nowMs: number): boolean {
    const { scoreMax, banFirstMs, banMaxMs, banForgottenMs } = this.#limits;
    const record = this.#records.get(peer) ?? { score: 0, atMs: nowMs, bans: 0, bannedUntilMs: Number.NEGATIVE_INFINITY };
    this.#records.set(peer, record);
    if (nowMs - Math.max(record.atMs, record.bannedUntilMs) > banForgottenMs) record.bans = 0;
    record.score = this.#forgiven(record, nowMs) + OFFENCES[offence].points;
    record.atMs = nowMs;
    if (record.score < scoreMax) return false;
    record.score = 0;
    record.bannedUntilMs = nowMs + Math.min(banMaxMs, banFirstMs * 2 ** record.bans);
    record.bans += 1;
    return true;
  }

  /** How long a ban still lasts; 0: there is none. */
  banLeftMs(peer: string, nowMs: number): number {
    return Math.max(0, (this.#records.get(peer)?.bannedUntilMs ?? nowMs) - nowMs);
  }

  /** Points of a peer that are not forgiven yet. */
  score(peer: string, nowMs: number): number {
    const record = this.#records.get(peer);
    return record === undefined ? 0 : this.#forgiven(record, nowMs);
  }

  #forgiven({ score, atMs }: Standing, nowMs: number): number {
    return Math.max(0, score - ((nowMs - atMs) * this.#limits.forgivenPerS) / 1_000);
  }

  bannedCount(nowMs: number): number {
    let count = 0;
    for (const { bannedUntilMs } of this.#records.values()) if (bannedUntilMs > nowMs) count += 1;
    return count;
  }
}
