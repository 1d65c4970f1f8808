import t from 'tap';
import type { Message, Note, PartName } from '../../src/devnet/messages.ts';
import { makeSwitchboard, type Switchboard } from '../../src/devnet/switchboard.ts';

/** Parts that answer at once, by a function each. */
function board(parts: Partial<Record<PartName, (message: Message) => void>>): { readonly board: Switchboard; readonly heard: (PartName | Note)[] } {
  const heard: (PartName | Note)[] = [];
  const made = makeSwitchboard((name) => {
    const send = parts[name];
    return send === undefined ? undefined : { send: (message) => (send(message), true) };
  }, { onReady: (from) => heard.push(from), onNote: (note) => heard.push(note) });
  return { board: made, heard };
}

t.test('a call reaches its part and the answer its caller', async (t) => {
  const { board: made } = board({
    dairy: (message) => {
      if (message.type === 'call') made.take('dairy', { type: 'answer', id: message.id, ok: true, value: { soldMl: 7 } });
    },
  });
  t.same(await made.call('dairy', 'sell', {}), { soldMl: 7 });
});

t.test('parts call each other by name through the board', async (t) => {
  const answers: Message[] = [];
  const { board: made, heard } = board({
    dairy: (message) => {
      if (message.type === 'call') made.take('dairy', { type: 'answer', id: message.id, ok: false, error: `no ${message.method} today` });
    },
    wallets: (message) => void answers.push(message),
  });
  made.take('wallets', { type: 'call', id: 42, to: 'dairy', method: 'sell', params: {} });
  made.take('wallets', { type: 'ready' });
  made.take('wallets', { type: 'note', note: { kind: 'say', text: 'hello' } });
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  t.same(answers, [{ type: 'answer', id: 42, ok: false, error: 'no sell today' }], 'under the caller’s own number');
  t.same(heard, ['wallets', { kind: 'say', text: 'hello' }]);
});

t.test('a part that is away or ends is an error for whoever waits', async (t) => {
  const { board: made } = board({ treasury: () => undefined });
  await t.rejects(made.call('dairy', 'sell', {}), /dairy is not running/);
  const waiting = made.call('treasury', 'trade', { batchKey: '' });
  made.ended('treasury');
  await t.rejects(waiting, /treasury ended before it answered/);
});

t.test('a thousand unanswered calls are enough', async (t) => {
  const { board: made } = board({ treasury: () => undefined });
  const waiting = Array.from({ length: 1_000 }, () => made.call('treasury', 'trade', { batchKey: '' }));
  await t.rejects(made.call('treasury', 'trade', { batchKey: '' }), /1000 calls wait/);
  made.ended('treasury');
  for (const result of await Promise.allSettled(waiting)) if (result.status !== 'rejected') t.fail('a call was answered by nobody');
});
