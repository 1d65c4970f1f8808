/**
 * Vectors of readings: ids, preimages, signatures, the list of a batch, manifest, batch key, profile. The protobuf bytes
 * are laid out here by hand from the field numbers of the oracle page §2.1 and signed and hashed by node:crypto, not by
 * the code that is tested against them.
 */
import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

const SEED = 'billcoin reading vectors 1';

function draw(label: string, length: number): Buffer {
  return createHash('sha512').update(`${SEED} ${label}`).digest().subarray(0, length);
}

/** Ed25519 key of a 32-byte seed: RFC 8410 PKCS #8 header and the seed. */
function keyOf(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
}

function publicKeyOf(key: KeyObject): Buffer {
  return Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x ?? '', 'base64url');
}

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Buffer.from(bytes);
}

/** proto3: a plain number at zero is absent. */
const number = (no: number, value: number | bigint): Buffer => (BigInt(value) === 0n ? Buffer.alloc(0) : Buffer.concat([varint(no << 3), varint(value)]));
const bytes = (no: number, value: Uint8Array): Buffer => Buffer.concat([varint((no << 3) | 2), varint(value.length), value]);
const signedNumber = (no: number, value: number): Buffer => Buffer.concat([varint(no << 3), varint(value >= 0 ? 2 * value : -2 * value - 1)]);

const hash = (tag: string, ...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat([Buffer.from(`${tag}\0`), ...parts])).digest();
const preimage = (tag: string, genesisHash: Buffer, ...parts: readonly Uint8Array[]): Buffer => Buffer.concat([Buffer.from(`${tag}\0`), genesisHash, ...parts]);

interface Device {
  readonly genesisHash: Buffer;
  readonly id: Buffer;
  readonly key: KeyObject;
}

function bodyOf({ genesisHash, id }: Device, seq: number, prev: Buffer, kind: Buffer): Buffer {
  return Buffer.concat([
    number(1, 1), bytes(2, genesisHash.subarray(0, 8)), bytes(3, id), number(4, 3), number(5, seq), bytes(6, prev), number(7, 1_775_800_800_000 + seq), number(8, 400_000),
    bytes(9, Buffer.from('dairy-1')), bytes(10, draw('calibration', 16)), number(11, 1), kind,
  ]);
}

/** Flow with every optional field; Beat with only its total. */
function kinds(): readonly Buffer[] {
  const flow = Buffer.concat([
    number(1, 1), bytes(2, Buffer.from('FA-0410')), number(3, 12_000), number(4, 12_360), number(5, 112_000n), signedNumber(6, 36_500), signedNumber(7, 37_000), number(8, 4_100),
    number(9, 10_300), number(10, 4_400), bytes(11, Buffer.from('MY-17')), number(12, 120),
  ]);
  return [bytes(20, flow), bytes(25, number(1, 112_000n))];
}

function signedVector(device: Device, body: Buffer): object {
  const message = preimage('bill/reading/1', device.genesisHash, body);
  const sig = sign(null, message, device.key);
  const publicKey = publicKeyOf(device.key);
  const keyId = hash('bill/address/1', publicKey).subarray(0, 8);
  return {
    body: hex(body), id: hex(hash('bill/reading-id/1', body)), preimage: hex(message), signature: hex(sig), keyId: hex(keyId),
    signed: hex(Buffer.concat([bytes(1, body), number(2, 1), bytes(3, keyId), bytes(4, sig)])),
  };
}

function batchVector(device: Device, bodies: readonly Buffer[]): object {
  const ids = bodies.map((body) => hash('bill/reading-id/1', body));
  const message = preimage('bill/reading-batch/1', device.genesisHash, ...ids);
  const sig = sign(null, message, device.key);
  const keyId = hash('bill/address/1', publicKeyOf(device.key)).subarray(0, 8);
  return {
    ids: ids.map(hex), preimage: hex(message), signature: hex(sig),
    signedBatch: hex(Buffer.concat([...bodies.map((body) => bytes(1, body)), number(2, 1), bytes(3, keyId), bytes(4, sig)])),
  };
}

/** RFC 6962 list root: leaf prefix 0x00, inner 0x01, split at the largest power of two below n. */
function listRoot(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return createHash('sha256').update(Buffer.concat([Buffer.of(0), first])).digest();
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return createHash('sha256').update(Buffer.concat([Buffer.of(1), listRoot(leaves.slice(0, split)), listRoot(leaves.slice(split))])).digest();
}

function manifestVector(ids: readonly Buffer[]): object {
  const plant = draw('plant', 20);
  const batch = hash('bill/batch/1', bytes(1, plant), bytes(2, Buffer.from('L26100A')), number(3, 20_260_410));
  const manifest = Buffer.concat([number(1, 1), bytes(2, batch), number(3, 1), number(4, 1_775_804_400_000), number(5, 7), ...ids.map((id) => bytes(6, id))]);
  return {
    plant: hex(plant), lot: hex(Buffer.from('L26100A')), productionDate: 20_260_410, batchKey: hex(batch),
    manifest: hex(manifest), manifestHash: hex(hash('bill/manifest/1', manifest)), readingsRoot: hex(listRoot(ids)),
  };
}

/** The MY profile in RFC 8785 form, written out: its hash stands in genesis files. */
const MY_PROFILE_JSON = '{"calibrationGraceMs":2592000000,"densityFlagMaxE4":10400,"densityFlagMinE4":10200,"densityOkMaxE4":10340,"densityOkMinE4":10260,'
  + '"epochsBack":1,"flowMeanMaxMlMin":6000,"flowPeakMaxMlMin":12000,"heightWithinMs":3600000,"labAgeMaxMs":1814400000,"milkingMaxMl":40000,"milkingMinMl":200,'
  + '"name":"MY","openWithinMs":86400000,"readingAgeMaxMs":432000000,"shelfLifeMaxMs":864000000,"totalToleranceE6":100,"totalToleranceMl":1,"version":1,"volumeMassToleranceBps":100}';

const hex = (buffer: Buffer): string => buffer.toString('hex');

/** The JSON text of protocol/vectors/reading.json; the same text on every run. */
export function makeReadingVectors(): string {
  const device: Device = { genesisHash: draw('genesis', 32), id: draw('device', 16), key: keyOf(draw('seed', 32)) };
  const [flow, beat] = kinds() as readonly [Buffer, Buffer];
  const first = bodyOf(device, 0, Buffer.alloc(32), flow);
  const second = bodyOf(device, 1, hash('bill/reading-id/1', first), beat);
  const ids = [first, second].map((body) => hash('bill/reading-id/1', body));
  return `${JSON.stringify({
    title: 'Readings',
    summary: 'A Flow at seq 0 and a Beat at seq 1 of one device: body, id = Hash(bill/reading-id/1, body), preimage, Ed25519 signature, Signed; both as SignedBatch; a manifest that '
      + 'names them with its batch key and the RFC 6962 root of the ids; the MY profile as RFC 8785 JSON with its hash. All bytes are hex.',
    seed: SEED,
    genesisHash: hex(device.genesisHash), device: hex(device.id), seedOfDevice: hex(draw('seed', 32)), publicKey: hex(publicKeyOf(device.key)),
    readings: [first, second].map((body) => signedVector(device, body)),
    batch: batchVector(device, [first, second]),
    manifest: manifestVector(ids),
    profile: { json: MY_PROFILE_JSON, hash: hex(hash('bill/profile/1', Buffer.from(MY_PROFILE_JSON))) },
  }, undefined, 2)}\n`;
}
