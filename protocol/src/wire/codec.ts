/**
 * Strict protobuf (SPEC §2) over protobufjs' reader and writer. A message is a table of fields; the table gives the
 * TypeScript type, the coder, the bounds and the .proto text, so the four cannot drift apart.
 *
 * Decoding refuses unknown fields, singular fields twice, fields out of order, trailing bytes, lengths and counts
 * outside their bounds (before allocation), and anything that does not encode back to the same bytes.
 */
import protobuf from 'protobufjs/minimal.js';
import { assert } from '../lib/assert.ts';
import { equalBytes } from '../lib/bytes.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import type { Field, Reader, Table, Writer } from './field.ts';
import { Malformed } from './field.ts';

type Fields = Readonly<Record<string, Field<unknown, boolean>>>;
type ValueOf<F> = F extends Field<infer T, boolean> ? T : never;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends Field<unknown, true> ? K : never }[keyof F];
type Shape<F> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: ValueOf<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: ValueOf<F[K]> | undefined;
};

/** A message type: its name in the .proto file, its size limit in bytes and its fields. */
export interface Message<T> extends Table {
  /** Only for the type system: the value a message decodes to. */
  readonly type?: T;
  write(writer: Writer, value: T): void;
  read(reader: Reader, end: number): T;
}

/** The value type of a message: `type Transfer = ValueType<typeof Transfer>`. */
export type ValueType<M> = M extends Message<infer T> ? T : never;

interface Slot {
  readonly name: string;
  readonly field: Field<unknown, boolean>;
  /** Set for a member of a oneof: the value is { case, value } under the group's name. */
  readonly member?: string;
}

function slotsOf(fields: Fields): Map<number, Slot> {
  const slots: [number, Slot][] = [];
  for (const [name, field] of Object.entries(fields)) {
    if (field.members === undefined) slots.push([field.no, { name, field }]);
    else for (const [member, inner] of Object.entries(field.members)) slots.push([inner.no, { name, field: inner, member }]);
  }
  slots.sort((a, b) => a[0] - b[0]);
  const map = new Map(slots);
  assert(map.size === slots.length, 'field numbers are unique');
  return map;
}

/** Declares a message. `maxBytes` bounds the whole encoding and is checked before anything is decoded. */
export function message<F extends Fields>(name: string, maxBytes: number, fields: F): Message<Shape<F>> {
  const slots = slotsOf(fields);
  const ordered = [...slots.values()];

  function write(writer: Writer, value: Shape<F>): void {
    const record = value as Readonly<Record<string, unknown>>;
    for (const slot of ordered) {
      const held = record[slot.name];
      if (slot.member === undefined) slot.field.write(writer, held, slot.name);
      else if (held !== undefined && (held as OneOf).case === slot.member) slot.field.write(writer, (held as OneOf).value, slot.member);
    }
  }

  function read(reader: Reader, end: number): Shape<F> {
    const out: Record<string, unknown> = {};
    let last = 0;
    while (reader.pos < end) {
      const tag = reader.uint32();
      const no = tag >>> 3;
      const slot = slots.get(no);
      if (slot === undefined) throw new Malformed(`field ${no}`, 'is unknown');
      if (no < last || (no === last && !slot.field.repeated)) throw new Malformed(slot.member ?? slot.name, 'stands twice or out of order');
      last = no;
      if ((tag & 7) !== slot.field.wireType) throw new Malformed(slot.name, 'has the wrong wire type');
      readSlot(reader, end, slot, out);
    }
    if (reader.pos !== end) throw new Malformed('', 'is cut off');
    for (const [key, field] of Object.entries(fields)) field.complete(out, key);
    return out as Shape<F>;
  }

  return { name, maxBytes, fields, write, read };
}

interface OneOf {
  readonly case: string;
  readonly value: unknown;
}

function readSlot(reader: Reader, end: number, slot: Slot, out: Record<string, unknown>): void {
  const label = slot.member ?? slot.name;
  try {
    const value = slot.field.read(reader, end, out[slot.name]);
    if (slot.member === undefined) out[slot.name] = value;
    else if (out[slot.name] === undefined) out[slot.name] = { case: slot.member, value };
    else throw new Malformed('', 'stands beside another member of its oneof');
  } catch (error) {
    if (error instanceof Malformed) throw error.within(label);
    throw new Malformed(label, 'is cut off');
  }
}

/** Encodes a value; a value outside the message's bounds is a bug of the caller and crashes. */
export function encode<T>(type: Message<T>, value: T): Uint8Array {
  const writer = new protobuf.Writer();
  type.write(writer, value);
  const bytes = writer.finish();
  assert(bytes.length <= type.maxBytes, `${type.name} has ${bytes.length} bytes, the limit is ${type.maxBytes}`);
  return bytes;
}

/** Strict decode of untrusted bytes: the value, or `malformed` with the path of the field that is wrong. */
export function decode<T>(type: Message<T>, input: Uint8Array): Result<T> {
  if (input.length > type.maxBytes) return fault('malformed', { path: type.name, why: `has ${input.length} bytes, the limit is ${type.maxBytes}` });
  const bytes = new Uint8Array(input.buffer, input.byteOffset, input.length);
  try {
    const value = type.read(new protobuf.Reader(bytes), bytes.length);
    if (!equalBytes(encode(type, value), bytes)) return fault('malformed', { path: type.name, why: 'is not in canonical form' });
    return ok(value);
  } catch (error) {
    if (error instanceof Malformed) return fault('malformed', { path: error.path === '' ? type.name : `${type.name}.${error.path}`, why: error.why });
    if (error instanceof RangeError) return fault('malformed', { path: type.name, why: 'is cut off' });
    throw error;
  }
}
