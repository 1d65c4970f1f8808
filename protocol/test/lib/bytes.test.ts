/** Hex by two ways, and preimages put together in the shared area. */
import { sha256 as sha256Portable } from '@noble/hashes/sha2.js';
import t from 'tap';
import { concat, fromHex, fromHexInto, toHex, u32be, u32Hex } from '../../src/lib/bytes.ts';
import { sha256Into, signingBytes, taggedHash, chainHash, prefixedHashInto } from '../../src/lib/hash.ts';
import { ByteWriter } from '../../src/wire/byteWriter.ts';

t.test('hex goes into an array exactly as it goes into a new one', async (t) => {
  for (const text of ['', '00', 'ff', 'aAbBcCdDeEfF', '0123456789abcdef']) {
    const out = new Uint8Array(1 + text.length / 2);
    t.ok(fromHexInto(text, out, 1));
    t.same(out.subarray(1), fromHex(text));
  }
});

t.test('what is not whole pairs of hex digits is refused by both', async (t) => {
  // The neighbours of the digits in ASCII, and letters that look like digits when bits are masked.
  for (const text of ['0', '0g', '/0', ':0', '@0', 'G0', '`0', '0\u0130', '\u{1F600}', ' 0', '0x']) {
    t.notOk(fromHexInto(text, new Uint8Array(8), 0), text);
    t.equal(fromHex(text), undefined, text);
  }
});

t.test('hex of one text does not leak into the next of the same length', async (t) => {
  t.equal(toHex(Uint8Array.of(1, 2)), '0102');
  t.equal(toHex(Uint8Array.of(255, 0)), 'ff00');
  for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) t.equal(u32Hex(value), toHex(u32be(value)));
});

t.test('hashes of parts are those of the parts put together, whatever their length', async (t) => {
  const genesisHash = new Uint8Array(32).fill(7);
  for (const length of [0, 1, 63, 64, 65, 200, 8_000, 8_192, 20_000]) {
    const part = new Uint8Array(length).map((_, i) => i % 253);
    t.same(taggedHash('bill/tx/1', part, part), sha256Portable(concat(new TextEncoder().encode('bill/tx/1'), new Uint8Array(1), part, part)), `${length} bytes`);
    t.same(chainHash('bill/tx-id/1', genesisHash, part), sha256Portable(signingBytes('bill/tx-id/1', genesisHash, part)));
    const out = new Uint8Array(34);
    prefixedHashInto(Uint8Array.of(0), part, out, 1);
    t.same(out.slice(1, 33), sha256Portable(concat(new Uint8Array(1), part)));
    t.equal((out[0] as number) + (out[33] as number), 0, 'and nothing beside it is written');
    sha256Into(part, out, 0);
    t.same(out.slice(0, 32), sha256Portable(part));
  }
});

t.test('nested contents of any length get their length before them', async (t) => {
  for (const length of [0, 1, 127, 128, 16_383, 16_384, 70_000]) {
    const writer = new ByteWriter();
    const contents = new Uint8Array(length).fill(9);
    writer.varint(5);
    writer.open();
    writer.open();
    writer.bytes(contents);
    writer.close();
    writer.close();
    writer.varint(Number.MAX_SAFE_INTEGER);
    const varint = (value: number): Uint8Array => {
      const one = new ByteWriter();
      one.varint(value);
      return one.finish();
    };
    const inner = concat(varint(length), contents);
    const outer = concat(varint(inner.length), inner);
    t.same(writer.finish(), concat(varint(5), varint(outer.length), outer, varint(Number.MAX_SAFE_INTEGER)), `${length} bytes`);
    t.equal(writer.finish().length, 0, 'and it is empty again');
  }
});
