/**
 * yamux gathers a whole frame before it looks at the stream's window, and its length field reaches 4 GiB. This reads
 * the headers that go by and ends the connection at the first frame that no window allows.
 */
import { yamux } from '@chainsafe/libp2p-yamux';
import type { NetworkLimits } from './limits.ts';

const HEADER_BYTES = 12;
const TYPE_AT = 1;
const LENGTH_AT = 8;
const DATA = 0;

/** Follows one direction of a connection; true: a data frame is longer than `maxBytes`. */
export function makeFrameWatch(maxBytes: number): (chunk: Uint8Array) => boolean {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  let have = 0;
  let skip = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      const skipped = Math.min(skip, chunk.length - at);
      skip -= skipped;
      at += skipped;
      const taken = Math.min(HEADER_BYTES - have, chunk.length - at);
      header.set(chunk.subarray(at, at + taken), have);
      have += taken;
      at += taken;
      if (have < HEADER_BYTES) continue;
      have = 0;
      if (header[TYPE_AT] !== DATA) continue;
      skip = view.getUint32(LENGTH_AT);
      if (skip > maxBytes) return true;
    }
    return false;
  };
}

/** yamux with bounded windows, frames and streams. */
export function guardedYamux({ streamWindowBytes, inboundStreamsMax }: Pick<NetworkLimits, 'streamWindowBytes' | 'inboundStreamsMax'>): ReturnType<typeof yamux> {
  const make = yamux({
    maxInboundStreams: inboundStreamsMax, maxOutboundStreams: inboundStreamsMax, maxEarlyStreams: inboundStreamsMax,
    streamOptions: { maxStreamWindowSize: streamWindowBytes, maxReadBufferLength: streamWindowBytes },
  });
  return () => {
    const factory = make();
    return {
      protocol: factory.protocol,
      createStreamMuxer(connection) {
        const isTooLong = makeFrameWatch(streamWindowBytes);
        // Registered before the muxer's own listener, so it sees a frame's header first.
        connection.addEventListener('message', ({ data }) => {
          for (const chunk of data instanceof Uint8Array ? [data] : data) if (isTooLong(chunk)) return connection.abort(new Error('a yamux frame is longer than any window'));
        });
        return factory.createStreamMuxer(connection);
      },
    };
  };
}
