/** Single values of the wire: how each type is bounded, read and written. */
import { AMOUNT_MAX, type Millilitres } from '../lib/amount.ts';
import protobuf from 'protobufjs/minimal.js';
import { equalBytes, utf8 } from '../lib/bytes.ts';
import { Malformed, type ByteReader } from './byteReader.ts';
import type { ByteWriter } from './byteWriter.ts';

export const U32_MAX = 0xffff_ffff;

export interface Scalar<T> {
  /** Type word of the .proto file and the bounds shown beside it. */
  readonly proto: string;
  readonly bounds: string;
  readonly wireType: 0 | 2;
  /** The default, which stands for an absent value. */
  readonly zero: T;
  isZero(value: T): boolean;
  /** What is wrong with a value, or undefined. */
  problem(value: T): string | undefined;
  read(reader: ByteReader): T;
  write(writer: ByteWriter, value: T): void;
}

export function byteScalar(min: number, max: number): Scalar<Uint8Array> {
  return {
    proto: 'bytes', wireType: 2, bounds: min === max ? `${min} bytes` : `${min}..${max} bytes`, zero: new Uint8Array(0),
    isZero: (value) => value.length === 0,
    problem: (value) => (value.length < min || value.length > max ? `has ${value.length} bytes, not ${min === max ? min : `${min} to ${max}`}` : undefined),
    read: (reader) => reader.take(reader.length(max)),
    write: (writer, value) => writer.bytes(value),
  };
}

/** Control characters, lone surrogates and bidirectional overrides can make a name lie on a screen. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]|\p{Surrogate}/u;

export function textScalar(min: number, max: number): Scalar<string> {
  return {
    proto: 'string', wireType: 2, bounds: `${min}..${max} bytes of UTF-8, no control characters`, zero: '',
    isZero: (value) => value === '',
    problem(value) {
      const length = protobuf.util.utf8.length(value);
      if (length < min || length > max) return `has ${length} bytes, not ${min} to ${max}`;
      return FORBIDDEN.test(value) ? 'has characters that are not allowed in a name' : undefined;
    },
    read(reader) {
      const bytes = reader.take(reader.length(max));
      const text = protobuf.util.utf8.read(bytes, 0, bytes.length);
      // The library replaces what is not UTF-8; then the text no longer encodes to the bytes that came.
      if (!equalBytes(utf8(text), bytes)) throw new Malformed('', 'is not UTF-8');
      return text;
    },
    write: (writer, value) => writer.bytes(utf8(value)),
  };
}

function range(min: number, max: number): (value: number) => string | undefined {
  return (value) => (Number.isInteger(value) && value >= min && value <= max ? undefined : `is ${value}, not an integer from ${min} to ${max}`);
}

/** An unsigned integer: uint32 where `max` is below 2^32, else uint64. */
export function uintScalar(proto: 'uint32' | 'uint64', min: number, max: number): Scalar<number> {
  return {
    proto, wireType: 0, bounds: `${min}..${max}`, zero: 0, isZero: (value) => value === 0, problem: range(min, max),
    read: (reader) => reader.varint(), write: (writer, value) => writer.varint(value),
  };
}

/** A signed integer in zigzag form: 0, −1, 1, −2 … become 0, 1, 2, 3 … */
export function sintScalar(min: number, max: number): Scalar<number> {
  return {
    proto: 'sint32', wireType: 0, bounds: `${min}..${max}`, zero: 0, isZero: (value) => value === 0, problem: range(min, max),
    read(reader) {
      const zigzag = reader.varint();
      if (zigzag > U32_MAX) throw new Malformed('', 'has more than 32 bits');
      return (zigzag >>> 1) ^ -(zigzag & 1);
    },
    write: (writer, value) => writer.varint(((value << 1) ^ (value >> 31)) >>> 0),
  };
}

/** Money and milk: an exact number on the wire, a bigint in code. */
export function amountScalar(min: bigint, max: bigint): Scalar<Millilitres> {
  return {
    proto: 'uint64', wireType: 0, bounds: `${min}..${max}`, zero: 0n, isZero: (value) => value === 0n,
    problem: (value) => (value >= min && value <= max && value <= AMOUNT_MAX ? undefined : `is ${value}, not from ${min} to ${max}`),
    read: (reader) => BigInt(reader.varint()), write: (writer, value) => writer.varint(Number(value)),
  };
}

export const boolScalar: Scalar<boolean> = {
  proto: 'bool', wireType: 0, bounds: '', zero: false, isZero: (value) => !value, problem: () => undefined,
  read(reader) {
    const value = reader.varint();
    if (value > 1) throw new Malformed('', `is ${value}, neither 0 nor 1`);
    return value === 1;
  },
  write: (writer, value) => writer.varint(value ? 1 : 0),
};
