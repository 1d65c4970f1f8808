/** The API as a load generator needs it: kept connections, no retries, no checks that cost time of the machine. */
import { createClient, withLogin, type Client, type Key, type ValidatePaymentAnswer } from '@billcoin/sdk';
import { RawConnection, type RawAnswer } from './rawConnection.ts';

/** Connections to a node unless said otherwise: more requests than this wait in the client. */
const CONNECTIONS_MAX = 128;

export interface Submission {
  readonly status: number;
  readonly txHash: string;
}

export class BenchClient {
  readonly #url: URL;
  readonly #connectionsMax: number;
  readonly #idle: RawConnection[] = [];
  readonly #queue: ((connection: RawConnection) => void)[] = [];
  #open = 0;
  /** Keeps the access token; its few requests go beside the kept connections. */
  #login: Client | undefined;

  constructor(url: string, connectionsMax: number = CONNECTIONS_MAX) {
    this.#url = new URL(url);
    this.#connectionsMax = connectionsMax;
  }

  get url(): string {
    return this.#url.origin;
  }

  /** Who validates from here on. */
  logIn(key: Key, genesisHash: Uint8Array): void {
    this.#login = withLogin(createClient({ baseUrl: this.#url.origin }), { key, genesisHash });
  }

  /** Logs in and opens all its connections, as a till has done that is at work. */
  async open(): Promise<void> {
    await this.#login?.accessToken();
    await Promise.all(Array.from({ length: this.#connectionsMax - this.#open }, async () => {
      const connection = this.#connect();
      await connection.opened();
      this.#giveBack(connection);
    }));
  }

  /** Hands in a transaction (base64url); throws unless it is accepted or known. */
  async submit(tx: string): Promise<Submission> {
    const { status, text } = await this.#send('POST', '/api/v1/transactions', `{"tx":"${tx}"}`);
    if (status !== 202 && status !== 200) throw new Error(`refused with ${status}: ${text}`);
    return { status, txHash: (JSON.parse(text) as { txHash: string }).txHash };
  }

  /** Asks for a final payment of RM 1.80 and waits for it on the server, as a partner would. */
  async validate(txHash: string): Promise<ValidatePaymentAnswer> {
    const token = await this.#login?.accessToken();
    const { text } = await this.#send('POST', '/api/v1/payments/validate', JSON.stringify({ txHash, expectedAmount: '1.80', waitMs: 3_000 }), `authorization: Bearer ${token ?? ''}\r\n`);
    return JSON.parse(text) as ValidatePaymentAnswer;
  }

  /** pending, final, superseded or expired. */
  async status(txHash: string): Promise<string> {
    const { text } = await this.#send('GET', `/api/v1/transactions/${txHash}`, undefined);
    return (JSON.parse(text) as { status: string }).status;
  }

  /** Accepted transactions that have not ended. */
  pending(): Promise<number> {
    return this.metric('billcoin_mempool_transactions');
  }

  /** Value of a metric without labels, or the sum over its labels. */
  async metric(name: string): Promise<number> {
    return (await this.metrics())(name);
  }

  /** All metrics at one moment: value of one without labels or with these very labels, or the sum over its labels. */
  async metrics(): Promise<(name: string) => number> {
    const { text } = await this.#send('GET', '/metrics', undefined);
    const lines = text.split('\n');
    return (name) => lines.filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)).reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  async #send(method: string, path: string, body: string | undefined, more = ''): Promise<RawAnswer> {
    const { hostname, port } = this.#url;
    const content = body === undefined ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
    const request = `${method} ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${more}${content}\r\n${body ?? ''}`;
    const connection = await this.#take();
    try {
      return await connection.send(request);
    } catch (error) {
      // A node closes what was idle for long, perhaps while a request is on its way (RFC 9112 §9.3.1).
      if (method !== 'GET' || !connection.hasAnswered) throw error;
    } finally {
      this.#giveBack(connection);
    }
    return await this.#send(method, path, body, more);
  }

  #take(): Promise<RawConnection> | RawConnection {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (!idle.isGone) return idle;
      this.#open -= 1;
    }
    if (this.#open < this.#connectionsMax) return this.#connect();
    return new Promise((resolve) => void this.#queue.push(resolve));
  }

  #giveBack(connection: RawConnection): void {
    const next = this.#queue.shift();
    if (!connection.isGone) {
      if (next === undefined) this.#idle.push(connection);
      else next(connection);
      return;
    }
    this.#open -= 1;
    next?.(this.#connect());
  }

  #connect(): RawConnection {
    this.#open += 1;
    return new RawConnection(this.#url);
  }
}
