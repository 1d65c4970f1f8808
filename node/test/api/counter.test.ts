/** A merchant opens a counter, sells and closes it again, with the SDK alone, over HTTP and with logins. */
import t from 'tap';
import { formatAddress, toHex } from '@billcoin/protocol';
import {
  activateTill, addCashier, addProduct, addSignature, ApiError, buildRevokeTill, changeCashier, changeProduct, createClient, createOrder, enrolTill, getTill, listCashiers, listPrices, listProducts, listTills, loginByKey, parseEnrolText, postOrder,
  productItem, registerMerchant, removeCashier, removeProduct, reportTill, revokeTill, type Client, type Product,
} from '@billcoin/sdk';
import { openWorld, PRICE_SEN, wallet } from '../support/campusWorld.ts';
import { KEYS } from '../support/testNetwork.ts';

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof ApiError) return error.code;
    throw error;
  }
};

t.test('from the first registration to the revoked till', async (t) => {
  const world = await openWorld(t);
  const { chain } = world;
  const { genesisHash } = chain;
  const stop = chain.onAdmitted(() => void setImmediate(() => void chain.block()));
  t.teardown(async () => stop());
  const [ali, kiosk, device] = [wallet('ali'), wallet('kiosk'), wallet('device')];
  await world.fund(10_000n, ali, kiosk);

  const admin = await world.clientAs('admin');
  t.match(await registerMerchant(admin, { name: 'Kiosk', account: kiosk.addressText }), { status: 'active' });
  const token = await world.tokenOf('manager', kiosk.addressText);
  const manager: Client = { ...world.client, accessToken: () => token };

  const { enrolCode, text } = await enrolTill(manager, { name: 'Window' });
  t.same(parseEnrolText(text, genesisHash), { ok: true, value: enrolCode });
  const { tillNo, merchantId } = await activateTill(createClient({ baseUrl: world.api.url }), { enrolCode, till: device, genesisHash });
  t.same([tillNo, merchantId], [2, kiosk.addressText]);
  t.match(await getTill(world.client, { tillNo }), { publicKey: toHex(device.publicKey), merchantName: 'Kiosk' });
  const { accessToken } = await loginByKey(world.client, { key: device, genesisHash });
  const till: Client = { ...world.client, accessToken: () => accessToken };
  await reportTill(till, { tillNo, version: '1.0.0', battery: null, lastProof: chain.tip().height });
  t.equal(await codeOf(reportTill(till, { tillNo: 1, version: '1.0.0', battery: null, lastProof: null })), 'not_found', 'for itself alone');
  t.match((await listTills(manager)).data, [{ tillNo, name: 'Window', report: { version: '1.0.0', battery: null } }]);

  const milk = await addProduct(manager, { name: { en: 'Fresh milk', ms: 'Susu segar' }, price: { rule: 'rm', rm: '1.80' }, cartonLitres: '0.25', lot: 'LOT-1', received: 2 });
  t.equal(await codeOf(addProduct(till, { name: { en: 'x', ms: 'x' }, price: { rule: 'rm', rm: '1' }, cartonLitres: '1', lot: null, received: 1 })), 'forbidden', 'a till sells, it does not stock');
  const stock = async (): Promise<Product | undefined> => (await listProducts(world.client, { merchantId })).data[0];
  const order = (quantity: number) => createOrder({ genesisHash, till: device, tillNo, items: [productItem(milk, { quantity, priceSenPerBill: PRICE_SEN })], priceSenPerBill: PRICE_SEN, expiresAtS: Math.floor(world.nowMs / 1_000) + 120 });
  const sold = order(2);
  t.match(await postOrder(till, sold), { rm: '3.60', litres: '0.600', status: 'AWAITING_PAYMENT' });
  t.equal(await codeOf(postOrder(till, order(1))), 'out_of_stock');
  t.equal(await codeOf(removeProduct(manager, { productId: milk.productId })), 'product_in_use');
  t.equal((await changeProduct(manager, { productId: milk.productId, received: 3 })).stock, 1);
  await world.pay(ali, sold.invoice);
  await world.campus.caughtUp();
  await world.block();
  t.match(await stock(), { stock: 1, reserved: 0, sold: 2 });

  const { cashierId } = await addCashier(manager, { name: 'Siti', pin: '49271', tills: [tillNo] });
  t.match((await listCashiers(till)).data, [{ cashierId, name: 'Siti' }]);
  t.equal((await changeCashier(manager, { cashierId, name: 'Siti A.' })).name, 'Siti A.');
  t.equal((await removeCashier(manager, { cashierId })).cashierId, cashierId);
  t.match((await listPrices(world.client)).data[0], { rmPerBill: '6.00' });

  const tx = addSignature(buildRevokeTill({ genesisHash, sender: kiosk.address, tillNo, feeMl: 1n, validUntilMs: world.nowMs + 60_000 }), kiosk);
  t.match(await revokeTill(manager, { tillNo, reason: 'stolen', tx }), { status: 'revoked' });
  t.equal(await codeOf(postOrder(till, order(1))), 'unauthenticated', 'its login is over with its key');
  const cafeteria = { ...world.client, accessToken: async () => await world.tokenOf('manager', formatAddress(KEYS.cafeteria.address)) };
  t.equal(await codeOf(revokeTill(cafeteria, { tillNo, reason: 'not mine', tx })), 'not_found');
  t.equal((await removeProduct(manager, { productId: milk.productId })).sold, 2);
});
