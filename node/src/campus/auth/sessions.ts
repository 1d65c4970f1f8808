/**
 * Sessions: what stands behind a token. One row each, found by its id, counted by its subject and forgotten after its end.
 * The refresh token has two secret parts: one that names the family for its whole life and one that is used once, so that
 * an old token is told from a made-up one and ends the family.
 */
import { randomBytes } from 'node:crypto';
import { toHex } from '@billcoin/protocol';
import type { Clock, KeyValueOperation, KeyValueStore } from '../../ports.ts';
import { toField } from '../bytes.ts';
import { ulid } from '../crockford.ts';
import { equalSecret, secretMac } from '../crypto.ts';
import type { CampusKeys } from '../keyFile.ts';
import type { Lane } from '../lane.ts';
import { deleteRow, getRow, listRows, padded, putRow, TABLES, type SessionOf, type SessionRow } from '../store.ts';

/** From the login on, however often it is refreshed: people log in once a month, wallets and tills do so by their key. */
export const FAMILY_LIFE_MS = 30 * 86_400_000;
/** A person with several browsers, a program with several processes; the oldest session gives way. */
export const SESSIONS_MAX_PER_SUBJECT = 32;
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

export function openSessions({ store, keys, clock, lane }: SessionDeps): Sessions {
  const hashOf = (what: 'family' | 'refresh', secret: string): string => toHex(secretMac(keys, what, secret));
  const isHash = (what: 'family' | 'refresh', secret: string, held: string): boolean => equalSecret(Buffer.from(hashOf(what, secret)), Buffer.from(held));

  async function get(sid: string): Promise<SessionRow | undefined> {
    const row = SESSION_ID.test(sid) ? await getRow(store, TABLES.session, sid) : undefined;
    return row === undefined || row.endsAtMs <= clock.nowMs() ? undefined : row;
  }

  /** Ended sessions of anybody, and the oldest of this subject where it has as many as it may. */
  async function roomFor(subject: string): Promise<readonly KeyValueOperation[]> {
    const dead = await listRows(store, TABLES.sessionEnd, { before: padded(Math.floor(clock.nowMs() / 1_000), 12), limit: SWEEP });
    const swept = dead.map(({ id, value }) => ({ sid: id.slice(id.indexOf('/') + 1), subject: value, endsAtMs: Number(id.slice(0, id.indexOf('/'))) * 1_000 }));
    const held = await listRows(store, TABLES.sessionOf, { under: `${subject}/`, limit: SESSIONS_MAX_PER_SUBJECT + SWEEP });
    const tooMany = held.slice(0, Math.max(0, held.length - SESSIONS_MAX_PER_SUBJECT + 1)).map(({ id }) => id.slice(subject.length + 1));
    const rows: KeyValueOperation[] = swept.flatMap((one) => rowsWithout(one.sid, one));
    for (const sid of tooMany) {
      const row = await getRow(store, TABLES.session, sid);
      rows.push(...rowsWithout(sid, row ?? { subject, endsAtMs: 0 }));
    }
    return rows;
  }

  async function removeAll(subject: string): Promise<void> {
    const held = await listRows(store, TABLES.sessionOf, { under: `${subject}/`, limit: SESSIONS_MAX_PER_SUBJECT + SWEEP });
    const rows: KeyValueOperation[] = [];
    for (const { id } of held) {
      const sid = id.slice(subject.length + 1);
      rows.push(...rowsWithout(sid, (await getRow(store, TABLES.session, sid)) ?? { subject, endsAtMs: 0 }));
    }
    if (rows.length > 0) await store.batch(rows, { sync: true });
  }

  async function turn(refreshToken: string): Promise<Turned> {
    const [sid = '', family = '', secret = ''] = refreshToken.split('.');
    const row = await get(sid);
    const held = row?.refresh ?? undefined;
    if (row === undefined || held === undefined || !isHash('family', family, held.family)) return { ok: false, code: 'unauthenticated' };
    if (!isHash('refresh', secret, held.current)) {
      await store.batch(rowsWithout(sid, row), { sync: true });
      return { ok: false, code: 'refresh_reused' };
    }
    const next = newSecret();
    const turned: SessionRow = { ...row, refresh: { family: held.family, current: hashOf('refresh', next) } };
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
