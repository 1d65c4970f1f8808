/** Which snapshot a newcomer takes, and when it has heard enough. */
import t from 'tap';
import { chooseSnapshot, judgeOffers, NONE_MS, OTHERS_MS, type Offered } from '../../src/join/choosing.ts';

const offer = (peer: string, height: number, id = `id ${height}`): Offered => ({ peer, height, id });

void t.test('what most peers offer, of equals the newest', async (test) => {
  test.equal(chooseSnapshot([], new Set()), undefined);
  test.same(chooseSnapshot([offer('a', 10), offer('a', 20), offer('b', 10), offer('b', 20), offer('c', 20), offer('c', 30)], new Set()), { height: 20, id: 'id 20', peers: ['a', 'b', 'c'] });
  test.same(chooseSnapshot([offer('a', 10), offer('a', 20), offer('b', 20), offer('b', 10)], new Set()), { height: 20, id: 'id 20', peers: ['a', 'b'] });
});

void t.test('a liar alone is not chosen, whatever it claims, while two others agree', async (test) => {
  const honest = [offer('a', 10), offer('b', 10)];
  test.match(chooseSnapshot([...honest, offer('liar', Number.MAX_SAFE_INTEGER)], new Set()), { height: 10 });
  test.match(chooseSnapshot([offer('liar', 10, 'another manifest'), ...honest], new Set()), { id: 'id 10', peers: ['a', 'b'] });
  test.match(chooseSnapshot([...Array.from({ length: 5 }, () => offer('liar', 99)), ...honest], new Set()), { height: 10 }, 'saying it five times makes no five peers');
});

void t.test('what was refused is not taken again', async (test) => {
  const offers = [offer('a', 20), offer('b', 20), offer('c', 10)];
  test.match(chooseSnapshot(offers, new Set(['id 20'])), { height: 10, peers: ['c'] });
  test.equal(chooseSnapshot(offers, new Set(['id 20', 'id 10'])), undefined);
});

void t.test('it waits for a first answer without end, for others a moment, for offers a little longer', async (test) => {
  const asked = { peers: 3, answered: 1, offers: 1, firstAnswerMs: 1_000 };
  test.equal(judgeOffers({ ...asked, answered: 0, offers: 0, firstAnswerMs: undefined, nowMs: 10 ** 9 }), 'wait');
  test.equal(judgeOffers({ ...asked, nowMs: 1_000 + OTHERS_MS - 1 }), 'wait');
  test.equal(judgeOffers({ ...asked, nowMs: 1_000 + OTHERS_MS }), 'choose');
  test.equal(judgeOffers({ ...asked, answered: 3, nowMs: 1_000 }), 'choose', 'everybody has answered');
  test.equal(judgeOffers({ ...asked, answered: 3, offers: 0, nowMs: 1_000 + NONE_MS - 1 }), 'wait');
  test.equal(judgeOffers({ ...asked, answered: 3, offers: 0, nowMs: 1_000 + NONE_MS }), 'none');
});
