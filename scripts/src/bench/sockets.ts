/**
 * Ten thousand sockets against one node (api page §5, threat 28), three times: all of them ask for a stream that is open to
 * everybody, then for one that needs a login, then they say nothing at all. What must hold: streams stay within their limits,
 * every other question on a socket that was taken is answered, whoever is connected already is served, and whoever comes new
 * is let in. `npm run bench -- sockets`.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startBenchCluster } from './benchCluster.ts';
import type { BenchNode } from './benchNode.ts';
import { residentMb } from './load.ts';
import { percentile } from './spread.ts';

const SOCKETS = 10_000;
/** Opened together: a listener's queue of the system has a few hundred places. */
const WAVE = 250;
const PROBES = 20;
/** Whoever has no answer after this has none. */
const ANSWER_MS = 3_000;
/** A silent socket is connected as soon as the system has it: the node still takes up its queue then, and closes who gives way. */
const SETTLE_MS = 1_000;

/** What became of so many sockets, and of others meanwhile. */
export interface SocketPhase {
  readonly what: string;
  /** Sockets by the status they were answered with; 0: closed without an answer, -1: open without one. */
  readonly statuses: ReadonlyMap<number, number>;
  readonly openStreams: number;
  /** Answers to somebody else meanwhile, on a new socket each; `failed` had none. */
  readonly newMs: readonly number[];
  readonly failed: number;
  /** Whether a socket that was answered before still stood; if not, it gave way to a newer one. */
  readonly isKept: boolean;
  readonly residentMb: number;
}

export interface SocketBench {
  readonly sockets: number;
  readonly phases: readonly SocketPhase[];
}

interface Held {
  readonly socket: Socket;
  status: number;
}

/** Opens a socket and says `text`; it stays open. */
async function hold(port: number, text: string): Promise<Held> {
  const socket = connect(port, '127.0.0.1');
  const held: Held = { socket, status: -1 };
  socket.on('error', () => undefined);
  socket.on('close', () => { if (held.status === -1) held.status = 0; });
  if (text !== '') socket.write(text);
  await new Promise<void>((resolve) => {
    socket.on('data', (data: Buffer) => {
      if (held.status === -1) held.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(data.toString('latin1'))?.[1] ?? 0);
      resolve();
    });
    socket.once('close', () => void resolve());
    socket.once('connect', () => { if (text === '') resolve(); });
    setTimeout(resolve, ANSWER_MS).unref();
  });
  return held;
}

async function holdAll(port: number, count: number, text: string): Promise<readonly Held[]> {
  const all: Held[] = [];
  while (all.length < count) all.push(...await Promise.all(Array.from({ length: Math.min(WAVE, count - all.length) }, () => hold(port, text))));
  return all;
}

const request = (port: number, path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${more}\r\n`;

/** Milliseconds until an answer came over a socket; undefined without one. */
async function ask(socket: Socket, port: number): Promise<number | undefined> {
  if (socket.destroyed) return undefined;
  const startMs = performance.now();
  const done = new AbortController();
  const answered = once(socket, 'data', { signal: done.signal }).then(() => performance.now() - startMs, () => undefined);
  const closed = once(socket, 'close', { signal: done.signal }).then(() => undefined, () => undefined);
  socket.write(request(port, '/api/v1/status'));
  const took = await Promise.race([answered, closed, delay(ANSWER_MS, undefined, { ref: false }).then(() => undefined)]);
  done.abort();
  return took;
}

async function askNew(port: number): Promise<number | undefined> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const took = await ask(socket, port);
  socket.destroy();
  return took;
}

async function phase(node: BenchNode, what: string, count: number, text: string): Promise<SocketPhase> {
  const port = Number(new URL(node.url).port);
  const kept = connect(port, '127.0.0.1');
  kept.on('error', () => undefined);
  await ask(kept, port);
  const held = await holdAll(port, count, text);
  await delay(SETTLE_MS);
  const took: (number | undefined)[] = [];
  for (let i = 0; i < PROBES; i++) took.push(await askNew(port));
  const isKept = await ask(kept, port) !== undefined;
  const openStreams = await node.client.metric('sse_clients');
  const residentNow = await residentMb(node.client);
  const statuses = new Map<number, number>();
  for (const { status } of held) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  for (const { socket } of held) socket.destroy();
  kept.destroy();
  const newMs = took.filter((ms) => ms !== undefined);
  return { what, statuses, openStreams, newMs, failed: PROBES - newMs.length, isKept, residentMb: residentNow };
}

/** @param sockets of each phase; the process needs as many files, the node 4,096 and its own. */
export async function benchSockets(sockets: number = SOCKETS): Promise<SocketBench> {
  const cluster = await startBenchCluster({ payers: 1, tills: 1, followers: 1, hasCampus: true });
  try {
    const [node] = cluster.followers as [BenchNode];
    await node.start();
    const port = Number(new URL(node.url).port);
    const phases = [
      await phase(node, 'ask for a stream of headers', sockets, request(port, '/api/v1/streams/headers')),
      await phase(node, 'ask for a stream of orders without a login', sockets, request(port, '/api/v1/streams/orders')),
      await phase(node, 'say nothing', sockets, ''),
    ];
    return { sockets, phases };
  } finally {
    await cluster.stop();
  }
}

function line({ what, statuses, openStreams, newMs, failed, isKept, residentMb: resident }: SocketPhase): string {
  const became = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} ${status === 0 ? 'closed' : status === -1 ? 'open without an answer' : `answered ${status}`}`).join(', ');
  const shown = (values: readonly number[]): string => (values.length === 0 ? 'none' : `${percentile(values, 0.5).toFixed(1)} / ${percentile(values, 0.95).toFixed(1)} ms`);
  return `${what}: ${became}; ${openStreams} streams; others meanwhile on new sockets p50 / p95 ${shown(newMs)}, ${failed} of ${PROBES} without an answer; an idle socket of before ${isKept ? 'still stood' : 'had given way'}; node ${resident.toFixed(0)} MB\n`;
}

export function formatSocketBench({ sockets, phases }: SocketBench): string {
  return `${sockets} sockets that …\n${phases.map(line).join('')}`;
}
