/**
 * What goes over a stream: length (4 bytes, big-endian), number of the kind (1 byte), the message. This is the one table
 * of kinds: where each travels, how large it may be, what it costs. Numbers are never reused.
 */
import {
  BLOCK_MAX_BYTES, Certificate, Evidence, Proposal, RoundCert, STEP_NUMBER, VALIDATORS_MAX, Vote, assert, decode, encode, fromHex, ok, peerMessages, toHex,
  type PeerStatus, type Result, type RoundStep,
} from '@billcoin/protocol';
import type { PeerMessage } from '../ports.ts';

const { Blocks, GetBlocks, GetLightBlocks, GetSnapshotManifest, GetSnapshotPart, GetSnapshots, LightBlocks, NeedBlock, Ping, SnapshotManifest, SnapshotPart, Snapshots, Status, TxPush } = peerMessages;

/** One long-lived stream each, in the order in which they are written to. */
export const CHANNELS = ['consensus', 'transactions', 'sync'] as const;
export type Channel = (typeof CHANNELS)[number];

/** What waits is sent in this order; what does not fit is dropped from the end. */
export const CLASSES = ['vote', 'proposal', 'certificate', 'block', 'transactions', 'sync'] as const;
export type MessageClass = (typeof CLASSES)[number];

/** Token buckets of a peer. */
export type Rate = 'votesPerS' | 'proposalsPerS' | 'controlPerS' | 'blockBytesPerS' | 'txBytesPerS' | 'syncBytesPerS';

type Kind = PeerMessage['kind'];
type Of<K extends Kind> = Extract<PeerMessage, { readonly kind: K }>;

export interface FrameKind {
  readonly no: number;
  readonly kind: Kind;
  readonly channel: Channel;
  readonly class: MessageClass;
  readonly maxBytes: number;
  readonly rate: Rate;
  /** The rate counts bytes and not messages. */
  readonly byBytes: boolean;
  /** A newer one that waits takes the place of an older one. */
  readonly supersedes: boolean;
  /** Signatures that reading it may have to verify. */
  signatures(message: PeerMessage): number;
  encode(message: PeerMessage): Uint8Array;
  decode(bytes: Uint8Array): Result<PeerMessage>;
}

interface KindRow<K extends Kind> extends Omit<FrameKind, 'kind' | 'byBytes' | 'supersedes' | 'signatures' | 'encode' | 'decode'> {
  readonly kind: K;
  readonly byBytes?: boolean;
  readonly supersedes?: boolean;
  readonly signatures: (message: Of<K>) => number;
  readonly encode: (message: Of<K>) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Result<Of<K>>;
}

function row<K extends Kind>(kind: KindRow<K>): FrameKind {
  const { signatures, encode: encodeOne, decode: decodeOne } = kind;
  return {
    ...kind, byBytes: kind.byBytes === true, supersedes: kind.supersedes === true,
    signatures: (message) => signatures(message as Of<K>), encode: (message) => encodeOne(message as Of<K>), decode: decodeOne,
  };
}

function mapped<A, B>(result: Result<A>, map: (value: A) => B): Result<B> {
  return result.ok ? ok(map(result.value)) : result;
}

export const FRAME_KINDS: readonly FrameKind[] = [
  row({
    no: 1, kind: 'vote', channel: 'consensus', class: 'vote', maxBytes: Vote.maxBytes, rate: 'votesPerS', signatures: () => 1,
    encode: ({ vote }) => encode(Vote, vote), decode: (bytes) => mapped(decode(Vote, bytes), (vote) => ({ kind: 'vote', vote })),
  }),
  row({
    no: 2, kind: 'proposal', channel: 'consensus', class: 'proposal', maxBytes: Proposal.maxBytes, rate: 'proposalsPerS', signatures: ({ proposal }) => 1 + (proposal.polka?.signatures.length ?? 0),
    encode: ({ proposal }) => encode(Proposal, proposal), decode: (bytes) => mapped(decode(Proposal, bytes), (proposal) => ({ kind: 'proposal', proposal })),
  }),
  row({
    no: 3, kind: 'certificate', channel: 'consensus', class: 'certificate', maxBytes: Certificate.maxBytes, rate: 'controlPerS', signatures: ({ certificate }) => certificate.signatures.length,
    encode: ({ certificate }) => encode(Certificate, certificate), decode: (bytes) => mapped(decode(Certificate, bytes), (certificate) => ({ kind: 'certificate', certificate })),
  }),
  row({
    no: 4, kind: 'roundCert', channel: 'consensus', class: 'certificate', maxBytes: RoundCert.maxBytes, rate: 'controlPerS', signatures: ({ votes }) => votes.length,
    encode: ({ votes }) => encode(RoundCert, { votes }), decode: (bytes) => mapped(decode(RoundCert, bytes), ({ votes }) => ({ kind: 'roundCert', votes })),
  }),
  row({
    // The tip's certificate is verified only where it contradicts the own one, and then this node stops.
    no: 5, kind: 'status', channel: 'consensus', class: 'certificate', maxBytes: Status.maxBytes, rate: 'controlPerS', supersedes: true, signatures: () => 0,
    encode: ({ status, tip }) => encode(Status, statusToWire(status, tip)), decode: (bytes) => mapped(decode(Status, bytes), (status) => ({ kind: 'status', status: statusFromWire(status), tip: status.tip })),
  }),
  row({
    no: 6, kind: 'needBlock', channel: 'consensus', class: 'certificate', maxBytes: NeedBlock.maxBytes, rate: 'controlPerS', signatures: () => 0,
    encode: ({ height, blockId }) => encode(NeedBlock, { height, blockId }), decode: (bytes) => mapped(decode(NeedBlock, bytes), (need) => ({ kind: 'needBlock', ...need })),
  }),
  row({
    // Executed only once the core asks for it: what executing costs is the proposer's right.
    no: 7, kind: 'block', channel: 'consensus', class: 'block', maxBytes: BLOCK_MAX_BYTES, rate: 'blockBytesPerS', byBytes: true, signatures: () => 0,
    encode: ({ blockBytes }) => blockBytes, decode: (blockBytes) => ok({ kind: 'block', blockBytes }),
  }),
  row({
    no: 8, kind: 'txs', channel: 'transactions', class: 'transactions', maxBytes: TxPush.maxBytes, rate: 'txBytesPerS', byBytes: true, signatures: ({ txs }) => txs.length,
    encode: ({ txs, told }) => encode(TxPush, { txs, told: told.map((key) => fromHex(key) as Uint8Array) }), decode: (bytes) => mapped(decode(TxPush, bytes), ({ txs, told }) => ({ kind: 'txs', txs, told: told.map(toHex) })),
  }),
  row({
    no: 9, kind: 'getBlocks', channel: 'sync', class: 'sync', maxBytes: GetBlocks.maxBytes, rate: 'controlPerS', signatures: () => 0,
    encode: ({ from, count }) => encode(GetBlocks, { from, count }), decode: (bytes) => mapped(decode(GetBlocks, bytes), (ask) => ({ kind: 'getBlocks', ...ask })),
  }),
  row({
    // Certificates are verified one height at a time, when the node is there.
    no: 10, kind: 'blocks', channel: 'sync', class: 'sync', maxBytes: Blocks.maxBytes, rate: 'syncBytesPerS', byBytes: true, signatures: () => 0,
    encode: ({ from, blocks }) => encode(Blocks, { from, blocks: blocks.map(({ blockBytes, certificate }) => ({ block: blockBytes, certificate })) }),
    decode: (bytes) => mapped(decode(Blocks, bytes), ({ from, blocks }) => ({ kind: 'blocks', from, blocks: blocks.map(({ block, certificate }) => ({ blockBytes: block, certificate })) })),
  }),
  row({
    no: 11, kind: 'getSnapshots', channel: 'sync', class: 'sync', maxBytes: GetSnapshots.maxBytes, rate: 'controlPerS', supersedes: true, signatures: () => 0,
    encode: ({ above }) => encode(GetSnapshots, { above }), decode: (bytes) => mapped(decode(GetSnapshots, bytes), (ask) => ({ kind: 'getSnapshots', ...ask })),
  }),
  row({
    no: 12, kind: 'snapshots', channel: 'sync', class: 'sync', maxBytes: Snapshots.maxBytes, rate: 'controlPerS', supersedes: true, signatures: () => 0,
    encode: ({ offers }) => encode(Snapshots, { offers }), decode: (bytes) => mapped(decode(Snapshots, bytes), (told) => ({ kind: 'snapshots', ...told })),
  }),
  row({
    no: 13, kind: 'getManifest', channel: 'sync', class: 'sync', maxBytes: GetSnapshotManifest.maxBytes, rate: 'controlPerS', signatures: () => 0,
    encode: ({ id }) => encode(GetSnapshotManifest, { id }), decode: (bytes) => mapped(decode(GetSnapshotManifest, bytes), (ask) => ({ kind: 'getManifest', ...ask })),
  }),
  row({
    // Decoded by whoever asked for it, once its hash is the id it asked for.
    no: 14, kind: 'manifest', channel: 'sync', class: 'sync', maxBytes: SnapshotManifest.maxBytes, rate: 'syncBytesPerS', byBytes: true, signatures: () => 0,
    encode: ({ bytes }) => bytes, decode: (bytes) => ok({ kind: 'manifest', bytes }),
  }),
  row({
    no: 15, kind: 'getPart', channel: 'sync', class: 'sync', maxBytes: GetSnapshotPart.maxBytes, rate: 'controlPerS', signatures: () => 0,
    encode: ({ id, index }) => encode(GetSnapshotPart, { id, index }), decode: (bytes) => mapped(decode(GetSnapshotPart, bytes), (ask) => ({ kind: 'getPart', ...ask })),
  }),
  row({
    no: 16, kind: 'part', channel: 'sync', class: 'sync', maxBytes: SnapshotPart.maxBytes, rate: 'syncBytesPerS', byBytes: true, signatures: () => 0,
    encode: ({ id, index, content }) => encode(SnapshotPart, { id, index, content }), decode: (bytes) => mapped(decode(SnapshotPart, bytes), (part) => ({ kind: 'part', ...part })),
  }),
  row({
    no: 17, kind: 'getLightBlocks', channel: 'sync', class: 'sync', maxBytes: GetLightBlocks.maxBytes, rate: 'controlPerS', signatures: () => 0,
    encode: ({ from, count }) => encode(GetLightBlocks, { from, count }), decode: (bytes) => mapped(decode(GetLightBlocks, bytes), (ask) => ({ kind: 'getLightBlocks', ...ask })),
  }),
  row({
    // A newcomer asks for one page at a time, and verifies of it what its trust needs: no flood is read that nobody asked for.
    no: 18, kind: 'lightBlocks', channel: 'sync', class: 'sync', maxBytes: LightBlocks.maxBytes, rate: 'syncBytesPerS', byBytes: true, signatures: () => 0,
    encode: ({ from, blocks }) => encode(LightBlocks, { from, blocks }), decode: (bytes) => mapped(decode(LightBlocks, bytes), (told) => ({ kind: 'lightBlocks', ...told })),
  }),
  row({
    // Two votes, or a header with the signatures of a set.
    no: 19, kind: 'evidence', channel: 'consensus', class: 'certificate', maxBytes: Evidence.maxBytes, rate: 'controlPerS', signatures: () => VALIDATORS_MAX,
    encode: ({ evidence }) => evidence, decode: (evidence) => mapped(decode(Evidence, evidence), () => ({ kind: 'evidence', evidence })),
  }),
  row({
    // Ahead of blocks and transactions: what is measured is the way, not what waits.
    no: 20, kind: 'ping', channel: 'consensus', class: 'certificate', maxBytes: Ping.maxBytes, rate: 'controlPerS', supersedes: true, signatures: () => 0,
    encode: ({ nonce }) => encode(Ping, { nonce }), decode: (bytes) => mapped(decode(Ping, bytes), ({ nonce }) => ({ kind: 'ping', nonce })),
  }),
  row({
    no: 21, kind: 'pong', channel: 'consensus', class: 'certificate', maxBytes: Ping.maxBytes, rate: 'controlPerS', supersedes: true, signatures: () => 0,
    encode: ({ nonce }) => encode(Ping, { nonce }), decode: (bytes) => mapped(decode(Ping, bytes), ({ nonce }) => ({ kind: 'pong', nonce })),
  }),
];

const BY_NUMBER = new Map(FRAME_KINDS.map((kind) => [kind.no, kind]));
const BY_KIND = new Map(FRAME_KINDS.map((kind) => [kind.kind, kind]));
const STEPS = Object.keys(STEP_NUMBER) as readonly RoundStep[];

function statusToWire({ height, round, step, rounds }: PeerStatus, tip: Certificate | undefined): peerMessages.Status {
  return { height, round, step: STEP_NUMBER[step], rounds: rounds.map(({ hasProposal, ...rest }) => ({ ...rest, hasProposal: hasProposal ? 1 : 0 })), tip };
}

function statusFromWire({ height, round, step, rounds }: peerMessages.Status): PeerStatus {
  const name = STEPS.find((one) => STEP_NUMBER[one] === step);
  assert(name !== undefined, 'the decoder bounds the step');
  return { height, round, step: name, rounds: rounds.map(({ hasProposal, ...rest }) => ({ ...rest, hasProposal: hasProposal === 1 })) };
}

export const HEADER_BYTES = 5;

/** A message ready to be written, made once and shared by all peers it goes to. */
export interface Frame {
  readonly kind: FrameKind;
  readonly bytes: Uint8Array;
}

export function makeFrame(message: PeerMessage): Frame {
  const kind = BY_KIND.get(message.kind);
  assert(kind !== undefined, `messages of kind ${message.kind} have a frame`);
  const payload = kind.encode(message);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes[4] = kind.no;
  bytes.set(payload, HEADER_BYTES);
  return { kind, bytes };
}

/** Why a stream is not read any further. */
export type FrameRefusal = 'unknown_kind' | 'wrong_channel' | 'oversize';

/**
 * Cuts the bytes of one stream into frames. Kind and length are looked at before anything is kept, and memory grows
 * with what has really come, not with what a header claims.
 */
export class FrameReader {
  readonly #channel: Channel;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #kind: FrameKind | undefined;
  #wanted = 0;
  #parts: Uint8Array[] = [];
  #held = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Bytes of the frame that is not complete yet. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Hands over every frame that is complete now. A refusal is final: the caller reads no further. */
  take(chunk: Uint8Array, onFrame: (kind: FrameKind, payload: Uint8Array) => void): FrameRefusal | undefined {
    let at = 0;
    while (at < chunk.length || (this.#kind !== undefined && this.#held === this.#wanted)) {
      if (this.#kind === undefined) {
        const taken = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length - at);
        this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
        this.#headerBytes += taken;
        at += taken;
        const refusal = this.#headerBytes === HEADER_BYTES ? this.#begin() : undefined;
        if (refusal !== undefined) return refusal;
        continue;
      }
      const part = new Uint8Array(chunk.subarray(at, at + this.#wanted - this.#held)); // a copy: the transport’s buffer is not held
      this.#parts.push(part);
      this.#held += part.length;
      at += part.length;
      if (this.#held === this.#wanted) this.#finish(this.#kind, onFrame);
    }
    return undefined;
  }

  #begin(): FrameRefusal | undefined {
    const kind = BY_NUMBER.get(this.#header[4] ?? 0);
    if (kind === undefined) return 'unknown_kind';
    if (kind.channel !== this.#channel) return 'wrong_channel';
    this.#wanted = new DataView(this.#header.buffer).getUint32(0);
    if (this.#wanted > kind.maxBytes) return 'oversize';
    this.#kind = kind;
    return undefined;
  }

  #finish(kind: FrameKind, onFrame: (kind: FrameKind, payload: Uint8Array) => void): void {
    const [first = new Uint8Array(0), ...more] = this.#parts;
    const payload = more.length === 0 ? first : new Uint8Array(this.#wanted);
    if (more.length > 0) {
      let at = 0;
      for (const part of this.#parts) {
        payload.set(part, at);
        at += part.length;
      }
    }
    this.#kind = undefined;
    this.#headerBytes = 0;
    this.#parts = [];
    this.#held = 0;
    onFrame(kind, payload);
  }
}
