/**
 * Flags (US-006, SPEC §20.4): more than 3 failed validations within any 5 minutes. One flag per person, rule and 5 minutes; what
 * fails meanwhile raises its count, resolved or not, so that a flood makes one flag and one message.
 */
import { assert } from '@billcoin/protocol';
import type { FlagRule } from '@billcoin/sdk';
import type { Failure, FlagEvidence, FlagRow, Flags } from '../../abusePorts.ts';
import type { KeyValueOperation, KeyValueStore, Log } from '../../ports.ts';
import { ulid } from '../crockford.ts';
import { deleteRow, getRow, listRows, putRow, TABLES, type FailuresRow } from '../store.ts';
import { sweepInTurn } from '../sweep.ts';
import type { Turns } from './turns.ts';

export const FLAG_WINDOW_MS = 300_000;
/** The 4th within the window raises the flag. */
export const FAILURES_TO_FLAG = 4;
/** Evidence of a flag: enough to see what somebody does, not a diary. */
export const EVIDENCE_MAX = 20;
const RULE: FlagRule = 'failed_validations';

export interface FlagDeps {
  readonly store: KeyValueStore;
  readonly turns: Turns;
  readonly nowMs: () => number;
  readonly log: Log;
  /** Who a person is to operators; asked once, when the flag is raised. */
  readonly shownName: (person: string) => Promise<string>;
  /** Rows that make an alert of a new flag: written together with it. */
  readonly alertOf: (flag: FlagRow) => readonly KeyValueOperation[];
  /** They are on disk. */
  readonly wakeAlerts: () => void;
}

export interface OpenedFlags extends Flags {
  sweep(): Promise<void>;
}

type Listeners = Set<(flag: FlagRow) => void>;

async function raise(deps: FlagDeps, listeners: Listeners, person: string, latest: readonly FlagEvidence[]): Promise<void> {
  const { store, nowMs, log } = deps;
  const [first] = latest;
  assert(first !== undefined, 'a flag has failures');
  const subject = await deps.shownName(person);
  const flag: FlagRow = { flagId: `flg_${ulid(nowMs())}`, rule: RULE, subject, firstAtMs: first.atMs, count: latest.length, evidence: latest, resolved: null };
  const failures: FailuresRow = { latest, flag: { flagId: flag.flagId, untilMs: nowMs() + FLAG_WINDOW_MS } };
  await store.batch([
    putRow(TABLES.flag, flag.flagId, flag), putRow(TABLES.flagByStatus, `open/${flag.flagId}`, 1), putRow(TABLES.failures, `${RULE}/${person}`, failures), ...deps.alertOf(flag),
  ], { sync: true });
  log.warn({ flagId: flag.flagId, rule: RULE, subject, count: flag.count }, 'a flag was raised; see /admin/flags');
  deps.wakeAlerts();
  for (const listener of listeners) listener(flag);
}

async function failed(deps: FlagDeps, listeners: Listeners, { person, code, requestId }: Failure): Promise<void> {
  const { store } = deps;
  assert(/^[a-z]+:[\x21-\x2e\x30-\x7d]+$/.test(person), 'a person is a role and an id');
  const id = `${RULE}/${person}`;
  const held = await getRow(store, TABLES.failures, id);
  const nowMs = deps.nowMs();
  const failure: FlagEvidence = { atMs: nowMs, code, requestId };
  const latest = [...(held?.latest ?? []).filter(({ atMs }) => atMs > nowMs - FLAG_WINDOW_MS && atMs <= nowMs), failure].slice(-FAILURES_TO_FLAG);
  const open = held?.flag !== null && held?.flag !== undefined && held.flag.untilMs > nowMs ? held.flag : null;
  if (open === null && latest.length === FAILURES_TO_FLAG) return await raise(deps, listeners, person, latest);
  const failures = putRow(TABLES.failures, id, { latest, flag: open });
  // Not synced: a crash of the machine loses a few counts, never the flag.
  if (open === null) return await store.batch([failures], { sync: false });
  await turnOf(deps, open.flagId, async () => {
    const flag = await getRow(store, TABLES.flag, open.flagId);
    const raised = flag === undefined ? [] : [putRow(TABLES.flag, flag.flagId, { ...flag, count: flag.count + 1, evidence: flag.evidence.length < EVIDENCE_MAX ? [...flag.evidence, failure] : flag.evidence })];
    await store.batch([failures, ...raised], { sync: false });
  });
}

/** A flag is changed by failures of its person and by whoever resolves it: both take turns. */
function turnOf<T>({ turns }: FlagDeps, flagId: string, work: () => Promise<T>): Promise<T> {
  return turns.run(`flag ${flagId}`, work);
}

function resolve(deps: FlagDeps, flagId: string, how: Parameters<Flags['resolve']>[1]): ReturnType<Flags['resolve']> {
  const { store, nowMs } = deps;
  return turnOf(deps, flagId, async () => {
    const flag = await getRow(store, TABLES.flag, flagId);
    if (flag === undefined || flag.resolved !== null) return flag === undefined ? undefined : 'resolved';
    const resolved: FlagRow = { ...flag, resolved: { ...how, atMs: nowMs() } };
    await store.batch([putRow(TABLES.flag, flagId, resolved), deleteRow(TABLES.flagByStatus, `open/${flagId}`), putRow(TABLES.flagByStatus, `resolved/${flagId}`, 1)], { sync: true });
    return resolved;
  });
}

async function list(store: KeyValueStore, { status, limit, before }: Parameters<Flags['list']>[0]): ReturnType<Flags['list']> {
  const under = status === undefined ? '' : `${status}/`;
  const range = { under, ...(before === undefined ? {} : { before: under + before }), limit: limit + 1, reverse: true };
  const rows = status === undefined ? await listRows(store, TABLES.flag, range) : await listRows(store, TABLES.flagByStatus, range);
  const ids = rows.slice(0, limit).map(({ id }) => id.slice(under.length));
  const flags: FlagRow[] = [];
  for (const id of ids) {
    const flag = await getRow(store, TABLES.flag, id);
    assert(flag !== undefined, 'a listed flag has its row');
    flags.push(flag);
  }
  return { flags, next: rows.length > limit ? ids.at(-1) : undefined };
}

export function openFlags(deps: FlagDeps): OpenedFlags {
  const { store, turns, nowMs } = deps;
  const listeners: Listeners = new Set();
  const inTurn = <T>(person: string, work: () => Promise<T>): Promise<T> => turns.run(`failures ${person}`, work);
  return {
    failed: (failure) => inTurn(failure.person, () => failed(deps, listeners, failure)),
    list: (filter) => list(store, filter),
    resolve: (flagId, how) => resolve(deps, flagId, how),
    onRaised(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async sweep() {
      const since = nowMs() - FLAG_WINDOW_MS;
      const isDead = (_: string, { latest, flag }: FailuresRow): boolean => (latest.at(-1)?.atMs ?? 0) <= since && (flag?.untilMs ?? 0) <= nowMs();
      await sweepInTurn(store, TABLES.failures, isDead, (id, work) => inTurn(id.slice(RULE.length + 1), work));
    },
  };
}
