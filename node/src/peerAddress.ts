/** Peers as an operator writes them: `key@host:port` for one that is dialled, `key` for one that is waited for. */

/** A full mesh of at most 50 validators, and the full nodes of one institution. */
export const PEERS_MAX = 64;

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A peer by its node key (hex of 32 bytes), and where it listens; without an address it is waited for. */
export interface PeerAddress {
  readonly key: string;
  readonly at?: HostPort | undefined;
}

/** `127.0.0.1:9000`, `node.uni.example:9000`, `[::1]:9000`; undefined where it is none. */
export function parseHostPort(text: string): HostPort | undefined {
  const [, bracketed, plain, digits = ''] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** As `parseHostPort` reads it. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A list with commas; undefined where an entry is wrong, a key stands twice or there are too many. */
export function parsePeers(text: string): readonly PeerAddress[] | undefined {
  const peers: PeerAddress[] = [];
  for (const entry of text.split(',').map((one) => one.trim()).filter((one) => one !== '')) {
    const [key = '', address, ...rest] = entry.toLowerCase().split('@');
    const at = address === undefined ? undefined : parseHostPort(address);
    const isWrong = !/^[0-9a-f]{64}$/.test(key) || rest.length > 0 || (address !== undefined && (at === undefined || at.port === 0));
    if (isWrong || peers.some((peer) => peer.key === key)) return undefined;
    peers.push({ key, at });
  }
  return peers.length > PEERS_MAX ? undefined : peers;
}
