/** A student's own wallets (US-001) and the QR code of a coupon (US-005). */
import t from 'tap';
import { createLinkCode, linkWallet, listWallets, parseCouponText, unlinkWallet, type Key } from '@billcoin/sdk';
import { openWorld, wallet, type Teardown, type World } from '../support/campusWorld.ts';
import { departures } from '../support/conforms.ts';

const [phone, tablet] = [wallet('phone'), wallet('tablet')];

async function link(world: World, linkCode: string, key: Key): Promise<string> {
  return (await linkWallet(world.client, { linkCode, key, genesisHash: world.chain.genesisHash })).walletId;
}

/** A student of the roster with one linked phone. */
async function openLinked(t: Teardown): Promise<{ readonly world: World; readonly studentRef: string; readonly walletId: string }> {
  const world = await openWorld(t);
  const imported = await world.campus.students.importRoster('studentId\nA001\n');
  const [code] = imported.ok ? imported.codes : [];
  return { world, studentRef: code?.studentRef ?? '', walletId: await link(world, code?.linkCode ?? '', phone) };
}

t.test('a student sees own wallets masked, links a second phone by a code of ten minutes and unlinks it', async (t) => {
  const { world, walletId } = await openLinked(t);
  const client = await world.clientAs(phone);
  t.match(await listWallets(client), { data: [{ walletId, addressMasked: `${phone.addressText.slice(0, 6)}...${phone.addressText.slice(-4)}`, current: true }] });
  const { linkCode, expiresAt } = await createLinkCode(client);
  t.equal(Date.parse(expiresAt), Math.floor((world.nowMs + 600_000) / 1_000) * 1_000);
  const second = await link(world, linkCode, tablet);
  t.same((await listWallets(client)).data.map(({ current }) => current), [true, false]);
  t.notOk(JSON.stringify(await listWallets(client)).includes(tablet.addressText), 'no whole address');
  await unlinkWallet(client, { walletId: second });
  t.equal((await listWallets(client)).data.length, 1);
  await t.rejects(unlinkWallet(client, { walletId: second }), { code: 'not_found' });
  t.equal(await world.campus.wallets.studentOf(tablet.address), undefined, 'forgotten at once');
  t.match(await listWallets(await world.clientAs(tablet)), { data: [] });
  const late = await createLinkCode(client);
  world.chain.clock.moveTo(world.nowMs + 600_001);
  await t.rejects(link(world, late.linkCode, tablet), { code: 'cannot_link' });
});

t.test('nobody unlinks another’s wallet, and an unlinked wallet makes no codes', async (t) => {
  const { world, walletId } = await openLinked(t);
  const stranger = await world.clientAs(tablet);
  await t.rejects(unlinkWallet(stranger, { walletId }), { code: 'not_found' });
  await t.rejects(createLinkCode(stranger), { code: 'forbidden' });
  t.equal((await world.get('/wallets')).status, 401);
  t.equal((await world.get('/wallets', await world.as('manager'))).status, 403);
  t.same(departures('listWallets', await world.get('/wallets', await world.as(phone))), []);
});

t.test('points and coupons stay with the address; its QR is text or a picture, for the owner alone', async (t) => {
  const { world, walletId } = await openLinked(t);
  await world.fund(10_000n, phone);
  for (let i = 0; i < 5; i++) {
    await world.pay(phone, world.order().invoice);
    await world.block();
  }
  await unlinkWallet(await world.clientAs(phone), { walletId });
  const { ids: [couponId = ''] } = await world.campus.loyalty.couponIds(phone.address, 1);
  const qr = async (accept: string, key = phone) => await world.get(`/coupons/${couponId}/qr`, { accept, ...await world.as(key) });
  const text = await qr('*/*');
  t.match(text.headers.get('content-type'), /^text\/plain/);
  t.same(parseCouponText(text.text), { ok: true, value: couponId });
  const svg = await qr('image/svg+xml');
  t.match(svg.headers.get('content-type'), /^image\/svg\+xml/);
  t.match(svg.text, /^<svg [^>]*>.*<\/svg>\s*$/s);
  t.notMatch(svg.text, /<script|href/);
  const png = await qr('image/png');
  t.match(png.headers.get('content-type'), /^image\/png/);
  t.match(png.text, /PNG/);
  t.equal((await qr('*/*', tablet)).status, 404, 'nobody else’s');
  t.equal((await world.get(`/coupons/${'00'.repeat(32)}/qr`, await world.as(phone))).status, 404);
});
