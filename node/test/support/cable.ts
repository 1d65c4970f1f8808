/**
 * The TCP cable from one node to another, which can be cut: then nothing passes and nobody is told, as between two halves of a
 * network. What is under way waits and goes on after the healing, as TCP would send it again.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class Cable {
  readonly #server: Server;
  readonly #targetPort: number;
  /** Both ends of every connection. */
  readonly #ends = new Map<Socket, Socket>();
  /** Accepted while the cable was cut; the other side has not heard of them. */
  readonly #waiting = new Set<Socket>();
  /** One end of each is gone, and the other one does not know yet. */
  readonly #halves = new Set<Socket>();
  #isCut = false;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on('connection', (near) => this.#accept(near));
  }

  /** A cable to a port of this machine; `port` is where it begins. */
  static async lay(targetPort: number): Promise<Cable> {
    const server = createServer({ noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Cable(server, targetPort);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    this.#isCut = true;
    for (const end of this.#ends.keys()) end.pause();
  }

  heal(): void {
    this.#isCut = false;
    for (const half of this.#halves) half.destroy();
    this.#halves.clear();
    for (const end of this.#ends.keys()) end.resume();
    for (const near of this.#waiting) if (!near.destroyed) this.#open(near);
    this.#waiting.clear();
  }

  async remove(): Promise<void> {
    for (const end of [...this.#ends.keys(), ...this.#waiting, ...this.#halves]) end.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(near: Socket): void {
    near.on('error', () => undefined); // its end is told by `close`
    if (!this.#isCut) return this.#open(near);
    near.pause();
    this.#waiting.add(near);
  }

  #open(near: Socket): void {
    const far = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true });
    far.on('error', () => undefined);
    this.#forward(near, far);
    this.#forward(far, near);
    near.resume();
  }

  #forward(from: Socket, to: Socket): void {
    this.#ends.set(from, to);
    from.on('data', (chunk) => {
      if (to.write(chunk)) return;
      from.pause();
      to.once('drain', () => {
        if (!this.#isCut) from.resume();
      });
    });
    from.on('close', () => {
      this.#ends.delete(from);
      if (to.destroyed) return;
      if (this.#isCut) this.#halves.add(to);
      else to.destroy();
    });
  }
}
