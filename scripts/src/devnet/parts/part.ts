/** Child side of the switchboard: a part reads its configuration, answers calls, calls others, tells notes. */
import { readFileSync } from 'node:fs';
import { fromHex } from '@billcoin/protocol';
import { createClient, withLogin, type Client, type Key } from '@billcoin/sdk';
import { CallBook } from '../callBook.ts';
import type { Call, Handlers, Message, Note, PartName } from '../messages.ts';

/** Written by the supervisor at every start; 0600 like all of the data folder. */
export interface PartConfig {
  readonly root: string;
  readonly nodeUrl: string;
  readonly brokerPort: number;
  readonly genesisHash: string;
}

export interface Part {
  readonly config: PartConfig;
  /** Nobody is logged in with it. */
  readonly client: Client;
  /** Logged in by a key: a wallet's or a till's. */
  readonly as: (key: Key) => Client;
  readonly genesisHash: Uint8Array;
  readonly call: Call;
  readonly note: (note: Note) => void;
  /** A line for the person at the terminal. */
  readonly say: (text: string) => void;
}

type AnyHandlers = Readonly<Record<string, (params: never) => Promise<unknown>>>;

function send(message: Message): void {
  if (process.connected) process.send?.(message);
}

export function readPartConfig(): PartConfig {
  const [path] = process.argv.slice(2);
  if (path === undefined) throw new Error('a part is started with the path of its configuration');
  return JSON.parse(readFileSync(path, 'utf8')) as PartConfig;
}

function connect(): { readonly call: Call; readonly serve: (handlers: AnyHandlers) => void } {
  const book = new CallBook();
  let handlers: AnyHandlers = {};
  const answer = async ({ id, method, params }: Extract<Message, { type: 'call' }>): Promise<void> => {
    try {
      const handler = handlers[method];
      if (handler === undefined) throw new Error(`${method} is no call of this part`);
      send({ type: 'answer', id, ok: true, value: await handler(params as never) });
    } catch (error) {
      console.error(error);
      send({ type: 'answer', id, ok: false, error: error instanceof Error ? error.message : String(error) });
    }
  };
  process.on('message', (message: Message) => {
    if (message.type === 'answer') book.close(message);
    if (message.type === 'call') void answer(message);
  });
  const call = (to: PartName, method: string, params: unknown): Promise<unknown> => book.open(to, (id) => send({ type: 'call', id, to, method, params }));
  return {
    call: call as Call,
    serve(own) {
      handlers = own;
    },
  };
}

/**
 * Runs a part: `start` builds its handlers; SIGTERM runs `stop` and ends the process.
 * The supervisor hears `ready` once start resolved.
 */
export async function runPart<P extends PartName>(start: (part: Part) => Promise<{ readonly handlers: Handlers<P>; readonly stop: () => Promise<void> }>): Promise<void> {
  const config = readPartConfig();
  const genesisHash = fromHex(config.genesisHash);
  if (genesisHash === undefined) throw new Error('the configuration has no genesis hash');
  const { call, serve } = connect();
  const note = (told: Note): void => send({ type: 'note', note: told });
  const client = createClient({ baseUrl: config.nodeUrl });
  const running = await start({ config, genesisHash, call, note, client, as: (key) => withLogin(client, { key, genesisHash }), say: (text) => note({ kind: 'say', text }) });
  serve(running.handlers as AnyHandlers);
  process.once('SIGTERM', () => {
    void running.stop().finally(() => process.exit(0));
  });
  // The guard against orphans let go of the channel; a part lives as long as its supervisor.
  process.channel?.ref();
  send({ type: 'ready' });
}
