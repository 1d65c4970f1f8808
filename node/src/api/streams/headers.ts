/** Final headers with certificate and set, for light clients: the same for everybody. */
import { encode, LightBlock, toBase64Url } from '@billcoin/protocol';
import { ROUTES, type HeaderEventData } from '@billcoin/sdk';
import { lightBlockAt } from '../../lightBlock.ts';
import type { ChainPort } from '../../ports.ts';
import type { StreamEntry } from '../entry.ts';
import type { Hub } from './hub.ts';

export function tellHeaders(hub: Hub<undefined>, chain: ChainPort): () => void {
  return chain.onFinal(({ height }) => hub.tell(async () => {
    const block = await lightBlockAt(chain, height);
    if (block === undefined) throw new Error(`block ${height} has just become final and is not here`);
    const data: HeaderEventData = { height, lightBlock: toBase64Url(encode(LightBlock, block)) };
    return [{ event: 'header.final', scope: undefined, data }];
  }));
}

export function headerEntry(hub: Hub<undefined>): StreamEntry {
  return { declaration: ROUTES.streamHeaders, open: (connection) => hub.open(connection, () => true) };
}
