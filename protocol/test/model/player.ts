/** Turns the actions of a random history into signed transactions, and tells the model the same in its own words. */
import { compareBytes, encode, TxBody, utf8, type KindName } from '../../src/index.ts';
import { KEYS, keyOf, METER, PROFILE_HASH, type World } from '../support/world.ts';
import type { Action, Gap, Twist } from './actions.ts';
import { withBadSignature } from './badSignature.ts';
import { actorBook, at, COUNCIL, FARMS, HOLDERS, keyBook, MERCHANTS, METERS, PEOPLE, PLANTS, ROLES, single, STRANGER, STUDENTS, TILL_KEYS, type Actor } from './cast.ts';
import { keyOfLot } from './naiveMint.ts';
import { priceOfDay } from './naivePrice.ts';
import { DAY, dayOf, hex, idOf, PARAMS, readInvoice, type NaiveTx } from './naiveState.ts';
import type { NaiveLedger } from './naiveLedger.ts';

type Kind = TxBody['kind'];
type Do<D extends Action['do']> = Extract<Action, { do: D }>;
export interface Sent { readonly label: string; readonly bytes: Uint8Array; readonly naive: NaiveTx }

export const GAPS: Readonly<Record<Exclude<Gap, 'midnight' | 'to an end'>, number>> = { '1 s': 1_000, '1 ms': 1, '2 min': 120_000, '1 d': DAY, '4 d': 4 * DAY, '7 d': 7 * DAY, '90 d': 90 * DAY, '400 d': 400 * DAY };

interface Lot { readonly at: number; readonly plant: Actor; readonly key: string; readonly value: Extract<Kind, { case: 'openBatch' }>['value'] }

export class Player {
  readonly world: World;
  readonly model: NaiveLedger;
  /** Of the block being filled. */
  now: number;
  readonly pending: Sent[] = [];
  readonly sent: Sent[] = [];
  readonly invoices: { readonly bytes: Uint8Array; readonly signedBy: string }[] = [];
  readonly lots: Lot[] = [];
  #lotCount = 0;
  #refCount = 0;

  constructor(world: World, model: NaiveLedger) {
    this.world = world;
    this.model = model;
    this.now = world.timeMs + 1_000;
  }

  /** Builds the transactions of an action; one that finds nothing to act on does nothing. */
  act(action: Exclude<Action, { do: 'block' }>): void {
    (this[action.do] as (action: Action) => void).call(this, action);
  }

  advance(gap: Gap): void {
    if (gap === 'midnight') this.now = (Math.floor(this.now / DAY) + 1) * DAY;
    else if (gap === 'to an end') this.now = this.#nextEnd();
    else this.now += GAPS[gap];
  }

  /** The last instant at which the next lot, card, coupon or refund window still lives: rules slip at such borders. */
  #nextEnd(): number {
    const { batches, coupons, cards, records } = this.model;
    const ends = [
      ...[...batches.values()].filter(({ state }) => state === 'open' || state === 'minted').map(({ expires }) => expires), ...[...coupons.values()].filter(({ state }) => state === 'unspent').map(({ expires }) => expires),
      ...[...cards.values()].filter(({ points }) => points > 0).map(({ until }) => until), ...[...records.values()].map(({ expiresAt }) => expiresAt + PARAMS.refundWindow),
    ].filter((end) => end > this.now);
    return ends.length === 0 ? this.now + 1 : Math.min(...ends);
  }

  #part(total: bigint, permille: number): bigint {
    const ml = (total * BigInt(permille)) / 1_000n;
    return ml < 1n ? 1n : ml;
  }

  #fee(name: KindName, sender: Actor): bigint {
    if (name === 'revokeTill') return sender.name === 'campus' ? 0n : 1n;
    return ['transfer', 'voidInvoice', 'refund', 'redeem', 'bondWithdraw', 'bondDeposit'].includes(name) ? 1n : 0n;
  }

  #send(sender: Actor, kind: Kind, twist: Twist = 'right', more: { cosigners?: readonly Actor[]; validUntilMs?: number; signedBy?: string } = {}): void {
    const { world } = this;
    const actors = [sender, ...(more.cosigners ?? [])];
    const policies = actors.flatMap((actor) => (actor.policy !== undefined && (twist === 'policyAgain' || !this.model.policies.has(hex(actor.address))) ? [actor.policy] : []));
    const fee = this.#fee(kind.case, sender);
    const invoice = kind.case === 'pay' || kind.case === 'voidInvoice' ? readInvoice(kind.value.invoice, more.signedBy) : undefined;
    const validUntilMs = invoice?.expiresAt ?? (twist === 'late' ? this.now - 1 : twist === 'farAhead' ? this.now + 3_600_001 : this.now + 3_600_000);
    const feeMl = kind.case === 'pay' ? 0n : twist === 'noFee' ? 0n : twist === 'bigFee' ? fee + 1n : fee;
    const body = world.body(sender.address, kind, { validUntilMs, feeMl, policies, ...(invoice === undefined ? {} : { salt: undefined }) });
    const keys = [...new Set(actors.flatMap((actor) => actor.keys))];
    if (twist === 'wrongKey') keys[0] = STRANGER;
    if (twist === 'extraKey') keys.push(STRANGER);
    const signed = world.sign(body, ...new Set(keys));
    const bytes = twist === 'badSignature' ? withBadSignature(signed) : signed;
    const naive: NaiveTx = {
      id: idOf(world.genesis.genesisHash, encode(TxBody, body)), body, keys: [...new Set(keys)].map((key) => hex(key.publicKey)), signaturesHold: twist !== 'badSignature', ...(invoice === undefined ? {} : { invoice }),
    };
    const one: Sent = { label: `${sender.name} ${kind.case} ${twist}`, bytes, naive };
    this.pending.push(one);
    this.sent.push(one);
  }

  replay({ sent }: Do<'replay'>): void {
    if (this.sent.length > 0) this.pending.push(at(this.sent, sent));
  }

  // ---- money -----------------------------------------------------------------------------------------------------

  transfer({ from, to, permille, twist }: Do<'transfer'>): void {
    const sender = at(PEOPLE, from);
    this.#send(sender, { case: 'transfer', value: { to: at(PEOPLE, to).address, amountMl: this.#part(this.model.balance(hex(sender.address)), permille) } }, twist);
  }

  #coupon(payer: Actor, wanted: boolean): Uint8Array | undefined {
    const own = [...this.model.coupons].filter(([, coupon]) => coupon.owner === hex(payer.address)).slice(-3);
    const [id] = at(own.length > 0 ? own : [...this.model.coupons], this.#refCount) ?? [];
    return wanted && id !== undefined && this.#refCount % 2 === 0 ? Uint8Array.from(Buffer.from(id, 'hex')) : undefined;
  }

  #invoice(tillIndex: number, sen: number, off: number, lifeS: number, stray: boolean): { bytes: Uint8Array; signedBy: string } {
    const { world } = this;
    const tillNo = 1 + (tillIndex % 5);
    const key = stray ? STRANGER : (keyBook.get(this.model.tills.get(tillNo)?.key ?? '') ?? STRANGER);
    const amount = BigInt(Math.max(0, Math.ceil((sen * 1_000) / Number(this.#price())) + off));
    const seconds = Math.floor(this.now / 1_000) - Math.floor(world.timeMs / 1_000) + lifeS;
    const made = { bytes: world.invoice(key, tillNo, amount, BigInt(sen), `order ${this.#refCount++}`, seconds), signedBy: hex(key.publicKey) };
    this.invoices.push(made);
    return made;
  }

  /** What the tills reckon with: the price of today, now and then that of the genesis. */
  #price(): bigint {
    return this.#refCount % 16 === 0 ? this.model.firstPrice : priceOfDay(this.model, dayOf(this.now));
  }

  #pay(payer: Actor, invoice: { bytes: Uint8Array; signedBy: string }, coupon: boolean, twist: Twist = 'right'): void {
    this.#send(payer, { case: 'pay', value: { invoice: invoice.bytes, couponId: this.#coupon(payer, coupon) } }, twist, { signedBy: invoice.signedBy });
  }

  pay({ payer, till, sen, off, lifeS, coupon, strayTillKey, twist }: Do<'pay'>): void {
    this.#pay(at([...STUDENTS, ...STUDENTS, MERCHANTS[0] as Actor, COUNCIL], payer), this.#invoice(till % 16 < 14 ? till % 3 : till, sen, off, lifeS, strayTillKey), coupon, twist);
  }

  /** Five cartons at one counter: what makes a coupon, and then pays with one. */
  payFive({ payer, till, sen }: Do<'payFive'>): void {
    for (let i = 0; i < 5; i++) this.#pay(at(STUDENTS, payer), this.#invoice(till % 3, sen, 0, 120, false), i === 4);
  }

  payAgain({ invoice, payer, coupon }: Do<'payAgain'>): void {
    if (this.invoices.length > 0) this.#pay(at(STUDENTS, payer), at(this.invoices.slice(-6), invoice), coupon);
  }

  void({ invoice, fresh, till, twist }: Do<'void'>): void {
    const one = fresh || this.invoices.length === 0 ? this.#invoice(till % 3, 180, 0, 120, false) : at(this.invoices.slice(-6), invoice);
    const { till: no } = readInvoice(one.bytes, undefined);
    const key = keyBook.get(this.model.tills.get(no)?.key ?? '') ?? STRANGER;
    this.#send(single(`till ${no}`, key), { case: 'voidInvoice', value: { invoice: one.bytes } }, twist, { signedBy: one.signedBy });
  }

  refund({ invoice, permille, by, twist }: Do<'refund'>): void {
    const paid = [...this.model.records].slice(-12);
    const [key, record] = at(paid, invoice) ?? [];
    if (key === undefined || record === undefined) return;
    const [no = '', ref = ''] = key.split('/');
    const till = keyBook.get(this.model.tills.get(Number(no))?.key ?? '') ?? STRANGER;
    const sender = by === 'till' ? single(`till ${no}`, till) : actorBook.get(by === 'merchant' ? record.merchant : (record.payer ?? ''));
    const amountMl = this.#part(record.own, permille);
    if (sender !== undefined) this.#send(sender, { case: 'refund', value: { tillNo: Number(no), ref: Uint8Array.from(Buffer.from(ref, 'hex')), amountMl } }, twist);
  }

  // ---- milk ------------------------------------------------------------------------------------------------------

  open({ plant, meter, lengthL, claimOff, fromOff, days, farms, weight, twist }: Do<'open'>): void {
    const actor = plant % 8 === 7 ? (PLANTS[1] as Actor) : (PLANTS[0] as Actor);
    const id = meter % 8 === 7 ? (METERS[1] as Uint8Array) : METER;
    const opened = this.model.meters.get(hex(id))?.opened ?? 0n;
    const from = opened + BigInt(fromOff) < 0n ? 0n : opened + BigInt(fromOff);
    const length = BigInt(lengthL) * 1_000n;
    const chosen = farms % 16 === 15 ? FARMS : at([FARMS.slice(0, 2), FARMS.slice(0, 1), FARMS.slice(1, 2)], farms);
    const shares = [...chosen].sort((a, b) => compareBytes(a.address, b.address)).map((farm, place) => ({ farm: farm.address, weightMl: BigInt(1 + ((weight * (place + 3)) % 997)) }));
    const lot = utf8(`LOT-${this.#lotCount++}`);
    const today = new Date(this.now);
    const date = today.getUTCFullYear() * 10_000 + (today.getUTCMonth() + 1) * 100 + today.getUTCDate();
    const value = {
      lot, productionDate: date, expiresAtMs: this.now + days * DAY, claimMl: length + BigInt(claimOff), meter: id, totalFrom: from, totalTo: from + length, shares, manifestHash: new Uint8Array(32), attempt: 1,
    };
    this.lots.push({ at: this.now, plant: actor, key: keyOfLot(actor.address, lot, date), value });
    this.#send(actor, { case: 'openBatch', value }, twist);
  }

  /** Mostly one of the last that were opened; now and then an old one, or one that was refused. */
  #lot(index: number): Lot | undefined {
    const opened = index % 8 === 7 ? this.lots : this.lots.filter(({ key, at: time }) => this.model.batches.has(key) || time === this.now);
    return at([...opened.slice(index % 5 === 4 ? 0 : -3)].reverse(), index);
  }

  reopen({ lot, attemptOff, days }: Do<'reopen'>): void {
    const one = this.#lot(lot);
    if (one === undefined) return;
    const attempt = Math.min(5, (this.model.batches.get(one.key)?.attempt ?? 1) + attemptOff);
    this.#send(one.plant, { case: 'openBatch', value: { ...one.value, attempt, expiresAtMs: this.now + days * DAY } });
  }

  #statement(lot: Lot, say: Do<'attest'>['say'], attempt: number): Kind {
    const claim = lot.value.claimMl;
    const volumeMl = say === 'reject' ? 0n : say === 'less' ? claim - 7n : say === 'more' ? claim + 1n : claim;
    const readingsRoot = new Uint8Array(32).fill(say === 'otherRoot' ? 8 : 7);
    const profileHash = say === 'otherProfile' ? new Uint8Array(32) : PROFILE_HASH;
    return { case: 'attest', value: { batch: Uint8Array.from(Buffer.from(lot.key, 'hex')), attempt, volumeMl, reject: say === 'reject' ? 14 : 0, readingsRoot, profileHash } };
  }

  attest({ lot, oracle, say, attemptOff, twist }: Do<'attest'>): void {
    const one = this.#lot(lot);
    if (one === undefined) return;
    const attempt = Math.min(5, (this.model.batches.get(one.key)?.attempt ?? 1) + attemptOff);
    this.#send(oracle % 8 === 7 ? single('vet', KEYS.vet) : single('oracle', at(KEYS.oracles, oracle)), this.#statement(one, say, attempt), twist);
  }

  attestAll({ lot, first, count, say }: Do<'attestAll'>): void {
    const one = this.#lot(lot);
    if (one === undefined) return;
    const oracles = Array.from({ length: count }, (_, index) => at(KEYS.oracles, first + index));
    for (const oracle of oracles) this.#send(single('oracle', oracle), this.#statement(one, say, this.model.batches.get(one.key)?.attempt ?? 1));
  }

  redeem({ lot, holder, permille, cosigned, twist }: Do<'redeem'>): void {
    const one = this.#lot(lot);
    if (one === undefined) return;
    const sender = at(HOLDERS, holder);
    const limit = this.model.balance(hex(sender.address));
    const available = this.model.batches.get(one.key)?.available ?? 0n;
    const amountMl = this.#part(available < limit ? available : limit, permille);
    const value = { batch: Uint8Array.from(Buffer.from(one.key, 'hex')), amountMl, noteHash: new Uint8Array(32) };
    this.#send(sender, { case: 'redeem', value }, twist, { cosigners: cosigned && one.plant !== sender ? [one.plant] : [] });
  }

  #onLot(lot: number, by: (lot: Lot) => Actor, kind: (batch: Uint8Array) => Kind, twist: Twist): void {
    const one = this.#lot(lot);
    if (one !== undefined) this.#send(by(one), kind(Uint8Array.from(Buffer.from(one.key, 'hex'))), twist);
  }

  hold({ lot, held, twist }: Do<'hold'>): void {
    this.#onLot(lot, () => ROLES[0] as Actor, (batch) => ({ case: 'holdBatch', value: { batch, held } }), twist);
  }

  recall({ lot, twist }: Do<'recall'>): void {
    this.#onLot(lot, () => ROLES[0] as Actor, (batch) => ({ case: 'recallBatch', value: { batch } }), twist);
  }

  writeOff({ lot, byRegulator, twist }: Do<'writeOff'>): void {
    this.#onLot(lot, (one) => (byRegulator ? (ROLES[0] as Actor) : one.plant), (batch) => ({ case: 'writeOffBatch', value: { batch } }), twist);
  }

  bond({ plant, deposit, permille, twist }: Do<'bond'>): void {
    const sender = plant % 8 === 7 ? at(HOLDERS, plant) : (PLANTS[0] as Actor);
    const id = hex(sender.address);
    const amountMl = this.#part(deposit ? this.model.balance(id) : (this.model.plants.get(id)?.bond ?? 0n) / 4n, permille);
    this.#send(sender, { case: deposit ? 'bondDeposit' : 'bondWithdraw', value: { amountMl } }, twist);
  }

  // ---- registries ------------------------------------------------------------------------------------------------

  #register(role: 0 | 1, kind: Kind, twist: Twist): void {
    this.#send(ROLES[role] as Actor, kind, twist);
  }

  registerMerchant({ merchant, status, twist }: Do<'registerMerchant'>): void {
    this.#register(1, { case: 'registerMerchant', value: { account: at(MERCHANTS, merchant).address, name: 'Merchant', status } }, twist);
  }

  registerTill({ till, merchant, key, twist }: Do<'registerTill'>): void {
    const value = { tillNo: 1 + (till % 4), merchant: at([...MERCHANTS, STUDENTS[0] as Actor], merchant).address, publicKey: at(TILL_KEYS, key).publicKey };
    this.#register(1, { case: 'registerTill', value }, twist);
  }

  revokeTill({ till, byMerchant, twist }: Do<'revokeTill'>): void {
    const tillNo = 1 + (till % 5);
    const owner = actorBook.get(this.model.tills.get(tillNo)?.merchant ?? '') ?? (MERCHANTS[1] as Actor);
    this.#send(byMerchant ? owner : (ROLES[1] as Actor), { case: 'revokeTill', value: { tillNo } }, twist);
  }

  registerFarm({ farm, status, twist }: Do<'registerFarm'>): void {
    this.#register(0, { case: 'registerFarm', value: { account: at(FARMS, farm).address, name: 'Farm', status } }, twist);
  }

  registerPlant({ plant, status, terms, twist }: Do<'registerPlant'>): void {
    const [ceilingMl, tollBps, bondBps] = at([[100_000_000n, 5_333, 1_000], [300_000n, 5_333, 1_000], [100_000_000n, 0, 0], [100_000_000n, 10_000, 10_000]] as const, terms);
    this.#register(0, { case: 'registerPlant', value: { account: at(PLANTS, plant).address, name: 'Plant', status, ceilingMl, tollBps, bondBps, profileHash: PROFILE_HASH } }, twist);
  }

  registerDevice({ meter, twist }: Do<'registerDevice'>): void {
    const value = {
      device: at(METERS, meter), alg: 1, publicKey: keyOf('meter').publicKey, owner: KEYS.plant.address, site: utf8('plant-1'), fromMs: this.now, untilMs: this.now + DAY, calibration: new Uint8Array(16), calibratedUntilMs: this.now + DAY,
    };
    this.#register(0, { case: 'registerDevice', value }, twist);
  }

  registerMeter({ meter, plant, totalL, twist }: Do<'registerMeter'>): void {
    this.#register(0, { case: 'registerMeter', value: { meter: at(METERS, meter), plant: at(PLANTS, plant % 8 === 7 ? 1 : 0).address, total: BigInt(totalL) * 1_000n } }, twist);
  }

  revokeDevice({ meter, twist }: Do<'revokeDevice'>): void {
    this.#register(0, { case: 'revokeDevice', value: { device: at(METERS, meter), fromMs: this.now } }, twist);
  }

  report({ reporter, sen, twist }: Do<'report'>): void {
    this.#send(reporter % 8 === 7 ? single('vet', KEYS.vet) : single('reporter', at(KEYS.reporters, reporter)), { case: 'reportPrice', value: { senPerBill: BigInt(sen) } }, twist);
  }

  reportAll({ sen }: Do<'reportAll'>): void {
    for (const [index, key] of KEYS.reporters.entries()) this.#send(single('reporter', key), { case: 'reportPrice', value: { senPerBill: BigInt(sen + index) } });
  }

  anchor({ by, twist }: Do<'anchor'>): void {
    this.#send(at(ROLES, by), { case: 'anchor', value: { topic: 'audit', hash: new Uint8Array(32) } }, twist);
  }
}
