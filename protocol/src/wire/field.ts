/**
 * Field types of the wire schema. Each knows its wire type, its bounds and how it reads and writes itself.
 * A plain scalar at its default is absent on the wire (proto3); an optional one is absent when undefined.
 */
import type protobuf from 'protobufjs/minimal.js';
import { AMOUNT_MAX, type Millilitres } from '../lib/amount.ts';
import { assert } from '../lib/assert.ts';

export type Reader = protobuf.Reader;
export type Writer = protobuf.Writer;

/** Internal signal of the decoder; `decode` turns it into a `malformed` fault. */
export class Malformed extends Error {
  readonly path: string;
  readonly why: string;
  constructor(path: string, why: string) {
    super(`${path} ${why}`);
    this.path = path;
    this.why = why;
  }
  within(outer: string): Malformed {
    return new Malformed(this.path === '' ? outer : this.path.startsWith('[') ? outer + this.path : `${outer}.${this.path}`, this.why);
  }
}

/** What describes a message: its name, its size limit and its fields. */
export interface Table {
  readonly name: string;
  readonly maxBytes: number;
  readonly fields: Readonly<Record<string, Field<unknown, boolean>>>;
}

export interface Field<T, Optional extends boolean> {
  readonly no: number;
  readonly wireType: 0 | 2;
  readonly repeated: boolean;
  readonly optional: Optional;
  /** Type word of the .proto file and the bounds shown beside it. */
  readonly proto: string;
  readonly bounds: string;
  /** Message type of a nested field, so that the .proto generator finds it. */
  readonly nested?: Table;
  /** Members of a oneof group, else absent. */
  readonly members?: Readonly<Record<string, Field<unknown, boolean>>>;
  write(writer: Writer, value: unknown, name: string): void;
  /** `before` is what the field already holds (repeated fields gather). */
  read(reader: Reader, end: number, before: unknown): T;
  /** After the last field: set the default of an absent field, or refuse. */
  complete(out: Record<string, unknown>, name: string): void;
}

interface Scalar<T> {
  readonly proto: string;
  readonly wireType: 0 | 2;
  readonly bounds: string;
  readonly zero: T;
  isZero(value: T): boolean;
  problem(value: T): string | undefined;
  read(reader: Reader, end: number): T;
  write(writer: Writer, value: T): void;
}

/** A single value. `optional` gives it presence: undefined is absent, zero is written. */
function single<T, O extends boolean>(no: number, scalar: Scalar<T>, optional: O): Field<T, O> {
  function check(value: T): T {
    const problem = scalar.problem(value);
    if (problem !== undefined) throw new Malformed('', problem);
    return value;
  }
  return {
    no, optional, repeated: false, wireType: scalar.wireType, proto: scalar.proto, bounds: scalar.bounds,
    write(writer, value, name) {
      if (value === undefined && optional) return;
      assert(value !== undefined, `${name} is missing`);
      const problem = scalar.problem(value as T);
      assert(problem === undefined, `${name} ${problem ?? ''}`);
      if (!optional && scalar.isZero(value as T)) return;
      writer.uint32((no << 3) | scalar.wireType);
      scalar.write(writer, value as T);
    },
    read: (reader, end) => check(scalar.read(reader, end)),
    complete(out, name) {
      if (out[name] !== undefined || optional) return;
      const problem = scalar.problem(scalar.zero);
      if (problem !== undefined) throw new Malformed(name, 'is missing');
      out[name] = scalar.zero;
    },
  };
}

function lengthOf(reader: Reader, end: number, max: number): number {
  const length = reader.uint32();
  if (length > max) throw new Malformed('', `has ${length} bytes, the limit is ${max}`);
  if (length > end - reader.pos) throw new Malformed('', 'is cut off');
  return length;
}

function byteScalar(min: number, max: number): Scalar<Uint8Array> {
  return {
    proto: 'bytes', wireType: 2, bounds: min === max ? `${min} bytes` : `${min}..${max} bytes`, zero: new Uint8Array(0),
    isZero: (value) => value.length === 0,
    problem: (value) => (value.length < min || value.length > max ? `has ${value.length} bytes, not ${min === max ? min : `${min} to ${max}`}` : undefined),
    read(reader, end) {
      const length = lengthOf(reader, end, max);
      const value = reader.buf.slice(reader.pos, reader.pos + length);
      reader.pos += length;
      return value;
    },
    write: (writer, value) => void writer.bytes(value),
  };
}

function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    length += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return length;
}

function textScalar(min: number, max: number): Scalar<string> {
  return {
    proto: 'string', wireType: 2, bounds: `${min}..${max} bytes of UTF-8, no control characters`, zero: '',
    isZero: (value) => value === '',
    problem(value) {
      const length = utf8Length(value);
      if (length < min || length > max) return `has ${length} bytes, not ${min} to ${max}`;
      // Control characters, lone surrogates and bidirectional overrides can make a name lie on a screen.
      return /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]|\p{Surrogate}/u.test(value) ? 'has characters that are not allowed in a name' : undefined;
    },
    read(reader, end) {
      const length = lengthOf(reader, end, max);
      reader.pos -= varintLength(length);
      return reader.string();
    },
    write: (writer, value) => void writer.string(value),
  };
}

function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

function range(min: number, max: number): (value: number) => string | undefined {
  return (value) => (Number.isInteger(value) && value >= min && value <= max ? undefined : `is ${value}, not an integer from ${min} to ${max}`);
}

function u32Scalar(min: number, max: number): Scalar<number> {
  return {
    proto: 'uint32', wireType: 0, bounds: `${min}..${max}`, zero: 0, isZero: (value) => value === 0, problem: range(min, max),
    read: (reader) => reader.uint32(), write: (writer, value) => void writer.uint32(value),
  };
}

function s32Scalar(min: number, max: number): Scalar<number> {
  return {
    proto: 'sint32', wireType: 0, bounds: `${min}..${max}`, zero: 0, isZero: (value) => value === 0, problem: range(min, max),
    read: (reader) => reader.sint32(), write: (writer, value) => void writer.sint32(value),
  };
}

/** An exact integer below 2^53 of a uint64: protobufjs gives a Long where `long` is installed, else a number. */
function readU53(reader: Reader): number {
  const value = reader.uint64() as number | { readonly low: number; readonly high: number };
  if (typeof value === 'number') return value;
  return (value.high >>> 0) * 0x1_0000_0000 + (value.low >>> 0);
}

function u53Scalar(min: number, max: number): Scalar<number> {
  return {
    proto: 'uint64', wireType: 0, bounds: `${min}..${max}`, zero: 0, isZero: (value) => value === 0, problem: range(min, max),
    read: readU53, write: (writer, value) => void writer.uint64(value),
  };
}

function amountScalar(min: bigint, max: bigint): Scalar<Millilitres> {
  return {
    proto: 'uint64', wireType: 0, bounds: `${min}..${max}`, zero: 0n, isZero: (value) => value === 0n,
    problem: (value) => (value >= min && value <= max ? undefined : `is ${value}, not from ${min} to ${max}`),
    read(reader) {
      const value = readU53(reader);
      if (value > Number.MAX_SAFE_INTEGER) throw new Malformed('', `is above ${AMOUNT_MAX}`);
      return BigInt(value);
    },
    // A raw bigint would be written as zero by protobufjs; 2^53−1 bounds it, so the number is exact.
    write: (writer, value) => void writer.uint64(Number(value)),
  };
}

export interface Nestable<T> extends Table {
  readonly type?: T;
  write(writer: Writer, value: T): void;
  read(reader: Reader, end: number): T;
}

function nestedScalar<T>(type: Nestable<T>): Scalar<T | undefined> {
  return {
    proto: type.name, wireType: 2, bounds: '', zero: undefined,
    isZero: () => false, problem: (value) => (value === undefined ? 'is missing' : undefined),
    read(reader, end) {
      const length = lengthOf(reader, end, type.maxBytes);
      return type.read(reader, reader.pos + length);
    },
    write(writer, value) {
      writer.fork();
      type.write(writer, value as T);
      writer.ldelim();
    },
  };
}

// ---- what schema files use -------------------------------------------------------------------------------------

/** Bytes of exactly `min` (or `min` to `max`) length. */
export const bytes = (no: number, min: number, max: number = min): Field<Uint8Array, false> => single(no, byteScalar(min, max), false);
export const optBytes = (no: number, min: number, max: number = min): Field<Uint8Array, true> => single(no, byteScalar(min, max), true);
/** UTF-8 text, bounded in bytes. */
export const text = (no: number, min: number, max: number): Field<string, false> => single(no, textScalar(min, max), false);
export const U32_MAX = 0xffff_ffff;
export const u32 = (no: number, min = 0, max = U32_MAX): Field<number, false> => single(no, u32Scalar(min, max), false);
export const optU32 = (no: number, min = 0, max = U32_MAX): Field<number, true> => single(no, u32Scalar(min, max), true);
export const s32 = (no: number, min: number, max: number): Field<number, false> => single(no, s32Scalar(min, max), false);
export const optS32 = (no: number, min: number, max: number): Field<number, true> => single(no, s32Scalar(min, max), true);
/** Heights, times in ms and counters: uint64 on the wire, an exact number in code. */
export const u53 = (no: number, min = 0, max = Number.MAX_SAFE_INTEGER): Field<number, false> => single(no, u53Scalar(min, max), false);
/** Money and milk: uint64 on the wire, bigint in code. */
export const amount = (no: number, min = 0n, max = AMOUNT_MAX): Field<bigint, false> => single(no, amountScalar(min, max), false);
export const optAmount = (no: number, min = 0n, max = AMOUNT_MAX): Field<bigint, true> => single(no, amountScalar(min, max), true);
const boolScalar: Scalar<boolean> = {
  proto: 'bool', wireType: 0, bounds: '', zero: false, isZero: (value) => !value, problem: () => undefined,
  read: (reader) => reader.bool(), write: (writer, value) => void writer.bool(value),
};
export const optBool = (no: number): Field<boolean, true> => single(no, boolScalar, true);

export function sub<T>(no: number, type: Nestable<T>): Field<T, false> {
  return { ...(single(no, nestedScalar(type), false) as Field<T, false>), nested: type };
}
export function optSub<T>(no: number, type: Nestable<T>): Field<T, true> {
  return { ...(single(no, nestedScalar(type), true) as Field<T, true>), nested: type };
}

function repeated<T>(no: number, scalar: Scalar<T>, min: number, max: number, nested?: Table): Field<readonly T[], false> {
  const bounds = `${min}..${max} items${scalar.bounds === '' ? '' : ` of ${scalar.bounds}`}`;
  const packed = scalar.wireType === 0;
  return {
    no, optional: false, repeated: !packed, wireType: 2, proto: `repeated ${scalar.proto}`, bounds,
    ...(nested === undefined ? {} : { nested }),
    write(writer, value, name) {
      const items = value as readonly T[];
      assert(items.length >= min && items.length <= max, `${name} has ${items.length} items, not ${min} to ${max}`);
      if (items.length === 0) return;
      if (packed) writer.uint32((no << 3) | 2).fork();
      for (const [index, item] of items.entries()) {
        const problem = scalar.problem(item);
        assert(problem === undefined, `${name}[${index}] ${problem ?? ''}`);
        if (!packed) writer.uint32((no << 3) | 2);
        scalar.write(writer, item);
      }
      if (packed) writer.ldelim();
    },
    read(reader, end, before) {
      const items = (before as T[] | undefined) ?? [];
      const stop = packed ? lengthOf(reader, end, max * 10) + reader.pos : end;
      do {
        if (items.length >= max) throw new Malformed('', `has more than ${max} items`);
        try {
          const item = scalar.read(reader, stop);
          const problem = scalar.problem(item);
          if (problem !== undefined) throw new Malformed('', problem);
          items.push(item);
        } catch (error) {
          if (error instanceof Malformed) throw error.within(`[${items.length}]`);
          throw error;
        }
      } while (packed && reader.pos < stop);
      return items;
    },
    complete(out, name) {
      const items = (out[name] as T[] | undefined) ?? [];
      if (items.length < min) throw new Malformed(name, `has ${items.length} items, at least ${min} are needed`);
      out[name] = items;
    },
  };
}

export const listOfBytes = (no: number, min: number, max: number, lengthMin: number, lengthMax: number = lengthMin): Field<readonly Uint8Array[], false> =>
  repeated(no, byteScalar(lengthMin, lengthMax), min, max);
export const listOfU32 = (no: number, min: number, max: number, itemMin = 0, itemMax = U32_MAX): Field<readonly number[], false> =>
  repeated(no, u32Scalar(itemMin, itemMax), min, max);
export function listOf<T>(no: number, min: number, max: number, type: Nestable<T>): Field<readonly T[], false> {
  return repeated(no, nestedScalar(type) as Scalar<T>, min, max, type);
}

type Members = Readonly<Record<string, Field<unknown, boolean>>>;
type CaseOf<M> = { [K in keyof M & string]: { readonly case: K; readonly value: M[K] extends Field<infer T, boolean> ? T : never } }[keyof M & string];

/** Exactly one of several fields: { case, value } in code. */
export function oneOf<M extends Members>(members: M): Field<CaseOf<M>, false> {
  // A plain scalar at its default would be absent, so nobody could tell which member was meant.
  for (const [name, member] of Object.entries(members)) assert(member.optional || member.nested !== undefined, `${name} of a oneof has presence`);
  return {
    no: 0, optional: false, repeated: false, wireType: 2, proto: 'oneof', bounds: '', members,
    write: () => undefined,
    read: () => { throw new Malformed('', 'is a group'); },
    complete(out, name) {
      if (out[name] === undefined) throw new Malformed(name, `is missing: one of ${Object.keys(members).join(', ')} is needed`);
    },
  };
}
