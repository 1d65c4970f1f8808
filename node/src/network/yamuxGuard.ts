/**
 * yamux gathers a whole frame before it looks at the stream's window, and its length field reaches 4 GiB. This reads
 * the headers that go by and ends the connection at the first frame that no window allows. And it tells its window after
 * every frame, which makes two packets of each small message; here it is told when half of it is used, as other yamux do.
 */
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Stream } from '@libp2p/interface';
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

const ESTABLISHED = 3;

/** What a stream of yamux 8 has and its type leaves out. */
interface Window {
  /** Before ESTABLISHED an update also carries the flags that open the stream. */
  readonly state: number;
  /** Bytes that the peer may send at a time, and those of them that are left. */
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
}

/** Once the stream is open, its window is told when half of it is used. A stream of another muxer is left as it is. */
export function tellWindowByHalves(stream: Stream): void {
  const window = stream as unknown as Window;
  if (typeof window.sendWindowUpdate !== 'function') return;
  const tell = window.sendWindowUpdate.bind(window);
  window.sendWindowUpdate = () => {
    if (window.state !== ESTABLISHED || window.recvWindowCapacity * 2 <= window.recvWindow) tell();
  };
}
