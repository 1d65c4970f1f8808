/** Frames: every kind goes through whole however its bytes are cut, and what is too long is seen in its first five bytes. */
import t from 'tap';
import { Evidence, STEP_NUMBER, encode, type Certificate, type RoundStep } from '@billcoin/protocol';
import { CLASSES, FRAME_KINDS, FrameReader, HEADER_BYTES, makeFrame, type FrameKind } from '../../src/network/frames.ts';
import type { PeerMessage } from '../../src/ports.ts';
import { makeRandom } from '../support/random.ts';

const certificate: Certificate = { type: 2, height: 7, round: 1, blockId: new Uint8Array(32).fill(3), bitmap: new Uint8Array([0xe0]), signatures: [1, 2, 3].map((i) => new Uint8Array(64).fill(i)) };
const vote = { body: new Uint8Array([8, 1, 16, 7]), validatorIndex: 3, signature: new Uint8Array(64).fill(9) };
const STEPS = Object.keys(STEP_NUMBER) as RoundStep[];

const MESSAGES: readonly PeerMessage[] = [
  { kind: 'vote', vote },
  { kind: 'proposal', proposal: { body: new Uint8Array(20).fill(1), signature: new Uint8Array(64).fill(2), header: new Uint8Array(300).fill(3), polka: { ...certificate, type: 1 } } },
  { kind: 'certificate', certificate },
  { kind: 'roundCert', votes: [vote, { ...vote, validatorIndex: 0 }] },
  ...STEPS.map((step, i): PeerMessage => ({
    kind: 'status', tip: i === 0 ? undefined : certificate,
    status: { height: i + 1, round: i - 1, step, rounds: i === 0 ? [] : [{ round: 0, hasProposal: true, prevotes: new Uint8Array([0xf0]), precommits: new Uint8Array([0]) }, { round: 1, hasProposal: false, prevotes: new Uint8Array([0x80]), precommits: new Uint8Array([0x10]) }] },
  })),
  { kind: 'needBlock', height: 12, blockId: new Uint8Array(32).fill(5) },
  { kind: 'block', blockBytes: new Uint8Array(9_000).fill(6) },
  { kind: 'txs', txs: [new Uint8Array(200).fill(7), new Uint8Array(16_384).fill(8)], told: [] },
  { kind: 'txs', txs: [new Uint8Array(1)], told: ['ab'.repeat(32), 'cd'.repeat(32)] },
  { kind: 'getBlocks', from: 100, count: 16 },
  { kind: 'blocks', from: 100, blocks: [{ blockBytes: new Uint8Array(500).fill(1), certificate }, { blockBytes: new Uint8Array(1).fill(2), certificate }] },
  { kind: 'blocks', from: 100, blocks: [] },
  { kind: 'evidence', evidence: encode(Evidence, { evidence: { case: 'duplicateVote', value: { a: vote, b: { ...vote, body: new Uint8Array([8, 1]) } } } }) },
  { kind: 'ping', nonce: 0 },
  { kind: 'pong', nonce: 0xffff_ffff },
  { kind: 'getSnapshots', above: 0 },
  { kind: 'snapshots', offers: [] },
  { kind: 'snapshots', offers: [{ height: 10_000, id: new Uint8Array(32).fill(1) }, { height: 20_000, id: new Uint8Array(32).fill(2) }] },
  { kind: 'getManifest', id: new Uint8Array(32).fill(3) },
  { kind: 'manifest', bytes: new Uint8Array(700).fill(4) },
  { kind: 'getPart', id: new Uint8Array(32).fill(3), index: 0 },
  { kind: 'part', id: new Uint8Array(32).fill(3), index: 16_384, content: new Uint8Array(70_000).fill(5) },
  { kind: 'getLightBlocks', from: 7, count: 16 },
  { kind: 'lightBlocks', from: 7, blocks: [] },
  { kind: 'lightBlocks', from: 7, blocks: [{ header: new Uint8Array(300).fill(6), certificate, validators: { validators: [{ publicKey: new Uint8Array(32).fill(7), power: 1 }] } }] },
];

/** Reads a stream in parts of the given sizes. */
function readAll(kind: FrameKind, bytes: Uint8Array, size: () => number): readonly PeerMessage[] {
  const reader = new FrameReader(kind.channel);
  const messages: PeerMessage[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + size());
    const refusal = reader.take(bytes.subarray(at, end), (of, payload) => {
      const message = of.decode(payload);
      if (!message.ok) throw new Error(message.fault.code);
      messages.push(message.value);
    });
    if (refusal !== undefined) throw new Error(refusal);
    at = end;
  }
  if (reader.heldBytes !== 0) throw new Error('bytes are left');
  return messages;
}

void t.test('every kind has its own number and its message', async (test) => {
  test.equal(new Set(FRAME_KINDS.map(({ no }) => no)).size, FRAME_KINDS.length);
  test.same(new Set(MESSAGES.map(({ kind }) => kind)), new Set(FRAME_KINDS.map(({ kind }) => kind)));
  for (const { class: of, channel } of FRAME_KINDS) {
    test.ok(CLASSES.includes(of));
    test.equal(new Set(FRAME_KINDS.filter((kind) => kind.class === of).map((kind) => kind.channel)).size, 1, `class ${of} travels on ${channel} alone`);
  }
});

void t.test('what goes in comes out, however it is cut', async (test) => {
  const random = makeRandom(5);
  for (const message of MESSAGES) {
    const { kind, bytes } = makeFrame(message);
    test.ok(bytes.length - HEADER_BYTES <= kind.maxBytes);
    const three = Buffer.concat([bytes, bytes, bytes]);
    for (const size of [() => three.length, () => 1 + Math.floor(random() * 40_000), () => 1 + Math.floor(random() * 9) + (bytes.length > 1_000 ? 500 : 0)]) {
      test.same(readAll(kind, three, size), [message, message, message], message.kind);
    }
  }
});

void t.test('a header is refused before its message is kept', async (test) => {
  for (const kind of FRAME_KINDS) {
    const header = new Uint8Array(HEADER_BYTES);
    header[4] = kind.no;
    new DataView(header.buffer).setUint32(0, kind.maxBytes + 1);
    const none = (): void => void test.fail('nothing is handed over');
    test.equal(new FrameReader(kind.channel).take(header, none), 'oversize');
    const other = FRAME_KINDS.find(({ channel }) => channel !== kind.channel);
    if (other !== undefined) test.equal(new FrameReader(other.channel).take(header, none), 'wrong_channel');
    new DataView(header.buffer).setUint32(0, kind.maxBytes);
    const reader = new FrameReader(kind.channel);
    test.equal(reader.take(header, none), undefined);
    test.equal(reader.heldBytes, 0, 'a claim of length takes no memory');
  }
});

void t.test('random bytes never reach further than a refusal or a message that does not decode', async (test) => {
  const random = makeRandom(6);
  let refused = 0;
  for (let run = 0; run < 2_000; run++) {
    const kind = FRAME_KINDS[Math.floor(random() * FRAME_KINDS.length)];
    if (kind === undefined || kind.kind === 'block' || kind.kind === 'manifest') continue; // any bytes are one until it is opened
    const bytes = Uint8Array.from({ length: 5 + Math.floor(random() * 200) }, () => Math.floor(random() * 256));
    if (random() < 0.7) {
      bytes[4] = kind.no;
      new DataView(bytes.buffer).setUint32(0, bytes.length - HEADER_BYTES);
    }
    let decoded = 0;
    const refusal = new FrameReader(kind.channel).take(bytes, (of, payload) => void (decoded += of.decode(payload).ok ? 1 : 0));
    test.equal(decoded, 0);
    if (refusal !== undefined) refused += 1;
  }
  test.ok(refused > 300);
});
