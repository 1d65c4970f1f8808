/** Which snapshot a newcomer takes: pure, from what peers offer. */

/** A snapshot as one peer offers it; the id, in hex, is the hash of its manifest. */
export interface Offered {
  readonly peer: string;
  readonly height: number;
  readonly id: string;
}

export interface Candidate {
  readonly height: number;
  readonly id: string;
  /** Who offers it, in the order in which they said so. */
  readonly peers: readonly string[];
}

/** Other peers may still answer for this long after the first one did. */
export const OTHERS_MS = 3_000;
/** Peers that answer and offer nothing for this long have none: the chain is young, or they keep none. */
export const NONE_MS = 10_000;

/**
 * What most peers offer, of equals the newest. Correct peers make the same snapshots; what one alone offers is taken only
 * where nothing else is there, and is believed no more than the rest: the header decides.
 */
export function chooseSnapshot(offers: readonly Offered[], refused: ReadonlySet<string>): Candidate | undefined {
  const candidates = new Map<string, Candidate>();
  for (const { peer, height, id } of offers) {
    if (refused.has(id)) continue;
    const key = `${height} ${id}`;
    const known = candidates.get(key) ?? { height, id, peers: [] };
    candidates.set(key, { ...known, peers: [...new Set([...known.peers, peer])] });
  }
  return [...candidates.values()].reduce<Candidate | undefined>((best, one) => {
    const isBetter = best === undefined || one.peers.length > best.peers.length || (one.peers.length === best.peers.length && one.height > best.height);
    return isBetter ? one : best;
  }, undefined);
}

/** `none`: there is no snapshot to be had, and the node begins with the first block. */
export type OffersVerdict = 'wait' | 'choose' | 'none';

/**
 * @param peers how many there are in the configuration
 * @param answered how many have answered
 * @param offers how many offers are not refused
 * @param firstAnswerMs when the first one answered
 */
export function judgeOffers({ peers, answered, offers, firstAnswerMs, nowMs }: { readonly peers: number; readonly answered: number; readonly offers: number; readonly firstAnswerMs: number | undefined; readonly nowMs: number }): OffersVerdict {
  if (firstAnswerMs === undefined) return 'wait';
  if (offers > 0) return answered >= peers || nowMs - firstAnswerMs >= OTHERS_MS ? 'choose' : 'wait';
  return nowMs - firstAnswerMs >= NONE_MS ? 'none' : 'wait';
}
