/**
 * One kept connection of a load generator, HTTP/1.1, one request at a time. Node's own client costs three times as much
 * of the processor, which on a machine that nodes and clients share would be taken from what is measured.
 */
import { connect, type Socket } from 'node:net';
import { TLSSocket, connect as connectTls } from 'node:tls';

export interface RawAnswer {
  readonly status: number;
  readonly text: string;
}

interface Waiting {
  readonly resolve: (answer: RawAnswer) => void;
  readonly reject: (error: Error) => void;
}

const HEAD_END = '\r\n\r\n';
const STATUS_AT = 'HTTP/1.1 '.length;

export class RawConnection {
  readonly #socket: Socket;
  #waiting: Waiting | undefined;
  #received: Buffer = Buffer.alloc(0);
  #isGone = false;
  #hasAnswered = false;

  /** @param url origin of the node; over TLS the process must trust its certificate (NODE_EXTRA_CA_CERTS) */
  constructor({ protocol, hostname: host, port }: URL) {
    this.#socket = protocol === 'https:' ? connectTls({ host, port: Number(port), minVersion: 'TLSv1.3' }) : connect({ host, port: Number(port) });
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error('the node closed the connection')));
  }

  /** The node has ended it, or an answer could not be read. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** It has answered a request and was kept. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Resolves when it can be written to; rejects where the node did not take it. */
  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.once('close', () => reject(new Error('the node closed the connection')));
      this.#socket.once(this.#socket instanceof TLSSocket ? 'secureConnect' : 'connect', resolve);
    });
  }

  /** Sends the bytes of a whole request; the one before it must have been answered. */
  send(request: string): Promise<RawAnswer> {
    if (this.#waiting !== undefined) throw new Error('one request at a time');
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (length === undefined) return this.#end(new Error(`an answer without length: ${head}`));
    const bodyAt = headEnd + HEAD_END.length;
    const end = bodyAt + Number(length);
    if (this.#received.length < end) return;
    this.#hasAnswered = true;
    const answer = { status: Number(head.slice(STATUS_AT, STATUS_AT + 3)), text: this.#received.toString('utf8', bodyAt, end) };
    this.#received = this.#received.subarray(end);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(answer);
  }

  #end(error: Error): void {
    this.#isGone = true;
    this.#socket.destroy();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
