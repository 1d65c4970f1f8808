/** Protobuf written by hand, for vectors that must not come from the code they are to test. */

export type Bytes = Buffer;

export function varint(value: bigint | number): Bytes {
  const out: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return Buffer.from([...out, Number(rest)]);
}

/** A number field, written whatever its value. */
export function numberField(no: number, value: bigint | number): Bytes {
  return Buffer.concat([varint(no * 8), varint(value)]);
}

/** A bytes, text or message field, written whatever its length. */
export function bytesField(no: number, ...parts: readonly Bytes[]): Bytes {
  const contents = Buffer.concat(parts);
  return Buffer.concat([varint(no * 8 + 2), varint(contents.length), contents]);
}
