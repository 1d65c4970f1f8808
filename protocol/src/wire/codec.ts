/**
 * Strict protobuf (SPEC §2). A message is a table of fields; the table gives the TypeScript type, the coder, the bounds
 * and the .proto text, so the four cannot drift apart. wire/proto.test.ts holds it against
 * the library's own reflection.
 *
 * Decoding refuses unknown fields, singular fields twice, fields out of order, defaults that are written, overlong
 * varints, trailing bytes, and lengths and counts outside their bounds (before allocation): what is accepted encodes
 * back to the same bytes.
 */
import { assert } from '../lib/assert.ts';
import { fault, ok, type Result } from '../lib/fault.ts';
import { sha256 } from '../lib/hash.ts';
import { ByteReader, Malformed } from './byteReader.ts';
import { ByteWriter } from './byteWriter.ts';
import type { Field, Nestable, Table } from './field.ts';
import { U32_MAX } from './scalar.ts';

type Fields = Table['fields'];
type ValueOf<F> = F extends Field<infer T, boolean> ? T : never;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends Field<unknown, true> ? K : never }[keyof F];
type Shape<F> = { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: ValueOf<F[K]> } & {
  readonly [K in OptionalKeys<F>]?: ValueOf<F[K]> | undefined;
};

/** A message type: its name in the .proto file, its size limit in bytes, its fields, and the value it decodes to. */
export type Message<T> = Nestable<T>;

/** The value type of a message: `type Transfer = ValueType<typeof Transfer>`. */
export type ValueType<M> = M extends Message<infer T> ? T : never;

interface OneOf {
  readonly case: string;
  readonly value: unknown;
}

/** PERF: all of one shape, which fields are not; looking a property up in many shapes costs more than reading a field. */
interface Slot {
  /** Key in the value: the field's name, or that of its oneof. */
  readonly key: string;
  /** Name in the .proto file and in refusals. */
  readonly label: string;
  readonly inOneof: boolean;
  readonly no: number;
  readonly wireType: number;
  readonly repeated: boolean;
  readonly read: Field<unknown, boolean>['read'];
  readonly write: Field<unknown, boolean>['write'];
}

function slotOf(key: string, label: string, inOneof: boolean, { no, wireType, repeated, read, write }: Field<unknown, boolean>): Slot {
  return { key, label, inOneof, no, wireType, repeated, read, write };
}

/** Fields by ascending number, those of a oneof among them. */
function slotsOf(fields: Fields): readonly Slot[] {
  const slots: Slot[] = [];
  for (const [key, field] of Object.entries(fields)) {
    if (field.members === undefined) slots.push(slotOf(key, key, false, field));
    else for (const [label, inner] of Object.entries(field.members)) slots.push(slotOf(key, label, true, inner));
  }
  slots.sort((a, b) => a.no - b.no);
  assert(slots.every(({ no }, index) => no > (slots[index - 1]?.no ?? 0)), 'field numbers are unique');
  return slots;
}

function readSlot(reader: ByteReader, { key, label, inOneof, repeated, read }: Slot, out: Record<string, unknown>): void {
  if (!inOneof) {
    out[key] = read(reader, repeated ? out[key] : undefined);
    return;
  }
  if (out[key] !== undefined) throw new Malformed('', 'stands beside another member of its oneof');
  out[key] = { case: label, value: read(reader, undefined) };
}

/** Declares a message. `maxBytes` bounds the whole encoding and is checked before anything is decoded. */
export function message<F extends Fields>(name: string, maxBytes: number, fields: F): Message<Shape<F>> {
  const slots = slotsOf(fields);
  const byNumber: (Slot | undefined)[] = [];
  for (const slot of slots) byNumber[slot.no] = slot;
  const entries = Object.entries(fields);

  function write(writer: ByteWriter, value: Shape<F>): void {
    const record = value as Readonly<Record<string, unknown>>;
    for (const slot of slots) {
      const { key, label, inOneof } = slot;
      const held = record[key];
      if (!inOneof) slot.write(writer, held, label);
      else if ((held as OneOf).case === label) slot.write(writer, (held as OneOf).value, label);
    }
  }

  /** The field that the next tag names; refuses what is unknown, doubled, out of order or of another wire type. */
  function nextSlot(reader: ByteReader, last: number): Slot {
    const tag = reader.varint();
    const slot = tag > U32_MAX ? undefined : byNumber[tag >>> 3];
    if (slot === undefined) throw new Malformed(`field ${(tag - (tag % 8)) / 8}`, 'is unknown');
    const { no, repeated, wireType } = slot;
    if (no < last || (no === last && !repeated)) throw new Malformed(slot.label, 'stands twice or out of order');
    if ((tag & 7) !== wireType) throw new Malformed(slot.label, 'has the wrong wire type');
    return slot;
  }

  function read(reader: ByteReader): Shape<F> {
    const out: Record<string, unknown> = {};
    let slot: Slot | undefined;
    for (let last = 0; reader.pos < reader.end; last = slot.no) {
      slot = nextSlot(reader, last);
      try {
        readSlot(reader, slot, out);
      } catch (error) {
        throw error instanceof Malformed ? error.within(slot.label) : error;
      }
    }
    for (const [key, field] of entries) field.complete(out, key);
    return out as Shape<F>;
  }

  return { name, maxBytes, fields, write, read };
}

const finish = (writer: ByteWriter): Uint8Array => writer.finish();
const hashOf = (writer: ByteWriter): Uint8Array => sha256(writer.take());

/** Used again by the next `encode`; out of its place while one is under way, and gone with one that crashed. */
let spare: ByteWriter | undefined;

/** Writes a value and hands over what `use` makes of the writer; a value outside the message's bounds is a bug of the caller and crashes. */
function written<T>(type: Message<T>, value: T, use: (writer: ByteWriter) => Uint8Array): Uint8Array {
  const writer = spare ?? new ByteWriter();
  spare = undefined;
  type.write(writer, value);
  if (writer.length > type.maxBytes) assert(false, `${type.name} is within its size limit`);
  const made = use(writer);
  spare = writer;
  return made;
}

/** Encodes a value; a value outside the message's bounds is a bug of the caller and crashes. */
export function encode<T>(type: Message<T>, value: T): Uint8Array {
  return written(type, value, finish);
}

/** SHA-256 of the encoding, which is made for its hash alone. */
export function encodedHash<T>(type: Message<T>, value: T): Uint8Array {
  return written(type, value, hashOf);
}

/** Strict decode of untrusted bytes: the value, or `malformed` with the path of the field that is wrong. */
export function decode<T>(type: Message<T>, input: Uint8Array): Result<T> {
  return read(type, input, false);
}

/**
 * `decode` for bytes that live as long as the value and do not change: its long byte strings are views of them.
 * PERF: for messages that are all contents, blocks and transactions; a copy of each part costs more than to read it.
 */
export function decodeShared<T>(type: Message<T>, input: Uint8Array): Result<T> {
  return read(type, input, true);
}

function read<T>(type: Message<T>, input: Uint8Array, isShared: boolean): Result<T> {
  if (input.length > type.maxBytes) return fault('malformed', { path: type.name, why: `has ${input.length} bytes, the limit is ${type.maxBytes}` });
  // A Buffer's slices share its memory; copies of its parts must not change when it does.
  // PERF: only for Buffers. Asking a small array for its buffer makes the engine move it out of its heap.
  const bytes = Object.getPrototypeOf(input) === Uint8Array.prototype ? input : new Uint8Array(input.buffer, input.byteOffset, input.length);
  try {
    return ok(type.read(new ByteReader(bytes, isShared)));
  } catch (error) {
    if (error instanceof Malformed) return fault('malformed', { path: error.path === '' ? type.name : `${type.name}.${error.path}`, why: error.why });
    throw error;
  }
}
