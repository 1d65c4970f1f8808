/**
 * An independent, slow and naive Ed25519 on plain bigints, for test vectors only: every expectation in
 * `protocol/vectors/signature.json` comes from here and not from the code under test. It shares no table and no trick
 * with `protocol`: canonical and small-order points are found by arithmetic, not by comparing bytes.
 */
import { createHash } from 'node:crypto';

/** The field prime 2^255 − 19. */
export const P = 2n ** 255n - 19n;
/** The order of the base point. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** A point in extended coordinates: x = X/Z, y = Y/Z, T = X·Y/Z. */
export type Point = { readonly X: bigint; readonly Y: bigint; readonly Z: bigint; readonly T: bigint };

function mod(a: bigint, m = P): bigint {
  const r = a % m;
  return r < 0n ? r + m : r;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if ((e & 1n) === 1n) result = (result * b) % P;
  return result;
}

function invert(a: bigint): bigint {
  return power(a, P - 2n);
}

const D = mod(-121665n * invert(121666n));
const SQRT_MINUS_ONE = power(2n, (P - 1n) / 4n);

export const IDENTITY: Point = { X: 0n, Y: 1n, Z: 1n, T: 0n };

/** The complete addition law of −x² + y² = 1 + d·x²·y²: right for every pair of points, equal ones too. */
export function add(a: Point, b: Point): Point {
  const xx = a.X * b.X;
  const yy = a.Y * b.Y;
  const tt = mod(a.T * b.T) * D;
  const zz = a.Z * b.Z;
  const e = mod((a.X + a.Y) * (b.X + b.Y) - xx - yy);
  const f = mod(zz - tt);
  const g = mod(zz + tt);
  const h = mod(yy + xx);
  return { X: mod(e * f), Y: mod(g * h), Z: mod(f * g), T: mod(e * h) };
}

export function negate(a: Point): Point {
  return { X: mod(-a.X), Y: a.Y, Z: a.Z, T: mod(-a.T) };
}

/** n·point for n ≥ 0, by doubling and adding; n is not reduced, so torsion counts. */
export function multiply(point: Point, n: bigint): Point {
  let result = IDENTITY;
  for (let p = point, e = n; e > 0n; e >>= 1n, p = add(p, p)) if ((e & 1n) === 1n) result = add(result, p);
  return result;
}

export function equal(a: Point, b: Point): boolean {
  return mod(a.X * b.Z - b.X * a.Z) === 0n && mod(a.Y * b.Z - b.Y * a.Z) === 0n;
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function toLittleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

export function affine(point: Point): { x: bigint; y: bigint } {
  const z = invert(point.Z);
  return { x: mod(point.X * z), y: mod(point.Y * z) };
}

export function encode(point: Point): Uint8Array {
  const { x, y } = affine(point);
  return toLittleEndian(y | ((x & 1n) << 255n));
}

/** The point of an encoding, or undefined. Strict refuses y ≥ p and x = 0 with a sign bit; lenient reduces y. */
export function decode(bytes: Uint8Array, strict = true): Point | undefined {
  const value = fromLittleEndian(bytes);
  const sign = value >> 255n;
  const written = value & ((1n << 255n) - 1n);
  if (strict && written >= P) return undefined;
  const y = mod(written);
  const square = mod((y * y - 1n) * invert(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x - square) !== 0n) x = mod(x * SQRT_MINUS_ONE);
  if (mod(x * x - square) !== 0n) return undefined;
  if (strict && x === 0n && sign === 1n) return undefined;
  if ((x & 1n) !== sign) x = mod(-x);
  return { X: x, Y: y, Z: 1n, T: mod(x * y) };
}

function basePoint(): Point {
  const point = decode(toLittleEndian(mod(4n * invert(5n))));
  if (point === undefined) throw new Error('the base point is not on the curve');
  return point;
}

/** B, the base point: y = 4/5, x even. */
export const BASE = basePoint();

const BASE_DOUBLINGS = Array.from({ length: 256 }).reduce<Point[]>((list) => {
  const last = list.at(-1);
  return [...list, last === undefined ? BASE : add(last, last)];
}, []);

/** n·B for 0 ≤ n < 2^256: `multiply` with the doublings of B kept. */
export function multiplyBase(n: bigint): Point {
  return BASE_DOUBLINGS.reduce((sum, p, i) => (((n >> BigInt(i)) & 1n) === 1n ? add(sum, p) : sum), IDENTITY);
}

/** The eight points of small order, the i-th being i times the first one of order 8 that the search meets. */
export function torsionPoints(): Point[] {
  for (let y = 2n; ; y++) {
    const found = decode(toLittleEndian(y));
    const point = found === undefined ? IDENTITY : multiply(found, L);
    if (!equal(multiply(point, 4n), IDENTITY)) return Array.from({ length: 8 }, (_, i) => multiply(point, BigInt(i)));
  }
}

/** Every 32 bytes that a lenient reader takes for this point: with y + p where it fits, and a stray sign at x = 0. */
export function lenientEncodings(point: Point): Uint8Array[] {
  const { x, y } = affine(point);
  const signs = x === 0n ? [0n, 1n] : [x & 1n];
  const ys = y + P < 1n << 255n ? [y, y + P] : [y];
  return ys.flatMap((v) => signs.map((sign) => toLittleEndian(v | (sign << 255n))));
}

export function sha512Number(...parts: readonly Uint8Array[]): bigint {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return fromLittleEndian(hash.digest());
}

/** k = SHA-512(R‖A‖M) mod L. */
export function challenge(r: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return mod(sha512Number(r, publicKey, message), L);
}

function hasSmallOrder(point: Point): boolean {
  return equal(multiply(point, 8n), IDENTITY);
}

/** The signature rule of protocol.md §3, word by word. */
export function isValidSignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  const rBytes = signature.slice(0, 32);
  const s = fromLittleEndian(signature.slice(32));
  if (s >= L) return false;
  const a = decode(publicKey);
  const r = decode(rBytes);
  if (a === undefined || r === undefined || hasSmallOrder(a) || hasSmallOrder(r)) return false;
  const k = challenge(rBytes, publicKey, message);
  return equal(add(multiplyBase(s), negate(multiply(a, k))), r);
}
