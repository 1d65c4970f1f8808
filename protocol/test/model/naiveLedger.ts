/**
 * An independent, naive ledger: plain maps by name, no drafts, no rows, no wire. It is written from the tables of the
 * protocol page, not from the code, and says for every transaction what must become of it.
 */
export type Outcome = 'out' | 'done' | 'fault';

export interface NaivePay {
  readonly payer: string;
  readonly merchant: string;
  readonly till: number;
  readonly ref: string;
  readonly amountMl: number;
  readonly sen: number;
  readonly expiresAtMs: number;
  readonly coupon?: string;
  readonly signatureOk: boolean;
}

interface Payment { pay: NaivePay; own: number; refunded: number; card: string | undefined; id: string }
interface Card { id: string | undefined; points: number; day: number; ofDay: number }
interface Coupon { owner: string; merchant: string; ml: number; state: 'unspent' | 'spent' | 'cancelled'; moved?: string | undefined; expires: number }
interface Batch { from: number; to: number; claim: number; farms: Map<string, number>; attempt: number; state: string; available: number; redeemed: number; issued: number; votes: Map<string, string>; expires: number }

const DAY = 86_400_000;

export class NaiveLedger {
  readonly balances = new Map<string, number>();
  readonly payments = new Map<string, Payment>();
  readonly cards = new Map<string, Card>();
  readonly coupons = new Map<string, Coupon>();
  readonly batches = new Map<string, Batch>();
  readonly tillRefunds = new Map<string, number>();
  fees = 0;
  supply = 0;
  bond = 0;
  meter = 0;
  readonly revoked = new Set<string>();

  balance(name: string): number {
    return this.balances.get(name) ?? 0;
  }

  #add(name: string, ml: number): void {
    this.balances.set(name, this.balance(name) + ml);
  }

  transfer(from: string, to: string, ml: number, fee: number): Outcome {
    if (fee < 1 || this.balance(from) < fee) return 'out';
    this.#add(from, -fee);
    this.fees += fee;
    if (from === to || this.balance(from) < ml) return 'fault';
    this.#add(from, -ml);
    this.#add(to, ml);
    return 'done';
  }

  pay(id: string, pay: NaivePay, now: number): Outcome {
    const key = `${pay.till}/${pay.ref}`;
    const wanted = (pay.sen * 1000) / 600;
    // Price 600, band 100 bps: 594 … 606 sen; litres are rounded up.
    const low = Math.ceil((pay.sen * 1000) / 606);
    const high = Math.ceil((pay.sen * 1000) / 594);
    if (!pay.signatureOk || this.payments.has(key) || now > pay.expiresAtMs || pay.expiresAtMs > now + DAY || pay.payer === pay.merchant) return 'out';
    if (wanted <= 0 || pay.amountMl < 2 || pay.amountMl > 100_000 || pay.amountMl < low || pay.amountMl > high) return 'out';
    let part = 0;
    if (pay.coupon !== undefined) {
      const coupon = this.coupons.get(pay.coupon);
      if (coupon === undefined || coupon.owner !== pay.payer || coupon.merchant !== pay.merchant || coupon.state !== 'unspent' || now > coupon.expires) return 'out';
      part = Math.min(coupon.ml, pay.amountMl);
    }
    const own = pay.amountMl - part;
    if (this.balance(pay.payer) < own) return 'out';
    if (pay.coupon !== undefined) (this.coupons.get(pay.coupon) as Coupon).state = 'spent';
    const fee = Math.min(own, Math.max(1, Math.ceil((own * 20) / 10_000)));
    this.#add(pay.payer, -own);
    this.#add(pay.merchant, own - fee);
    this.fees += fee;
    const card = pay.coupon === undefined && own >= 200 ? this.#point(id, pay, now) : undefined;
    this.payments.set(key, { pay, own, refunded: 0, card, id });
    return 'done';
  }

  #cardOf(merchant: string, account: string, now: number): Card {
    const key = `${merchant}/${account}`;
    const card = this.cards.get(key) ?? { id: undefined, points: 0, day: -1, ofDay: 0 };
    const day = Math.floor(now / DAY);
    if (card.day !== day) Object.assign(card, { day, ofDay: 0 });
    this.cards.set(key, card);
    return card;
  }

  #point(id: string, pay: NaivePay, now: number): string | undefined {
    const card = this.#cardOf(pay.merchant, pay.payer, now);
    if (card.ofDay >= 10) return undefined;
    card.ofDay += 1;
    const cardId = card.id ?? id;
    this.#grow(card, pay.merchant, pay.payer, 1, id, now);
    return cardId;
  }

  #grow(card: Card, merchant: string, account: string, points: number, name: string, now: number): void {
    card.id ??= name;
    card.points += points;
    if (card.points < 5) return;
    this.coupons.set(card.id, { owner: account, merchant, ml: 300, state: 'unspent', expires: now + 90 * DAY });
    card.points -= 5;
    card.id = card.points === 0 ? undefined : name;
  }

  #follow(card: string): string {
    let at = card;
    for (let coupon = this.coupons.get(at); coupon?.state === 'cancelled' && coupon.moved !== undefined; coupon = this.coupons.get(at)) at = coupon.moved;
    return at;
  }

  refund(id: string, key: string, ml: number, byTill: boolean, now: number, fee: number): Outcome {
    const payment = this.payments.get(key);
    if (payment === undefined) return 'out';
    const { payer, merchant, till } = payment.pay;
    if (fee < 1 || this.balance(merchant) < fee) return 'out';
    if (now > payment.pay.expiresAtMs + 7 * DAY) return 'out';
    const place = payment.card === undefined ? undefined : this.#placeOf(payment.card, merchant, payer, now);
    const kept = place === 'spent' ? 300 : 0;
    const tillDay = `${till}/${Math.floor(now / DAY)}`;
    const today = (this.tillRefunds.get(tillDay) ?? 0) + ml;
    const fails = ml > Math.max(0, payment.own - kept - payment.refunded) || (byTill && today > 20_000) || this.balance(merchant) - fee < ml;
    if (fails && byTill) return 'out';
    this.#add(merchant, -fee);
    this.fees += fee;
    if (fails) return 'fault';
    if (byTill) this.tillRefunds.set(tillDay, today);
    this.#add(merchant, -ml);
    this.#add(payer, ml);
    payment.refunded += ml;
    if (payment.own - payment.refunded < 200 && place !== undefined && place !== 'spent') {
      this.#takePoint(this.#follow(payment.card ?? ''), merchant, payer, id, now);
      payment.card = undefined;
    }
    return 'done';
  }

  /** Where the point of a payment is: on the card, in an unspent coupon, or spent. */
  #placeOf(cardId: string, merchant: string, payer: string, now: number): 'card' | 'coupon' | 'spent' {
    const at = this.#follow(cardId);
    const coupon = this.coupons.get(at);
    if (coupon !== undefined) return coupon.state === 'unspent' ? 'coupon' : 'spent';
    return this.#cardOf(merchant, payer, now).id === at ? 'card' : 'spent';
  }

  #takePoint(at: string, merchant: string, payer: string, id: string, now: number): void {
    const card = this.#cardOf(merchant, payer, now);
    const coupon = this.coupons.get(at);
    if (coupon === undefined) {
      card.points -= 1;
      if (card.points === 0) card.id = undefined;
      return;
    }
    coupon.state = 'cancelled';
    coupon.moved = card.id ?? id;
    this.#grow(card, merchant, payer, 4, id, now);
  }

  open(key: string, batch: { from: number; to: number; claim: number; farms: Map<string, number>; attempt: number; expires: number }, now: number): Outcome {
    const before = this.batches.get(key);
    if (batch.claim > batch.to - batch.from || batch.expires <= now) return 'out';
    if (before === undefined) {
      if (batch.attempt !== 1 || batch.from < this.meter) return 'out';
      if ([...this.batches.values()].filter((b) => b.state === 'open').length >= 8) return 'out';
      this.meter = batch.to;
    } else {
      if (!['open', 'rejected'].includes(before.state) || batch.attempt !== before.attempt + 1 || batch.from !== before.from || batch.to !== before.to) return 'out';
      if (before.state === 'rejected' && [...this.batches.values()].filter((b) => b.state === 'open').length >= 8) return 'out';
    }
    this.batches.set(key, { ...batch, state: 'open', available: 0, redeemed: 0, issued: 0, votes: new Map() });
    return 'done';
  }

  attest(key: string, oracle: string, attempt: number, statement: string, volume: number): Outcome {
    const batch = this.batches.get(key);
    if (this.revoked.has(oracle) || batch === undefined) return 'out';
    const earlier = batch.attempt === attempt ? batch.votes.get(oracle) : undefined;
    if (earlier === statement) return 'out';
    if (earlier !== undefined) {
      this.revoked.add(oracle);
      return 'done';
    }
    if (batch.attempt !== attempt || !['open', 'minted', 'closed'].includes(batch.state) || volume > batch.claim) return 'out';
    batch.votes.set(oracle, statement);
    if (batch.state !== 'open') return 'done';
    const active = 4 - this.revoked.size;
    const faulty = Math.floor((active - 1) / 3);
    const quorum = Math.floor((active + faulty) / 2) + 1;
    const inForce = [...batch.votes].filter(([name]) => !this.revoked.has(name)).map(([, said]) => said);
    if (inForce.filter((said) => said.startsWith('reject')).length >= quorum) batch.state = 'rejected';
    else if (volume > 0 && inForce.filter((said) => said === statement).length >= quorum) this.#mint(batch, volume);
    return 'done';
  }

  #mint(batch: Batch, volume: number): void {
    const toll = Math.floor((volume * 5_333) / 10_000);
    const total = [...this.batches.values()].reduce((sum, b) => sum + b.available, 0) + volume;
    const fill = Math.min(toll, Math.max(0, Math.floor(total / 10) - this.bond));
    this.bond += fill;
    this.#add('plant', toll - fill);
    const weights = [...batch.farms];
    const sum = weights.reduce((acc, [, weight]) => acc + weight, 0);
    const parts = weights.map(([farm, weight]) => ({ farm, ml: Math.floor(((volume - toll) * weight) / sum), rest: ((volume - toll) * weight) % sum }));
    let left = volume - toll - parts.reduce((acc, part) => acc + part.ml, 0);
    // Stable sort: farms stand in address order, so ties go to the lower address.
    for (const part of [...parts].sort((a, b) => b.rest - a.rest)) if (left-- > 0) part.ml += 1;
    for (const part of parts) this.#add(part.farm, part.ml);
    Object.assign(batch, { state: 'minted', issued: volume, available: volume });
    this.supply += volume;
  }

  redeem(key: string, holder: string, ml: number, now: number, fee: number, plantSigned: boolean): Outcome {
    const batch = this.batches.get(key);
    if (batch === undefined || !plantSigned || fee < 1 || this.balance(holder) < fee) return 'out';
    this.#add(holder, -fee);
    this.fees += fee;
    if (batch.state !== 'minted' || now > batch.expires || ml > batch.available || this.balance(holder) < ml) return 'fault';
    this.#add(holder, -ml);
    batch.available -= ml;
    batch.redeemed += ml;
    this.supply -= ml;
    if (batch.available === 0) batch.state = 'closed';
    return 'done';
  }
}
