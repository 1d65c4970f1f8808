/**
 * Fields of the wire schema. Each knows its number, its bounds and how it reads and writes itself.
 * A plain scalar at its default is absent on the wire (proto3); an optional one is absent when undefined.
 */
import { AMOUNT_MAX } from '../lib/amount.ts';
import { assert } from '../lib/assert.ts';
import { Malformed, type ByteReader } from './byteReader.ts';
import type { ByteWriter } from './byteWriter.ts';
import { amountScalar, boolScalar, byteScalar, sintScalar, textScalar, U32_MAX, uintScalar, type Scalar } from './scalar.ts';

/** What describes a message: its name, its size limit and its fields. */
export interface Table {
  readonly name: string;
  readonly maxBytes: number;
  readonly fields: Readonly<Record<string, Field<unknown, boolean>>>;
}

export interface Field<T, Optional extends boolean> {
  readonly no: number;
  readonly wireType: 0 | 2;
  /** May stand several times, one item each. */
  readonly repeated: boolean;
  readonly optional: Optional;
  /** Type word of the .proto file and the bounds shown beside it. */
  readonly proto: string;
  readonly bounds: string;
  /** Message type of a nested field, so that the .proto generator finds it. */
  readonly nested?: Table;
  /** Members of a oneof group, else absent. */
  readonly members?: Readonly<Record<string, Field<unknown, boolean>>>;
  /** What is wrong with a value, or undefined; not for lists and groups. */
  readonly problem?: (value: unknown) => string | undefined;
  /** Writes tag and value; a value outside the bounds is a bug of the caller and crashes. */
  readonly write: (writer: ByteWriter, value: unknown, name: string) => void;
  /** `before` is what the field already holds (repeated fields gather). Throws Malformed. */
  readonly read: (reader: ByteReader, before: unknown) => T;
  /** After the last field: set the default of an absent field, or refuse. */
  readonly complete: (out: Record<string, unknown>, name: string) => void;
}

function checked<T>(scalar: Scalar<T>, value: T): T {
  const problem = scalar.problem(value);
  if (problem !== undefined) throw new Malformed('', problem);
  return value;
}

/** A single value. `optional` gives it presence: undefined is absent, zero is written. */
function single<T, O extends boolean>(no: number, scalar: Scalar<T>, optional: O): Field<T, O> {
  const tag = no * 8 + scalar.wireType;
  const zeroProblem = scalar.problem(scalar.zero);
  return {
    no, optional, repeated: false, wireType: scalar.wireType, proto: scalar.proto, bounds: scalar.bounds,
    problem: (value) => (value === undefined && optional ? undefined : scalar.problem(value as T)),
    write(writer, held, name) {
      if (held === undefined && optional) return;
      const value = held as T;
      const problem = held === undefined ? 'is missing' : scalar.problem(value);
      if (problem !== undefined) assert(false, `${name} ${problem}`);
      if (!optional && scalar.isZero(value)) return;
      writer.varint(tag);
      scalar.write(writer, value);
    },
    read(reader) {
      const value = checked(scalar, scalar.read(reader));
      if (!optional && scalar.isZero(value)) throw new Malformed('', 'is written though it has its default');
      return value;
    },
    complete(out, name) {
      if (optional || out[name] !== undefined) return;
      if (zeroProblem !== undefined) throw new Malformed(name, 'is missing');
      out[name] = scalar.zero;
    },
  };
}

/** What a nested field needs of a message. */
export interface Nestable<T> extends Table {
  readonly type?: T;
  write(writer: ByteWriter, value: T): void;
  read(reader: ByteReader): T;
}

function nestedScalar<T>(type: Nestable<T>): Scalar<T | undefined> {
  return {
    proto: type.name, wireType: 2, bounds: '', zero: undefined,
    isZero: () => false, problem: (value) => (value === undefined ? 'is missing' : undefined),
    read(reader) {
      const length = reader.length(type.maxBytes);
      const outer = reader.end;
      reader.end = reader.pos + length;
      const value = type.read(reader);
      reader.end = outer;
      return value;
    },
    write(writer, value) {
      writer.open();
      type.write(writer, value as T);
      writer.close();
    },
  };
}

// ---- what schema files use -------------------------------------------------------------------------------------

/** Bytes of exactly `min` (or `min` to `max`) length. */
export const bytes = (no: number, min: number, max: number = min): Field<Uint8Array, false> => single(no, byteScalar(min, max), false);
export const optBytes = (no: number, min: number, max: number = min): Field<Uint8Array, true> => single(no, byteScalar(min, max), true);
/** UTF-8 text, bounded in bytes. */
export const text = (no: number, min: number, max: number): Field<string, false> => single(no, textScalar(min, max), false);
export const u32 = (no: number, min = 0, max = U32_MAX): Field<number, false> => single(no, uintScalar('uint32', min, max), false);
export const optU32 = (no: number, min = 0, max = U32_MAX): Field<number, true> => single(no, uintScalar('uint32', min, max), true);
export const s32 = (no: number, min: number, max: number): Field<number, false> => single(no, sintScalar(min, max), false);
export const optS32 = (no: number, min: number, max: number): Field<number, true> => single(no, sintScalar(min, max), true);
/** Heights, times in ms and counters: uint64 on the wire, an exact number in code. */
export const u53 = (no: number, min = 0, max = Number.MAX_SAFE_INTEGER): Field<number, false> => single(no, uintScalar('uint64', min, max), false);
export const optU53 = (no: number, min = 0, max = Number.MAX_SAFE_INTEGER): Field<number, true> => single(no, uintScalar('uint64', min, max), true);
/** Money and milk: uint64 on the wire, bigint in code. */
export const amount = (no: number, min = 0n, max = AMOUNT_MAX): Field<bigint, false> => single(no, amountScalar(min, max), false);
export const optAmount = (no: number, min = 0n, max = AMOUNT_MAX): Field<bigint, true> => single(no, amountScalar(min, max), true);
export const optBool = (no: number): Field<boolean, true> => single(no, boolScalar, true);

export function sub<T>(no: number, type: Nestable<T>): Field<T, false> {
  return { ...(single(no, nestedScalar(type), false) as Field<T, false>), nested: type };
}
export function optSub<T>(no: number, type: Nestable<T>): Field<T, true> {
  return { ...(single(no, nestedScalar(type), true) as Field<T, true>), nested: type };
}

/** Reads items until `more` says no; a refusal names the item. */
function readItems<T>(reader: ByteReader, items: T[], max: number, scalar: Scalar<T>, more: () => boolean): T[] {
  try {
    do {
      if (items.length >= max) throw new Malformed('', `is one item more than ${max}`);
      items.push(checked(scalar, scalar.read(reader)));
    } while (more());
    return items;
  } catch (error) {
    throw error instanceof Malformed ? error.within(`[${items.length}]`) : error;
  }
}

/** Each varint of a packed list has at most 10 bytes. */
const PACKED_ITEM_BYTES = 10;

function readPacked<T>(reader: ByteReader, max: number, scalar: Scalar<T>): T[] {
  const length = reader.length(max * PACKED_ITEM_BYTES);
  if (length === 0) throw new Malformed('', 'is written though it is empty');
  const outer = reader.end;
  reader.end = reader.pos + length;
  const items = readItems(reader, [], max, scalar, () => reader.pos < reader.end);
  reader.end = outer;
  return items;
}

const never = (): boolean => false;

function repeated<T>(no: number, scalar: Scalar<T>, min: number, max: number, nested?: Table): Field<readonly T[], false> {
  const packed = scalar.wireType === 0;
  const tag = no * 8 + 2;
  return {
    no, optional: false, repeated: !packed, wireType: 2, proto: `repeated ${scalar.proto}`, bounds: `${min}..${max} items${scalar.bounds === '' ? '' : ` of ${scalar.bounds}`}`,
    ...(nested === undefined ? {} : { nested }),
    write(writer, value, name) {
      const items = value as readonly T[] | undefined;
      if (items === undefined || items.length < min || items.length > max) assert(false, `${name} has ${items?.length ?? 'no'} items, not ${min} to ${max}`);
      if (items.length === 0) return;
      if (packed) writer.varint(tag);
      if (packed) writer.open();
      for (const [index, item] of items.entries()) {
        const problem = scalar.problem(item);
        if (problem !== undefined) assert(false, `${name}[${index}] ${problem}`);
        if (!packed) writer.varint(tag);
        scalar.write(writer, item);
      }
      if (packed) writer.close();
    },
    read(reader, before) {
      if (packed) return readPacked(reader, max, scalar);
      return readItems(reader, (before as T[] | undefined) ?? [], max, scalar, never);
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
  repeated(no, uintScalar('uint32', itemMin, itemMax), min, max);
export function listOf<T>(no: number, min: number, max: number, type: Nestable<T>): Field<readonly T[], false> {
  return repeated(no, nestedScalar(type) as Scalar<T>, min, max, type);
}

type Members = Readonly<Record<string, Field<unknown, boolean>>>;
type CaseOf<M> = { [K in keyof M & string]: { readonly case: K; readonly value: M[K] extends Field<infer T, boolean> ? T : never } }[keyof M & string];

/** Exactly one of several fields: { case, value } in code. */
export function oneOf<M extends Members>(members: M): Field<CaseOf<M>, false> {
  const group = 'a oneof is read and written by its members';
  // A plain scalar at its default would be absent, so nobody could tell which member was meant.
  for (const [name, member] of Object.entries(members)) assert(member.optional || member.nested !== undefined, `${name} of a oneof has presence`);
  return {
    no: 0, optional: false, repeated: false, wireType: 2, proto: 'oneof', bounds: '', members,
    write: () => assert(false, group),
    read: () => assert(false, group) as never,
    complete(out, name) {
      if (out[name] === undefined) throw new Malformed(name, `is missing: one of ${Object.keys(members).join(', ')} is needed`);
    },
  };
}
