/** Reads of the chain itself: genesis, status, blocks, validators. */
import { BLOCK_MAX_TXS, OPEN_BATCH_MAX_BYTES } from '@billcoin/protocol';
import { Type, type Static } from 'typebox';
import { FaultName } from './transactions.ts';
import { route } from './route.ts';
import { Address, base64Url, closed, Hash, Height, Litres, nullable, page, pageQuery, PublicKey, RegistryStatus, Time, TxHash } from './values.ts';

export const getGenesis = route({
  method: 'GET',
  path: '/genesis',
  summary: 'The genesis file, byte for byte as it is hashed (RFC 8785 canonical JSON).',
  who: ['public'],
  responses: { 200: Type.Record(Type.String(), Type.Unknown()) },
  etag: true,
});

export const Status = closed({
  network: Type.String({ maxLength: 32 }),
  chainId: Type.String({ maxLength: 48, description: 'For people: network and 8 hex digits of the genesis hash' }),
  genesisHash: Hash,
  height: Height,
  blockHash: Hash,
  time: Time,
  finalityAgeMs: Type.Integer({ minimum: 0, description: 'Time since the newest final block was made' }),
  pool: closed({ transactions: Type.Integer({ minimum: 0 }), bytes: Type.Integer({ minimum: 0 }) }),
  peers: Type.Integer({ minimum: 0, description: 'Peers this node is connected with' }),
  /** Null while the node is not behind. */
  sync: nullable(closed({
    targetHeight: Type.Integer({ minimum: 0, description: 'Height of the chain, as two peers at least claim it; of one peer its own' }),
    blocksPerMinute: nullable(Type.Integer({ minimum: 0, description: 'Null in the first second' })),
    leftMs: nullable(Type.Integer({ minimum: 0, description: 'Until it has caught up; null while it does not come nearer' })),
  })),
  params: Type.Record(Type.String(), Type.String(), { description: 'Parameters in force by name, decimal strings' }),
});
export type Status = Static<typeof Status>;

/** No ETag: its age is another in every millisecond. */
export const getStatus = route({ method: 'GET', path: '/status', summary: 'Network, height, finality age and parameters in force.', who: ['public'], responses: { 200: Status } });

export const PeerView = closed({
  nodeKey: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  address: nullable(Type.String({ maxLength: 262, description: 'host:port of the configuration; null: this peer is waited for' })),
  state: Type.Union([Type.Literal('connected'), Type.Literal('banned'), Type.Literal('away')]),
  direction: nullable(Type.Union([Type.Literal('in'), Type.Literal('out')], { description: 'out: this node dialled' })),
  connectedForMs: nullable(Type.Integer({ minimum: 0 })),
  height: nullable(Type.Integer({ minimum: 0, description: 'Final blocks there, as the peer says' })),
  lag: nullable(Type.Integer({ description: 'Own height less that of the peer: positive, the peer is behind' })),
  roundTripMs: nullable(Type.Integer({ minimum: 0, description: 'To the peer and back, rounded up; null until it was measured' })),
  streams: Type.Integer({ minimum: 0 }),
  queuedBytes: Type.Integer({ minimum: 0, description: 'Waits to be sent to it' }),
  score: Type.Integer({ minimum: 0, description: 'Points for offences, forgiven with time; at 100 it is banned' }),
  bannedForMs: Type.Integer({ minimum: 0, description: '0: not banned' }),
});
export type PeerView = Static<typeof PeerView>;

export const listPeers = route({
  method: 'GET',
  path: '/peers',
  summary: 'Every peer that this node admits: connected or not, how far it is, what waits for it, how it behaves.',
  who: ['admin'],
  responses: { 200: closed({ height: Height, data: Type.Array(PeerView, { maxItems: 64 }) }) },
});

const blockSummary = {
  height: Height, hash: Hash, time: Time, txCount: Type.Integer({ minimum: 0 }),
  /** Null where the set of that height ended more than 400 days ago. */
  proposer: nullable(Address),
  round: Type.Integer({ minimum: 0 }),
};
export const BlockSummary = closed(blockSummary);
export type BlockSummary = Static<typeof BlockSummary>;

export const BlockView = closed({
  ...blockSummary,
  prevHash: Hash, txRoot: Hash, resultRoot: Hash, stateRoot: Hash, validatorsHash: Hash, nextValidatorsHash: Hash,
  header: base64Url(1_024, 'Header bytes'),
  certificate: base64Url(8_192, 'Certificate bytes: a quorum of precommits'),
  transactions: Type.Array(closed({ txHash: TxHash, kind: Type.String(), code: Type.Integer({ minimum: 0 }), fault: nullable(FaultName) })),
});
export type BlockView = Static<typeof BlockView>;

export const listBlocks = route({ method: 'GET', path: '/blocks', summary: 'Final blocks, newest first.', who: ['public'], query: closed(pageQuery), responses: { 200: page(BlockSummary) }, etag: true });
export const getLatestBlock = route({ method: 'GET', path: '/blocks/latest', summary: 'The newest final block.', who: ['public'], responses: { 200: BlockView }, etag: true });
export const getBlock = route({
  method: 'GET',
  path: '/blocks/{heightOrHash}',
  summary: 'A final block: header, certificate, ids and kinds.',
  who: ['public'],
  params: closed({ heightOrHash: Type.String({ pattern: '^([0-9]{1,15}|[0-9a-f]{64})$' }) }),
  responses: { 200: BlockView },
  etag: true,
  problems: ['not_found', 'pruned'],
});

export const RawBlock = closed({
  height: Height,
  header: base64Url(1_024, 'Header bytes'),
  transactions: Type.Array(closed({
    tx: base64Url(OPEN_BATCH_MAX_BYTES, 'Tx bytes: leaf of the header\'s txRoot'), result: base64Url(128, 'TxResult bytes: leaf of resultRoot'),
    events: Type.String({ pattern: '^[A-Za-z0-9_-]*$', description: 'Events bytes, base64url: their SHA-256 stands in the result' }),
  }), { maxItems: BLOCK_MAX_TXS }),
});
export type RawBlock = Static<typeof RawBlock>;

export const getRawBlock = route({
  method: 'GET',
  path: '/blocks/{height}/raw',
  summary: 'Exact bytes of a final block and those after it: headers, transactions, results and events, for whoever makes figures again. They name addresses. An answer is cut at a mebibyte.',
  who: ['finance', 'auditor'],
  params: closed({ height: Height }),
  query: closed({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })) }),
  responses: { 200: closed({ data: Type.Array(RawBlock, { minItems: 1, maxItems: 100 }) }) },
  problems: ['not_found', 'pruned'],
});

export const ValidatorView = closed({
  address: Address, publicKey: PublicKey, name: Type.String(), status: RegistryStatus, power: Type.Integer({ minimum: 0 }),
  account: Address, litres: Litres,
  shares: Type.String({ pattern: '^[0-9]{1,16}$', description: 'Of all the stake, own and delegated' }),
  commissionBps: Type.Integer({ minimum: 0, maximum: 10_000 }),
  standing: Type.Union([Type.Literal('good'), Type.Literal('absent'), Type.Literal('tombstoned')], { description: 'absent until it rejoins; tombstoned for good' }),
});
export type ValidatorView = Static<typeof ValidatorView>;

/** Newest blocks of which `commits` speaks: under load ten seconds, on an idle chain a quarter of an hour. */
export const COMMITS_MAX = 100;
export const ValidatorDetail = closed({
  ...ValidatorView.properties,
  height: Height,
  commits: closed({
    blocks: Type.Integer({ minimum: 0, maximum: COMMITS_MAX, description: 'Of the newest blocks those in whose set it was' }),
    missed: Type.Integer({ minimum: 0, maximum: COMMITS_MAX, description: 'Of these the ones that this node took for final by the votes of others. A vote that comes after the quorum counts as missed' }),
  }),
});
export type ValidatorDetail = Static<typeof ValidatorDetail>;

export const getValidator = route({
  method: 'GET',
  path: '/validators/{address}',
  summary: 'An institution that finalises blocks, with the commits it missed. Its standing is tombstoned where a block holds evidence against it.',
  who: ['public'],
  params: closed({ address: Address }),
  responses: { 200: ValidatorDetail },
  etag: true,
  problems: ['not_found'],
});

export const listValidators = route({
  method: 'GET',
  path: '/validators',
  summary: 'Institutions that finalise blocks, and the set that signs the next one.',
  who: ['public'],
  responses: { 200: closed({ height: Height, validatorsHash: Hash, set: base64Url(4_096, 'ValidatorSet bytes'), data: Type.Array(ValidatorView) }) },
  etag: true,
});
