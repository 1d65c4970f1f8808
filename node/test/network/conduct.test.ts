/** Points, bans and rates on their own. */
import t from 'tap';
import { Conduct, OFFENCES } from '../../src/network/conduct.ts';
import { makeFrame } from '../../src/network/frames.ts';
import { limitRows, NETWORK_LIMITS } from '../../src/network/limits.ts';
import { SendQueue } from '../../src/network/sendQueue.ts';
import { TokenBucket } from '../../src/network/tokenBucket.ts';

const { banFirstMs, banMaxMs, banForgottenMs } = NETWORK_LIMITS;

void t.test('each ban is twice as long as the one before, up to the longest, and all end', async (test) => {
  const conduct = new Conduct(NETWORK_LIMITS);
  let nowMs = 0;
  for (let ban = 0; ban < 12; ban++) {
    test.ok(conduct.note('p', 'malformed', nowMs));
    test.equal(conduct.banLeftMs('p', nowMs), Math.min(banMaxMs, banFirstMs * 2 ** ban));
    test.equal(conduct.bannedCount(nowMs), 1);
    nowMs += conduct.banLeftMs('p', nowMs);
    test.equal(conduct.banLeftMs('p', nowMs), 0);
  }
  test.ok(conduct.note('p', 'oversize', nowMs + banMaxMs + banForgottenMs + 1));
  test.equal(conduct.banLeftMs('p', nowMs + banMaxMs + banForgottenMs + 1), banFirstMs, 'a day later it is a first one');
  test.equal(conduct.banLeftMs('other', nowMs), 0);
});

void t.test('points are forgiven with time', async (test) => {
  const conduct = new Conduct(NETWORK_LIMITS);
  for (let second = 0; second < 1_000; second++) test.equal(conduct.note('p', 'flood', second * 1_000), false, 'a message too many each second');
  const burst = new Conduct(NETWORK_LIMITS);
  const bans = Array.from({ length: 100 }, () => burst.note('p', 'flood', 0)).filter(Boolean).length;
  test.equal(bans, 1, 'a hundred at once are a ban');
  const liar = new Conduct(NETWORK_LIMITS);
  test.equal(liar.note('p', 'bad_signature', 0), false);
  test.equal(liar.note('p', 'bad_signature', 21_000), false, 'two in more than twenty seconds are none');
  test.equal(liar.note('p', 'silent', 21_000), false);
  test.equal(OFFENCES.silent.points, 0);
});

void t.test('a token bucket gives its burst, then its rate', async (test) => {
  const bucket = new TokenBucket(100, 2, 0);
  const taken = (nowMs: number): number => Array.from({ length: 500 }, () => bucket.take(1, nowMs)).filter(Boolean).length;
  test.equal(taken(0), 200);
  test.equal(taken(1_000), 100);
  test.equal(taken(1_010), 1);
  test.equal(taken(1_000_000), 200, 'no more than the burst is saved up');
  test.equal(bucket.take(0, 1_000_000), true);
  test.equal(new TokenBucket(10, 1, 0).take(11, 0), false, 'what never fits is never taken');
});

void t.test('a queue counts what it holds, whatever goes in and out', async (test) => {
  const dropped: string[] = [];
  const queue = new SendQueue({ queueBytesMax: 10_000, queueMessagesMax: 8 }, (of) => dropped.push(of));
  const need = makeFrame({ kind: 'needBlock', height: 1, blockId: new Uint8Array(32) });
  const block = makeFrame({ kind: 'block', blockBytes: new Uint8Array(4_000) });
  const txs = makeFrame({ kind: 'txs', txs: [new Uint8Array(3_000)], told: [] });
  for (const frame of [txs, block, need, txs]) queue.push(frame);
  test.same(dropped, ['transactions']);
  queue.push(block);
  test.same(dropped, ['transactions', 'transactions'], 'blocks stay while there are transactions');
  queue.push(block);
  test.same(dropped, ['transactions', 'transactions', 'block']);
  test.same([queue.count('block'), queue.count('certificate'), queue.count('transactions')], [2, 1, 0]);
  test.equal(queue.take('sync'), undefined);
  test.equal(queue.take('consensus'), need, 'the higher class first');
  test.equal(queue.take('consensus'), block);
  test.equal(queue.take('consensus'), block);
  test.same([queue.take('consensus'), queue.bytes], [undefined, 0]);
  for (let i = 0; i < 20; i++) queue.push(need);
  test.equal(queue.count('certificate'), 8, 'as many as it may');
});

void t.test('every limit has a unit and a reason', async (test) => {
  test.equal(limitRows().length, Object.keys(NETWORK_LIMITS).length);
  for (const [name = '', value = '', unit = '', what = '', why = ''] of limitRows()) test.ok(value !== '' && unit.length > 1 && what.length > 10 && why.length > 10, name);
});
