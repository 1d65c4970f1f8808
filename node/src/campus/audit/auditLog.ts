/**
 * The audit log (SPEC §20.6): every action of an administrator as a canonical JSON entry (RFC 8785) that names the hash
 * of the one before and is signed. Rows are only added. Whoever edits one breaks the chain; whoever writes the chain anew
 * has no key, for it is derived from the campus keys, which are not in the database.
 */
import { createHmac } from 'node:crypto';
import { canonicalJson, ed25519PublicKey, fromHex, signEd25519, signingBytes, taggedHash, toHex, utf8, type Json, type Verifier } from '@billcoin/protocol';
import type { AuditAction, AuditEntry, AuditLog, SignedAuditEntry } from '../../abusePorts.ts';
import type { Clock, KeyValueStore } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { CampusKeys } from '../keyFile.ts';
import { openLane } from '../lane.ts';
import { listRows, padded, pagesOf, putRow, TABLES, type AuditRow } from '../store.ts';

const FIRST_PREV = '0'.repeat(64);
const SEQ_DIGITS = 15;
const PAGE = 200;

export interface AuditDeps {
  readonly store: KeyValueStore;
  readonly keys: CampusKeys;
  readonly genesisHash: Uint8Array;
  readonly clock: Clock;
  readonly verify: Verifier;
}

const hashOf = (text: string): string => toHex(taggedHash('bill/audit/1', utf8(text)));

function read({ text, signature }: AuditRow): SignedAuditEntry {
  return { entry: JSON.parse(text) as AuditEntry, hash: hashOf(text), signature };
}

/** Whether the row at `seq` follows one with hash `prev`, says what was signed and is signed. */
function isWhole({ verify, genesisHash }: AuditDeps, publicKey: Uint8Array, { text, signature }: AuditRow, seq: number, prev: string): boolean {
  let entry: Partial<AuditEntry> | null;
  try {
    entry = JSON.parse(text) as Partial<AuditEntry> | null;
  } catch {
    return false; // an edited row need not be JSON any more
  }
  const bytes = fromHex(signature);
  return entry !== null && entry.seq === seq && entry.prev === prev && bytes !== undefined && verify(publicKey, signingBytes('bill/audit/1', genesisHash, utf8(text)), bytes);
}

export async function openAuditLog(deps: AuditDeps): Promise<AuditLog & { idle(): Promise<void> }> {
  const { store, keys, genesisHash, clock } = deps;
  const seed = new Uint8Array(createHmac('sha256', keys.master).update('audit log\0').digest());
  const publicKey = ed25519PublicKey(seed);
  const lane = openLane();
  /** Entries that this process has seen: those taken from the end leave no gap. */
  let seen = 0;

  /** Read each time: another node on this store may have added to it. */
  async function readHead(): Promise<{ readonly seq: number; readonly hash: string }> {
    const [last] = await listRows(store, TABLES.audit, { limit: 1, reverse: true });
    const seq = last === undefined ? 0 : Number(last.id);
    seen = Math.max(seen, seq);
    return { seq, hash: last === undefined ? FIRST_PREV : hashOf(last.value.text) };
  }
  await readHead();

  return {
    publicKey: toHex(publicKey),
    head: readHead,
    append: ({ actor, action, detail }: AuditAction) => lane.run(async () => {
      const head = await readHead();
      const seq = head.seq + 1;
      const text = canonicalJson({ seq, at: rfc3339(clock.nowMs()), actor, action, detail, prev: head.hash } satisfies AuditEntry as unknown as Json);
      const signature = toHex(signEd25519(seed, signingBytes('bill/audit/1', genesisHash, utf8(text))));
      await store.batch([putRow(TABLES.audit, padded(seq, SEQ_DIGITS), { text, signature })], { sync: true });
      seen = Math.max(seen, seq);
    }),
    async list({ limit, before }) {
      const rows = await listRows(store, TABLES.audit, { limit: limit + 1, reverse: true, ...(before === undefined ? {} : { before: padded(before, SEQ_DIGITS) }) });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { entries: page.map(({ value }) => read(value)), next: rows.length > limit && last !== undefined ? Number(last.id) : undefined };
    },
    async check() {
      const known = seen; // what is appended meanwhile may come after the last page
      let seq = 0;
      let prev = FIRST_PREV;
      for await (const page of pagesOf(store, TABLES.audit, {}, PAGE)) {
        for (const { id, value } of page) {
          seq++;
          if (Number(id) !== seq || !isWhole(deps, publicKey, value, seq, prev)) return seq;
          prev = hashOf(value.text);
        }
      }
      return seq < known ? seq + 1 : undefined;
    },
    idle: lane.idle,
  };
}
