/** /genesis, /status and /blocks: the chain itself. */
import { addressOf, assert, Certificate, encode, faultCode, formatAddress, paramsOf, toBase64Url, toHex } from '@billcoin/protocol';
import { ROUTES, type BlockSummary, type BlockView, type PeerView, type RawBlock, type Status } from '@billcoin/sdk';
import { headerOf } from '../../finalBlock.ts';
import type { ChainPort, Clock, FinalBlock, PeerInfo } from '../../ports.ts';
import type { SyncProgress } from '../../progress.ts';
import { formatHostPort } from '../../peerAddress.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { rawBlockOf } from '../../sales/soldBlock.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { RegistryIndex } from '../registryIndex.ts';
import { validatorRoutes } from './validators.ts';

/** No more blocks go into an answer that has this much already; one alone may be larger. */
const RAW_ANSWER_CHARACTERS = 1_048_576;

type List = typeof ROUTES.listBlocks;
type One = typeof ROUTES.getBlock;

export interface ChainDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
  readonly index: RegistryIndex;
  readonly peers: () => readonly PeerInfo[];
  readonly sync: () => SyncProgress | undefined;
}

function blockSummary(chain: ChainPort, block: FinalBlock): BlockSummary {
  const header = headerOf(block);
  const set = chain.validatorSet(header.validatorsHash);
  const proposer = set?.validators[header.proposerIndex];
  assert((proposer === undefined) === (set === undefined), 'the proposer is in the set of its height');
  return {
    height: block.height, hash: toHex(block.blockId), time: rfc3339(block.timeMs), txCount: block.txs.length, proposer: proposer === undefined ? null : formatAddress(addressOf(proposer.publicKey)), round: header.round,
  };
}

function blockView(chain: ChainPort, block: FinalBlock): BlockView {
  const { prevBlockId, txRoot, resultRoot, stateRoot, validatorsHash: current, nextValidatorsHash } = headerOf(block);
  return {
    ...blockSummary(chain, block), prevHash: toHex(prevBlockId), txRoot: toHex(txRoot), resultRoot: toHex(resultRoot), stateRoot: toHex(stateRoot), validatorsHash: toHex(current), nextValidatorsHash: toHex(nextValidatorsHash),
    header: toBase64Url(block.headerBytes), certificate: toBase64Url(encode(Certificate, block.certificate)),
    transactions: block.txs.map(({ txHash, body, code }) => ({ txHash, kind: body.kind.case, code, fault: faultCode(code) ?? null })),
  };
}

function peerView({ key, at, state, direction, connectedForMs, roundTripMs, height, streams, queuedBytes, score, bannedForMs }: PeerInfo, own: number): PeerView {
  return {
    nodeKey: key, address: at === undefined ? null : formatHostPort(at), state, direction: direction ?? null, connectedForMs: connectedForMs === undefined ? null : Math.round(connectedForMs),
    roundTripMs: roundTripMs === undefined ? null : Math.ceil(roundTripMs),
    height: height ?? null, lag: height === undefined ? null : own - height, streams, queuedBytes, score: Math.ceil(score), bannedForMs: Math.round(bannedForMs),
  };
}

function statusView({ chain, clock, peers, sync }: ChainDeps): Status {
  const { height, blockId, timeMs } = chain.tip();
  const { transactions, bytes } = chain.poolInfo();
  const params = Object.entries(paramsOf(chain.state())).map(([name, value]) => [name, String(value)]);
  return {
    network: chain.network, chainId: chain.chainId, genesisHash: toHex(chain.genesisHash), height, blockHash: toHex(blockId), time: rfc3339(timeMs),
    finalityAgeMs: Math.max(0, clock.nowMs() - timeMs), pool: { transactions, bytes }, peers: peers().filter(({ state }) => state === 'connected').length,
    sync: syncView(sync()), params: Object.fromEntries(params) as Record<string, string>,
  };
}

function syncView(sync: SyncProgress | undefined): Status['sync'] {
  return sync === undefined ? null : { targetHeight: sync.targetHeight, blocksPerMinute: sync.blocksPerMinute ?? null, leftMs: sync.leftMs ?? null };
}

/** Newest first; the cursor is the height of the last block shown. */
async function listBlocks(chain: ChainPort, { query }: ApiRequest<List>): Promise<Reply<List>> {
  const { limit = LIMIT_DEFAULT, cursor } = query;
  const last = cursor === undefined ? undefined : fromCursor(cursor, /^[0-9]{1,15}$/);
  if (cursor !== undefined && last === undefined) return badCursor;
  const data: BlockSummary[] = [];
  let height = last === undefined ? chain.tip().height : Math.min(Number(last) - 1, chain.tip().height);
  for (; height >= 1 && data.length < limit; height--) {
    const block = await chain.readFinal(height);
    if (block === undefined) return { status: 200, body: { data, nextCursor: null } };
    data.push(blockSummary(chain, block));
  }
  return { status: 200, body: { data, nextCursor: height >= 1 ? toCursor(String(height + 1)) : null } };
}

async function getBlock(chain: ChainPort, { params }: ApiRequest<One>): Promise<Reply<One>> {
  const { heightOrHash } = params;
  const height = heightOrHash.length === 64 ? await chain.heightOfBlock(heightOrHash) : Number(heightOrHash);
  if (height === undefined || height < 1 || height > chain.tip().height) return { problem: 'not_found' };
  const block = await chain.readFinal(height);
  if (block === undefined) return { problem: 'pruned' };
  return { status: 200, body: blockView(chain, block), immutable: toHex(block.blockId) };
}

async function getRawBlocks(chain: ChainPort, from: number, limit: number): Promise<Reply<typeof ROUTES.getRawBlock>> {
  const tip = chain.tip().height;
  if (from < 1 || from > tip) return { problem: 'not_found' };
  const data: RawBlock[] = [];
  let characters = 0;
  for (let height = from; height <= Math.min(tip, from + limit - 1) && characters < RAW_ANSWER_CHARACTERS; height++) {
    const block = await chain.readFinal(height);
    if (block === undefined) return { problem: 'pruned' };
    const raw = rawBlockOf(block);
    data.push(raw);
    characters += raw.transactions.reduce((sum, { tx, result, events }) => sum + tx.length + result.length + events.length, raw.header.length);
  }
  return { status: 200, body: { data } };
}

export function chainRoutes(deps: ChainDeps): readonly Entry[] {
  const { chain } = deps;
  return [
    serve(ROUTES.getGenesis, async () => ({ status: 200, text: chain.genesisJson, immutable: toHex(chain.genesisHash) })),
    serve(ROUTES.getStatus, async () => ({ status: 200, body: statusView(deps) })),
    serve(ROUTES.listPeers, async () => {
      const { height } = chain.tip();
      return { status: 200, body: { height, data: deps.peers().map((peer) => peerView(peer, height)) } };
    }),
    serve(ROUTES.listBlocks, (request) => listBlocks(chain, request)),
    serve(ROUTES.getLatestBlock, async () => {
      const block = await chain.readFinal(chain.tip().height);
      return block === undefined ? { problem: 'not_found', detail: 'There is no block yet.' } : { status: 200, body: blockView(chain, block) };
    }),
    serve(ROUTES.getBlock, (request) => getBlock(chain, request)),
    serve(ROUTES.getRawBlock, ({ params: { height }, query: { limit = 1 } }) => getRawBlocks(chain, height, limit)),
    ...validatorRoutes(deps),
  ];
}
