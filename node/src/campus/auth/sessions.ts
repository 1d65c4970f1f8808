/**
 * Sessions: what stands behind a token. One row each, found by its id, counted by its subject and forgotten after its end.
 * The refresh token has two secret parts: one that names the family for its whole life and one that is used once, so that
 * an old token is told from a made-up one and ends the family.
 */
import { randomBytes } from 'node:crypto';
import { toHex } from '@billcoin/protocol';
import type { Clock, KeyValueOperation, KeyValueStore } from '../../ports.ts';
import { toField } from '../../rowBytes.ts';
import { ulid } from '../crockford.ts';
import { equalSecret, secretMac } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import type { Lane } from '../lane.ts';
import { deleteRow, getRow, listRows, padded, pagesOf, putRow, TABLES, type SessionOf, type SessionRow } from '../store.ts';

/** From the login on, however often it is refreshed: people log in once a month, wallets and tills do so by their key. */
export const FAMILY_LIFE_MS = 30 * 86_400_000;
/** A person with several browsers, a program with several processes; the oldest session gives way. */
export const SESSIONS_MAX_PER_SUBJECT = 32;
/**
 * Anybody may log in with a key made this minute, so wallets' sessions are bounded together: ten for each of 20,000 students,
 * 120 MB. Beyond it the oldest wallet logs in again by its key; people, tills and programs are never pushed out.
 */
export const SESSIONS_MAX = 200_000;
const WALLET_SUBJECT = 'acc_';
const PAGE = 10_000;
/** Ended sessions forgotten with each new one: more than are added, so that their number shrinks. */
const SWEEP = 64;
const SECRET_BYTES = 16;
const SESSION_ID = /^ses_[0-9A-HJKMNP-TV-Z]{26}$/;

export interface NewSession {
  readonly of: SessionOf;
  readonly subject: string;
  readonly lifeMs: number;
  /** false: the access token is all there is. */
  readonly isRefreshable: boolean;
}
export interface Opened {
  readonly sid: string;
  readonly refreshToken: string | null;
  /** To be written with what the login itself writes. */
  readonly rows: readonly KeyValueOperation[];
}
export type Turned = { readonly ok: true; readonly sid: string; readonly row: SessionRow; readonly refreshToken: string } | { readonly ok: false; readonly code: 'unauthenticated' | 'refresh_reused' };

export interface SessionDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly clock: Clock;
  /** All writes to sessions. */
  readonly lane: Lane;
  /** SESSIONS_MAX unless given. */
  readonly sessionsMax?: number | undefined;
}

export interface Sessions {
  /** Runs inside the lane. */
  open(session: NewSession): Promise<Opened>;
  get(sid: string): Promise<SessionRow | undefined>;
  /** A new refresh token for this one, which ends; one that ended before ends its session. */
  turn(refreshToken: string): Promise<Turned>;
  end(sid: string): Promise<void>;
  endAll(subject: string): Promise<void>;
}

const newSecret = (): string => toField(new Uint8Array(randomBytes(SECRET_BYTES)));
const endId = (row: Pick<SessionRow, 'endsAtMs'>, sid: string): string => `${padded(Math.ceil(row.endsAtMs / 1_000), 12)}/${sid}`;

function rowsWithout(sid: string, row: Pick<SessionRow, 'subject' | 'endsAtMs'>): readonly KeyValueOperation[] {
  return [deleteRow(TABLES.session, sid), deleteRow(TABLES.sessionOf, `${row.subject}/${sid}`), deleteRow(TABLES.sessionEnd, endId(row, sid))];
}

/** Sessions in the store, ended ones too. */
async function countSessions(store: KeyValueStore): Promise<number> {
  let count = 0;
  for await (const page of pagesOf(store, TABLES.sessionEnd, {}, PAGE)) count += page.length;
  return count;
}

interface Place {
  readonly sid: string;
  readonly subject: string;
  readonly endsAtMs: number;
}

/** What a row of sessionEnd says. */
function placeOf({ id, value }: { readonly id: string; readonly value: string }): Place {
  const slash = id.indexOf('/');
  return { sid: id.slice(slash + 1), subject: value, endsAtMs: Number(id.slice(0, slash)) * 1_000 };
}

/** What is forgotten with each new session: sessions of anybody that have ended, and the oldest wallets' where there are too many. */
function openBound({ store, clock, sessionsMax }: Pick<SessionDeps, 'store' | 'clock'> & { readonly sessionsMax: number }): () => Promise<readonly Place[]> {
  /** Counted at the first login; a little too high where a session was ended by hand, until the next start. */
  let held: Promise<number> | undefined;
  return async () => {
    const now = padded(Math.floor(clock.nowMs() / 1_000), 12);
    const dead = (await listRows(store, TABLES.sessionEnd, { before: now, limit: SWEEP })).map(placeOf);
    held ??= countSessions(store);
    const count = (await held) + 1 - dead.length;
    const oldest = count <= sessionsMax ? [] : (await listRows(store, TABLES.sessionEnd, { from: now, limit: SWEEP })).map(placeOf);
    const excess = oldest.filter(({ subject }) => subject.startsWith(WALLET_SUBJECT)).slice(0, Math.max(0, count - sessionsMax));
    held = Promise.resolve(count - excess.length);
    return [...dead, ...excess];
  };
}

export function openSessions({ store, keys, clock, lane, sessionsMax = SESSIONS_MAX }: SessionDeps): Sessions {
  const toForget = openBound({ store, clock, sessionsMax });

  const hashOf = (what: 'family' | 'refresh', secret: string): string => toHex(secretMac(keys, what, secret));
  const isHash = (what: 'family' | 'refresh', secret: string, held: string): boolean => equalSecret(Buffer.from(hashOf(what, secret)), Buffer.from(held));

  async function get(sid: string): Promise<SessionRow | undefined> {
    const row = SESSION_ID.test(sid) ? await getRow(store, TABLES.session, sid) : undefined;
    return row === undefined || row.endsAtMs <= clock.nowMs() ? undefined : row;
  }

  /** Room for one more session: what is forgotten anyway, and the oldest of this subject where it has as many as it may. */
  async function roomFor(subject: string): Promise<readonly KeyValueOperation[]> {
    const rows: KeyValueOperation[] = (await toForget()).flatMap((one) => rowsWithout(one.sid, one));
    const own = await listRows(store, TABLES.sessionOf, { under: `${subject}/`, limit: SESSIONS_MAX_PER_SUBJECT + SWEEP });
    const tooMany = own.slice(0, Math.max(0, own.length - SESSIONS_MAX_PER_SUBJECT + 1)).map(({ id }) => id.slice(subject.length + 1));
    for (const sid of tooMany) {
      const row = await getRow(store, TABLES.session, sid);
      rows.push(...rowsWithout(sid, row ?? { subject, endsAtMs: 0 }));
    }
    return rows;
  }

  async function removeAll(subject: string): Promise<void> {
    const own = await listRows(store, TABLES.sessionOf, { under: `${subject}/`, limit: SESSIONS_MAX_PER_SUBJECT + SWEEP });
    const rows: KeyValueOperation[] = [];
    for (const { id } of own) {
      const sid = id.slice(subject.length + 1);
      rows.push(...rowsWithout(sid, (await getRow(store, TABLES.session, sid)) ?? { subject, endsAtMs: 0 }));
    }
    if (rows.length > 0) await store.batch(rows, { sync: true });
  }

  async function turn(refreshToken: string): Promise<Turned> {
    const [sid = '', family = '', secret = ''] = refreshToken.split('.');
    const row = await get(sid);
    const hashes = row?.refresh ?? undefined;
    if (row === undefined || hashes === undefined || !isHash('family', family, hashes.family)) return { ok: false, code: 'unauthenticated' };
    if (!isHash('refresh', secret, hashes.current)) {
      await store.batch(rowsWithout(sid, row), { sync: true });
      return { ok: false, code: 'refresh_reused' };
    }
    const next = newSecret();
    const turned: SessionRow = { ...row, refresh: { family: hashes.family, current: hashOf('refresh', next) } };
    await store.batch([putRow(TABLES.session, sid, turned)], { sync: true });
    return { ok: true, sid, row: turned, refreshToken: `${sid}.${family}.${next}` };
  }

  return {
    get,
    async open({ of, subject, lifeMs, isRefreshable }) {
      const sid = `ses_${ulid(clock.nowMs())}`;
      const [family, secret] = [newSecret(), newSecret()];
      const row: SessionRow = { of, subject, endsAtMs: clock.nowMs() + lifeMs, refresh: isRefreshable ? { family: hashOf('family', family), current: hashOf('refresh', secret) } : null };
      const added = [putRow(TABLES.session, sid, row), putRow(TABLES.sessionOf, `${subject}/${sid}`, 1), putRow(TABLES.sessionEnd, endId(row, sid), subject)];
      return { sid, refreshToken: isRefreshable ? `${sid}.${family}.${secret}` : null, rows: [...await roomFor(subject), ...added] };
    },
    turn: (refreshToken) => lane.run(() => turn(refreshToken)),
    end: (sid) => lane.run(async () => {
      const row = await getRow(store, TABLES.session, sid);
      if (row !== undefined) await store.batch(rowsWithout(sid, row), { sync: true });
    }),
    endAll: (subject) => lane.run(() => removeAll(subject)),
  };
}
