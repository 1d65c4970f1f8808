/** What has verified before is not verified again, and every verdict stays with its item. */
import t from 'tap';
import { skipKnown } from '../../src/mempool/signatureQueue.ts';
import type { SignedItem } from '../../src/signaturesOf.ts';

const item = (n: number): SignedItem => ({ publicKey: new Uint8Array([n]), message: new Uint8Array(), signature: new Uint8Array() });

t.test('only what is not known is verified, in order', async (t) => {
  const asked: number[][] = [];
  const verify = skipKnown((items) => {
    asked.push(items.map(({ publicKey }) => publicKey[0] ?? 0));
    return Promise.resolve(items.map(({ publicKey }) => publicKey[0] !== 4));
  }, ({ publicKey }) => (publicKey[0] ?? 0) % 2 === 1);
  t.same(await verify([1, 2, 3, 4, 5, 6].map(item)), [true, true, true, false, true, true]);
  t.same(asked, [[2, 4, 6]]);
  t.same(await verify([item(1), item(3)]), [true, true]);
  t.equal(asked.length, 1, 'where all is known nobody is asked');
  t.same(await verify([]), []);
});
