/** The last ten minutes of frames, so that a reader who lost his connection gets what he missed. */

/** Longer than a phone is out of the canteen's network; a till that was away for longer reads its list again. */
export const RING_MS = 600_000;
/** 16 orders a second for ten minutes; a frame has 1 to 3 KB. */
export const RING_FRAMES_MAX = 10_000;

export interface RingFrame {
  readonly seq: number;
  readonly atMs: number;
  readonly tillNo: number;
  readonly orderId: string;
  /** Address text. */
  readonly merchant: string;
  readonly text: string;
}

export interface Ring {
  push(frame: RingFrame): void;
  /** Frames after `seq`; undefined where some of them are gone, or where `seq` lies ahead. */
  after(seq: number, nowMs: number): readonly RingFrame[] | undefined;
  /** Forgets all up to `seq`: whoever asks for something earlier must read the list again. */
  clear(seq: number): void;
  size(): number;
}

export function openRing(): Ring {
  let frames: RingFrame[] = [];
  /** Everything up to this number is gone. */
  let gone = 0;
  let last = 0;

  function drop(count: number): void {
    gone = frames[count - 1]?.seq ?? gone;
    frames = frames.slice(count);
  }

  function forgetOld(nowMs: number): void {
    const kept = frames.findIndex(({ atMs }) => atMs >= nowMs - RING_MS);
    drop(kept === -1 ? frames.length : kept);
  }

  return {
    push(frame) {
      frames.push(frame);
      last = frame.seq;
      // Half at a time: moving the rest for each frame would cost more than the memory.
      if (frames.length > RING_FRAMES_MAX) drop(RING_FRAMES_MAX / 2);
    },
    after(seq, nowMs) {
      forgetOld(nowMs);
      return seq < gone || seq > last ? undefined : frames.filter((frame) => frame.seq > seq);
    },
    clear(seq) {
      frames = [];
      gone = seq;
      last = seq;
    },
    size: () => frames.length,
  };
}
