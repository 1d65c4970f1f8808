/** Calls that wait for an answer: both ends of the switchboard keep one. */
import type { Message } from './messages.ts';

/** Fifty wallets call at once; a thousand unanswered calls mean that somebody is dead. */
const WAITING_MAX = 1_000;

interface Waiting {
  readonly to: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class CallBook {
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  /** Notes a call and sends it by `send`; resolves with the answer. */
  open(to: string, send: (id: number) => void): Promise<unknown> {
    if (this.#waiting.size >= WAITING_MAX) return Promise.reject(new Error(`${WAITING_MAX} calls wait for an answer already`));
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { to, resolve, reject });
      send(id);
    });
  }

  close(answer: Extract<Message, { type: 'answer' }>): void {
    const call = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) call?.resolve(answer.value);
    else call?.reject(new Error(answer.error));
  }

  /** A part ended: whoever waits for it is told. */
  fail(to: string, why: string): void {
    for (const [id, call] of this.#waiting) {
      if (call.to !== to) continue;
      this.#waiting.delete(id);
      call.reject(new Error(why));
    }
  }
}
