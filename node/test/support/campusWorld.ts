/** A campus in one process: memory chain, campus services, API on a free port, and people who pay. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { batchKeyOf, formatAddress, sha256, signEd25519, toBase64Url, toHex, utf8, type OrderItem } from '@billcoin/protocol';
import {
  addSignature, buildAttest, buildOpenBatch, buildPay, buildRedeem, buildRefund, buildTransfer, buildVoidInvoice, createClient, createOrder, encodeTransaction, keyFromSeed, linkWallet, login, loginByKey, loginClient, type AccessToken, type Client, type Key as SdkKey, type Role, type TillOrder, type TxDraft,
} from '@billcoin/sdk';
import { startApi, type Api } from '../../src/api/server.ts';
import { openSecrets } from '../../src/campus/auth/secrets.ts';
import { openCampus } from '../../src/campus/campus.ts';
import { ulid } from '../../src/campus/crockford.ts';
import { openCampusKeys } from '../../src/campus/keyFile.ts';
import { putRow, TABLES } from '../../src/campus/store.ts';
import type { Campus } from '../../src/campusPorts.ts';
import { makeLog } from '../../src/log.ts';
import type { FinalBlock, KeyValueStore } from '../../src/ports.ts';
import type { SyncProgress } from '../../src/progress.ts';
import { openKeyValueMemory } from '../../src/storage/keyValueMemory.ts';
import { MemoryChain } from './memoryChain.ts';
import { dateOf, KEYS, keyOf, makeTestGenesis, METER, PROFILE_HASH, type Key } from './testNetwork.ts';

export const PRICE_SEN = 600n;
const DAY_MS = 86_400_000;
const TX_LIFE_MS = 60_000;

export const carton: OrderItem = { product: 'milk-250', name: 'Fresh milk 250 mL', quantity: 1, senLine: 180n, lineMl: 0n, lot: 'LOT-1' };

const EXPORT_KEY = keyOf('export');
/** What a node reads from export-key.json. */
export const EXPORT_SIGNER = { publicKey: EXPORT_KEY.publicKey, sign: (message: Uint8Array) => signEd25519(EXPORT_KEY.seed, message) };

/** A guess costs 3 ms, so that tests may log in; the cost itself has a test of its own. */
const CHEAP = { log2N: 10, r: 8, p: 1 };

export interface Teardown {
  teardown(close: () => Promise<void>): unknown;
}

export interface WorldOptions {
  readonly startMs?: number;
  readonly store?: KeyValueStore;
  /** Whom address limits see; the socket's peer, which is this machine, unless given. */
  readonly remoteAddress?: (request: IncomingMessage) => string | undefined;
  readonly alerts?: { readonly webhookFile: string | undefined; readonly allowLoopback: boolean };
  readonly keyFolder?: string;
  readonly chain?: MemoryChain;
  /** While this node is behind its peers; it never is unless given. */
  readonly sync?: () => SyncProgress | undefined;
  /** Signs for the campus authority: its own key unless given; null: this node has none. */
  readonly campusAuthority?: SdkKey | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: never;
}

export function sdkKey(key: Key): SdkKey {
  return keyFromSeed(key.seed);
}

/** Roles of accounts: people and programs. */
export type AccountRole = Extract<Role, 'manager' | 'finance' | 'auditor' | 'admin' | 'partner' | 'service'>;

/** A wallet of its own for a label. */
export const wallet = (label: string): SdkKey => sdkKey(keyOf(`wallet ${label}`));

export class World {
  readonly chain: MemoryChain;
  readonly campus: Campus;
  readonly api: Api;
  readonly store: KeyValueStore;
  readonly logLines: readonly string[];
  readonly keyFolder: string;
  #minted = 0n;
  /** Access tokens by who they are of. */
  readonly #logins = new Map<string, { readonly token: string; readonly endsAtMs: number }>();

  constructor(parts: { readonly chain: MemoryChain; readonly campus: Campus; readonly api: Api; readonly store: KeyValueStore; readonly logLines: readonly string[]; readonly keyFolder: string }) {
    this.chain = parts.chain;
    this.campus = parts.campus;
    this.api = parts.api;
    this.store = parts.store;
    this.logLines = parts.logLines;
    this.keyFolder = parts.keyFolder;
  }

  /** Of every lot: the day the chain began. */
  get productionDate(): number {
    return dateOf(this.chain.genesis.spec.timeMs);
  }

  get nowMs(): number {
    return this.chain.clock.nowMs();
  }

  get #envelope(): { readonly genesisHash: Uint8Array; readonly validUntilMs: number } {
    return { genesisHash: this.chain.genesisHash, validUntilMs: this.nowMs + TX_LIFE_MS };
  }

  /** A final block, and its campus rows written. */
  async block(afterMs?: number): Promise<FinalBlock> {
    const block = this.chain.block(afterMs);
    await this.campus.caughtUp();
    return block;
  }

  async submit(draft: TxDraft, ...signers: readonly SdkKey[]): Promise<string> {
    const signed = signers.reduce(addSignature, draft);
    const submitted = await this.chain.submit(encodeTransaction(signed));
    if (!submitted.ok) throw new Error(`refused: ${submitted.refusal.code}`);
    return submitted.txHash;
  }

  batchKey(lot: string): Uint8Array {
    return batchKeyOf(KEYS.plant.address, utf8(lot), this.productionDate);
  }

  /** Mints milk to the farm. */
  async mint(volumeMl: bigint): Promise<string> {
    const totalFrom = this.#minted;
    this.#minted += volumeMl;
    const lot = `LOT-${this.#minted}`;
    const plant = sdkKey(KEYS.plant);
    const oracle = sdkKey(KEYS.oracle);
    await this.submit(buildOpenBatch({
      ...this.#envelope, plant: plant.address, lot: utf8(lot), productionDate: this.productionDate, expiresAtMs: this.nowMs + 9 * DAY_MS, claimMl: volumeMl, meter: METER, totalFrom, totalTo: totalFrom + volumeMl,
      shares: [{ farm: KEYS.farm.address, weightMl: 1n }], manifestHash: new Uint8Array(32), attempt: 1,
    }), plant);
    await this.block();
    const statement = { batch: this.batchKey(lot), attempt: 1, volumeMl, reject: 0, readingsRoot: new Uint8Array(32).fill(7), profileHash: PROFILE_HASH };
    await this.submit(buildAttest({ ...this.#envelope, oracle: oracle.address, ...statement }), oracle);
    await this.block();
    return lot;
  }

  async transfer(from: SdkKey, to: Uint8Array, amountMl: bigint): Promise<string> {
    return await this.submit(buildTransfer({ ...this.#envelope, sender: from.address, to, amountMl }), from);
  }

  /** A Transfer that the pool would refuse, put into the next block all the same. */
  forceTransfer(from: SdkKey, to: Uint8Array, amountMl: bigint): string {
    return this.chain.force(encodeTransaction(addSignature(buildTransfer({ ...this.#envelope, sender: from.address, to, amountMl }), from)));
  }

  /** Gives wallets milk of a fresh mint. */
  async fund(amountMl: bigint, ...wallets: readonly SdkKey[]): Promise<void> {
    await this.mint(amountMl * BigInt(wallets.length) + 1_000n);
    for (const { address } of wallets) await this.transfer(sdkKey(KEYS.farm), address, amountMl);
    await this.block();
  }

  /** An order of till 1 as the till makes it. */
  order(over: { readonly items?: readonly OrderItem[]; readonly lifeS?: number } = {}): TillOrder {
    const expiresAtS = Math.floor(this.nowMs / 1_000) + (over.lifeS ?? 120);
    return createOrder({ genesisHash: this.chain.genesisHash, till: sdkKey(KEYS.till), tillNo: 1, items: over.items ?? [carton], priceSenPerBill: PRICE_SEN, expiresAtS });
  }

  /** A client that nobody is logged in with. */
  get client(): Client {
    return createClient({ baseUrl: this.api.url });
  }

  async #kept(who: string, logIn: () => Promise<AccessToken>): Promise<string> {
    const held = this.#logins.get(who);
    if (held !== undefined && this.nowMs < held.endsAtMs) return held.token;
    const { accessToken, expiresIn } = await logIn();
    this.#logins.set(who, { token: accessToken, endsAtMs: this.nowMs + expiresIn * 1_000 - 60_000 });
    return accessToken;
  }

  /** Access token of a person or program with this role, made on the first call; managers and partners are the cafeteria's unless told otherwise. */
  async tokenOf(role: AccountRole, merchantId: string = formatAddress(KEYS.cafeteria.address)): Promise<string> {
    return await this.#kept(`${role} ${merchantId}`, async () => {
      if (role === 'partner' || role === 'service') {
        const added = await this.campus.programs.add({ name: role, role, merchantId });
        if (!added.ok) throw new Error(added.code);
        return await loginClient(this.client, { clientId: added.program.clientId, clientSecret: added.clientSecret });
      }
      const username = `${role}-${toHex(randomBytes(4))}`;
      const added = await this.campus.users.add({ username, role, merchantId });
      if (!added.ok || added.password === null) throw new Error('the account was not made');
      return await login(this.client, { username, password: added.password });
    });
  }

  /** Access token of a key: a wallet's, or a till's that is in force. */
  async loginKey(key: SdkKey): Promise<string> {
    return await this.#kept(key.addressText, async () => await loginByKey(this.client, { key, genesisHash: this.chain.genesisHash }));
  }

  async loginWallet(key: SdkKey): Promise<string> {
    return await this.loginKey(key);
  }

  async loginTill(key: SdkKey = sdkKey(KEYS.till)): Promise<string> {
    return await this.loginKey(key);
  }

  /** Links a wallet to the student of a code, as its phone does. */
  async link(key: SdkKey, linkCode: string): Promise<void> {
    await linkWallet(this.client, { linkCode, key, genesisHash: this.chain.genesisHash });
  }

  /** A cashier of the cafeteria, as the campus store keeps one. */
  async addCashier(tills: readonly number[]): Promise<{ readonly cashierId: string; readonly pin: string }> {
    const { keys } = await openCampusKeys(this.keyFolder);
    const cashierId = `csh_${ulid(this.nowMs)}`;
    const pin = '2580';
    const row = { merchantId: formatAddress(KEYS.cafeteria.address), name: 'Mei', pinHash: await openSecrets(keys, CHEAP).hash(pin), tills, createdAtMs: this.nowMs };
    await this.store.batch([putRow(TABLES.cashier, cashierId, row)], { sync: true });
    return { cashierId, pin };
  }

  /** Access token of a cashier of the till. */
  async loginCashier(tills: readonly number[] = [1], till: SdkKey = sdkKey(KEYS.till)): Promise<string> {
    return await this.#kept(`cashier ${tills.join(' ')} ${till.addressText}`, async () => {
      const { cashierId, pin } = await this.addCashier(tills);
      const answer = await this.post(`/tills/${tills[0] ?? 1}/cashier`, { cashierId, pin }, await this.as(till));
      if (answer.status !== 200) throw new Error(answer.text);
      return answer.json as AccessToken;
    });
  }

  /** The header of a request of this role, or of the holder of this key. */
  async as(who: AccountRole | 'staff' | 'till' | 'student' | SdkKey): Promise<{ readonly authorization: string }> {
    const token = who === 'staff' ? this.loginCashier() : who === 'till' ? this.loginTill() : who === 'student' ? this.loginWallet(wallet('anybody')) : typeof who === 'string' ? this.tokenOf(who) : this.loginKey(who);
    return { authorization: `Bearer ${await token}` };
  }

  /** An SDK client that is logged in so. */
  async clientAs(who: Parameters<World['as']>[0]): Promise<Client> {
    const { authorization } = await this.as(who);
    return { ...this.client, accessToken: () => authorization.slice('Bearer '.length) };
  }

  async postOrder(order: TillOrder, key: string = toHex(randomBytes(8))): Promise<Answer> {
    return await this.post('/orders', { order: toBase64Url(order.order), salt: toBase64Url(order.salt), invoice: toBase64Url(order.invoice) }, { 'idempotency-key': key, ...await this.as('till') });
  }

  payDraft(payer: SdkKey, invoice: Uint8Array, couponId?: Uint8Array): TxDraft {
    const built = buildPay({ genesisHash: this.chain.genesisHash, invoice, payer: payer.address, ...(couponId === undefined ? {} : { couponId }) });
    if (!built.ok) throw new Error(built.fault.code);
    return addSignature(built.value, payer);
  }

  async pay(payer: SdkKey, invoice: Uint8Array, couponId?: Uint8Array): Promise<string> {
    return await this.submit(this.payDraft(payer, invoice, couponId));
  }

  /** The till takes an invoice back; it may be pending beside a Pay. */
  async voidInvoice(invoice: Uint8Array): Promise<string> {
    const till = sdkKey(KEYS.till);
    const draft = buildVoidInvoice({ genesisHash: this.chain.genesisHash, invoice, till: till.address });
    if (!draft.ok) throw new Error(draft.fault.code);
    return await this.submit(draft.value, till);
  }

  /** A signed transaction as POST /transactions takes it. */
  textOf(draft: TxDraft): string {
    return toBase64Url(encodeTransaction(draft));
  }

  async refund(ref: Uint8Array, amountMl: bigint): Promise<string> {
    const till = sdkKey(KEYS.till);
    return await this.submit(buildRefund({ ...this.#envelope, sender: till.address, tillNo: 1, ref, amountMl }), till);
  }

  async redeem(holder: SdkKey, lot: string, amountMl: bigint): Promise<string> {
    return await this.submit(buildRedeem({ ...this.#envelope, holder: holder.address, batch: this.batchKey(lot), amountMl, noteHash: sha256(utf8('note')) }), holder, sdkKey(KEYS.plant));
  }

  async call(method: string, path: string, init: { readonly body?: string | Uint8Array<ArrayBuffer>; readonly headers?: Readonly<Record<string, string>> } = {}): Promise<Answer> {
    const { body, headers = {} } = init;
    const url = path.startsWith('/health') || path.startsWith('/.well-known') || path === '/metrics' ? this.api.url + path : `${this.api.url}/api/v1${path}`;
    const response = await fetch(url, { method, headers, redirect: 'manual', ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    return {
      status: response.status, headers: response.headers, text,
      get json() {
        return JSON.parse(text) as never;
      },
    };
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.call('GET', path, { headers });
  }

  async post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await this.call('POST', path, { body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } });
  }
}

export async function makeKeyFolder(t: Teardown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'billcoin-campus-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'keys'), { mode: 0o700 });
  return join(folder, 'keys');
}

/** Opens a world; everything ends with the test. Log lines are kept, so that tests can look for secrets in them. */
export async function openWorld(t: Teardown, options: WorldOptions = {}): Promise<World> {
  const chain = options.chain ?? new MemoryChain(makeTestGenesis(options.startMs ?? Date.now()));
  const store = options.store ?? openKeyValueMemory();
  const logLines: string[] = [];
  const log = makeLog({ level: 'debug', nodeName: 'test', write: (line) => void logLines.push(line) });
  const { clock } = chain;
  const keyFolder = options.keyFolder ?? (await makeKeyFolder(t));
  const campus = await openCampus({ chain, store, clock, log, ...(options.alerts === undefined ? {} : { alerts: options.alerts }), ...(options.campusAuthority === null ? {} : { campusAuthority: options.campusAuthority ?? sdkKey(KEYS.campus) }), passwordCost: CHEAP, exportSigner: EXPORT_SIGNER, keyFolder });
  const api = await startApi({ chain, campus, clock, log, config: { host: '127.0.0.1', port: 0 }, registry: new Registry(), remoteAddress: options.remoteAddress ?? (({ socket }) => socket.remoteAddress), ...(options.sync === undefined ? {} : { sync: options.sync }) });
  t.teardown(async () => {
    await api.close();
    await campus.close();
  });
  return new World({ chain, campus, api, store, logLines, keyFolder });
}
