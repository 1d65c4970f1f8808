/** The language-neutral vectors, made by hand and node:crypto, against the code. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { batchKeyOf, canonicalJson, encode, fromHex, merkleRoot, ReadingBody, toHex } from '@billcoin/protocol';
import { batchPreimage, manifestHash, MY_PROFILE, openEnvelope, profileHash, readingId, readingPreimage, readManifest, signBatch, signReading, type Reading } from '@billcoin/oracle';
import { signatureCheck } from '../src/reading/signature.ts';
import { verifyEd25519Native, verifyP256Native } from '../src/crypto/verifier.ts';

interface Vectors {
  readonly genesisHash: string;
  readonly seedOfDevice: string;
  readonly publicKey: string;
  readonly readings: readonly { readonly body: string; readonly id: string; readonly preimage: string; readonly signature: string; readonly keyId: string; readonly signed: string }[];
  readonly batch: { readonly ids: readonly string[]; readonly preimage: string; readonly signedBatch: string };
  readonly manifest: { readonly plant: string; readonly lot: string; readonly productionDate: number; readonly batchKey: string; readonly manifest: string; readonly manifestHash: string; readonly readingsRoot: string };
  readonly profile: { readonly json: string; readonly hash: string };
}

const vectors = JSON.parse(readFileSync(new URL('../../protocol/vectors/reading.json', import.meta.url), 'utf8')) as Vectors;
const bytes = (hex: string): Uint8Array => fromHex(hex) as Uint8Array;
const genesisHash = bytes(vectors.genesisHash);
const device = { genesisHash, seed: bytes(vectors.seedOfDevice) };
const signedBy = signatureCheck({ ed25519: verifyEd25519Native, p256: verifyP256Native }, genesisHash);

function readingsOf(suffix: 'r' | 'rb', payload: Uint8Array): readonly Reading[] {
  const opened = openEnvelope(suffix, payload);
  if (!opened.ok) throw new Error(`a vector is refused: ${opened.value}`);
  return opened.readings;
}

t.test('readings: id, preimage, signature, envelope', async (t) => {
  for (const vector of vectors.readings) {
    const body = bytes(vector.body);
    t.equal(toHex(readingId(body)), vector.id);
    t.equal(toHex(readingPreimage(genesisHash, body)), vector.preimage);
    t.equal(toHex(signReading(device, body)), vector.signed);
    const [reading] = readingsOf('r', bytes(vector.signed));
    t.equal(toHex(reading?.evidence.sig ?? new Uint8Array(0)), vector.signature);
    t.ok(reading !== undefined && signedBy(reading.evidence, bytes(vectors.publicKey)));
    t.ok(reading?.body !== undefined && toHex(encode(ReadingBody, reading.body)) === vector.body);
  }
});

t.test('batch: list, preimage, signature', async (t) => {
  const bodies = vectors.readings.map(({ body }) => bytes(body));
  t.equal(toHex(batchPreimage(genesisHash, bodies.map(readingId))), vectors.batch.preimage);
  t.equal(toHex(signBatch(device, bodies)), vectors.batch.signedBatch);
  const readings = readingsOf('rb', bytes(vectors.batch.signedBatch));
  t.same(readings.map(({ idHex }) => idHex), vectors.batch.ids);
  t.ok(readings.every(({ evidence }) => signedBy(evidence, bytes(vectors.publicKey))));
});

t.test('manifest: batch key, hash, root', async (t) => {
  const { plant, lot, productionDate, batchKey, manifest, manifestHash: hash, readingsRoot } = vectors.manifest;
  t.equal(toHex(batchKeyOf(bytes(plant), bytes(lot), productionDate)), batchKey);
  t.equal(toHex(manifestHash(bytes(manifest))), hash);
  const read = readManifest(bytes(manifest));
  t.equal(toHex(read?.batch ?? new Uint8Array(0)), batchKey);
  t.equal(toHex(merkleRoot(read?.readings ?? [])), readingsRoot);
});

t.test('profile: RFC 8785 text and hash', async (t) => {
  t.equal(canonicalJson({ ...MY_PROFILE }), vectors.profile.json);
  t.equal(toHex(profileHash(MY_PROFILE)), vectors.profile.hash);
});
