/** QR texts of codes: one spelling each, and nothing else is taken (threat 27). */
import t from 'tap';
import { signingBytes, utf8, verifyEd25519 } from '@billcoin/protocol';
import { addSignature, buildPay, couponText, enrolSigningBytes, enrolText, offlinePayText, parseCouponText, parseEnrolText, parseOfflinePay, parseSimpleCode, signEnrolment, simpleCodeText } from '../../src/index.ts';
import { genesisHash, keys, makeOrder } from '../fixture.ts';

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** Seeded (mulberry32): the same run every time. */
function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

t.test('a code comes back from its text, which fits a small QR code', (t) => {
  const random = makeRandom(5);
  for (let i = 0; i < 500; i++) {
    const code = Array.from({ length: 10 }, () => CROCKFORD.charAt(random(32))).join('');
    const text = enrolText(code, genesisHash);
    t.match(text, /^MMU5:[A-Z2-7]{15}$/);
    t.same(parseEnrolText(text, genesisHash), { ok: true, value: code });
  }
  for (const code of ['0000000000', 'ZZZZZZZZZZ']) t.same(parseEnrolText(enrolText(code, genesisHash), genesisHash), { ok: true, value: code });
  for (const code of ['', '012345678', '01234567890', '012345678I', '012345678l', '０123456789']) t.throws(() => enrolText(code, genesisHash), RangeError, code);
  t.end();
});

t.test('a device of another network does not take the code', (t) => {
  t.match(parseEnrolText(enrolText('K7QX0A2B3C', genesisHash), new Uint8Array(32).fill(9)), { ok: false, fault: { code: 'wrong_network' } });
  t.end();
});

t.test('no other text is a code: lower case, padding, bidi marks, URLs, other prefixes, filler bits', (t) => {
  const good = enrolText('K7QX0A2B3C', genesisHash);
  const refused = [
    '', 'MMU5:', good.toLowerCase(), good.slice(0, -1), `${good}A`, `${good}=`, ` ${good}`, `${good}\n`, `\u202e${good}`, `${good.slice(0, 8)}\u200b${good.slice(8)}`, good.replace('MMU5', 'MMU2'), good.replace('MMU5', 'mmu5'),
    `https://evil.example/#${good}`, `javascript:${good}`, `${good.slice(0, -1)}B`, `MMU5:${'7'.repeat(15)}`, 'MMU5:'.padEnd(100_000, 'A'), good.replace(/[A-Z]/g, (letter) => String.fromCodePoint(0xff21 + letter.charCodeAt(0) - 65)),
  ];
  for (const text of refused) t.match(parseEnrolText(text, genesisHash), { ok: false, fault: { code: 'malformed' } }, JSON.stringify(text.slice(0, 40)));
  t.end();
});

t.test('fuzz: whatever a parser takes, its writer writes back letter by letter', (t) => {
  const random = makeRandom(27);
  const order = makeOrder();
  const pay = buildPay({ genesisHash, invoice: order.invoice, payer: keys.student.address });
  if (!pay.ok) throw new Error(pay.fault.code);
  const texts = [enrolText('K7QX0A2B3C', genesisHash), couponText('a5'.repeat(32)), simpleCodeText({ tillNo: 12, ref: order.ref }, genesisHash), offlinePayText(addSignature(pay.value, keys.student))];
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567:M5210abcz =\u202e\u0000é';
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const letters = [...(texts[i % texts.length] as string)];
    for (let change = random(3); change >= 0; change--) {
      const at = random(letters.length + 1);
      letters.splice(at, random(2), ...(random(3) === 0 ? [] : [alphabet.charAt(random(alphabet.length))]));
    }
    const text = letters.join('');
    const enrolment = parseEnrolText(text, genesisHash);
    const coupon = parseCouponText(text);
    if (enrolment.ok && enrolText(enrolment.value, genesisHash) !== text) t.fail(`another spelling is taken: ${text}`);
    if (coupon.ok && couponText(coupon.value) !== text) t.fail(`another spelling is taken: ${text}`);
    const simple = parseSimpleCode(text, genesisHash);
    const shown = parseOfflinePay(text, genesisHash);
    if (simple.ok && simpleCodeText(simple.value, genesisHash) !== text) t.fail(`another spelling is taken: ${text}`);
    if (shown.ok && offlinePayText(shown.value.draft) !== text) t.fail(`another spelling is taken: ${text}`);
    const taking = [enrolment, coupon, simple, shown].filter(({ ok }) => ok).length;
    if (taking > 1) t.fail('one text for two things');
    taken += taking;
  }
  t.ok(taken > 100, `${taken} of them were right by chance`);
  t.end();
});

t.test('what a till signs to be enrolled is no login and is of one network', (t) => {
  const signature = signEnrolment('K7QX0A2B3C', genesisHash, keys.till);
  const verify = (message: Uint8Array): boolean => verifyEd25519(keys.till.publicKey, message, signature);
  t.ok(verify(enrolSigningBytes(genesisHash, 'K7QX0A2B3C')));
  t.notOk(verify(enrolSigningBytes(genesisHash, 'K7QX0A2B3D')));
  t.notOk(verify(enrolSigningBytes(new Uint8Array(32), 'K7QX0A2B3C')));
  t.notOk(verify(signingBytes('bill/login/1', genesisHash, utf8('K7QX0A2B3C'))));
  t.end();
});
