/** Asks peers one thing at a time and waits for the answer: silence is an answer too. */
import type { Network, PeerMessage, Timers } from '../ports.ts';

/** A question takes this long at most; a page of headers is read from disk in a fraction of it. */
export const QUESTION_MS = 5_000;

interface Waiting {
  readonly peer: string;
  readonly settle: (message: PeerMessage) => boolean;
}

export class Questions {
  readonly #network: Pick<Network, 'send'>;
  readonly #timers: Timers;
  readonly #waiting = new Set<Waiting>();

  constructor(network: Pick<Network, 'send'>, timers: Timers) {
    this.#network = network;
    this.#timers = timers;
  }

  /** A message of a peer; who waits for it takes it. */
  receive(from: string, message: PeerMessage): void {
    for (const one of this.#waiting) if (one.peer === from && one.settle(message)) return;
  }

  /** @param read the answer, or undefined where a message is none. Resolves to undefined after QUESTION_MS. */
  ask<T>(peer: string, question: PeerMessage, read: (message: PeerMessage) => T | undefined): Promise<T | undefined> {
    return new Promise((resolve) => {
      const end = (answer: T | undefined): void => {
        cancel();
        this.#waiting.delete(waiting);
        resolve(answer);
      };
      const waiting: Waiting = {
        peer,
        settle: (message) => {
          const answer = read(message);
          if (answer !== undefined) end(answer);
          return answer !== undefined;
        },
      };
      const cancel = this.#timers.after(QUESTION_MS, () => end(undefined));
      this.#waiting.add(waiting);
      this.#network.send(peer, question);
    });
  }
}
