/**
 * A campus full of people who send whatever comes to mind: orders, payments, refunds, deliveries; right ones, wrong ones,
 * those of others, and all of them again. Every choice follows from the seed; every request goes through HTTP.
 */
import { batchKeyOf, fromHex, ORDER_SALT_BYTES, ROWS, sha256, toBase64Url, toHex, utf8 } from '@billcoin/protocol';
import {
  activateTill, addSignature, API_BASE, attachSignature, buildAttest, buildOpenBatch, buildPay, buildRedeem, buildRefund, buildRevokeTill, buildTransfer, buildVoidInvoice, createOrder, encodeTransaction, enrolTill, registerMerchant, ROUTES, txSigningBytes,
  type Client, type Key, type Route, type TillOrder, type TxDraft,
} from '@billcoin/sdk';
import { carton, PRICE_SEN, sdkKey, wallet, type Answer, type World } from './campusWorld.ts';
import { makeRandom } from './random.ts';
import { KEYS, METER, PROFILE_HASH } from './testNetwork.ts';

interface Till { readonly tillNo: number; readonly key: Key; readonly merchant: Key }
interface Posted { readonly order: TillOrder; readonly till: Till; readonly orderId: string | undefined }
interface Sent { readonly method: string; readonly path: string; readonly body: string | undefined; readonly headers: Readonly<Record<string, string>> }

const LIFE_MS = 120_000;
const DAY_MS = 86_400_000;
export const FUNDS_ML = 8_000n;
/** So many requests are sent before the second till may be put out of force. */
const REVOKED_AFTER = 250;
/** Whoever sends a request: a role, or the holder of a key. */
type Who = Parameters<World['as']>[0];
const ACCOUNTS: readonly Who[] = ['staff', 'manager', 'finance', 'auditor', 'admin', 'partner', 'service'];
/** Streams stay open, and a logout would make the others log in again and again. */
const SENT_AT_RANDOM: readonly Route[] = Object.values(ROUTES as Readonly<Record<string, Route>>).filter(({ responseType, path }) => responseType !== 'text/event-stream' && path !== '/auth/logout');

export class Crowd {
  readonly world: World;
  readonly #random: () => number;
  readonly students = [wallet('ali'), wallet('siti'), wallet('mallory')] as const;
  readonly tills: readonly Till[];
  readonly #keys: readonly Key[];
  readonly #plant = sdkKey(KEYS.plant);
  readonly #oracle = sdkKey(KEYS.oracle);
  readonly #orders: Posted[] = [];
  readonly #refunds: string[] = [];
  readonly #txs: { readonly draft: TxDraft; readonly sentAs: string }[] = [];
  readonly #sent: Sent[] = [];
  #lot: Uint8Array = new Uint8Array(32);
  #lots = 0;
  /** Every request with its answer, newest last: what to look at where something is wrong. */
  readonly told: string[] = [];

  private constructor(world: World, tills: readonly Till[], seed: number) {
    this.world = world;
    this.tills = tills;
    this.#random = makeRandom(seed);
    this.#keys = [...this.students, ...tills.flatMap(({ key, merchant }) => [key, merchant]), sdkKey(KEYS.farm), this.#plant, this.#oracle];
  }

  /** Registers a second merchant with a till over the API, and gives two of three students and both merchants milk. */
  static async open(world: World, seed: number): Promise<Crowd> {
    const { chain } = world;
    const [kiosk, device] = [wallet('kiosk'), wallet('device')];
    const stop = chain.onAdmitted(() => void setImmediate(() => void chain.block()));
    await registerMerchant(await world.clientAs('admin'), { name: 'Kiosk', account: kiosk.addressText });
    const token = await world.tokenOf('manager', kiosk.addressText);
    const manager: Client = { ...world.client, accessToken: () => token };
    const { enrolCode } = await enrolTill(manager, { name: 'Window' });
    const { tillNo } = await activateTill(world.client, { enrolCode, till: device, genesisHash: chain.genesisHash });
    stop();
    const cafeteria = sdkKey(KEYS.cafeteria);
    await world.fund(FUNDS_ML, wallet('ali'), wallet('siti'), kiosk, cafeteria);
    // What people do too often has tests of its own: here everybody may ask.
    await world.campus.abuse.limits.change({ pay: { q: 10_000, windowS: 60 }, user: { q: 10_000, windowS: 60 }, machine: { q: 10_000, windowS: 60 } });
    return new Crowd(world, [{ tillNo: 1, key: sdkKey(KEYS.till), merchant: cafeteria }, { tillNo, key: device, merchant: kiosk }], seed);
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#below(of.length)] as T;
  }

  /** One of the last few: what was done lately is what others interfere with. */
  #late<T>(of: readonly T[]): T | undefined {
    return of.at(-1 - this.#below(Math.min(5, of.length)));
  }

  /** Salts follow from the seed too: then so does every hash and whatever hangs on one. */
  #salt(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#below(256));
  }

  get #envelope(): { readonly genesisHash: Uint8Array; readonly validUntilMs: number; readonly salt: Uint8Array } {
    return { genesisHash: this.world.chain.genesisHash, validUntilMs: this.world.nowMs + (this.#below(12) === 0 ? 0 : LIFE_MS), salt: this.#salt(8) };
  }

  /** Mostly signed by whom it needs; else by somebody, over another network, or with a bit turned over. */
  #signed(draft: TxDraft, ...right: readonly Key[]): TxDraft {
    const twist = this.#below(16);
    if (twist === 0) return addSignature(draft, this.#one(this.#keys));
    if (twist === 1) return { ...addSignature({ ...draft, genesisHash: sha256(draft.genesisHash) }, right[0] as Key), genesisHash: draft.genesisHash };
    if (twist === 2) {
      const { publicKey } = right[0] as Key;
      const signature = Uint8Array.from((right[0] as Key).sign(txSigningBytes(draft)));
      const at = this.#below(signature.length);
      signature[at] = (signature[at] ?? 0) ^ (1 << this.#below(8));
      return attachSignature(draft, { publicKey, signature });
    }
    return right.reduce(addSignature, draft);
  }

  #somebody(): Who {
    return this.#below(2) === 0 ? this.#one(ACCOUNTS) : this.#one(this.#keys);
  }

  async #send(label: string, method: string, path: string, body: object | undefined, who?: Who): Promise<Answer> {
    const authorization = who === undefined ? {} : await this.world.as(who);
    const headers = { ...authorization, 'idempotency-key': toHex(utf8(`${this.told.length % 97}`)), ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    return await this.#again(label, { method, path, body: body === undefined ? undefined : JSON.stringify(body), headers });
  }

  async #again(label: string, request: Sent): Promise<Answer> {
    const { method, path, body, headers } = request;
    this.#sent.push(request);
    const answer = await this.world.call(method, path, { headers, ...(body === undefined ? {} : { body }) });
    this.told.push(`${label}: ${method} ${path} ${answer.status} ${answer.status >= 400 ? answer.text.slice(0, 160) : ''}`);
    if (answer.status === 500) throw new Error(`a bug of the API: ${this.told.at(-1)}`);
    return answer;
  }

  async #hand(label: string, draft: TxDraft): Promise<void> {
    this.#txs.push({ draft, sentAs: label });
    await this.#send(label, 'POST', '/transactions', { tx: toBase64Url(encodeTransaction(draft)) });
  }

  /** Somebody does something. */
  async act(): Promise<void> {
    const deeds: readonly (readonly [number, () => Promise<unknown>])[] = [
      [12, () => this.#order()], [12, () => this.#buy()], [24, () => this.#pay()], [6, () => this.#transfer()], [1, () => this.#spendTwice()], [6, () => this.#cancel()], [4, () => this.#collect()], [14, () => this.#refund()], [5, () => this.#decide()], [4, () => this.#milk()], [4, () => this.#redeem()],
      [4, () => this.#stray()], [6, () => this.#validate()], [8, () => this.#replay()], [8, () => this.#anything()], [1, () => this.#revoke()],
    ];
    let at = this.#below(deeds.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, deed] of deeds) {
      if (at < weight) return void await deed();
      at -= weight;
    }
  }

  /** `who` posts an order that `signer` has signed for a till. */
  async #postOrder(till: Till, { signer = till.key, who = till.key, quantity = 1, price = PRICE_SEN, lifeS = 120 }: { signer?: Key; who?: Who; quantity?: number; price?: bigint; lifeS?: number } = {}): Promise<TillOrder> {
    const { chain, nowMs } = this.world;
    const items = [{ ...carton, quantity, senLine: 180n * BigInt(quantity) }];
    const order = createOrder({ genesisHash: chain.genesisHash, till: signer, tillNo: till.tillNo, items, priceSenPerBill: price, expiresAtS: Math.floor(nowMs / 1_000) + lifeS, salt: this.#salt(ORDER_SALT_BYTES) });
    const answer = await this.#send('order', 'POST', '/orders', { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice) }, who);
    // Also those that the server does not take: a signed invoice is a signed invoice.
    this.#orders.push({ order, till, orderId: answer.status === 201 ? (answer.json as { orderId: string }).orderId : undefined });
    return order;
  }

  async #order(): Promise<void> {
    const till = this.#one(this.tills);
    const signer = this.#below(8) === 0 ? this.#one(this.#keys) : till.key;
    const who = this.#below(8) === 0 ? this.#somebody() : till.key;
    await this.#postOrder(till, { signer, who, quantity: 1 + this.#below(3), price: this.#below(8) === 0 ? 500n : PRICE_SEN, lifeS: this.#one([1, 60, 120, 120]) });
  }

  #invoice(): Uint8Array | undefined {
    const invoice = this.#late(this.#orders)?.order.invoice;
    if (invoice === undefined || this.#below(10) > 0) return invoice;
    const forged = Uint8Array.from(invoice);
    const at = this.#below(forged.length);
    forged[at] = (forged[at] ?? 0) ^ (1 << this.#below(8));
    return forged;
  }

  #couponId(): { readonly couponId?: Uint8Array } {
    const coupons = [...this.world.chain.state().rows(ROWS.coupon)].map(({ id }) => id);
    return coupons.length > 0 && this.#below(3) === 0 ? { couponId: fromHex(this.#one(coupons)) } : {};
  }

  async #pay(): Promise<void> {
    const invoice = this.#invoice();
    const payer = this.#below(8) === 0 ? this.#one(this.#keys) : this.#one(this.students.slice(0, 2));
    const built = invoice === undefined ? undefined : buildPay({ genesisHash: this.world.chain.genesisHash, invoice, payer: payer.address, ...this.#couponId() });
    if (built?.ok === true) await this.#hand('pay', this.#signed(built.value, payer));
  }

  /** What most people do: a carton at the counter. Five of them are a coupon. */
  async #buy(): Promise<void> {
    const [ali] = this.students;
    const { invoice } = await this.#postOrder(this.tills[0] as Till);
    const built = buildPay({ genesisHash: this.world.chain.genesisHash, invoice, payer: ali.address, ...this.#couponId() });
    if (built.ok) await this.#hand('buy', addSignature(built.value, ali));
  }

  #balanceMl({ address }: Key): bigint {
    return this.world.chain.state().get(ROWS.account, toHex(address))?.balanceMl ?? 0n;
  }

  #transferOf(from: Key, amountMl: bigint): TxDraft {
    return buildTransfer({ ...this.#envelope, sender: from.address, to: this.#one(this.#keys).address, amountMl });
  }

  async #transfer(): Promise<void> {
    const from = this.#one(this.#keys);
    const balanceMl = this.#balanceMl(from);
    const amountMl = this.#one([1n, 250n, balanceMl, balanceMl + 1n, 2n ** 53n - 1n]);
    if (amountMl > 0n) await this.#hand('transfer', this.#signed(this.#transferOf(from, amountMl), from));
  }

  /** Two thirds, twice: both are taken while they wait, a block does one and refuses the other. */
  async #spendTwice(): Promise<void> {
    const from = this.#one(this.students);
    const amountMl = (this.#balanceMl(from) * 2n) / 3n;
    for (let i = 0; i < 2 && amountMl > 0n; i++) await this.#hand('transfer', addSignature(this.#transferOf(from, amountMl), from));
  }

  async #cancel(): Promise<void> {
    const posted = this.#late(this.#orders);
    if (posted === undefined) return;
    const { till, orderId, order } = posted;
    const key = this.#below(6) === 0 ? this.#one(this.#keys) : till.key;
    const built = buildVoidInvoice({ genesisHash: this.world.chain.genesisHash, invoice: order.invoice, till: key.address });
    if (!built.ok) return;
    const draft = this.#signed(built.value, key);
    if (orderId === undefined || this.#below(3) === 0) return await this.#hand('void', draft);
    await this.#send('cancel', 'POST', `/orders/${orderId}/cancel`, { tx: toBase64Url(encodeTransaction(draft)), reason: 'x' }, this.#below(6) === 0 ? this.#somebody() : till.key);
  }

  async #collect(): Promise<void> {
    const { orderId, till } = this.#late(this.#orders) ?? {};
    if (orderId !== undefined) await this.#send('collect', 'POST', `/orders/${orderId}/collect`, undefined, this.#below(4) === 0 ? this.#somebody() : till?.key);
  }

  #refundDraft({ order, till }: Posted): TxDraft {
    const key = this.#one([till.key, till.key, till.merchant, this.#one(this.#keys)]);
    const amountMl = this.#one([1n, 100n, 300n, 301n, order.amountMl]);
    return this.#signed(buildRefund({ ...this.#envelope, sender: key.address, tillNo: till.tillNo, ref: order.ref, amountMl }), key);
  }

  async #refund(): Promise<void> {
    const posted = this.#one(this.#orders);
    if (this.#orders.length === 0) return;
    const draft = this.#refundDraft(posted);
    if (posted.orderId === undefined || this.#below(3) === 0) return await this.#hand('refund', draft);
    const body = { reason: 'x', ...(this.#below(3) === 0 ? { litres: this.#one(['0.001', '0.3', '0.301']) } : { tx: toBase64Url(encodeTransaction(draft)) }) };
    const answer = await this.#send('refund', 'POST', `/orders/${posted.orderId}/refunds`, body, this.#below(4) === 0 ? this.#somebody() : this.#one(['staff', 'manager'] as const));
    if (answer.status === 202) this.#refunds.push((answer.json as { refundId: string }).refundId);
  }

  async #decide(): Promise<void> {
    const [refundId, posted] = [this.#late(this.#refunds), this.#one(this.#orders)];
    if (refundId === undefined) return;
    const who = this.#below(4) === 0 ? this.#somebody() : 'manager';
    if (this.#below(4) === 0) return void await this.#send('reject', 'POST', `/refunds/${refundId}/reject`, undefined, who);
    await this.#send('approve', 'POST', `/refunds/${refundId}/approve`, { tx: toBase64Url(encodeTransaction(this.#refundDraft(posted))) }, who);
  }

  /** A plant opens a lot, or an oracle states what is in it; somebody else tries to. */
  async #milk(): Promise<void> {
    const stranger = this.#below(4) === 0 ? this.#one(this.#keys) : undefined;
    const [plant, oracle] = [stranger ?? this.#plant, stranger ?? this.#oracle];
    if (this.#lots > 0 && this.#below(2) === 0) {
      const statement = { batch: this.#lot, attempt: 1, volumeMl: this.#one([500n, 1_000n, 1_001n]), reject: 0, readingsRoot: new Uint8Array(32), profileHash: PROFILE_HASH };
      return await this.#hand('attest', this.#signed(buildAttest({ ...this.#envelope, oracle: oracle.address, ...statement }), oracle));
    }
    const opened = this.world.chain.state().get(ROWS.meter, toHex(METER))?.opened ?? 0n;
    const totalFrom = this.#below(4) === 0 ? 0n : opened;
    const lot = utf8(`LOT-C${this.#lots++}`);
    const { productionDate, nowMs } = this.world;
    this.#lot = batchKeyOf(KEYS.plant.address, lot, productionDate);
    await this.#hand('openBatch', this.#signed(buildOpenBatch({
      ...this.#envelope, plant: plant.address, lot, productionDate, expiresAtMs: nowMs + 9 * DAY_MS, claimMl: 1_000n, meter: METER, totalFrom, totalTo: totalFrom + 1_000n, shares: [{ farm: KEYS.farm.address, weightMl: 1n }], manifestHash: new Uint8Array(32), attempt: 1,
    }), plant));
  }

  async #redeem(): Promise<void> {
    const holder = this.#one([...this.tills.map(({ merchant }) => merchant), ...this.students]);
    const batches = [...this.world.chain.state().rows(ROWS.batch)].map(({ id }) => id);
    const draft = buildRedeem({ ...this.#envelope, holder: holder.address, batch: fromHex(batches[this.#below(batches.length)] ?? '') ?? new Uint8Array(32), amountMl: this.#one([1n, 250n, 100_000n]), noteHash: sha256(utf8('note')) });
    await this.#hand('redeem', this.#signed(draft, holder, ...(this.#below(4) === 0 ? [] : [this.#plant])));
  }

  async #stray(): Promise<void> {
    const { data } = (await this.#send('strays', 'GET', '/strays', undefined, 'finance')).json as { data: readonly { txHash: string }[] };
    const stray = this.#late(data);
    if (stray !== undefined) await this.#send('book', 'POST', `/strays/${stray.txHash}/book`, undefined, this.#below(4) === 0 ? this.#somebody() : 'finance');
  }

  async #validate(): Promise<void> {
    const tx = this.#late(this.#txs);
    if (tx !== undefined) await this.#send('validate', 'POST', '/payments/validate', { txHash: tx.draft.txHash, expectedAmount: this.#one(['1.80', '3.60', '0.300']) }, this.#somebody());
  }

  /** The same request again, as it was or in another's name. */
  async #replay(): Promise<void> {
    const request = this.#late(this.#sent);
    if (request === undefined) return;
    const other = this.#below(2) === 0 ? {} : await this.world.as(this.#somebody());
    await this.#again('again', { ...request, headers: { ...request.headers, ...other } });
  }

  /** Any route at all, about things that are there, with a body that was sent somewhere else. */
  async #anything(): Promise<void> {
    const { method, path, body, atRoot } = this.#one(SENT_AT_RANDOM);
    const { order, till, orderId } = this.#late(this.#orders) ?? {};
    const values: Readonly<Record<string, string | undefined>> = {
      orderId, refundId: this.#late(this.#refunds), txHash: this.#late(this.#txs)?.draft.txHash, tillNo: String(till?.tillNo ?? 1), ref: toHex(order?.ref ?? new Uint8Array(10)), address: this.#one(this.#keys).addressText,
      merchantId: this.#one(this.tills).merchant.addressText, batchKey: toHex(this.#lot), heightOrHash: '1', height: '1',
    };
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? 'x');
    const sent = this.#late(this.#sent.filter((one) => one.body !== undefined))?.body ?? '{}';
    if (atRoot === true || `${API_BASE}${filled}`.length > 2_000) return;
    await this.#send('anything', method, filled, body === undefined ? undefined : (JSON.parse(this.#below(2) === 0 ? '{}' : sent) as object), this.#somebody());
  }

  /** Strangers try it all day; its merchant does it late. */
  async #revoke(): Promise<void> {
    const [, window] = this.tills;
    const sender = this.told.length > REVOKED_AFTER ? window?.merchant : this.#one(this.students);
    if (window !== undefined && sender !== undefined) await this.#hand('revoke', this.#signed(buildRevokeTill({ ...this.#envelope, sender: sender.address, tillNo: window.tillNo, feeMl: 1n }), sender));
  }

  /** Time passes and a block is made of whatever waits. */
  async block(): Promise<void> {
    await this.world.block(this.#one([1, 500, 1_000, 1_000, 1_000, 1_000, 1_000, 5_000, 5_000, 61_000]));
  }
}

