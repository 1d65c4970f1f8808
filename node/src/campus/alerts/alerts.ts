/**
 * Messages to operators, one after the other in the order they were made, each until it is delivered: they wait in the
 * campus store, so that a restart forgets none. A message that was delivered right before a crash may come twice.
 */
import { randomBytes } from 'node:crypto';
import type { AlertOutcome } from '@billcoin/sdk';
import type { Alerts, FlagRow } from '../../abusePorts.ts';
import type { Clock, KeyValueOperation, KeyValueStore, Log } from '../../ports.ts';
import { deleteRow, listRows, padded, putRow, TABLES, type AlertRow } from '../store.ts';
import { guardedPost, type PostOptions, type PostOutcome } from './guardedPost.ts';
import { flagText, readWebhookUrl, slackBody, TEST_TEXT } from './slack.ts';

/** A channel with a thousand unread flags is not read; what comes above is counted, and stands under /admin/flags. */
export const ALERTS_MAX = 1_000;
/** Waits between tries; the last one repeats. */
export const RETRY_MS: readonly number[] = [10_000, 60_000, 300_000, 900_000, 3_600_000];
/** Then it is given up: nobody acts on a flag of last week because of a message. */
export const ALERT_LIFE_MS = 3 * 86_400_000;
/** Slack takes one message a second of a webhook. */
const SPACING_MS = 1_000;
const RETRY_AFTER_MAX_S = 3_600;

export interface AlertDeps {
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Log;
  /** File with the webhook URL; without one nothing is sent. */
  readonly webhookFile: string | undefined;
  readonly post: PostOptions;
  readonly retryMs?: readonly number[];
  readonly spacingMs?: number;
  readonly waitingMax?: number;
}

export interface OpenedAlerts extends Alerts {
  /** Rows that queue a message about the flag, for the flag's own batch; none where nothing is sent or too many wait. */
  rowsOf(flag: FlagRow): readonly KeyValueOperation[];
  /** Rows of `rowsOf` are on disk. */
  wake(): void;
  close(): Promise<void>;
}

type Heard = AlertOutcome | 'dropped';

class Queue {
  readonly #deps: AlertDeps;
  readonly #tell: (outcome: Heard) => void;
  #waiting: number;
  /** Tells apart and orders what is made in one millisecond. */
  #made = 0;
  #timer: NodeJS.Timeout | undefined;
  #run: Promise<void> | undefined;
  #isWoken = false;
  #isClosed = false;

  constructor(deps: AlertDeps, waiting: number, tell: (outcome: Heard) => void) {
    this.#deps = deps;
    this.#waiting = waiting;
    this.#tell = tell;
  }

  get waiting(): number {
    return this.#waiting;
  }

  rowsOf(flag: FlagRow): readonly KeyValueOperation[] {
    const { webhookFile, waitingMax = ALERTS_MAX, clock, log } = this.#deps;
    if (webhookFile === undefined) return [];
    if (this.#waiting >= waitingMax) {
      log.warn({ flagId: flag.flagId, waiting: this.#waiting }, 'too many alerts wait already: this flag is not told; see /admin/flags');
      this.#tell('dropped');
      return [];
    }
    this.#waiting += 1;
    this.#made += 1;
    const row: AlertRow = { text: flagText(flag), madeAtMs: clock.nowMs(), tries: 0, nextAtMs: 0 };
    return [putRow(TABLES.alert, `${padded(clock.nowMs(), 15)}/${padded(this.#made, 9)}/${randomBytes(4).toString('hex')}`, row)];
  }

  wake(): void {
    this.#isWoken = true;
    if (this.#isClosed || this.#run !== undefined) return;
    clearTimeout(this.#timer);
    this.#run = this.#deliverAll().catch((error: unknown) => {
      this.#deps.log.warn({ error }, 'alerts cannot be read from the campus store');
    }).finally(() => {
      this.#run = undefined;
      if (this.#isWoken) this.wake();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#run;
  }

  async send(text: string): Promise<PostOutcome> {
    const { webhookFile, post, log } = this.#deps;
    let url: URL;
    try {
      url = await readWebhookUrl(webhookFile ?? '');
    } catch (error) {
      log.warn({ error }, 'alerts wait until the webhook file is right');
      return { delivered: false, status: null, error: 'unreadable' };
    }
    const outcome = await guardedPost(url, slackBody(text), post);
    this.#tell({ delivered: outcome.delivered, status: outcome.status, error: outcome.error });
    return outcome;
  }

  async #deliverAll(): Promise<void> {
    const { store, clock, spacingMs = SPACING_MS } = this.#deps;
    while (!this.#isClosed) {
      this.#isWoken = false;
      const [next] = await listRows(store, TABLES.alert, { limit: 1 });
      if (next === undefined) return;
      const waitMs = next.value.nextAtMs - clock.nowMs();
      if (waitMs > 0) return this.#wakeIn(waitMs);
      if (await this.#deliver(next.id, next.value)) await new Promise<void>((resolve) => void setTimeout(resolve, spacingMs));
    }
  }

  /** True where a message reached somebody. */
  async #deliver(id: string, row: AlertRow): Promise<boolean> {
    const { store, clock, log, retryMs = RETRY_MS } = this.#deps;
    const outcome = await this.send(row.text);
    const isOver = clock.nowMs() - row.madeAtMs > ALERT_LIFE_MS;
    if (outcome.delivered || isOver) {
      await store.batch([deleteRow(TABLES.alert, id)], { sync: true });
      this.#waiting -= 1;
      if (!outcome.delivered) {
        log.error({ alert: id, tries: row.tries + 1 }, 'an alert was given up: nobody took it for three days; check the Slack webhook with POST /admin/alerts/test');
        this.#tell('dropped');
      }
      return outcome.delivered;
    }
    const backoffMs = retryMs[Math.min(row.tries, retryMs.length - 1)] ?? ALERT_LIFE_MS;
    const waitMs = Math.max(backoffMs, Math.min(outcome.retryAfterS ?? 0, RETRY_AFTER_MAX_S) * 1_000);
    log.warn({ alert: id, tries: row.tries + 1, status: outcome.status, why: outcome.error, nextTryInS: Math.ceil(waitMs / 1_000) }, 'an alert was not delivered');
    await store.batch([putRow(TABLES.alert, id, { ...row, tries: row.tries + 1, nextAtMs: clock.nowMs() + waitMs })], { sync: true });
    return false;
  }

  #wakeIn(waitMs: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.wake(), waitMs);
    this.#timer.unref();
  }
}

/** Rejects where the webhook file cannot be read or holds no URL. */
export async function openAlerts(deps: AlertDeps): Promise<OpenedAlerts> {
  const { store, webhookFile, waitingMax = ALERTS_MAX } = deps;
  if (webhookFile !== undefined) await readWebhookUrl(webhookFile);
  const listeners = new Set<(outcome: Heard) => void>();
  const waiting = (await listRows(store, TABLES.alert, { limit: waitingMax })).length;
  const queue = new Queue(deps, waiting, (outcome) => {
    for (const listener of listeners) listener(outcome);
  });
  if (webhookFile !== undefined) queue.wake();
  return {
    isConfigured: webhookFile !== undefined,
    waiting: () => queue.waiting,
    async test() {
      const { delivered, status, error } = await queue.send(TEST_TEXT);
      return { delivered, status, error };
    },
    onOutcome(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    rowsOf: (flag) => queue.rowsOf(flag),
    wake: () => queue.wake(),
    close: () => queue.close(),
  };
}
