/** What waits to be sent to one peer: by class, bounded, the lowest class dropped first (consensus page §1.13). */
import { CLASSES, type Channel, type Frame, type MessageClass } from './frames.ts';
import type { NetworkLimits } from './limits.ts';

export class SendQueue {
  readonly #limits: Pick<NetworkLimits, 'queueBytesMax' | 'queueMessagesMax'>;
  readonly #onDrop: (dropped: MessageClass) => void;
  readonly #waiting = new Map<MessageClass, Frame[]>(CLASSES.map((one) => [one, []]));
  #bytes = 0;
  #messages = 0;

  constructor(limits: Pick<NetworkLimits, 'queueBytesMax' | 'queueMessagesMax'>, onDrop: (dropped: MessageClass) => void) {
    this.#limits = limits;
    this.#onDrop = onDrop;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Messages that wait, by class. */
  count(of: MessageClass): number {
    return this.#waiting.get(of)?.length ?? 0;
  }

  push(frame: Frame): void {
    const frames = this.#of(frame.kind.class);
    const older = frame.kind.supersedes ? frames.findIndex(({ kind }) => kind === frame.kind) : -1;
    if (older >= 0) {
      this.#bytes += frame.bytes.length - (frames[older]?.bytes.length ?? 0);
      frames[older] = frame;
    } else {
      frames.push(frame);
      this.#bytes += frame.bytes.length;
      this.#messages += 1;
    }
    while (this.#bytes > this.#limits.queueBytesMax || this.#messages > this.#limits.queueMessagesMax) this.#dropOne();
  }

  /** The next message of a channel: of the highest class that has one, the oldest. */
  take(channel: Channel): Frame | undefined {
    for (const one of CLASSES) {
      const frames = this.#of(one);
      if (frames[0]?.kind.channel !== channel) continue;
      return this.#shift(frames);
    }
    return undefined;
  }

  #dropOne(): void {
    const lowest = CLASSES.findLast((one) => this.count(one) > 0);
    if (lowest === undefined) return;
    this.#shift(this.#of(lowest));
    this.#onDrop(lowest);
  }

  #shift(frames: Frame[]): Frame | undefined {
    const frame = frames.shift();
    if (frame === undefined) return undefined;
    this.#bytes -= frame.bytes.length;
    this.#messages -= 1;
    return frame;
  }

  #of(one: MessageClass): Frame[] {
    return this.#waiting.get(one) ?? [];
  }
}
