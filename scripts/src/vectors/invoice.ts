/**
 * Vectors of the invoice: what a till signs, what a wallet reads, and what both refuse. The bytes are laid out here by
 * hand from the table of SPEC §6 and signed by node:crypto, not by the code that is tested against them.
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';

const SEED = 'billcoin invoice vectors 1';
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

interface Terms {
  readonly tillNo: number;
  readonly amountMl: bigint;
  readonly sen: bigint;
  readonly ref: Buffer;
  readonly expiresAtS: number;
}

function draw(label: string, length: number): Buffer {
  return createHash('sha512').update(`${SEED} ${label}`).digest().subarray(0, length);
}

/** Ed25519 key of a 32-byte seed: RFC 8410 PKCS #8 header and the seed. */
function tillKey(seed: Buffer): { sign(message: Buffer): Buffer; publicKey: Buffer } {
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
  const jwk = key.export({ format: 'jwk' });
  return { sign: (message) => sign(null, message, key), publicKey: Buffer.from(jwk.x ?? '', 'base64url') };
}

function layOut(hint: Buffer, terms: Terms): Buffer {
  const number = (value: bigint | number, bytes: number): Buffer => Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
  return Buffer.concat([number(1, 1), hint, number(terms.tillNo, 4), number(terms.amountMl, 4), number(terms.sen, 3), terms.ref, number(terms.expiresAtS, 4)]);
}

function base(bytes: Buffer, bitsPerDigit: number, alphabet: string): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const digits: string[] = [];
  for (let at = 0; at < bits.length; at += bitsPerDigit) digits.push(alphabet.charAt(Number.parseInt(bits.slice(at, at + bitsPerDigit).padEnd(bitsPerDigit, '0'), 2)));
  return digits.join('');
}

function readable(bytes: Buffer, terms: Terms): object {
  return {
    tillNo: terms.tillNo, amountMl: terms.amountMl.toString(), sen: terms.sen.toString(), ref: terms.ref.toString('hex'), expiresAtS: terms.expiresAtS,
    text: `MMU1:${base(bytes, 5, BASE32)}`, matchCode: base(terms.ref, 5, ALPHABET).slice(0, 4),
  };
}

/** The JSON text of protocol/vectors/invoice.json; the same text on every run. */
export function makeInvoiceVectors(): string {
  const genesisHash = draw('genesis', 32);
  const till = tillKey(draw('till', 32));
  const preimage = (genesis: Buffer, body: Buffer): Buffer => Buffer.concat([Buffer.from('bill/invoice/1\0'), genesis, body]);
  const signed = (terms: Terms): Buffer => {
    const body = layOut(genesisHash.subarray(0, 2), terms);
    return Buffer.concat([body, till.sign(preimage(genesisHash, body))]);
  };
  const terms = (label: string, changed: Partial<Terms> = {}): Terms => ({ tillNo: 12, amountMl: 300n, sen: 180n, ref: draw(label, 10), expiresAtS: 1_775_808_923, ...changed });
  const input = (bytes: Buffer, genesis = genesisHash): object => ({ genesisHash: genesis.toString('hex'), tillKey: till.publicKey.toString('hex'), bytes: bytes.toString('hex') });

  const good: [string, Terms][] = [
    ['a carton of RM 1.80 at 600 sen per BILL', terms('carton')],
    ['the largest numbers', terms('large', { tillNo: 0xffff_ffff, amountMl: 0xffff_ffffn, sen: 0xff_ffffn, expiresAtS: 4_102_444_800 })],
    ['the smallest numbers', terms('small', { tillNo: 1, amountMl: 0n, sen: 0n, expiresAtS: 1_577_836_800, ref: Buffer.alloc(10) })],
    ['a reference whose match code has every bit set', terms('match', { ref: Buffer.alloc(10, 0xff) })],
  ];
  const whole = signed(terms('carton'));
  const patched = (at: number, hex: string): Buffer => {
    const copy = Buffer.from(whole);
    copy.write(hex, at, 'hex');
    return copy;
  };
  const otherNetwork = Buffer.concat([genesisHash.subarray(0, 2), draw('other network', 30)]);
  const bad: [string, Buffer, string, Buffer?][] = [
    ['one byte short', whole.subarray(0, 91), 'malformed'],
    ['one byte long', Buffer.concat([whole, Buffer.alloc(1)]), 'malformed'],
    ['version 2', patched(0, '02'), 'malformed'],
    ['till number 0', patched(3, '00000000'), 'malformed'],
    ['expiry before 2020', patched(24, '5e0be0ff'), 'malformed'],
    ['network hint of another network', patched(1, 'ffff'), 'wrong_network'],
    ['another amount', patched(7, '0000012d'), 'bad_signature'],
    ['another reference', patched(14, 'ffffffff'), 'bad_signature'],
    ['a changed signature', patched(91, '00'), 'bad_signature'],
    ['another genesis hash with the same first two bytes', whole, 'bad_signature', otherNetwork],
  ];
  return `${JSON.stringify({
    title: 'Invoice',
    summary: '92 bytes: version 1, network hint 2, tillNo 4, amountMl 4, sen 3, ref 10, expiresAtS 4, Ed25519 signature 64 over "bill/invoice/1" || 00 || genesisHash || bytes 0-27. '
      + 'All bytes are hex. The output is what a wallet reads, or the code of the refusal.',
    seed: SEED,
    cases: [
      ...good.map(([title, value]) => ({ title, input: input(signed(value)), output: readable(signed(value), value) })),
      ...bad.map(([title, bytes, code, genesis]) => ({ title, input: input(bytes, genesis), output: { code } })),
    ],
  }, undefined, 2)}\n`;
}
