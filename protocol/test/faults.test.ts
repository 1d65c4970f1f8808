/** Every fault that exists is reached: a table from code to what provokes it. A code without an entry fails the test. */
import t from 'tap';
import { FAULTS, ROWS, stateRows, toHex, utf8, type FaultCode, type ParsedTx } from '../src/index.ts';
import { alice, bob, buy, refundOf, rich, setRow, verdict } from './support/cases.ts';
import { KEYS, keyOf, PROFILE_HASH, World, type Key } from './support/world.ts';

const { plant, cafeteria, kiosk, till1, till3, campus, regulator } = KEYS;
const { SUSPENDED, REVOKED } = stateRows;
const [o1, o2, o3] = KEYS.oracles as unknown as [Key, Key, Key];

/** Does something that must be refused; answers with the code of the refusal. */
type Provocation = () => FaultCode | 'ok';

const ask = (world: World, over: { ml?: bigint; sen?: bigint; inS?: number; till?: Key; tillNo?: number } = {}): Uint8Array =>
  world.invoice(over.till ?? till1, over.tillNo ?? 1, over.ml ?? 300n, over.sen ?? 180n, 'asked', over.inS);
const paying = (over: Parameters<typeof ask>[1], prepare: (world: World) => void = () => undefined, payer: Key = alice): Provocation => () => {
  const world = rich();
  prepare(world);
  return verdict(world, world.pay(payer, ask(world, over)));
};
const transferring = (over: Parameters<World['tx']>[2], afterMs?: number): Provocation => () => {
  const world = rich();
  return verdict(world, world.tx(alice, { case: 'transfer', value: { to: bob.address, amountMl: 5n } }, over), afterMs);
};

const ENVELOPE = {
  malformed: () => verdict(new World(), new Uint8Array(3)),
  wrong_network: transferring({ chainTag: new Uint8Array(8) }),
  bad_signature: () => {
    const world = rich();
    const tx = world.transfer(alice, bob.address, 5n);
    tx[tx.length - 1] = (tx[tx.length - 1] as number) ^ 1;
    return verdict(world, tx);
  },
  wrong_signers: transferring({ sender: bob.address }),
  expired: transferring({}, 700_000),
  valid_until_too_far: transferring({}, -3_100_000),
  already_executed: () => {
    const world = rich();
    const tx = world.transfer(alice, bob.address, 5n);
    world.block([tx]);
    return verdict(world, tx);
  },
  fee_too_low: transferring({ feeMl: 0n }),
  insufficient_balance: transferring({ feeMl: 10_000_000n }),
  self_payment: () => {
    const world = rich();
    return verdict(world, world.transfer(alice, alice.address, 5n));
  },
  too_many_fee_free: () => {
    const world = new World();
    const topics = Array.from({ length: 17 }, (_, index) => world.tx(regulator, { case: 'anchor', value: { topic: `log ${index}`, hash: new Uint8Array(32) } }));
    return world.refusalsOf(topics)[16] ?? 'ok';
  },
} satisfies Partial<Record<FaultCode, Provocation>>;

const PAYMENTS = {
  amount_too_small: paying({ ml: 1n, sen: 1n }),
  amount_too_large: paying({ ml: 200_000n, sen: 120_000n }),
  invoice_already_paid: () => {
    const world = rich();
    const invoice = ask(world);
    world.block([world.pay(alice, invoice)]);
    return verdict(world, world.pay(bob, invoice));
  },
  invoice_void: () => {
    const world = rich();
    const invoice = ask(world);
    world.block([world.voidInvoice(till1, invoice)]);
    return verdict(world, world.pay(alice, invoice));
  },
  invoice_expired: paying({ inS: -5 }),
  invoice_too_far: paying({ inS: 100_000 }),
  price_out_of_band: paying({ ml: 400n }),
  unknown_till: paying({ tillNo: 99 }),
  till_not_active: paying({}, (world) => world.block([world.tx(campus, { case: 'revokeTill', value: { tillNo: 1 } })])),
  unknown_merchant: () => {
    const world = new World();
    return verdict(world, world.tx(campus, { case: 'registerTill', value: { tillNo: 9, merchant: bob.address, publicKey: bob.publicKey } }));
  },
  merchant_not_active: paying({}, (world) => world.block([world.tx(campus, { case: 'registerMerchant', value: { account: cafeteria.address, name: 'Cafeteria', status: SUSPENDED } })])),
  unknown_coupon: () => {
    const world = rich();
    return verdict(world, world.pay(alice, ask(world), new Uint8Array(32)));
  },
  coupon_not_usable: () => {
    const world = rich();
    const couponId = buy(world, 5, 'five')[0]?.txId;
    world.block([world.pay(alice, world.invoice(till1, 1, 300n, 180n, 'free'), couponId)]);
    return verdict(world, world.pay(alice, ask(world), couponId));
  },
  coupon_not_yours: () => {
    const world = rich();
    return verdict(world, world.pay(alice, ask(world, { till: till3, tillNo: 3 }), buy(world, 5, 'five')[0]?.txId));
  },
  unknown_invoice: () => {
    const world = rich();
    return verdict(world, world.tx(cafeteria, { case: 'refund', value: { tillNo: 1, ref: new Uint8Array(10), amountMl: 1n } }));
  },
  exceeds_refundable: () => {
    const world = rich();
    return verdict(world, refundOf(world, buy(world, 1, 'one')[0] as ParsedTx, 301n));
  },
  refund_window_over: () => {
    const world = rich();
    const [pay] = buy(world, 1, 'one');
    world.block([], 8 * 86_400_000);
    return verdict(world, refundOf(world, pay as ParsedTx, 1n));
  },
  over_till_cap: () => {
    const world = rich();
    const big = world.parse(world.pay(alice, world.invoice(till1, 1, 30_000n, 18_000n, 'big')));
    world.block([big.bytes]);
    return verdict(world, refundOf(world, big, 20_001n, till1));
  },
} satisfies Partial<Record<FaultCode, Provocation>>;

const REGISTRY = {
  till_number_taken: () => {
    const world = new World();
    return verdict(world, world.tx(campus, { case: 'registerTill', value: { tillNo: 1, merchant: kiosk.address, publicKey: bob.publicKey } }));
  },
  unknown_device: () => {
    const world = new World();
    return verdict(world, world.tx(regulator, { case: 'revokeDevice', value: { device: new Uint8Array(16), fromMs: world.timeMs } }));
  },
  unknown_reporter: () => {
    const world = new World();
    return verdict(world, world.tx(alice, { case: 'reportPrice', value: { senPerBill: 600n } }));
  },
} satisfies Partial<Record<FaultCode, Provocation>>;

const redeeming = (prepare: (world: World) => void, amountMl = 1n, lot = 'LOT-1'): Provocation => () => {
  const world = rich();
  prepare(world);
  return verdict(world, world.tx(cafeteria, { case: 'redeem', value: { batch: world.batchKey(lot), amountMl, noteHash: new Uint8Array(32) } }, {}, [plant]));
};
const opening = (over: (world: World) => Parameters<World['openBatch']>[0], prepare: (world: World) => void = () => undefined): Provocation => () => {
  const world = new World();
  prepare(world);
  return verdict(world, world.openBatch(over(world)));
};
const attesting = (over: Parameters<World['attest']>[3], volumeMl = 1_000_000n, prepare: (world: World) => void = () => undefined): Provocation => () => {
  const world = new World();
  world.block([world.openBatch()]);
  prepare(world);
  return verdict(world, world.attest(o1, world.batchKey(), volumeMl, over));
};
const hold = (world: World, held: number) => world.block([world.tx(regulator, { case: 'holdBatch', value: { batch: world.batchKey(), held } })]);

const MILK = {
  unknown_batch: redeeming(() => undefined, 1n, 'NONE'),
  batch_not_minted: redeeming((world) => world.block([world.openBatch({ lot: utf8('L2'), totalFrom: 1_000_000n, totalTo: 1_000_001n, claimMl: 1n })]), 1n, 'L2'),
  batch_on_hold: redeeming((world) => hold(world, 1)),
  batch_expired: () => {
    const world = new World();
    world.block([world.openBatch()]);
    return verdict(world, world.tx(o1, { case: 'attest', value: { batch: world.batchKey(), attempt: 1, volumeMl: 1n, reject: 0, readingsRoot: new Uint8Array(32), profileHash: PROFILE_HASH } }, { validUntilMs: world.timeMs + 9 * 86_400_000 + 5_000 }), 9 * 86_400_000);
  },
  exceeds_available: redeeming(() => undefined, 2_000_000n),
  unknown_plant: () => {
    const world = new World();
    return verdict(world, world.tx(alice, { case: 'openBatch', value: world.batchValue() }));
  },
  plant_not_active: opening(() => ({}), (world) => world.block([world.tx(regulator, { case: 'registerPlant', value: { account: plant.address, name: 'Plant', status: REVOKED, ceilingMl: 1n, tollBps: 0, bondBps: 0, profileHash: PROFILE_HASH } })])),
  too_many_open_batches: opening(() => ({ lot: utf8('N8'), totalFrom: 8n, totalTo: 9n, claimMl: 1n }), (world) => {
    world.block(Array.from({ length: 8 }, (_, index) => world.openBatch({ lot: utf8(`N${index}`), totalFrom: BigInt(index), totalTo: BigInt(index + 1), claimMl: 1n })));
  }),
  unknown_meter: opening(() => ({ meter: new Uint8Array(16) })),
  meter_interval_used: opening(() => ({ lot: utf8('L2') }), (world) => world.block([world.openBatch()])),
  claim_exceeds_meter: opening(() => ({ claimMl: 1_000_001n })),
  batch_not_reopenable: opening(() => ({ attempt: 2 })),
  unknown_farm: opening(() => ({ shares: [{ farm: bob.address, weightMl: 1n }] })),
  shares_not_ascending: opening(() => ({ shares: [KEYS.farmA, KEYS.farmA].map((farm) => ({ farm: farm.address, weightMl: 1n })) })),
  batch_expiry_wrong: opening((world) => ({ expiresAtMs: world.timeMs })),
  unknown_oracle: () => {
    const world = new World();
    return verdict(world, world.attest(keyOf('stranger'), world.batchKey(), 1n));
  },
  already_attested: attesting({}, 1_000_000n, (world) => world.block([world.attest(o1, world.batchKey(), 1_000_000n)])),
  attempt_not_open: attesting({ attempt: 2 }),
  profile_mismatch: attesting({ profileHash: new Uint8Array(32) }),
  ceiling_reached: () => {
    const world = new World({ ceilingMl: 10n });
    world.block([world.openBatch()]);
    world.block([o2, o3].map((oracle) => world.attest(oracle, world.batchKey(), 1_000_000n)));
    return verdict(world, world.attest(o1, world.batchKey(), 1_000_000n));
  },
  volume_too_large: attesting({}, 1_000_001n),
  production_date_wrong: opening(() => ({ productionDate: 20_240_229 })),
} satisfies Partial<Record<FaultCode, Provocation>>;

/** Holds, the end of custody, and bonds. */
const CUSTODY = {
  batch_ended: () => {
    const world = rich();
    const recall = (): Uint8Array => world.tx(regulator, { case: 'recallBatch', value: { batch: world.batchKey() } });
    world.block([recall()]);
    return verdict(world, recall());
  },
  hold_unchanged: () => {
    const world = rich();
    return verdict(world, world.tx(regulator, { case: 'holdBatch', value: { batch: world.batchKey(), held: 0 } }));
  },
  plant_owes: () => {
    const world = rich();
    setRow(world, ROWS.plant, toHex(plant.address), { owedMl: 5n });
    return verdict(world, world.tx(plant, { case: 'bondWithdraw', value: { amountMl: 1n } }));
  },
  exceeds_free_bond: () => {
    const world = rich();
    return verdict(world, world.tx(plant, { case: 'bondWithdraw', value: { amountMl: 100_000n } }));
  },
} satisfies Partial<Record<FaultCode, Provocation>>;

/** A validator with 20 L of its own stake, Alice with 10 L behind it. */
function staked(over: object = {}): World {
  const world = rich();
  const validator = KEYS.validator.address;
  world.block([world.transfer(KEYS.farmA, validator, 50_000n)]);
  world.block([world.tx(KEYS.validator, { case: 'stake', value: { validator, amountMl: 20_000n } }), world.tx(alice, { case: 'delegate', value: { validator, amountMl: 10_000n } })]);
  setRow(world, ROWS.validator, toHex(validator), over);
  return world;
}
const delegating = (over: object, amountMl = 1_000n): Provocation => () => {
  const world = staked(over);
  return verdict(world, world.tx(alice, { case: 'delegate', value: { validator: KEYS.validator.address, amountMl } }));
};

const STAKE = {
  unknown_validator: () => {
    const world = rich();
    return verdict(world, world.tx(alice, { case: 'delegate', value: { validator: alice.address, amountMl: 1_000n } }));
  },
  validator_not_active: delegating({ status: stateRows.SUSPENDED }),
  validator_tombstoned: delegating({ standing: stateRows.STANDING.tombstoned }),
  stake_too_small: delegating({}, 999n),
  no_shares: delegating({ stakeMl: 9_007_199_254_740_991n }),
  exceeds_shares: () => {
    const world = staked();
    return verdict(world, world.tx(alice, { case: 'undelegate', value: { validator: KEYS.validator.address, shares: 10_001n } }));
  },
  validator_not_absent: () => {
    const world = staked();
    return verdict(world, world.tx(KEYS.validator, { case: 'rejoin', value: { validator: KEYS.validator.address } }));
  },
} satisfies Partial<Record<FaultCode, Provocation>>;

const PROVOCATIONS: Readonly<Partial<Record<FaultCode, Provocation>>> = { ...ENVELOPE, ...PAYMENTS, ...REGISTRY, ...MILK, ...CUSTODY, ...STAKE };

t.test('every fault is reached', (t) => {
  for (const code of Object.keys(FAULTS) as FaultCode[]) {
    const provoke = PROVOCATIONS[code];
    t.ok(provoke, `${code} has a provocation`);
    t.equal(provoke?.(), code);
  }
  t.same(Object.keys(PROVOCATIONS).filter((code) => !(code in FAULTS)), [], 'and nothing else stands in the table');
  t.end();
});
