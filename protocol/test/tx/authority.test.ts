/**
 * Authorisation bypass (Elderflower, which broke a real chain): for every kind, that nobody but its rightful signers is heard. Each
 * transaction of the table is valid as it stands; only who signs it changes.
 */
import t from 'tap';
import { encodePolicy, KINDS, policyAddress, ROWS, stateRows, toHex, utf8, type KindName, type TxBody } from '../../src/index.ts';
import { alice, bob, buy, rich, setRow, verdict } from '../support/cases.ts';
import { KEYS, keyOf, METER, PROFILE_HASH, START_MS, type Key, type World } from '../support/world.ts';

type Kind = TxBody['kind'];
const { regulator, campus, treasury, plant, farmA, cafeteria, kiosk, till1, oracles, reporters } = KEYS;
const { ACTIVE, STANDING } = stateRows;
const DAY_MS = 86_400_000;
const stranger = keyOf('stranger');
const everybody: readonly Key[] = [
  KEYS.validator, regulator, campus, treasury, plant, farmA, KEYS.farmB, cafeteria, kiosk, till1, KEYS.till2, KEYS.till3, KEYS.vet, ...oracles, ...reporters, alice, bob, stranger,
];
const newcomer = keyOf('newcomer').address;
const party = { account: newcomer, name: 'Newcomer', status: ACTIVE };
const LOT2 = utf8('LOT-2');

interface Row {
  /** Each may sign alone, unless `cosigners` are needed as well. */
  readonly rightful: readonly Key[];
  readonly cosigners?: readonly Key[];
  /** Anybody may send this for their own account: then only foreign accounts are protected. */
  readonly ownAccount?: true;
  readonly kind: (world: World) => Kind;
  readonly over?: (world: World) => Partial<TxBody>;
}

const invoiceOf = (world: World): Uint8Array => world.invoice(till1, 1, 300n, 180n, 'open');
const untilInvoice = (world: World): Partial<TxBody> => ({ salt: undefined, validUntilMs: (Math.floor(world.timeMs / 1_000) + 120) * 1_000 });
const device = { device: new Uint8Array(16).fill(2), alg: 1, publicKey: stranger.publicKey, owner: plant.address, site: utf8('plant-1'), fromMs: START_MS, untilMs: START_MS + DAY_MS, calibration: new Uint8Array(16), calibratedUntilMs: START_MS + DAY_MS };

const ROWS_OF_KIND: Readonly<Record<KindName, Row>> = {
  transfer: { rightful: [alice], ownAccount: true, kind: () => ({ case: 'transfer', value: { to: newcomer, amountMl: 5n } }) },
  pay: { rightful: [alice], ownAccount: true, kind: (world) => ({ case: 'pay', value: { invoice: invoiceOf(world) } }), over: untilInvoice },
  voidInvoice: { rightful: [till1], kind: (world) => ({ case: 'voidInvoice', value: { invoice: invoiceOf(world) } }), over: untilInvoice },
  refund: { rightful: [till1, cafeteria], kind: (world) => ({ case: 'refund', value: { tillNo: 1, ref: world.invoice(till1, 1, 300n, 180n, 'paid 0').slice(14, 24), amountMl: 1n } }) },
  redeem: { rightful: [cafeteria], cosigners: [plant], ownAccount: true, kind: (world) => ({ case: 'redeem', value: { batch: world.batchKey(), amountMl: 5n, noteHash: new Uint8Array(32) } }) },
  openBatch: { rightful: [plant], kind: (world) => ({ case: 'openBatch', value: world.batchValue({ lot: utf8('LOT-3'), totalFrom: 2_000_000n, totalTo: 2_000_010n, claimMl: 1n }) }) },
  attest: { rightful: oracles, kind: (world) => ({ case: 'attest', value: { batch: world.batchKey('LOT-2'), attempt: 1, volumeMl: 10n, reject: 0, readingsRoot: new Uint8Array(32), profileHash: PROFILE_HASH } }) },
  registerMerchant: { rightful: [campus], kind: () => ({ case: 'registerMerchant', value: party }) },
  registerTill: { rightful: [campus], kind: () => ({ case: 'registerTill', value: { tillNo: 9, merchant: cafeteria.address, publicKey: stranger.publicKey } }) },
  revokeTill: { rightful: [campus], kind: () => ({ case: 'revokeTill', value: { tillNo: 2 } }) },
  registerFarm: { rightful: [regulator], kind: () => ({ case: 'registerFarm', value: party }) },
  registerPlant: { rightful: [regulator], kind: () => ({ case: 'registerPlant', value: { ...party, ceilingMl: 1n, tollBps: 0, bondBps: 0, profileHash: PROFILE_HASH } }) },
  registerDevice: { rightful: [regulator], kind: () => ({ case: 'registerDevice', value: device }) },
  registerMeter: { rightful: [regulator], kind: () => ({ case: 'registerMeter', value: { meter: METER, plant: plant.address, total: 0n } }) },
  revokeDevice: { rightful: [regulator], kind: () => ({ case: 'revokeDevice', value: { device: METER, fromMs: START_MS } }) },
  holdBatch: { rightful: [regulator], kind: (world) => ({ case: 'holdBatch', value: { batch: world.batchKey(), held: 1 } }) },
  recallBatch: { rightful: [regulator], kind: (world) => ({ case: 'recallBatch', value: { batch: world.batchKey() } }) },
  writeOffBatch: { rightful: [plant, regulator], kind: (world) => ({ case: 'writeOffBatch', value: { batch: world.batchKey() } }) },
  bondWithdraw: { rightful: [plant], ownAccount: true, kind: () => ({ case: 'bondWithdraw', value: { amountMl: 1n } }) },
  stake: { rightful: [KEYS.validator], kind: () => ({ case: 'stake', value: { validator: KEYS.validator.address, amountMl: 1_000n } }) },
  unstake: { rightful: [KEYS.validator], kind: () => ({ case: 'unstake', value: { validator: KEYS.validator.address, shares: 5n } }) },
  delegate: { rightful: [alice], ownAccount: true, kind: () => ({ case: 'delegate', value: { validator: KEYS.validator.address, amountMl: 1_000n } }) },
  undelegate: { rightful: [alice], ownAccount: true, kind: () => ({ case: 'undelegate', value: { validator: KEYS.validator.address, shares: 5n } }) },
  editValidator: { rightful: [KEYS.validator], kind: () => ({ case: 'editValidator', value: { validator: KEYS.validator.address, name: 'University', commissionBps: 100 } }) },
  rejoin: { rightful: [KEYS.validator], kind: () => ({ case: 'rejoin', value: { validator: KEYS.validator.address } }) },
  reportPrice: { rightful: reporters, kind: () => ({ case: 'reportPrice', value: { senPerBill: 600n } }) },
  anchor: { rightful: [regulator, campus, treasury], kind: () => ({ case: 'anchor', value: { topic: 'audit', hash: new Uint8Array(32) } }) },
  bondDeposit: { rightful: [plant], ownAccount: true, kind: () => ({ case: 'bondDeposit', value: { amountMl: 1n } }) },
};

/** Everything that the rows need: money, a payment at till 1, an open batch; the plant has a free bond. */
function scene(...overrides: Parameters<typeof rich>): World {
  const world = rich(...overrides);
  buy(world, 1, 'paid');
  world.block([
    world.openBatch({ lot: LOT2, totalFrom: 1_000_000n, totalTo: 1_000_010n, claimMl: 10n }),
    world.tx(plant, { case: 'bondDeposit', value: { amountMl: 1_000n } }), world.transfer(farmA, plant.address, 1_000n),
    world.transfer(farmA, KEYS.validator.address, 20_000n),
  ]);
  const validator = KEYS.validator.address;
  world.block([world.tx(KEYS.validator, { case: 'stake', value: { validator, amountMl: 10_000n } }), world.tx(alice, { case: 'delegate', value: { validator, amountMl: 10_000n } })]);
  setRow(world, ROWS.validator, toHex(validator), { standing: STANDING.absent });
  return world;
}

t.same(Object.keys(ROWS_OF_KIND).sort(), Object.keys(KINDS).sort(), 'every kind stands in the table');

for (const [name, row] of Object.entries(ROWS_OF_KIND)) {
  t.test(`Elderflower (authorisation bypass): ${name} is refused to everybody but its signers`, (t) => {
    const world = scene();
    const { rightful, cosigners = [], ownAccount, kind, over } = row;
    const build = (sender: Key, signers: readonly Key[]): Uint8Array => world.sign(world.body(sender.address, kind(world), over?.(world)), ...signers);
    const others = everybody.filter((key) => ![...rightful, ...cosigners].includes(key) && !(name === 'revokeTill' && key === cafeteria));
    const attacks: Uint8Array[] = [];
    for (const honest of rightful) {
      t.equal(verdict(world, build(honest, [honest, ...cosigners])), 'ok', 'the rightful signers are heard');
      for (const other of others) {
        attacks.push(build(honest, [other]), build(honest, [other, ...cosigners]), build(honest, [honest, ...cosigners, other]));
        if (cosigners.length > 0) attacks.push(build(honest, [honest, other]));
      }
      if (cosigners.length > 0) attacks.push(build(honest, [honest]), build(honest, [...cosigners]));
    }
    for (const attack of attacks) t.equal(verdict(world, attack), 'wrong_signers', 'a foreign, missing or additional signature');
    for (const other of ownAccount === true ? [] : others) {
      const own = build(other, [other]);
      t.ok(['wrong_signers', 'unknown_plant', 'unknown_oracle', 'unknown_reporter'].includes(verdict(world, own)), 'under an account of its own');
      attacks.push(own);
    }
    t.equal(world.block(attacks.filter((_, index) => index % 3 === 0)).txs.length, 0, 'and no block takes one');
    t.end();
  });
}

t.test('Elderflower (authorisation bypass): of a k-of-n role k members sign, neither k − 1, nor k + 1, nor members of another account', (t) => {
  const members = [1, 2, 3].map((no) => keyOf(`member ${no}`)) as [Key, Key, Key];
  const policy = encodePolicy(2, members.map((key) => key.publicKey));
  const shared = policyAddress(policy);
  const strangers = [stranger, bob] as const;
  const theirs = encodePolicy(2, strangers.map((key) => key.publicKey));
  const world = scene({ roles: { regulator: shared, campusAuthority: shared, treasury: shared } });
  const [a, b, c] = members;
  const byRole = Object.entries(ROWS_OF_KIND).filter(([, row]) => row.rightful.some((key) => key === regulator || key === campus));
  t.equal(byRole.length, 12, 'kinds of roles');
  const probe = (kind: Kind, policies: readonly Uint8Array[]): void => {
    const say = (signers: readonly Key[], sender = shared, shown = policies) => verdict(world, world.sign({ ...world.body(sender, kind), policies: [...shown] }, ...signers));
    t.equal(say([a, b]), 'ok');
    t.equal(say([b, c]), 'ok', 'any two of the three');
    t.equal(say([a]), 'wrong_signers', 'k − 1');
    t.equal(say([a, b, c]), 'wrong_signers', 'k + 1');
    t.equal(say([a, stranger]), 'wrong_signers', 'one member and a stranger');
    t.equal(say([a, b, stranger]), 'wrong_signers', 'two members and a stranger');
    t.equal(say(strangers), 'wrong_signers', 'two strangers');
    t.equal(say(strangers, shared, [theirs]), 'wrong_signers', 'with a policy of their own');
    t.equal(say(strangers, policyAddress(theirs), [theirs]), 'wrong_signers', 'under an account of their own');
    t.equal(say([a], a.address, []), 'wrong_signers', 'a member under its own address');
  };
  for (const [, row] of byRole) probe(row.kind(world), [policy]);
  const anchor = ROWS_OF_KIND.anchor.kind(world);
  world.block([world.sign({ ...world.body(shared, anchor), policies: [policy] }, a, c)]);
  t.same(world.tip.state.get({ prefix: 1, name: 'account' } as never, toHex(shared)), { balanceMl: 0n, policy }, 'the policy is kept');
  for (const [, row] of byRole) probe(row.kind(world), []);
  t.end();
});
