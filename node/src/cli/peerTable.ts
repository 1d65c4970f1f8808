/** `billcoin peers` as a table of text. Pure. */
import type { PeerView } from '@billcoin/sdk';
import { count, duration } from './statusLine.ts';

/** Enough of a key to tell 64 peers apart; `--json` has all of it. */
const KEY_SHOWN = 12;
const NONE = '–';

const COLUMNS: readonly { readonly title: string; readonly right: boolean; cell(peer: PeerView): string }[] = [
  { title: 'Peer', right: false, cell: ({ nodeKey }) => `${nodeKey.slice(0, KEY_SHOWN)}…` },
  { title: 'Address', right: false, cell: ({ address }) => address ?? 'dials us' },
  { title: 'State', right: false, cell: ({ state, bannedForMs }) => (bannedForMs > 0 ? `banned ${duration(bannedForMs)}` : state) },
  { title: 'Dir', right: false, cell: ({ direction }) => direction ?? NONE },
  { title: 'Height', right: true, cell: ({ height }) => (height === null ? NONE : count(height)) },
  { title: 'Lag', right: true, cell: ({ lag }) => (lag === null ? NONE : count(lag)) },
  { title: 'Trip', right: true, cell: ({ roundTripMs }) => (roundTripMs === null ? NONE : duration(roundTripMs)) },
  { title: 'Streams', right: true, cell: ({ streams }) => String(streams) },
  { title: 'Queue', right: true, cell: ({ queuedBytes }) => bytesText(queuedBytes) },
  { title: 'Score', right: true, cell: ({ score }) => String(score) },
  { title: 'Age', right: true, cell: ({ connectedForMs }) => (connectedForMs === null ? NONE : duration(connectedForMs)) },
];

function bytesText(bytes: number): string {
  return bytes < 10_240 ? `${count(bytes)} B` : `${count(Math.round(bytes / 1_024))} KiB`;
}

/** Lines of the table; says what to do where there is nobody. */
export function peerTable(peers: readonly PeerView[]): readonly string[] {
  if (peers.length === 0) return ['This node has no peers: it was started without --peers and --listen.'];
  const cells = [COLUMNS.map(({ title }) => title), ...peers.map((peer) => COLUMNS.map(({ cell }) => cell(peer)))];
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((text, column) => (COLUMNS[column]?.right === true ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0))).join('  ').trimEnd());
  const connected = peers.filter(({ state }) => state === 'connected').length;
  return [...lines, `${connected} of ${peers.length} connected. Lag: own height less that of the peer, as it says. Trip: there and back. Score: at 100 a peer is banned for a time.`];
}
