/** Kinds 8–15: who is registered, under which terms, and what of a row survives another registration. */
import t from 'tap';
import { DAY_MS, DEVICE_ALG, p256PublicKey, ROWS, stateRows, tillId, toHex, u32be, utf8, type RegisterDevice, type TxBody } from '../../src/index.ts';
import { alice, refundOf, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf, METER, PROFILE_HASH, START_MS, World, type Key } from '../support/world.ts';

const { regulator, campus, plant, farmA, cafeteria, kiosk, till1 } = KEYS;
const { ACTIVE, SUSPENDED, REVOKED } = stateRows;
type Kind = TxBody['kind'];
const newcomer = keyOf('newcomer');

const put = (world: World, by: Key, kind: Kind) => world.block([world.tx(by, kind)]);
const hex = (...bytes: number[]): string => toHex(Uint8Array.from(bytes));

t.test('merchant and farm: registered, suspended, revoked and taken back by their authority', (t) => {
  const world = new World();
  const merchant = (status: number, name = 'Vet shop'): Kind => ({ case: 'registerMerchant', value: { account: newcomer.address, name, status } });
  const block = put(world, campus, merchant(ACTIVE));
  t.same(block.events, [[{ case: 'registryChanged', value: { rowKey: Uint8Array.of(0x06, ...newcomer.address), by: campus.address } }]]);
  for (const status of [SUSPENDED, REVOKED, ACTIVE]) {
    put(world, campus, merchant(status, `Shop ${status}`));
    t.same(world.tip.state.get(ROWS.merchant, toHex(newcomer.address)), { account: newcomer.address, name: `Shop ${status}`, status });
  }
  put(world, regulator, { case: 'registerFarm', value: { account: newcomer.address, name: 'Farm C', status: ACTIVE } });
  t.equal(world.tip.state.get(ROWS.farm, toHex(newcomer.address))?.name, 'Farm C');
  put(world, regulator, { case: 'registerFarm', value: { account: farmA.address, name: 'Farm A', status: REVOKED } });
  t.equal(verdict(world, world.openBatch()), 'unknown_farm', 'a revoked farm has no share');
  t.equal(verdict(world, world.tx(campus, merchant(ACTIVE), { feeMl: 1n })), 'malformed', 'an authority pays no fee');
  t.end();
});

t.test('plant: new terms, while bond, debt and the day\'s litres stay', (t) => {
  const world = rich();
  const id = toHex(plant.address);
  const before = world.tip.state.get(ROWS.plant, id);
  const terms = { account: plant.address, name: 'Plant', status: ACTIVE, ceilingMl: 1_000_500n, tollBps: 5_000, bondBps: 2_000, profileHash: new Uint8Array(32).fill(3) };
  world.block([world.openBatch({ lot: utf8('L2'), totalFrom: 1_000_000n, totalTo: 1_000_600n, claimMl: 600n })]);
  put(world, regulator, { case: 'registerPlant', value: terms });
  const after = world.tip.state.get(ROWS.plant, id);
  t.same(after, { ...before, ...terms, openBatches: 1 });
  t.not(after?.bondMl, 0n);
  t.same(world.tip.state.get(ROWS.batch, toHex(world.batchKey('L2')))?.profileHash, PROFILE_HASH, 'an open batch keeps its profile');
  const [o1, o2, o3] = KEYS.oracles as unknown as [Key, Key, Key];
  const say = (oracle: Key): Uint8Array => world.attest(oracle, world.batchKey('L2'), 600n);
  world.block([say(o1), say(o2)]);
  t.equal(verdict(world, say(o3)), 'ceiling_reached', 'the new ceiling counts the litres of the same day');
  put(world, regulator, { case: 'registerPlant', value: { ...terms, status: SUSPENDED } });
  t.equal(verdict(world, world.openBatch({ lot: utf8('L3'), totalFrom: 1_000_600n, totalTo: 1_000_700n, claimMl: 1n })), 'plant_not_active');
  const fresh = { ...terms, account: newcomer.address, name: 'New plant' };
  put(world, regulator, { case: 'registerPlant', value: fresh });
  t.match(world.tip.state.get(ROWS.plant, toHex(newcomer.address)), { ...fresh, bondMl: 0n, owedMl: 0n, availableMl: 0n, openBatches: 0, day: 0, mintedMl: 0n });
  t.end();
});

t.test('a suspended plant opens nothing, but what it opened is minted and delivered: the farms gave that milk', (t) => {
  const world = rich();
  world.block([world.openBatch({ lot: utf8('L2'), totalFrom: 1_000_000n, totalTo: 1_000_600n, claimMl: 600n })]);
  setRow(world, ROWS.plant, toHex(plant.address), { status: SUSPENDED });
  const batch = world.batchKey('L2');
  const mint = world.block(KEYS.oracles.slice(0, 3).map((oracle) => world.attest(oracle, batch, 600n)));
  t.match(mint.events[2]?.[1], { case: 'minted', value: { volumeMl: 600n } });
  const note: Kind = { case: 'redeem', value: { batch, amountMl: 600n, noteHash: new Uint8Array(32) } };
  t.equal(verdict(world, world.tx(cafeteria, note, {}, [plant])), 'ok');
  t.equal(verdict(world, world.openBatch({ lot: utf8('L3'), totalFrom: 1_000_600n, totalTo: 1_000_700n, claimMl: 1n })), 'plant_not_active');
  put(world, regulator, { case: 'holdBatch', value: { batch, held: 1 } });
  t.equal(verdict(world, world.tx(cafeteria, note, {}, [plant])), 'batch_on_hold', 'the regulator stops milk, not the status of its plant');
  t.end();
});

t.test('till: a number stays with its merchant; another key is no new allowance; only the new key signs', (t) => {
  const world = rich();
  const till = (tillNo: number, merchant: Key, key: Key): Kind => ({ case: 'registerTill', value: { tillNo, merchant: merchant.address, publicKey: key.publicKey } });
  t.equal(verdict(world, world.tx(campus, till(1, kiosk, till1))), 'till_number_taken');
  t.equal(verdict(world, world.tx(campus, till(7, newcomer, till1))), 'unknown_merchant');
  const bad: Kind = { case: 'registerTill', value: { tillNo: 7, merchant: kiosk.address, publicKey: new Uint8Array(32) } };
  t.equal(verdict(world, world.tx(campus, bad)), 'malformed', 'a small-order point is no key');
  put(world, campus, till(7, kiosk, newcomer));
  t.same(world.tip.state.get(ROWS.till, tillId(7)), { tillNo: 7, merchant: kiosk.address, publicKey: newcomer.publicKey, status: ACTIVE, day: 0, refundedMl: 0n });

  const big = world.parse(world.pay(alice, world.invoice(till1, 1, 30_000n, 18_000n, 'big')));
  world.block([big.bytes]);
  world.block([refundOf(world, big, 15_000n, till1)]);
  const waiting = world.invoice(till1, 1, 300n, 180n, 'signed by the old key');
  put(world, campus, till(1, cafeteria, newcomer));
  t.equal(verdict(world, world.pay(alice, waiting)), 'bad_signature', 'invoices of the old key end with it');
  t.equal(verdict(world, refundOf(world, big, 1n, till1)), 'wrong_signers');
  t.equal(verdict(world, refundOf(world, big, 4_999n, newcomer)), 'over_till_cap');
  t.equal(verdict(world, refundOf(world, big, 4_998n, newcomer)), 'ok', 'the new key refunds what the old one sold');
  t.end();
});

t.test('RevokeTill: free for the authority, for a fee by the merchant of the till, by nobody else', (t) => {
  const world = rich();
  const revoke = (tillNo: number): Kind => ({ case: 'revokeTill', value: { tillNo } });
  t.equal(verdict(world, world.tx(campus, revoke(9))), 'unknown_till');
  t.equal(verdict(world, world.tx(kiosk, revoke(1), { feeMl: 1n })), 'wrong_signers', 'another merchant');
  t.equal(verdict(world, world.tx(till1, revoke(1))), 'wrong_signers', 'the till itself');
  t.equal(verdict(world, world.tx(campus, revoke(1), { feeMl: 1n })), 'malformed', 'the authority pays nothing');
  t.equal(verdict(world, world.tx(cafeteria, revoke(1))), 'fee_too_low', 'the merchant pays');
  const before = rich().tip.state.get(ROWS.account, toHex(cafeteria.address))?.balanceMl ?? 0n;
  world.block([world.tx(cafeteria, revoke(1), { feeMl: 1n })]);
  t.equal(world.tip.state.get(ROWS.till, tillId(1))?.status, REVOKED, 'the row stays');
  t.equal(world.tip.state.get(ROWS.account, toHex(cafeteria.address))?.balanceMl, before - 1n);
  t.equal(verdict(world, world.tx(campus, revoke(1))), 'till_not_active');
  t.equal(verdict(world, world.pay(alice, world.invoice(till1, 1, 300n, 180n, 'late'))), 'till_not_active');
  put(world, campus, { case: 'registerTill', value: { tillNo: 1, merchant: cafeteria.address, publicKey: till1.publicKey } });
  t.equal(verdict(world, world.pay(alice, world.invoice(till1, 1, 300n, 180n, 'again'))), 'ok', 'registered again, it is in force again');
  put(world, campus, revoke(2));
  t.equal(world.tip.state.get(ROWS.till, tillId(2))?.status, REVOKED);
  t.end();
});

t.test('fee-free transactions of an authority count against its places in a block; a merchant who pays needs none', (t) => {
  const world = rich();
  const farm = (index: number): Uint8Array => world.tx(regulator, { case: 'registerFarm', value: { account: Uint8Array.of(...new Uint8Array(16), ...u32be(index)), name: 'F', status: ACTIVE } });
  const txs = Array.from({ length: 18 }, (_, index) => farm(index));
  const paid = [1, 2].map((tillNo) => world.tx(cafeteria, { case: 'revokeTill', value: { tillNo } }, { feeMl: 1n }));
  t.equal(world.block([...txs, ...paid]).txs.length, 16 + 2);
  t.end();
});

const DEVICE = new Uint8Array(16).fill(0x77);
const sensor = keyOf('sensor');
const device = (over: Partial<RegisterDevice> = {}): Kind => ({
  case: 'registerDevice',
  value: {
    device: DEVICE, alg: DEVICE_ALG.ed25519, publicKey: sensor.publicKey, owner: plant.address, site: utf8('plant-1'), fromMs: START_MS, untilMs: START_MS + DAY_MS, calibration: new Uint8Array(16).fill(1), calibratedUntilMs: START_MS + DAY_MS, ...over,
  },
});

t.test('device: the key fits its algorithm and is a point; site and validity have their form', (t) => {
  const world = new World();
  const say = (over: Partial<RegisterDevice>) => verdict(world, world.tx(regulator, device(over)));
  const p256 = p256PublicKey(sensor.seed);
  t.equal(say({}), 'ok');
  t.equal(say({ alg: DEVICE_ALG.p256, publicKey: p256 }), 'ok');
  t.equal(say({ alg: DEVICE_ALG.p256 }), 'malformed', '32 bytes are no P-256 key');
  t.equal(say({ publicKey: p256 }), 'malformed', '33 bytes are no Ed25519 key');
  t.equal(say({ alg: DEVICE_ALG.p256, publicKey: Uint8Array.of(4, ...p256.subarray(1)) }), 'malformed', 'not the compressed form');
  t.equal(say({ alg: DEVICE_ALG.p256, publicKey: Uint8Array.of(2, ...new Uint8Array(32).fill(255)) }), 'malformed', 'no point of the curve');
  t.equal(say({ publicKey: Uint8Array.of(1, ...new Uint8Array(31)) }), 'malformed', 'a small-order point');
  t.equal(say({ publicKey: new Uint8Array(32).fill(255) }), 'malformed', 'not canonical');
  for (const site of ['Plant', 'a/b', 'a b', 'é']) t.equal(say({ site: utf8(site) }), 'malformed', site);
  t.equal(say({ untilMs: START_MS }), 'malformed', 'valid for no time');
  t.end();
});

t.test('device: registered again with new terms; revoked from a moment that never moves later', (t) => {
  const world = new World();
  const row = () => world.tip.state.get(ROWS.device, toHex(DEVICE));
  const revoke = (fromMs: number): Kind => ({ case: 'revokeDevice', value: { device: DEVICE, fromMs } });
  t.equal(verdict(world, world.tx(regulator, revoke(START_MS))), 'unknown_device');
  const block = put(world, regulator, device());
  t.same(block.events[0], [{ case: 'registryChanged', value: { rowKey: Uint8Array.of(0x0a, ...DEVICE), by: regulator.address } }]);
  t.match(row(), { status: ACTIVE, untilMs: START_MS + DAY_MS });
  put(world, regulator, device({ untilMs: START_MS + 3 * DAY_MS, calibratedUntilMs: START_MS + 2 * DAY_MS }));
  t.match(row(), { untilMs: START_MS + 3 * DAY_MS, calibratedUntilMs: START_MS + 2 * DAY_MS });
  put(world, regulator, revoke(START_MS + 2 * DAY_MS));
  t.match(row(), { status: REVOKED, untilMs: START_MS + 2 * DAY_MS }, 'from a moment ahead');
  put(world, regulator, revoke(START_MS - 5_000));
  t.match(row(), { untilMs: START_MS - 5_000 }, 'a key that leaked in the past');
  put(world, regulator, revoke(START_MS + DAY_MS));
  t.match(row(), { untilMs: START_MS - 5_000 }, 'never later again');
  put(world, regulator, device());
  t.match(row(), { status: ACTIVE, untilMs: START_MS + DAY_MS }, 'until it is registered again');
  t.end();
});

t.test('meter: opened starts at total and never falls, whoever owns it next', (t) => {
  const world = new World();
  const meter = (over: { meter?: Uint8Array; plant?: Uint8Array; total?: bigint } = {}): Kind => ({ case: 'registerMeter', value: { meter: METER, plant: plant.address, total: 0n, ...over } });
  const row = () => world.tip.state.get(ROWS.meter, toHex(METER));
  t.equal(verdict(world, world.tx(regulator, meter({ plant: newcomer.address }))), 'unknown_plant');
  t.equal(verdict(world, world.tx(regulator, meter({ meter: DEVICE }))), 'unknown_device');
  world.block([world.openBatch()]);
  t.equal(row()?.opened, 1_000_000n);
  put(world, regulator, meter());
  t.match(row(), { total: 0n, opened: 1_000_000n }, 'registered again at zero: what was claimed stays claimed');
  t.equal(verdict(world, world.openBatch({ lot: utf8('L2') })), 'meter_interval_used');
  put(world, regulator, meter({ total: 1_500_000n }));
  t.equal(row()?.opened, 1_500_000n, 'litres before the new total cannot be claimed either');
  t.equal(hex(ROWS.meter.prefix), '0b');
  put(world, regulator, { case: 'revokeDevice', value: { device: METER, fromMs: world.timeMs } });
  t.equal(verdict(world, world.tx(regulator, meter())), 'unknown_device', 'a revoked device is no meter');
  t.end();
});

t.test('a second meter for the same milk: a device that is no custody meter of the plant opens nothing', (t) => {
  const world = new World();
  put(world, regulator, device());
  t.equal(verdict(world, world.openBatch({ meter: DEVICE })), 'unknown_meter', 'a sensor of the plant, but no custody meter');
  put(world, regulator, { case: 'registerPlant', value: { account: newcomer.address, name: 'Other', status: ACTIVE, ceilingMl: 1_000n, tollBps: 0, bondBps: 0, profileHash: PROFILE_HASH } });
  put(world, regulator, { case: 'registerMeter', value: { meter: DEVICE, plant: newcomer.address, total: 0n } });
  t.equal(verdict(world, world.openBatch({ meter: DEVICE })), 'unknown_meter', 'the custody meter of another plant');
  t.equal(verdict(world, world.tx(newcomer, { case: 'openBatch', value: world.batchValue({ meter: METER }) })), 'unknown_meter');
  t.end();
});
