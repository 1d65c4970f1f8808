/** The last ten minutes of frames, so that a reader who lost his connection gets what he missed. */

/** Longer than a phone is out of the canteen's network; a till that was away for longer reads its list again. */
export const RING_MS = 600_000;
/** 16 orders a second for ten minutes. */
export const RING_FRAMES_MAX = 10_000;
/** What those are with proofs of 3 KB; a hub never holds more. */
export const RING_MAX_BYTES = 33_554_432;

/** `S` is what a reader chooses by: the till of an order, the owner of a wallet. */
export interface RingFrame<S> {
  readonly seq: number;
  readonly atMs: number;
  readonly scope: S;
  readonly text: string;
}

export interface Ring<S> {
  push(frame: RingFrame<S>): void;
  /** Frames after `seq`; undefined where some of them are gone, or where `seq` lies ahead. */
  after(seq: number, nowMs: number): readonly RingFrame<S>[] | undefined;
  /** Forgets all up to `seq`: whoever asks for something earlier must read the list again. */
  clear(seq: number): void;
  size(): number;
}

export function openRing<S>(): Ring<S> {
  let frames: RingFrame<S>[] = [];
  let bytes = 0;
  /** Everything up to this number is gone. */
  let gone = 0;
  let last = 0;

  function drop(count: number): void {
    gone = frames[count - 1]?.seq ?? gone;
    for (let i = 0; i < count; i++) bytes -= frames[i]?.text.length ?? 0;
    frames = frames.slice(count);
  }

  function forgetOld(nowMs: number): void {
    const kept = frames.findIndex(({ atMs }) => atMs >= nowMs - RING_MS);
    drop(kept === -1 ? frames.length : kept);
  }

  return {
    push(frame) {
      frames.push(frame);
      bytes += frame.text.length; // frames are ASCII
      last = frame.seq;
      // Half at a time: moving the rest for each frame would cost more than the memory.
      if (frames.length > RING_FRAMES_MAX || bytes > RING_MAX_BYTES) drop(Math.ceil(frames.length / 2));
    },
    after(seq, nowMs) {
      forgetOld(nowMs);
      return seq < gone || seq > last ? undefined : frames.filter((frame) => frame.seq > seq);
    },
    clear(seq) {
      frames = [];
      bytes = 0;
      gone = seq;
      last = seq;
    },
    size: () => frames.length,
  };
}
