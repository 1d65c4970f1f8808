/** Whatever is changed about a signed invoice, on its way from the till's screen to the phone, the wallet refuses (threats 3 and 23). */
import t from 'tap';
import { invoiceText } from '@billcoin/protocol';
import { createOrder, readInvoice, type ChainLookup } from '../../src/index.ts';
import { carton, genesisHash, keys, makeOrder, TILL_NO } from '../fixture.ts';

const till = { publicKey: keys.till.publicKey, status: 'active', merchant: keys.merchant.address, merchantName: 'Cafeteria', merchantStatus: 'active' } as const;

function lookup(senPerBill = 600n, previousSenPerBill = senPerBill): ChainLookup {
  // A till number that was flipped may be that of another till of the same merchant.
  return { till: () => Promise.resolve(till), prices: () => Promise.resolve({ senPerBill, previousSenPerBill }) };
}

t.test('any bit of the 92 bytes', async (t) => {
  const { invoice } = makeOrder();
  t.ok((await readInvoice(invoiceText(invoice), { genesisHash, lookup: lookup() })).ok, 'untouched');
  for (let at = 0; at < invoice.length; at++) {
    const flipped = invoice.slice();
    flipped[at] = (invoice[at] ?? 0) ^ (1 << at % 8);
    const read = await readInvoice(invoiceText(flipped), { genesisHash, lookup: lookup() });
    if (read.ok) t.fail(`byte ${at} may be changed`);
  }
});

t.test('a price that is not the one of today or of the day before, by more than 1 %', async (t) => {
  const qrAt = (priceSenPerBill: bigint): string => createOrder({ genesisHash, till: keys.till, tillNo: TILL_NO, items: [{ ...carton, senLine: 18_000n }], priceSenPerBill }).qr;
  const verdict = async (asked: bigint, today: bigint, before = today): Promise<string> => {
    const read = await readInvoice(qrAt(asked), { genesisHash, lookup: lookup(today, before) });
    return read.ok ? 'paid' : read.fault.code;
  };
  t.same(await Promise.all([594n, 600n, 606n].map((asked) => verdict(asked, 600n))), ['paid', 'paid', 'paid']);
  t.same(await Promise.all([593n, 607n, 300n, 1_200n].map((asked) => verdict(asked, 600n))), ['price_out_of_band', 'price_out_of_band', 'price_out_of_band', 'price_out_of_band']);
  t.equal(await verdict(600n, 630n, 600n), 'paid', 'made before midnight');
  t.equal(await verdict(600n, 630n, 660n), 'price_out_of_band');
});
