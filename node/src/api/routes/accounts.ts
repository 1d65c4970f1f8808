/** /accounts: balance and movements of one address. */
import { balanceOf, compareBytes, decodePolicy, equalBytes, faultCode, formatAddress, formatLitres, parseAddress, ROWS, toHex, type ChainEvent } from '@billcoin/protocol';
import { ROUTES, type Account, type AccountTransaction } from '@billcoin/sdk';
import type { ChainPort, FinalBlock, FinalTx } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { Caller } from '../caller.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Reply } from '../entry.ts';
import type { Parties } from '../parties.ts';
import { readTimes } from '../times.ts';
import { rowProofHref } from './proofs.ts';

type History = typeof ROUTES.listAccountTransactions;

/** Transactions looked at for one page of a filtered history, each with its block; a page may be short, its cursor goes on from there. */
const SCAN_MAX = 500;

interface Movement {
  readonly amountMl: bigint;
  readonly other: Uint8Array | undefined;
}

const NOTHING: Movement = { amountMl: 0n, other: undefined };

function between(self: Uint8Array, from: Uint8Array, to: Uint8Array, outMl: bigint, inMl: bigint): Movement {
  if (equalBytes(self, from)) return { amountMl: -outMl, other: to };
  return equalBytes(self, to) ? { amountMl: inMl, other: from } : NOTHING;
}

/** What one event did to the balance of an account; flat fees stand in no event and are left out. */
function movementOf(self: Uint8Array, event: ChainEvent): Movement {
  switch (event.case) {
    case 'transferred':
      return between(self, event.value.from, event.value.to, event.value.amountMl, event.value.amountMl);
    case 'paid':
      return between(self, event.value.payer, event.value.merchant, event.value.ownMl, event.value.ownMl - event.value.feeMl);
    case 'refunded':
      return between(self, event.value.merchant, event.value.payer, event.value.amountMl, event.value.amountMl);
    case 'redeemed':
      return equalBytes(self, event.value.holder) ? { amountMl: -event.value.amountMl, other: undefined } : NOTHING;
    case 'minted': {
      const { plant, tollMl, repaidMl, bondedMl, farms } = event.value;
      if (equalBytes(self, plant)) return { amountMl: tollMl - repaidMl - bondedMl, other: undefined };
      return { amountMl: farms.find(({ farm }) => compareBytes(farm, self) === 0)?.weightMl ?? 0n, other: undefined };
    }
    case 'custodyEnded':
      return equalBytes(self, event.value.plant) ? { amountMl: -event.value.fromBalanceMl, other: undefined } : NOTHING;
    case 'bondDeposited':
      return equalBytes(self, event.value.plant) ? { amountMl: -(event.value.repaidMl + event.value.bondedMl), other: undefined } : NOTHING;
    case 'bondWithdrawn':
      return equalBytes(self, event.value.plant) ? { amountMl: event.value.amountMl, other: undefined } : NOTHING;
    case 'staked':
      return equalBytes(self, event.value.account) ? { amountMl: -event.value.amountMl, other: undefined } : NOTHING;
    default:
      return NOTHING;
  }
}

function transactionView(self: Uint8Array, block: FinalBlock, tx: FinalTx): AccountTransaction {
  const moves = tx.events.map((event) => movementOf(self, event));
  const sumMl = moves.reduce((sum, { amountMl }) => sum + amountMl, 0n);
  const other = moves.find((move) => move.other !== undefined)?.other;
  const direction = sumMl === 0n ? 'none' : sumMl > 0n ? 'in' : 'out';
  return {
    txHash: tx.txHash, kind: tx.body.kind.case, height: block.height, index: tx.index, time: rfc3339(block.timeMs), code: tx.code, fault: faultCode(tx.code) ?? null,
    direction, litres: formatLitres(sumMl < 0n ? -sumMl : sumMl), counterparty: other === undefined ? null : formatAddress(other),
  };
}

function accountView(chain: ChainPort, text: string): Account | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const view = chain.state();
  const bytes = view.get(ROWS.account, toHex(address))?.policy;
  const policy = bytes === undefined ? undefined : decodePolicy(bytes);
  return {
    address: text, litres: formatLitres(balanceOf(view, address)), height: chain.tip().height,
    policy: policy === undefined ? null : { k: policy.k, publicKeys: policy.keys.map(toHex) },
    row: rowProofHref(ROWS.account, toHex(address)),
  };
}

/** Where a page goes on: after this transaction of an account, towards older ones. */
type Place = Pick<AccountTransaction, 'height' | 'index'>;

function placeOf(cursor: string | undefined): Place | undefined {
  const [height, index] = (cursor === undefined ? undefined : fromCursor(cursor, /^[0-9]{1,15}\/[0-9]{1,5}$/))?.split('/').map(Number) ?? [];
  return height === undefined || index === undefined ? undefined : { height, index };
}

interface Wanted {
  readonly kind: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

/** Ends where blocks are too old or not kept here any more. */
async function pageFrom(chain: ChainPort, address: Uint8Array, start: Place | undefined, { kind, fromMs, toMs, limit }: Wanted): Promise<{ readonly data: AccountTransaction[]; readonly next: Place | undefined }> {
  const data: AccountTransaction[] = [];
  let next = start;
  for (let scanned = 0; scanned < SCAN_MAX;) {
    const found = await chain.accountHistory(address, limit, next);
    for (const { height, index } of found) {
      const block = await chain.readFinal(height);
      const tx = block?.txs[index];
      if (block === undefined || tx === undefined || block.timeMs < fromMs) return { data, next: undefined };
      next = { height, index };
      if (block.timeMs < toMs && (kind === undefined || kind === tx.body.kind.case)) data.push(transactionView(address, block, tx));
      if (data.length === limit) return { data, next };
    }
    if (found.length < limit) return { data, next: undefined };
    scanned += found.length;
  }
  return { data, next };
}

async function history(chain: ChainPort, text: string, query: ApiRequest<History>['query']): Promise<Reply<History>> {
  const address = parseAddress(text);
  if (address === undefined) return { problem: 'not_found', detail: 'The address has a wrong checksum.' };
  const { limit = LIMIT_DEFAULT, cursor, kind, from, to } = query;
  const start = placeOf(cursor);
  if (cursor !== undefined && start === undefined) return badCursor;
  const times = readTimes({ from, to });
  if ('problem' in times) return times;
  const { data, next } = await pageFrom(chain, address, start, { kind, limit, fromMs: times.from ?? 0, toMs: times.to ?? Infinity });
  return { status: 200, body: { data, nextCursor: next === undefined ? null : toCursor(`${next.height}/${next.index}`) } };
}

export function accountRoutes(chain: ChainPort, parties: Parties): readonly Entry[] {
  const isOwn = async (caller: Caller, text: string): Promise<boolean> => {
    const address = parseAddress(text);
    return address === undefined || (await parties.isOwnAccount(caller, address));
  };
  const ownHistory = async (caller: Caller, text: string, query: ApiRequest<History>['query']): Promise<Reply<History>> =>
    ((await isOwn(caller, text)) ? await history(chain, text, query) : { problem: 'not_found' });
  return [
    serve(ROUTES.getAccount, async ({ caller, params }) => {
      if (!(await isOwn(caller, params.address))) return { problem: 'not_found' };
      const found = accountView(chain, params.address);
      return found === undefined ? { problem: 'not_found', detail: 'The address has a wrong checksum.' } : { status: 200, body: found };
    }),
    serve(ROUTES.listAccountTransactions, ({ caller, params: { address }, query }) => ownHistory(caller, address, query)),
    serve(ROUTES.listTransactions, ({ caller, query: { address, ...query } }) => ownHistory(caller, address, query)),
  ];
}
