/**
 * Every limit of the network in one table, each with its reason. docs/network.md is made from it. A test may run with
 * other values; a node always runs with these.
 */
import { PEERS_MAX } from '../peerAddress.ts';

interface Limit {
  readonly value: number;
  /** What the number counts. */
  readonly unit: string;
  readonly what: string;
  readonly why: string;
}

const LIMIT_TABLE = {
  peersMax: { value: PEERS_MAX, unit: 'peers', what: 'peers in the configuration, and connections', why: 'a full mesh of at most 50 validators, and the full nodes of one institution' },
  queueBytesMax: { value: 4_194_304, unit: 'bytes a peer', what: 'messages that wait to be sent to one peer; beyond it the lowest class goes first, its oldest message before the others', why: 'three full blocks and every small message of a round; Status brings the rest again. Messages to all share one buffer, so peers that stand still together cost little more than one' },
  queueMessagesMax: { value: 4_096, unit: 'messages a peer', what: 'the same, counted', why: 'all votes of 20 rounds at 50 validators twice; small messages cost more in objects than in bytes' },
  writeChunkBytes: { value: 65_504, unit: 'bytes', what: 'part of a message that is handed to a stream at once', why: 'one packet of noise with the header of yamux: what a vote waits for behind a transaction or a block of sync' },
  votesPerS: { value: 2_000, unit: 'messages a second', what: 'votes of one peer', why: 'ten rounds a second of 50 validators, with every vote told twice' },
  proposalsPerS: { value: 100, unit: 'messages a second', what: 'proposals of one peer', why: 'one proposal a round; a hundred rounds a second are more than timeouts allow' },
  controlPerS: { value: 500, unit: 'messages a second', what: 'certificates, reasons for a round, Status and requests for bodies of one peer', why: 'Status comes five times a second and is answered fifty times at most' },
  blockBytesPerS: { value: 8_388_608, unit: 'bytes a second', what: 'blocks of one peer', why: 'eight full blocks a second; also what a peer can make this node hold while it executes one' },
  txBytesPerS: { value: 2_000_000, unit: 'bytes a second', what: 'transactions of one peer', why: 'four times what the chain takes in when it is full (2,500 payments of 200 bytes)' },
  syncBytesPerS: { value: 16_777_216, unit: 'bytes a second', what: 'answers of one peer with decided blocks', why: 'eight full answers a second; one is under way at a time, so an honest peer never comes near' },
  newcomerCostPerS: { value: 64, unit: 'points a second', what: 'answers that one newcomer gets: 4 points for a part of a snapshot, 1 for a page of headers and all else', why: '16 parts of 1 MiB are what its own `syncBytesPerS` takes; a question of 50 bytes must not cost more disk and line than that' },
  partPaceMs: { value: 80, unit: 'ms', what: 'between two questions of a newcomer to one peer for parts of a snapshot', why: '12 a second, below the 16 that are answered' },
  partMs: { value: 10_000, unit: 'ms', what: 'time for a part; then another peer is asked, and this one rests for half of it', why: 'a part of 1 MiB takes 0.8 s at 10 Mb/s' },
  partFailuresMax: { value: 3, unit: 'parts', what: 'parts in a row that a peer may leave out before it is not asked any more', why: 'it has dropped the snapshot for a newer one, or is gone' },
  headersWalkMax: { value: 65_536, unit: 'headers', what: 'headers that a newcomer walks back from a checkpoint to a snapshot', why: 'nearly two hours of full load, 80 s of asking; a snapshot comes every hour' },
  signaturesPerS: { value: 4_000, unit: 'signatures a second', what: 'signature checks that messages of one peer may ask for, as if none was known', why: 'a sixth of a core at 25,000 checks a second' },
  burstS: { value: 2, unit: 'seconds', what: 'of each rate that may come at once', why: 'a pause of garbage collection or a busy disk is made up without loss; a push of 64 large transactions passes' },
  scoreMax: { value: 100, unit: 'points', what: 'score at which a peer is banned', why: 'one broken frame, two wrong signatures, or a hundred messages beyond its rates' },
  forgivenPerS: { value: 1, unit: 'points a second', what: 'points that a peer loses again', why: 'a peer that is merely busy now and then is never banned' },
  banFirstMs: { value: 30_000, unit: 'ms', what: 'first ban; each further one is twice as long', why: 'a flood stops at once, and a validator that was restarted with a repaired build is soon back' },
  banMaxMs: { value: 3_600_000, unit: 'ms', what: 'longest ban', why: 'every ban ends: a network that shuts out a third of its validators for ever stands still' },
  banForgottenMs: { value: 86_400_000, unit: 'ms', what: 'time without offence after which the next ban is a first one', why: 'a day of good conduct' },
  silentMs: { value: 15_000, unit: 'ms', what: 'time without a byte from a peer after which its connection is cut', why: 'Status comes every second at least; a connection that is open on one side only is found' },
  openMs: { value: 10_000, unit: 'ms', what: 'time for a dial with its handshake, and for the three streams', why: 'a handshake takes 45–85 ms, a machine that swaps a few seconds' },
  redialFirstMs: { value: 250, unit: 'ms', what: 'wait before a lost peer is dialled again; doubles with every failure, less a random half', why: 'a restarted node is back within a second; the random part keeps a whole site from dialling at once' },
  redialMaxMs: { value: 15_000, unit: 'ms', what: 'longest wait between two dials', why: 'a validator that was down all night is back in the mesh within seconds' },
  healthyMs: { value: 10_000, unit: 'ms', what: 'life of a connection after which its end counts as the first failure', why: 'a peer that accepts and hangs up must not be dialled four times a second' },
  streamWindowBytes: { value: 1_048_576, unit: 'bytes', what: 'window of a yamux stream, and length of a yamux frame', why: 'a block in one window; a longer frame would be gathered in memory before anybody looks at it' },
  inboundStreamsMax: { value: 8, unit: 'streams a connection', what: 'streams a peer may open', why: 'one per channel, and some that are being refused' },
  handshakesMax: { value: 16, unit: 'handshakes', what: 'inbound connections whose peer is not known yet', why: 'a handshake costs about a millisecond of a core; strangers must not fill it' },
  inboundPerHostPerS: { value: 32, unit: 'connections a second', what: 'inbound connections of one host', why: 'a site behind one address restarts at once; a stranger is slowed down' },
} as const satisfies Record<string, Limit>;

export type NetworkLimits = Readonly<Record<keyof typeof LIMIT_TABLE, number>>;

export const NETWORK_LIMITS: NetworkLimits = Object.fromEntries(Object.entries(LIMIT_TABLE).map(([name, { value }]) => [name, value])) as NetworkLimits;

/** Rows of docs/network.md: name, value, unit, what, why. */
export function limitRows(): readonly (readonly string[])[] {
  return Object.entries(LIMIT_TABLE).map(([name, { value, unit, what, why }]) => [`\`${name}\``, value.toLocaleString('en'), unit, what, why]);
}
