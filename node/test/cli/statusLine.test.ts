/** What an operator reads while a node runs. */
import t from 'tap';
import type { PeerView } from '@billcoin/sdk';
import { makePainter } from '../../src/cli/painter.ts';
import { peerTable } from '../../src/cli/peerTable.ts';
import { bar, duration, joinLine, statusFields, statusLine } from '../../src/cli/statusLine.ts';
import { watchJoin, watchStatus } from '../../src/cli/watchStatus.ts';
import { lineForPeople, makeLog } from '../../src/log.ts';
import type { NodeStatus } from '../../src/nodeView.ts';

const CALM: NodeStatus = { height: 12_345, finalityAgeMs: 420, peers: 3, sync: undefined };
const BEHIND: NodeStatus = { height: 5_120, finalityAgeMs: 90_000_000, peers: 1, sync: { targetHeight: 12_345, blocksPerMinute: 18_720, leftMs: 23_160 } };

void t.test('durations say the two units that matter', async (test) => {
  const cases = [[0, '0 ms'], [999, '999 ms'], [1_000, '1 s'], [59_400, '59 s'], [60_000, '1 min'], [200_000, '3 min 20 s'], [3_600_000, '1 h'], [7_500_000, '2 h 5 min'], [3_605_000, '1 h'], [356_400_000, '4 d 3 h']] as const;
  for (const [ms, text] of cases) test.equal(duration(ms), text);
});

void t.test('a bar is full only at the end, whatever it is given', async (test) => {
  test.equal(bar(0), `[${'░'.repeat(20)}]`);
  test.equal(bar(0.999), `[${'█'.repeat(19)}░]`);
  test.equal(bar(7), `[${'█'.repeat(20)}]`);
  test.equal(bar(-1), bar(0));
});

void t.test('the status line, calm and while it syncs', async (test) => {
  test.equal(statusLine(CALM), 'height 12,345 · final 420 ms ago · 3 peers');
  test.equal(statusLine({ ...CALM, height: 0, peers: 0 }), 'height 0 · no block yet · no peers');
  test.equal(statusLine(BEHIND), 'syncing 5,120 of 12,345 [████████░░░░░░░░░░░░] 41 % · 312 blocks/s · 23 s left · 1 peer');
  const almost = { targetHeight: 100_000, blocksPerMinute: 30, leftMs: undefined };
  test.match(statusLine({ ...BEHIND, height: 99_990, sync: almost }), / 99 % · 30 blocks\/min · not coming nearer /);
  test.match(statusLine({ ...BEHIND, sync: { targetHeight: 12_345, blocksPerMinute: undefined, leftMs: undefined } }), / 41 % · measuring · 1 peer$/);
  test.same(statusFields(CALM), { height: 12_345, finalityAgeMs: 420, peers: 3 });
  test.match(statusFields(BEHIND), { targetHeight: 12_345, leftMs: 23_160 });
});

void t.test('the line of a newcomer, step by step', async (test) => {
  const at = { peers: 3, height: 12_000, done: 8, all: 20, sync: { targetHeight: 20, blocksPerMinute: 960, leftMs: 750 } } as const;
  test.equal(joinLine({ ...at, step: 'peers', height: undefined, peers: 0 }), 'joining: waiting for peers that offer a snapshot · no peers');
  test.equal(joinLine({ ...at, step: 'header' }), 'joining: verifying block 12,000 · 3 peers');
  test.equal(joinLine({ ...at, step: 'parts' }), 'joining at block 12,000 [████████░░░░░░░░░░░░] 40 % · 16 parts/s · 750 ms left · 3 peers');
  test.equal(joinLine({ ...at, step: 'parts', sync: undefined }), 'joining at block 12,000 [████████░░░░░░░░░░░░] 40 % · measuring · 3 peers');
  test.equal(joinLine({ ...at, step: 'state' }), 'joining: rebuilding the state of block 12,000');
  test.equal(joinLine({ ...at, step: 'done' }), 'starting at block 12,000');
});

void t.test('a newcomer tells each step once, and one step again only after a while', async (test) => {
  let nowMs = 0;
  const painted: string[] = [];
  const log = makeLog({ level: 'silent', nodeName: 'n' });
  const tell = watchJoin({ paint: (line) => painted.push(line), clock: { monotonicMs: () => nowMs }, log });
  const at = { peers: 1, height: 5, done: 0, all: 2, sync: undefined };
  for (; nowMs < 2_500; nowMs += 50) tell({ ...at, step: 'parts' });
  tell({ ...at, step: 'state' });
  test.same(painted.map((line) => line.slice(0, 12)), ['joining at b', 'joining at b', 'joining at b', 'joining: reb']);
  const lines: string[] = [];
  watchJoin({ paint: undefined, clock: { monotonicMs: () => nowMs }, log: makeLog({ level: 'info', nodeName: 'n', write: (line) => lines.push(line) }) })({ ...at, step: 'parts' });
  test.match(lines, [/"step":"parts".*"message":"Joining"/]);
});

void t.test('the table of peers', async (test) => {
  const peer: PeerView = { nodeKey: 'ab'.repeat(32), address: '10.0.0.1:9000', state: 'connected', direction: 'out', connectedForMs: 7_500_000, roundTripMs: 2, height: 1_234, lag: 3, streams: 3, queuedBytes: 20_480, score: 12, bannedForMs: 0 };
  const away: PeerView = { ...peer, nodeKey: 'cd'.repeat(32), address: null, state: 'banned', direction: null, connectedForMs: null, roundTripMs: null, height: null, lag: null, streams: 0, queuedBytes: 0, score: 0, bannedForMs: 30_000 };
  const lines = peerTable([peer, away]);
  test.match(lines[0], /^Peer +Address +State +Dir +Height +Lag +Trip +Streams +Queue +Score +Age$/);
  test.match(lines[1], /^abababababab… +10\.0\.0\.1:9000 +connected +out +1,234 +3 +2 ms +3 +20 KiB +12 +2 h 5 min$/);
  test.match(lines[2], /^cdcdcdcdcdcd… +dials us +banned 30 s +– +– +– +– +0 +0 B +0 +–$/);
  test.match(lines[3], /^1 of 2 connected\./);
  test.match(peerTable([]), [/no peers/]);
});

void t.test('what is printed goes above the painted line, and a long line is cut to the window', async (test) => {
  const written: string[] = [];
  const { print, paint } = makePainter({ write: (text) => written.push(text), columns: 10 });
  print('before');
  paint('');
  paint('1234567890');
  print('after');
  paint('');
  print('end');
  test.same(written, ['before\n', '\r\x1b[2K12345678…', '\r\x1b[2Kafter\n12345678…', '\r\x1b[2K', 'end\n']);
});

void t.test('a terminal is painted each second, a log told now and then, sooner while it syncs', async (test) => {
  const waits: number[] = [];
  let fire: () => void = () => undefined;
  const timers = { after: (ms: number, next: () => void) => { waits.push(ms); fire = next; return () => void waits.push(-1); } };
  const lines: string[] = [];
  const log = makeLog({ level: 'info', nodeName: 'n', write: (line) => lines.push(line) });
  let now = BEHIND;
  const logged = watchStatus({ status: () => now, paint: undefined, timers, log });
  fire();
  now = CALM;
  fire();
  logged.stop();
  test.same(waits, [10_000, 10_000, 60_000, -1]);
  test.match(lines, [/"targetHeight":12345.*"message":"Syncing"/, /"height":12345.*"message":"Status"/]);
  const painted: string[] = [];
  waits.length = 0;
  const seen = watchStatus({ status: () => now, paint: (line) => painted.push(line), timers, log });
  fire();
  seen.stop();
  test.same(waits, [0, 1_000, -1]);
  test.same(painted, [statusLine(CALM), '']);
});

void t.test('a line of the log for people', async (test) => {
  const lines: string[] = [];
  const log = makeLog({ level: 'info', nodeName: 'n', write: (line) => lines.push(lineForPeople(line)) });
  log.child({ part: 'network' }).warn({ peer: 'ab', banMs: 30 }, 'A peer is banned');
  log.info({}, 'Node started');
  test.match(lines, [/^\d\d:\d\d:\d\d warn {2}network: A peer is banned {2}peer=ab banMs=30$/, /^\d\d:\d\d:\d\d info {2}Node started$/]);
  test.equal(lineForPeople('no json\n'), 'no json');
});
