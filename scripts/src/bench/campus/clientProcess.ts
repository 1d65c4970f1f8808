/** Client processes of the load, as its main process sees them: calls over the channel that Node gives a forked child. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SHARED_CORES_FLAGS } from '../benchNode.ts';
import type { Answered, AnswerOf, CallName, ParamsOf } from './clientCalls.ts';

const ENTRY = fileURLToPath(new URL(`./clients.${import.meta.url.endsWith('.js') ? 'js' : 'ts'}`, import.meta.url));

export class ClientProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { readonly resolve: (value: never) => void; readonly reject: (error: Error) => void }>();
  #last = 0;

  /** @param certificate file of whom it trusts over TLS */
  constructor(certificate: string) {
    this.#child = fork(ENTRY, { execArgv: [...process.execArgv, ...SHARED_CORES_FLAGS], stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } });
    this.#child.on('message', (answered: Answered) => {
      const waiting = this.#waiting.get(answered.id);
      this.#waiting.delete(answered.id);
      if ('error' in answered) waiting?.reject(new Error(answered.error));
      else waiting?.resolve(answered.value as never);
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a client process ended (${signal ?? String(code)})`));
    });
  }

  call<N extends CallName>(name: N, params: ParamsOf<N>): Promise<AnswerOf<N>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, name, params });
    });
  }

  /** Resolves when it is gone. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await gone;
  }
}
