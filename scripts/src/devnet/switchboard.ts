/** Carries calls between the parts: each knows only names. The supervisor calls through the same board. */
import { CallBook } from './callBook.ts';
import type { Call, Message, Note, PartName } from './messages.ts';

export interface Line {
  /** False where the part is not running. */
  send(message: Message): boolean;
}

export interface Switchboard {
  /** A message that came from a part. */
  take(from: PartName, message: Message): void;
  /** A part ended: whoever waits for it is told. */
  ended(name: PartName): void;
  readonly call: Call;
}

export function makeSwitchboard(lineOf: (name: PartName) => Line | undefined, events: { readonly onReady: (from: PartName) => void; readonly onNote: (note: Note) => void }): Switchboard {
  const book = new CallBook();

  function pass(to: PartName, method: string, params: unknown): Promise<unknown> {
    return book.open(to, (id) => {
      if (lineOf(to)?.send({ type: 'call', id, to, method, params }) !== true) book.close({ type: 'answer', id, ok: false, error: `${to} is not running` });
    });
  }
  async function forward(from: PartName, { id, to, method, params }: Extract<Message, { type: 'call' }>): Promise<void> {
    const back = (message: Message): void => void lineOf(from)?.send(message);
    try {
      back({ type: 'answer', id, ok: true, value: await pass(to, method, params) });
    } catch (error) {
      back({ type: 'answer', id, ok: false, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return {
    take(from, message) {
      if (message.type === 'ready') events.onReady(from);
      else if (message.type === 'note') events.onNote(message.note);
      else if (message.type === 'answer') book.close(message);
      else void forward(from, message);
    },
    ended: (name) => book.fail(name, `${name} ended before it answered`),
    call: pass as Call,
  };
}
