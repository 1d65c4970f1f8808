/** The API as a load generator needs it: kept connections, no retries, no checks that cost time of the machine. */
import { Agent, request } from 'node:http';
import type { ValidatePaymentAnswer } from '@billcoin/sdk';

/** Sockets to the node: more requests than this wait in the client. */
const SOCKETS_MAX = 128;

export interface Submission {
  readonly status: number;
  readonly txHash: string;
}

export class BenchClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX, noDelay: true });
  readonly #url: URL;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Hands in a transaction (base64url); throws unless it is accepted or known. */
  async submit(tx: string): Promise<Submission> {
    const { status, text } = await this.#send('POST', '/api/v1/transactions', JSON.stringify({ tx }));
    if (status !== 202 && status !== 200) throw new Error(`refused with ${status}: ${text}`);
    return { status, txHash: (JSON.parse(text) as { txHash: string }).txHash };
  }

  /** Asks for a final payment of RM 1.80 and waits for it on the server, as a partner would. */
  async validate(txHash: string): Promise<ValidatePaymentAnswer> {
    const { text } = await this.#send('POST', '/api/v1/payments/validate', JSON.stringify({ txHash, expectedAmount: '1.80', waitMs: 3_000 }));
    return JSON.parse(text) as ValidatePaymentAnswer;
  }

  /** Accepted transactions that have not ended. */
  pending(): Promise<number> {
    return this.metric('billcoin_mempool_transactions');
  }

  /** Value of a metric without labels, or the sum over its labels. */
  async metric(name: string): Promise<number> {
    const { text } = await this.#send('GET', '/metrics', undefined);
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, path: string, body: string | undefined): Promise<{ readonly status: number; readonly text: string }> {
    const { hostname, port } = this.#url;
    const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const sent = request({ agent: this.#agent, hostname, port, method, path, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => void chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }));
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }
}
