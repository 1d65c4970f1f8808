/** The line an operator looks at, and how long things take in words. Pure. */
import type { JoinProgress } from '../join/join.ts';
import type { NodeStatus } from '../nodeView.ts';

const BAR_CELLS = 20;

/** 12345 → 12,345. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** The two largest units that say something: 850 ms, 12 s, 3 min 20 s, 2 h 5 min, 4 d 3 h. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  const units = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const;
  const first = units.findIndex(([, length]) => seconds >= length);
  return units.slice(first, first + 2).flatMap(([name, length], i) => {
    const within = i === 0 ? seconds : seconds % (units[first]?.[1] ?? 1);
    const amount = Math.floor(within / length);
    return amount === 0 ? [] : [`${amount} ${name}`];
  }).join(' ');
}

/** @param part from 0 to 1 */
export function bar(part: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, part)) * BAR_CELLS);
  return `[${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}]`;
}

function peersText(peers: number): string {
  return peers === 0 ? 'no peers' : `${peers} peer${peers === 1 ? '' : 's'}`;
}

/** Genesis is no block: its time says nothing of how the chain goes. */
export function finalText({ height, finalityAgeMs }: Pick<NodeStatus, 'height' | 'finalityAgeMs'>): string {
  return height === 0 ? 'no block yet' : `final ${duration(finalityAgeMs)} ago`;
}

/** `█████░░░ 25 % · 312 blocks/s · 23 s left`; `done` and `all` are blocks, chunks, whatever is counted. */
export function progressText({ done, all, perMinute, what, leftMs }: { readonly done: number; readonly all: number; readonly perMinute: number | undefined; readonly what: string; readonly leftMs: number | undefined }): string {
  const part = all === 0 ? 0 : done / all;
  // Never 100 % before the end.
  const percent = Math.min(done < all ? 99 : 100, Math.floor(part * 100));
  const head = `${bar(part)} ${percent} %`;
  if (perMinute === undefined) return `${head} · measuring`;
  const rate = perMinute >= 600 ? `${count(Math.round(perMinute / 60))} ${what}/s` : `${count(perMinute)} ${what}/min`;
  return `${head} · ${rate} · ${leftMs === undefined ? 'not coming nearer' : `${duration(leftMs)} left`}`;
}

/** One line, without the network's name: it stands beside a prompt or is painted again every second. */
export function statusLine({ height, finalityAgeMs, peers, sync }: NodeStatus): string {
  if (sync === undefined) return `height ${count(height)} · ${finalText({ height, finalityAgeMs })} · ${peersText(peers)}`;
  const { targetHeight, blocksPerMinute, leftMs } = sync;
  return `syncing ${count(height)} of ${count(targetHeight)} ${progressText({ done: height, all: targetHeight, perMinute: blocksPerMinute, what: 'blocks', leftMs })} · ${peersText(peers)}`;
}

/** How a newcomer joins. */
export function joinLine({ step, peers, height = 0, done, all, sync }: JoinProgress): string {
  if (step === 'peers') return `joining: waiting for peers that offer a snapshot · ${peersText(peers)}`;
  if (step === 'header') return `joining: verifying block ${count(height)} · ${peersText(peers)}`;
  if (step === 'done') return `starting at block ${count(height)}`;
  if (step === 'state') return `joining: rebuilding the state of block ${count(height)}`;
  return `joining at block ${count(height)} ${progressText({ done, all, perMinute: sync?.blocksPerMinute, what: 'parts', leftMs: sync?.leftMs })} · ${peersText(peers)}`;
}

/** The same as fields of a log line. */
export function statusFields({ height, finalityAgeMs, peers, sync }: NodeStatus): object {
  return { height, finalityAgeMs, peers, ...(sync === undefined ? {} : { targetHeight: sync.targetHeight, ...(sync.blocksPerMinute === undefined ? {} : { blocksPerMinute: sync.blocksPerMinute }), ...(sync.leftMs === undefined ? {} : { leftMs: sync.leftMs }) }) };
}
