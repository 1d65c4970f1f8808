/**
 * Peer bug 34 (consensus page §4): ids and amounts above 2^53 that saturate or round to one value. Here everything that could
 * reach that size is text (hex, decimal litres); a number in a path or on the wire that does not fit is refused, never rounded.
 */
import t from 'tap';
import { AMOUNT_MAX, decode, encode, formatLitres, parseLitres, TxBody } from '@billcoin/protocol';
import { openWorld } from '../support/campusWorld.ts';
import { KEYS, TxMaker, makeTestGenesis } from '../support/testNetwork.ts';

/** Neighbours that one double stands for. */
const TWINS = [9_007_199_254_740_992n, 9_007_199_254_740_993n];

t.test('peer bug 34, JSON-RPC ids that saturate: no number above 2^53 names anything in a path', async (t) => {
  const world = await openWorld(t);
  await world.block();
  for (const text of [...TWINS.map(String), String(2n ** 64n), String(2n ** 64n + 1n), `${2n ** 32n + 1n}`, '1e0', '+1', '1.0', '0x1', '١', ' 1', '1 ']) {
    for (const path of [`/tills/${encodeURIComponent(text)}`, `/blocks/${encodeURIComponent(text)}`, `/blocks?limit=${encodeURIComponent(text)}`, `/proofs/invoice/${encodeURIComponent(text)}/${'0'.repeat(20)}`]) {
      const { status } = await world.get(path);
      t.ok(status === 400 || status === 404, `${path}: ${status}`);
    }
  }
  t.equal((await world.get('/tills/1')).status, 200);
  t.equal((await world.get('/blocks/1')).status, 200);
});

t.test('peer bug 34: amounts keep their last millilitre in text, and the first that would not is refused', (t) => {
  t.equal(formatLitres(AMOUNT_MAX), '9007199254740.991');
  t.equal(parseLitres('9007199254740.991'), AMOUNT_MAX);
  t.equal(parseLitres('9007199254740.990'), AMOUNT_MAX - 1n);
  for (const text of ['9007199254740.992', '9007199254740.993', '9999999999999.999']) t.equal(parseLitres(text), undefined, text);
  t.end();
});

t.test('peer bug 34: on the wire a varint above 2^53 − 1 is refused, in amounts and in times', (t) => {
  const maker = new TxMaker(makeTestGenesis(1_780_000_000_000));
  const body = maker.parse(maker.transfer(KEYS.farm, KEYS.treasury.address, AMOUNT_MAX)).body;
  const bytes = encode(TxBody, body);
  t.ok(decode(TxBody, bytes).ok, 'the largest amount');
  const varint = (value: bigint): number[] => (value < 128n ? [Number(value)] : [Number(value % 128n) | 0x80, ...varint(value / 128n)]);
  const at = Buffer.from(bytes).indexOf(Buffer.from(varint(AMOUNT_MAX)));
  t.ok(at > 0);
  for (const twin of TWINS) {
    const other = Uint8Array.from([...bytes.subarray(0, at), ...varint(twin), ...bytes.subarray(at + 8)]);
    t.equal(other.length, bytes.length, 'as long as the largest one');
    t.equal(decode(TxBody, other).ok, false, String(twin));
  }
  t.end();
});
