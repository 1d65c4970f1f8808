/** Generator of `protocol/vectors/signature.json`: the whole edge grid of the signature rule (protocol.md §3). */
import * as ref from './ed25519Reference.ts';
import {
  closeSignature, drawKey, drawScalar, firstOnlyCofactored, flip, grindVector, join, seededDraw, signWithTorsion, SMALL_ORDER, sOf, torsionPoint, torsionWhy, vector, withS,
} from './signatureCase.ts';
import type { Vector, Key } from './signatureCase.ts';

/** Tests 1–3 of RFC 8032 §7.1 tie reference and rule to the published algorithm. */
function rfc8032Vectors(): Vector[] {
  const published = [
    ['d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'],
    ['3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'],
    ['fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025', 'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a'],
  ] as const;
  return published.map((row, i) => {
    const [key, message, signature] = row.map((text) => Uint8Array.from(Buffer.from(text, 'hex')));
    return vector(`rfc8032-${i + 1}`, key!, message!, signature!, `RFC 8032 §7.1 test ${i + 1}`);
  });
}

function honestVectors(): Vector[] {
  const draw = seededDraw('honest');
  const lengths = [0, 1, 31, 32, 63, 64, 111, 112, 127, 128, 200, 1023, 4096];
  const cases = lengths.flatMap((length) => {
    const key = drawKey(draw);
    const message = draw.bytes(length);
    const signature = signWithTorsion(key, message, drawScalar(draw), 0);
    return [
      vector(`honest-${length}`, key.publicKey, message, signature, `honest signature of ${length} bytes`),
      vector(`wrong-key-${length}`, drawKey(draw).publicKey, message, signature, 'the key of somebody else'),
      vector(`wrong-message-${length}`, key.publicKey, join(message, Uint8Array.of(0)), signature, 'one byte appended to the message'),
    ];
  });
  return cases;
}

function lengthVectors(): Vector[] {
  const draw = seededDraw('lengths');
  const key = drawKey(draw);
  const message = draw.bytes(40);
  const signature = signWithTorsion(key, message, drawScalar(draw), 0);
  const resize = (bytes: Uint8Array, length: number): Uint8Array => join(bytes, new Uint8Array(64)).slice(0, length);
  return [
    ...[0, 1, 31, 33, 64].map((n) => vector(`key-length-${n}`, resize(key.publicKey, n), message, signature, `a key of ${n} bytes`)),
    ...[0, 1, 32, 63, 65, 96].map((n) => vector(`signature-length-${n}`, key.publicKey, message, resize(signature, n), `a signature of ${n} bytes`)),
  ];
}

function flippedVectors(): Vector[] {
  const draw = seededDraw('flipped');
  const key = drawKey(draw);
  const message = draw.bytes(24);
  const signature = signWithTorsion(key, message, drawScalar(draw), 0);
  const bitOf = (byte: number): number => 8 * byte + draw.below(8);
  const bits = (bytes: number): number[] => [...Array(bytes).keys()].map(bitOf);
  return [
    ...[...new Set([...bits(32), 255])].map((bit) => vector(`flip-key-${bit}`, flip(key.publicKey, bit), message, signature, `bit ${bit} of the key flipped`)),
    ...bits(24).map((bit) => vector(`flip-message-${bit}`, key.publicKey, flip(message, bit), signature, `bit ${bit} of the message flipped`)),
    ...[...new Set([...bits(64), 255, 511])].map((bit) => vector(`flip-signature-${bit}`, key.publicKey, message, flip(signature, bit), `bit ${bit} of the signature flipped`)),
  ];
}

/** All 14 × 14 small-order encodings with S = 0; the plain equation holds for some, rule 3 refuses all. */
function smallOrderVectors(): Vector[] {
  const message = seededDraw('small order').bytes(32);
  return SMALL_ORDER.flatMap((a, i) =>
    SMALL_ORDER.map((r, j) =>
      vector(`small-${i}-${j}`, a, message, join(r, new Uint8Array(32)), `small-order A (encoding ${i}) and R (encoding ${j}), S = 0`)));
}

/** Each small-order encoding alone, against an honest other half; the equation is met wherever it can be. */
function halfSmallOrderVectors(): Vector[] {
  const draw = seededDraw('half small order');
  return SMALL_ORDER.flatMap((small, i) => {
    const key = drawKey(draw);
    const message = draw.bytes(32);
    const r = drawScalar(draw);
    const honestR = ref.encode(ref.multiplyBase(r));
    return [
      vector(`small-key-${i}`, small, message, join(honestR, ref.toLittleEndian(r)), `small-order A (encoding ${i}), honest R`),
      vector(`small-r-${i}`, key.publicKey, message, closeSignature(key, message, 0n, small, small, key.publicKey), `honest A, small-order R (encoding ${i})`),
    ];
  });
}

function mixedOrderVectors(): Vector[] {
  const draw = seededDraw('mixed order');
  const one = (id: string, keyTorsion: number, rTorsion: number): Vector => {
    const key = drawKey(draw, keyTorsion);
    const message = draw.bytes(32);
    const signature = signWithTorsion(key, message, drawScalar(draw), rTorsion);
    return vector(id, key.publicKey, message, signature, torsionWhy(key, message, signature, rTorsion));
  };
  const range = (length: number): number[] => [...Array(length).keys()];
  return [
    ...range(70).map((i) => one(`mixed-key-${i}`, 1 + (i % 7), 0)),
    ...range(70).map((i) => one(`mixed-r-${i}`, 0, 1 + (i % 7))),
    ...range(98).map((i) => one(`mixed-both-${i}`, 1 + (i % 7), 1 + (Math.floor(i / 7) % 7))),
    // k·i + j ≡ 0 (mod 8) can be met for these only: an odd i reaches every j, i = 2, 6 the even ones, i = 4 zero and 4
    ...range(64).flatMap((n) => {
      const [i, j] = [n >> 3, n & 7];
      return i !== 0 && j % Math.min(i & -i, 8) === 0 ? [grindVector(`mixed-valid-${i}-${j}`, draw, i, j)] : [];
    }),
  ];
}

function scalarVectors(): Vector[] {
  const draw = seededDraw('scalars');
  const key = drawKey(draw);
  const message = draw.bytes(48);
  const signature = signWithTorsion(key, message, drawScalar(draw), 0);
  const s = sOf(signature);
  const fixed: [string, bigint][] = [
    ['0', 0n], ['1', 1n], ['L-1', ref.L - 1n], ['L', ref.L], ['L+1', ref.L + 1n], ['2L', 2n * ref.L],
    ['2^252', 1n << 252n], ['2^253', 1n << 253n], ['2^255', 1n << 255n], ['2^256-1', (1n << 256n) - 1n],
    ['L-s', ref.L - s], ['s+2^255', s + (1n << 255n)], ['s+2^253', s + (1n << 253n)],
  ];
  const identity = ref.encode(ref.IDENTITY);
  return [
    ...Array.from({ length: 14 }, (_, i) =>
      vector(`s-plus-${i + 1}L`, key.publicKey, message, withS(signature, s + BigInt(i + 1) * ref.L), `a valid signature with S + ${i + 1}·L`)),
    ...fixed.map(([name, value]) => vector(`s-is-${name}`, key.publicKey, message, withS(signature, value), `honest A and R, S = ${name}`)),
    ...fixed.map(([name, value]) =>
      vector(`s-is-${name}-small`, identity, message, join(ref.encode(ref.multiplyBase(value % ref.L)), ref.toLittleEndian(value)), `A is the identity, R = S·B, S = ${name}`)),
    vector('s-plus-L-mixed', ...plusL(grindVector('', draw, 3, 5)), 'a valid mixed-order signature with S + L'),
  ];
}

function plusL(v: Vector): [Uint8Array, Uint8Array, Uint8Array] {
  const [key, message, signature] = [v.publicKey, v.message, v.signature].map((text) => Uint8Array.from(Buffer.from(text, 'hex')));
  return [key!, message!, withS(signature!, sOf(signature!) + ref.L)];
}

/** Every y from p to 2^255 − 1 with both sign bits, and encodings on no point, as A and as R. */
function encodingVectors(): Vector[] {
  const draw = seededDraw('encodings');
  const key = drawKey(draw);
  const message = draw.bytes(32);
  const r = drawScalar(draw);
  const rBytes = ref.encode(ref.multiplyBase(r));
  const signs = [0n, 1n << 255n];
  const beyond = Array.from({ length: 19 }, (_, i) => signs.map((sign) => ref.toLittleEndian((ref.P + BigInt(i)) | sign))).flat();
  const none = Array.from({ length: 64 }, () => draw.bytes(32)).filter((bytes) => ref.decode(bytes, false) === undefined).slice(0, 16);
  const rows: [string, Uint8Array][] = [
    ...beyond.map((bytes, i): [string, Uint8Array] => [`y = p + ${i >> 1}, sign ${i & 1}`, bytes]),
    ...none.map((bytes): [string, Uint8Array] => ['on no point of the curve', bytes]),
    ['all ones', new Uint8Array(32).fill(0xff)],
  ];
  return rows.flatMap(([what, bytes], i) => [
    vector(`encoding-key-${i}`, bytes, message, closeSignature(key, message, r, rBytes, rBytes, bytes), `A is ${what}`),
    vector(`encoding-r-${i}`, key.publicKey, message, closeSignature(key, message, r, bytes, bytes, key.publicKey), `R is ${what}`),
  ]);
}

/** Our own twelve of the kinds in "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020), table 5, in its order. */
function speccheckVectors(): Vector[] {
  const draw = seededDraw('speccheck');
  const [odd, honest] = [drawKey(draw, 1), drawKey(draw)];
  const [r, message] = [drawScalar(draw), draw.bytes(32)];
  const small = ref.encode(torsionPoint(1));
  const identityBeyondP = ref.toLittleEndian(ref.P + 1n);
  const smallKey: Key = { secret: 0n, torsion: 1, publicKey: small };
  const beyondKey: Key = { secret: 0n, torsion: 0, publicKey: identityBeyondP };
  const plain = signWithTorsion(honest, message, r, 0);
  const rBytes = ref.encode(ref.multiplyBase(r));
  const renamed = (v: Vector, id: string, why: string): Vector => ({ ...v, id, why });
  const mixedPlain = renamed(grindVector('', draw, 1, 3), 'speccheck-3', 'mixed A and R, the plain equation holds');
  return [
    vector('speccheck-0', small, message, join(small, new Uint8Array(32)), 'small A and small R, S = 0'),
    vector('speccheck-1', small, message, signWithTorsion(smallKey, message, r, 1), 'small A, mixed R'),
    vector('speccheck-2', odd.publicKey, message, closeSignature(odd, message, 0n, small, small, odd.publicKey), 'mixed A, small R'),
    mixedPlain,
    firstOnlyCofactored('speccheck-4', draw, 1, 3, 'mixed A and R, only the cofactored equation holds'),
    firstOnlyCofactored('speccheck-5', draw, 1, 0, 'mixed A, R of prime order, only the cofactored equation holds'),
    vector('speccheck-6', honest.publicKey, message, withS(plain, sOf(plain) + ref.L), 'S > L'),
    vector('speccheck-7', honest.publicKey, message, withS(plain, sOf(plain) + 14n * ref.L), 'S much greater than L'),
    vector('speccheck-8', honest.publicKey, message, closeSignature(honest, message, 0n, identityBeyondP, identityBeyondP, honest.publicKey), 'non-canonical small R, hashed as it came'),
    vector('speccheck-9', honest.publicKey, message, closeSignature(honest, message, 0n, identityBeyondP, ref.encode(ref.IDENTITY), honest.publicKey), 'non-canonical small R, hashed reduced'),
    vector('speccheck-10', identityBeyondP, message, closeSignature(beyondKey, message, r, rBytes, rBytes, identityBeyondP), 'non-canonical small A, hashed as it came'),
    vector('speccheck-11', identityBeyondP, message, closeSignature(beyondKey, message, r, rBytes, rBytes, ref.encode(ref.IDENTITY)), 'non-canonical small A, hashed reduced'),
  ];
}

/** Random torsion on both halves, a third of them ground until the plain equation holds, some with S + L or a flip. */
function adversarialVectors(): Vector[] {
  const draw = seededDraw('adversarial');
  return Array.from({ length: 320 }, (_, n) => {
    const id = `adversarial-${n}`;
    if (n % 3 === 0) return grindVector(id, draw, 1 + 2 * draw.below(4), draw.below(8));
    const key = drawKey(draw, draw.below(8));
    const message = draw.bytes(draw.below(200));
    const torsion = draw.below(8);
    const signature = signWithTorsion(key, message, drawScalar(draw), torsion);
    const why = torsionWhy(key, message, signature, torsion);
    const twist = draw.below(8);
    if (twist === 0) return vector(id, key.publicKey, message, withS(signature, sOf(signature) + ref.L), `${why}; S + L`);
    if (twist === 1) return vector(id, key.publicKey, message, flip(signature, 255), `${why}; sign of R flipped`);
    if (twist === 2) return vector(id, flip(key.publicKey, 255), message, signature, `${why}; sign of A flipped`);
    return vector(id, key.publicKey, message, signature, why);
  });
}

/** The text of `protocol/vectors/signature.json`: the same bytes on every run and machine. */
export function makeSignatureVectors(): string {
  const vectors = [
    rfc8032Vectors(), honestVectors(), lengthVectors(), flippedVectors(), smallOrderVectors(), halfSmallOrderVectors(),
    mixedOrderVectors(), scalarVectors(), encodingVectors(), speccheckVectors(), adversarialVectors(),
  ].flat();
  const head = {
    title: 'Ed25519 signature rule',
    summary: 'protocol.md §3: lengths, S < L, A and R canonical and not small-order, cofactor-less equation. Every verifier must give exactly `valid`. All bytes are hex; `valid` comes from a naive reference, not from a library.',
  };
  const rows = vectors.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
  return `${JSON.stringify(head, undefined, 2).slice(0, -2)},\n  "vectors": [\n${rows}\n  ]\n}\n`;
}
