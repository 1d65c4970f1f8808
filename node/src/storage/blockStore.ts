/**
 * Blocks, the truth of a node (consensus page §1.10):
 *
 *   b/<height BE8>/<blockId> → Block        one synced put, before any message names the block
 *   c/<height BE8>           → Certificate  one synced put, before anything is called final; it names the block id
 *   e/<SHA-256>              → Evidence     one synced put; of an offence that no block holds yet
 *   m/base                   → first height kept, where it is not 1: the block of the snapshot this folder was made from
 *
 * Several bodies of a height are legal until the next height is decided.
 */
import { Block, Body, Certificate, concat, decode, encode, sha256, toHex, u64be, utf8, type PastBlock } from '@billcoin/protocol';
import type { StoredBlock } from '../finalBlock.ts';
import type { Store } from '../ports.ts';
import { REMEDY, StorageFailure } from '../storageFailure.ts';
import { heightKey, readU64, under } from './rowKeys.ts';

const BODY_ID_OFFSET = 2 + 8 + 1;
const BASE_KEY = utf8('m/base');
const SLASH = utf8('/');
/** Heights taken back in one synced batch: some 30 kB of keys. */
const DROP_HEIGHTS = 256;

export interface BlockStore {
  /** Durable when it resolves. */
  saveBody(height: number, blockId: Uint8Array, blockBytes: Uint8Array): Promise<void>;
  /** Durable when it resolves; the body it names must be durable before. */
  saveCertificate(certificate: Certificate): Promise<void>;
  /** A decided block, or undefined above the tip. */
  read(height: number): Promise<StoredBlock | undefined>;
  /** Header of a decided block below the tip, and the commit of it in the next block; undefined where one of the two is not kept. The process waits for the disk. */
  past(height: number): PastBlock | undefined;
  readBody(height: number, blockId: Uint8Array): Promise<Uint8Array | undefined>;
  readCertificate(height: number): Promise<Certificate | undefined>;
  /** Bodies of one height, decided or not. */
  bodies(height: number): Promise<readonly { readonly blockId: Uint8Array; readonly blockBytes: Uint8Array }[]>;
  /** Deletes bodies of a decided height that were not decided. */
  dropUndecided(height: number, decidedId: Uint8Array): Promise<void>;
  /** Durable when it resolves. */
  saveEvidence(evidence: Uint8Array): Promise<void>;
  dropEvidence(evidence: readonly Uint8Array[]): Promise<void>;
  /** Evidence that was saved and not dropped, at most `limit` pieces. */
  evidence(limit: number): Promise<readonly Uint8Array[]>;
  clearEvidence(): Promise<void>;
  /** Makes an empty store begin with the block of a snapshot; durable when it resolves. */
  begin(height: number, blockId: Uint8Array, block: StoredBlock): Promise<void>;
  /** Height of the state this folder begins with: 0 for genesis, else the block of a snapshot. */
  base(): Promise<number>;
  /** Takes back every decision above `height`, from the top, a crash leaving a shorter chain. Bodies of `height` + 1 stay. */
  dropAbove(height: number): Promise<void>;
  /**
   * Height of the newest certificate (0: none), after checking that certificates run from the base without a gap, that each
   * passes its checksum and that its body is there. Throws StorageFailure `lost_records` naming the range.
   */
  checkedTip(): Promise<number>;
}

function bodyKey(height: number, blockId: Uint8Array): Uint8Array {
  return concat(heightKey('b/', height), SLASH, blockId);
}

const evidenceKey = (evidence: Uint8Array): Uint8Array => concat(utf8('e/'), sha256(evidence));

function bodyRange(height: number): { gte: Uint8Array; lt: Uint8Array } {
  return { gte: heightKey('b/', height), lt: heightKey('b/', height + 1) };
}

function lost(found: string): StorageFailure {
  return new StorageFailure('lost_records', found, REMEDY.restoreBackup);
}

function decodeCertificate(height: number, bytes: Uint8Array): Certificate {
  const certificate = decode(Certificate, bytes);
  if (!certificate.ok || certificate.value.height !== height) throw lost(`The certificate stored for block ${height} is not one of that height.`);
  return certificate.value;
}

/** Ids of bodies, height by height, from keys alone. */
async function* bodyIds(store: Store): AsyncGenerator<{ readonly height: number; readonly ids: ReadonlySet<string> }> {
  let current: { height: number; ids: Set<string> } | undefined;
  for await (const key of store.keys(under('b/'))) {
    const height = readU64(key, 2);
    if (current !== undefined && current.height !== height) yield current;
    if (current?.height !== height) current = { height, ids: new Set() };
    current.ids.add(toHex(key.subarray(BODY_ID_OFFSET)));
  }
  if (current !== undefined) yield current;
}

async function readBase(store: Store): Promise<number> {
  const bytes = await store.get(BASE_KEY);
  return bytes === undefined ? 0 : readU64(bytes, 0);
}

async function dropAbove(store: Store, height: number): Promise<void> {
  let top = height;
  for (const prefix of ['b/', 'c/']) for await (const key of store.keys({ ...under(prefix), reverse: true, limit: 1 })) top = Math.max(top, readU64(key, 2));
  for (; top > height; top -= DROP_HEIGHTS) {
    const low = Math.max(height + 1, top - DROP_HEIGHTS + 1);
    const operations: { type: 'del'; key: Uint8Array }[] = [];
    for await (const key of store.keys({ gte: heightKey('c/', low), lt: heightKey('c/', top + 1) })) operations.push({ type: 'del', key });
    for await (const key of store.keys({ gte: heightKey('b/', Math.max(low, height + 2)), lt: heightKey('b/', top + 1) })) operations.push({ type: 'del', key });
    await store.batch(operations, { sync: true });
  }
}

/** Walks certificates and bodies side by side, both in order of height. */
async function checkedTip(store: Store): Promise<number> {
  const bodies = bodyIds(store);
  let body = await bodies.next();
  const base = await readBase(store);
  let tip = Math.max(0, base - 1);
  for await (const [key, value] of store.entries(under('c/'))) {
    const height = readU64(key, 2);
    if (height !== tip + 1) throw lost(`Certificates of blocks ${tip + 1} to ${height - 1} are missing.`);
    const certificate = decodeCertificate(height, value);
    while (body.done !== true && body.value.height < height) body = await bodies.next();
    const held = body.done !== true && body.value.height === height && body.value.ids.has(toHex(certificate.blockId));
    if (!held) throw lost(`The body of block ${height} is missing, its certificate is there.`);
    tip = height;
  }
  while (body.done !== true) {
    const { height } = body.value;
    if (height > tip + 1) throw lost(`There are bodies up to block ${height} or more, but no certificates of blocks ${tip + 1} to ${height - 1}.`);
    body = await bodies.next();
  }
  if (tip < base) throw lost(`Block ${base}, with which this folder begins, is missing.`);
  return tip;
}

function readSync(store: Store, height: number): Block | undefined {
  const certificate = store.getSync(heightKey('c/', height));
  const bytes = certificate === undefined ? undefined : store.getSync(bodyKey(height, decodeCertificate(height, certificate).blockId));
  const block = bytes === undefined ? undefined : decode(Block, bytes);
  return block?.ok === true ? block.value : undefined;
}

function pastOf(store: Store, height: number): PastBlock | undefined {
  const [block, next] = [readSync(store, height), readSync(store, height + 1)];
  const body = next === undefined ? undefined : decode(Body, next.body);
  if (block === undefined || body?.ok !== true || body.value.prevCommit === undefined) return undefined;
  return { header: block.header, prevCommitOfNext: body.value.prevCommit };
}

export function makeBlockStore(store: Store): BlockStore {
  async function readCertificate(height: number): Promise<Certificate | undefined> {
    const bytes = await store.get(heightKey('c/', height));
    return bytes === undefined ? undefined : decodeCertificate(height, bytes);
  }

  return {
    readCertificate,
    past: (height) => pastOf(store, height),
    readBody: (height, blockId) => store.get(bodyKey(height, blockId)),
    async saveBody(height, blockId, blockBytes) {
      await store.batch([{ type: 'put', key: bodyKey(height, blockId), value: blockBytes }], { sync: true });
    },
    async saveCertificate(certificate) {
      await store.batch([{ type: 'put', key: heightKey('c/', certificate.height), value: encode(Certificate, certificate) }], { sync: true });
    },
    async read(height) {
      const certificate = await readCertificate(height);
      if (certificate === undefined) return undefined;
      const blockBytes = await store.get(bodyKey(height, certificate.blockId));
      if (blockBytes === undefined) throw lost(`The body of block ${height} is missing.`);
      return { blockBytes, certificate };
    },
    async bodies(height) {
      const found: { blockId: Uint8Array; blockBytes: Uint8Array }[] = [];
      for await (const [key, blockBytes] of store.entries(bodyRange(height))) found.push({ blockId: key.slice(BODY_ID_OFFSET), blockBytes });
      return found;
    },
    async dropUndecided(height, decidedId) {
      const decided = toHex(decidedId);
      const operations: { type: 'del'; key: Uint8Array }[] = [];
      for await (const key of store.keys(bodyRange(height))) if (toHex(key.subarray(BODY_ID_OFFSET)) !== decided) operations.push({ type: 'del', key });
      if (operations.length > 0) await store.batch(operations, { sync: false });
    },
    saveEvidence: (evidence) => store.batch([{ type: 'put', key: evidenceKey(evidence), value: evidence }], { sync: true }),
    dropEvidence: (evidence) => store.batch(evidence.map((bytes) => ({ type: 'del', key: evidenceKey(bytes) })), { sync: false }),
    clearEvidence: () => store.clear(under('e/')),
    async evidence(limit) {
      const found: Uint8Array[] = [];
      for await (const [, value] of store.entries({ ...under('e/'), limit })) found.push(value);
      return found;
    },
    async begin(height, blockId, { blockBytes, certificate }) {
      await store.batch([
        { type: 'put', key: BASE_KEY, value: u64be(height) },
        { type: 'put', key: bodyKey(height, blockId), value: blockBytes },
        { type: 'put', key: heightKey('c/', height), value: encode(Certificate, certificate) },
      ], { sync: true });
    },
    base: () => readBase(store),
    dropAbove: (height) => dropAbove(store, height),
    checkedTip: () => checkedTip(store),
  };
}
