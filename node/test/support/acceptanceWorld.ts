/** A campus as it is run: a validator and an API node over TLS, each a process with stores of its own, people with accounts, a channel that hears alerts. */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { formatAddress } from '@billcoin/protocol';
import {
  createOrder, keyFromSeed, lookupFrom, postOrder, readInvoice, sendTransaction, signPay, validatePayment, withLogin, type Client, type Key as SdkKey, type OrderCreated, type TillOrder, type ValidatePaymentAnswer,
} from '@billcoin/sdk';
import { createNodeClient } from '@billcoin/sdk/node';
import { withAccounts } from '../../src/offline/accounts.ts';
import { DEV_CERTIFICATE_FILE } from '../../src/tlsFiles.ts';
import { carton, PRICE_SEN, sdkKey, type Teardown } from './campusWorld.ts';
import { makeProcesses, type ProcessNetwork } from './processes.ts';
import type { TestProcess } from './testProcess.ts';
import { KEYS, TxMaker, keyOf } from './testNetwork.ts';

/** Only ends what hangs. */
const WAIT_MS = 120_000;
const BALANCE_ML = 20_000n;
const PEOPLE = ['admin', 'finance', 'manager'] as const;
type Person = (typeof PEOPLE)[number];

export interface Bought {
  readonly order: TillOrder;
  readonly created: OrderCreated;
  readonly txHash: string;
  readonly validated: ValidatePaymentAnswer;
  /** From the wallet's signature to the answer that the payment is final, ms. */
  readonly tookMs: number;
}

export class AcceptanceWorld {
  readonly network: ProcessNetwork;
  readonly api: TestProcess;
  /** What the Slack channel of the operators heard. */
  readonly alerts: readonly string[];
  /** The API without a login, over TLS. */
  readonly client: Client;
  readonly #passwords: ReadonlyMap<Person, string>;
  readonly #clients = new Map<string, Client>();

  constructor(parts: { readonly network: ProcessNetwork; readonly api: TestProcess; readonly client: Client; readonly alerts: readonly string[]; readonly passwords: ReadonlyMap<Person, string> }) {
    this.network = parts.network;
    this.api = parts.api;
    this.client = parts.client;
    this.alerts = parts.alerts;
    this.#passwords = parts.passwords;
  }

  get genesisHash(): Uint8Array {
    return this.network.genesis.genesisHash;
  }

  /** Logged in as a person with an account, or as the holder of a key; till 1 is one. */
  as(who: Person | SdkKey): Client {
    const name = typeof who === 'string' ? who : who.addressText;
    const made = this.#clients.get(name) ?? withLogin(this.client, typeof who === 'string' ? { username: who, password: this.#passwords.get(who) ?? '' } : { key: who, genesisHash: this.genesisHash });
    this.#clients.set(name, made);
    return made;
  }

  get till(): Client {
    return this.as(sdkKey(KEYS.till));
  }

  /** A request as programs of partners send it. */
  async call(client: Client, method: string, path: string, body?: string): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string; readonly json: never }> {
    const token = await client.accessToken();
    const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const response = await client.fetch(client.base + path, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    return {
      status: response.status, headers: response.headers, text,
      get json() {
        return JSON.parse(text) as never;
      },
    };
  }

  /** The till rings up a carton at RM 1.80. */
  async order(): Promise<{ readonly order: TillOrder; readonly created: OrderCreated }> {
    const order = createOrder({ genesisHash: this.genesisHash, till: sdkKey(KEYS.till), tillNo: 1, items: [carton], priceSenPerBill: PRICE_SEN });
    return { order, created: await postOrder(this.till, order) };
  }

  /** The wallet scans, checks, signs and sends; the till validates. */
  async buy(payer: SdkKey, couponId?: Uint8Array): Promise<Bought> {
    const { order, created } = await this.order();
    const invoice = await readInvoice(created.qr, { genesisHash: this.genesisHash, lookup: lookupFrom(this.client) });
    if (!invoice.ok) throw new Error(`the scanned code is refused: ${invoice.fault.code}`);
    const startMs = performance.now();
    const { txHash } = await sendTransaction(this.client, signPay({ genesisHash: this.genesisHash, invoice: invoice.value, key: payer, ...(couponId === undefined ? {} : { couponId }) }));
    let validated = await validatePayment(this.till, { txHash, expectedAmount: '1.80', waitMs: 3_000 });
    for (const untilMs = performance.now() + WAIT_MS; validated.error === 'not_final' && performance.now() < untilMs;) validated = await validatePayment(this.till, { txHash, expectedAmount: '1.80', waitMs: 3_000 });
    return { order, created, txHash, validated, tookMs: performance.now() - startMs };
  }
}

async function listenForAlerts(t: Teardown, heard: string[]): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => { body += chunk.toString(); });
    request.on('end', () => {
      heard.push((JSON.parse(body) as { readonly text: string }).text);
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/ops`;
}

async function makePeople({ folder }: TestProcess, { genesis }: ProcessNetwork): Promise<ReadonlyMap<Person, string>> {
  return await withAccounts({ dataDir: join(folder, 'data'), keyDir: join(folder, 'keys') }, genesis, async (users) => {
    const passwords = new Map<Person, string>();
    for (const role of PEOPLE) {
      const added = await users.add({ username: role, role, merchantId: role === 'manager' ? formatAddress(KEYS.cafeteria.address) : null });
      if (!added.ok || added.password === null) throw new Error(`the account of ${role} was not made`);
      passwords.set(role, added.password);
    }
    return passwords;
  });
}

/** Mints, and gives each wallet 20 L. */
async function fund(validator: TestProcess, { genesis }: ProcessNetwork, wallets: readonly SdkKey[]): Promise<void> {
  const maker = new TxMaker(genesis);
  let sent = 0;
  const isFinal = async (): Promise<void> => await validator.until(`has ${sent} final transactions`, WAIT_MS, async () => (await validator.metric('billcoin_chain_transactions_total')) >= sent);
  for (const bytes of maker.mint((BALANCE_ML + 10n) * BigInt(wallets.length))) {
    await validator.submit(bytes);
    sent += 1;
    await isFinal();
  }
  for (const { address } of wallets) await validator.submit(maker.transfer(KEYS.farm, address, BALANCE_ML));
  sent += wallets.length;
  await isFinal();
}

/** Everything ends with the test. */
export async function openAcceptanceWorld(t: Teardown, wallets: readonly SdkKey[]): Promise<AcceptanceWorld> {
  const network = await makeProcesses({ validators: 1, followers: 1, hasCampus: true });
  t.teardown(() => network.remove());
  const [validator, api] = network.nodes as [TestProcess, TestProcess];
  const passwords = await makePeople(api, network);
  const alerts: string[] = [];
  const webhookFile = join(api.folder, 'keys', 'slack-webhook');
  await writeFile(webhookFile, await listenForAlerts(t, alerts), { mode: 0o600 });
  await Promise.all([validator.start(), api.start('--https-port', '0', '--slack-webhook-file', webhookFile, '--alerts-to-loopback')]);
  await fund(validator, network, wallets);
  await api.reach(await validator.height(), WAIT_MS);
  const client = createNodeClient({ baseUrl: api.httpsUrl ?? '', ca: await readFile(join(api.folder, 'keys', DEV_CERTIFICATE_FILE), 'utf8') });
  t.teardown(async () => client.close());
  return new AcceptanceWorld({ network, api, client, alerts, passwords });
}

/** A student's wallet of its own for a name. */
export function walletOf(name: string): SdkKey {
  return keyFromSeed(keyOf(`wallet ${name}`).seed);
}
