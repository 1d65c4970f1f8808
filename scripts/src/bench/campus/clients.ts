/** A client process of the load: tills, payers and screens of its own, one after the other as the main process asks. */
import type { Answered, Asked, CallName, ClientCalls } from './clientCalls.ts';
import { crowd } from './crowd.ts';
import { sell } from './desk.ts';
import { openScreens } from './screens.ts';

const screens = openScreens();

const HANDLERS: { readonly [N in CallName]: (params: Parameters<ClientCalls[N]>[0]) => Promise<ReturnType<ClientCalls[N]>> } = {
  sell, crowd, openStreams: (params) => screens.open(params), closeStreams: (params) => screens.close(params),
};

async function answer({ id, name, params }: Asked): Promise<Answered> {
  try {
    return { id, value: await HANDLERS[name](params as never) };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on('message', (asked: Asked) => void answer(asked).then((answered) => process.send?.(answered)));
process.once('disconnect', () => process.exit(0)); // the main process is gone
