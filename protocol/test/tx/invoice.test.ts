/** The 92-byte invoice: layout, strictness, signature, text, reference and match code. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { fromHex, toHex } from '../../src/lib/bytes.ts';
import { ed25519PublicKey, verifyEd25519 } from '../../src/lib/signature.ts';
import {
  decodeInvoice, decodeInvoiceFor, encodeInvoice, INVOICE_TEXT_LENGTH, invoiceSigningBytes, invoiceText, matchCode, networkHint, orderRef, parseInvoiceText, signInvoice, verifyInvoice,
} from '../../src/tx/invoice.ts';

const genesisHash = new Uint8Array(32).map((_, i) => i + 1);
const seed = new Uint8Array(32).fill(7);
const tillKey = ed25519PublicKey(seed);
const terms = { tillNo: 12, amountMl: 300n, sen: 180n, ref: fromHex('00112233445566778899') as Uint8Array, expiresAtS: 1_775_808_923 };
const bytes = signInvoice(terms, genesisHash, seed);

const codeOf = (result: { ok: boolean; fault?: { code: string } }): string | undefined => result.fault?.code;
const flipped = (at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

t.test('the layout is the one of the specification', (t) => {
  t.equal(bytes.length, 92);
  t.equal(toHex(bytes.subarray(0, 28)), '01' + '0102' + '0000000c' + '0000012c' + '0000b4' + '00112233445566778899' + '69d8b19b');
  const decoded = decodeInvoice(bytes);
  t.ok(decoded.ok);
  if (decoded.ok) {
    t.match(decoded.value, { ...terms, networkHint: networkHint(genesisHash) });
    t.same(encodeInvoice(decoded.value), bytes);
  }
  t.end();
});

t.test('every invoice in bounds survives the round trip; extremes included', (t) => {
  const field = (max: bigint) => fc.bigInt({ min: 0n, max });
  fc.assert(fc.property(fc.bigInt({ min: 1n, max: 0xffff_ffffn }), field(0xffff_ffffn), field(0xff_ffffn), fc.uint8Array({ minLength: 10, maxLength: 10 }), fc.integer({ min: 1_577_836_800, max: 4_102_444_800 }), fc.uint8Array({ minLength: 64, maxLength: 64 }),
    (till, amountMl, sen, ref, expiresAtS, signature) => {
      const invoice = { networkHint: networkHint(genesisHash), tillNo: Number(till), amountMl, sen, ref, expiresAtS, signature };
      const again = decodeInvoice(encodeInvoice(invoice));
      return again.ok && JSON.stringify(again.value, show) === JSON.stringify(invoice, show);
    }), { seed: 6, numRuns: 300, examples: [[0xffff_ffffn, 0xffff_ffffn, 0xff_ffffn, new Uint8Array(10), 4_102_444_800, new Uint8Array(64)]] });
  t.pass('300 invoices');
  t.end();
});

function show(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

t.test('no field outside its bounds is decoded or encoded', (t) => {
  const patched = (at: number, hex: string): Uint8Array => {
    const copy = bytes.slice();
    copy.set(fromHex(hex) as Uint8Array, at);
    return copy;
  };
  const cases: [string, Uint8Array, string][] = [
    ['too short', bytes.subarray(0, 91), 'Invoice'],
    ['too long', new Uint8Array(93), 'Invoice'],
    ['empty', new Uint8Array(0), 'Invoice'],
    ['version 0', patched(0, '00'), 'Invoice.version'],
    ['version 2', patched(0, '02'), 'Invoice.version'],
    ['till 0', patched(3, '00000000'), 'Invoice.tillNo'],
    ['expiry before 2020', patched(24, '5e0be0ff'), 'Invoice.expiresAtS'],
    ['expiry after 2100', patched(24, 'ffffffff'), 'Invoice.expiresAtS'],
  ];
  for (const [title, wrong, path] of cases) t.match(decodeInvoice(wrong), { ok: false, fault: { code: 'malformed', path } }, title);
  t.throws(() => signInvoice({ ...terms, amountMl: -1n }, genesisHash, seed));
  t.throws(() => signInvoice({ ...terms, amountMl: 0x1_0000_0000n }, genesisHash, seed));
  t.throws(() => signInvoice({ ...terms, sen: 0x100_0000n }, genesisHash, seed));
  t.throws(() => signInvoice({ ...terms, ref: new Uint8Array(9) }, genesisHash, seed));
  t.throws(() => signInvoice({ ...terms, tillNo: 1.5 }, genesisHash, seed));
  t.end();
});

t.test('a view into a larger buffer decodes alike, and the result does not share its memory', (t) => {
  const large = new Uint8Array(200);
  large.set(bytes, 50);
  const decoded = decodeInvoice(large.subarray(50, 142));
  large.fill(0);
  t.ok(decoded.ok && toHex(decoded.value.ref) === '00112233445566778899');
  t.end();
});

t.test('any flipped byte is refused, and so is another network or key', (t) => {
  t.ok(verifyInvoice(bytes, genesisHash, tillKey, verifyEd25519).ok);
  for (let at = 0; at < 92; at++) t.notOk(verifyInvoice(flipped(at), genesisHash, tillKey, verifyEd25519).ok, `byte ${at}`);
  const otherHint = genesisHash.map((byte) => byte ^ 0xff);
  t.equal(codeOf(verifyInvoice(bytes, otherHint, tillKey, verifyEd25519)), 'wrong_network');
  t.equal(codeOf(decodeInvoiceFor(otherHint, bytes)), 'wrong_network');
  const sameHint = genesisHash.map((byte, i) => (i < 2 ? byte : byte ^ 1));
  t.ok(decodeInvoiceFor(sameHint, bytes).ok, 'the hint alone does not tell');
  t.equal(codeOf(verifyInvoice(bytes, sameHint, tillKey, verifyEd25519)), 'bad_signature', 'the whole genesis hash is signed');
  t.equal(codeOf(verifyInvoice(bytes, genesisHash, ed25519PublicKey(new Uint8Array(32)), verifyEd25519)), 'bad_signature');
  t.equal(codeOf(verifyInvoice(new Uint8Array(3), genesisHash, tillKey, verifyEd25519)), 'malformed');
  t.end();
});

t.test('the signature covers tag, genesis hash and the first 28 bytes', (t) => {
  const covered = invoiceSigningBytes(genesisHash, bytes);
  t.equal(toHex(covered), `${Buffer.from('bill/invoice/1').toString('hex')}00${toHex(genesisHash)}${toHex(bytes.subarray(0, 28))}`);
  t.end();
});

t.test('the text has 153 characters of the QR alphanumeric set and one spelling', (t) => {
  const text = invoiceText(bytes);
  t.equal(text.length, INVOICE_TEXT_LENGTH);
  t.match(text, /^MMU1:[A-Z2-7]{148}$/);
  const parsed = parseInvoiceText(text);
  t.same(parsed, { ok: true, value: bytes });
  const last = text.slice(-1);
  const nonCanonical = text.slice(0, -1) + String.fromCharCode(last.charCodeAt(0) + 1);
  for (const wrong of ['', text.toLowerCase(), `${text}=`, text.slice(0, -1), text.replace('MMU1', 'MMU2'), nonCanonical, `${text.slice(0, 20)}0${text.slice(21)}`, `${text.slice(0, 20)}\u202e${text.slice(21)}`]) {
    t.equal(codeOf(parseInvoiceText(wrong)), 'malformed', wrong.slice(0, 24));
  }
  t.end();
});

t.test('the reference commits to salt and order bytes', (t) => {
  const salt = new Uint8Array(16).fill(1);
  const order = Uint8Array.of(1, 2, 3);
  const ref = orderRef(salt, order);
  t.equal(ref.length, 10);
  t.not(toHex(orderRef(salt, Uint8Array.of(1, 2, 4))), toHex(ref));
  t.not(toHex(orderRef(new Uint8Array(16), order)), toHex(ref));
  t.throws(() => orderRef(new Uint8Array(15), order));
  t.end();
});

t.test('the match code is the first 20 bits in Crockford Base32', (t) => {
  const ref = (hex: string): Uint8Array => fromHex(hex.padEnd(20, 'f')) as Uint8Array;
  t.equal(matchCode(ref('00000')), '0000');
  t.equal(matchCode(ref('fffff')), 'ZZZZ');
  t.equal(matchCode(ref('0443a')), '0H1T');
  t.throws(() => matchCode(new Uint8Array(4)));
  t.end();
});

interface VectorCase {
  readonly title: string;
  readonly input: { genesisHash: string; tillKey: string; bytes: string };
  readonly output: { code: string } | { tillNo: number; amountMl: string; sen: string; ref: string; expiresAtS: number; text: string; matchCode: string };
}

t.test('the published vectors hold', (t) => {
  const file = JSON.parse(readFileSync(new URL('../../vectors/invoice.json', import.meta.url), 'utf8')) as { cases: VectorCase[] };
  t.ok(file.cases.length >= 10);
  for (const { title, input, output } of file.cases) {
    const wire = fromHex(input.bytes) as Uint8Array;
    const result = verifyInvoice(wire, fromHex(input.genesisHash) as Uint8Array, fromHex(input.tillKey) as Uint8Array, verifyEd25519);
    if (!result.ok) t.same({ code: result.fault.code }, output, title);
    else {
      const { tillNo, amountMl, sen, ref, expiresAtS } = result.value;
      t.same({ tillNo, amountMl: amountMl.toString(), sen: sen.toString(), ref: toHex(ref), expiresAtS, text: invoiceText(wire), matchCode: matchCode(ref) }, output, title);
    }
  }
  t.end();
});
