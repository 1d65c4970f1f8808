/** /tills and /admin/merchants: who may sign invoices, from the one-time code to the revocation. */
import { assert, decode, formatAddress, fromBase64Url, fromHex, parseAddress, ROWS, stateRows, tillId, toHex, Tx, TxBody, utf8, type SignedCheckpoint } from '@billcoin/protocol';
import { enrolText, ROUTES, type TillState } from '@billcoin/sdk';
import type { PoolRefusal, Settled, TillInfo, Tills } from '../../merchantPorts.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { badCursor, fromCursor, LIMIT_DEFAULT, toCursor } from '../cursor.ts';
import { serve, type ApiRequest, type Entry, type Refusal, type Reply } from '../entry.ts';
import { actorOf, isOwnTill } from '../own.ts';
import type { RegistryIndex } from '../registryIndex.ts';
import type { SubmissionDeps } from '../submission.ts';
import { checkpointView } from './light.ts';
import { merchantRefusal } from './orderMoves.ts';
import { ownMerchant } from './products.ts';
import { rowsOf, statusName } from './registry.ts';

type Activate = typeof ROUTES.activateTill;
type List = typeof ROUTES.listTills;
type Revoke = typeof ROUTES.revokeTill;
type Register = typeof ROUTES.registerMerchant;

const NAME_MAX_BYTES = 64;

export interface TillRouteDeps extends SubmissionDeps {
  readonly index: RegistryIndex;
  readonly tills: Tills;
  readonly checkpoint: () => Promise<SignedCheckpoint | undefined>;
}

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  assert(bytes !== undefined, 'the declaration admits hex only');
  return bytes;
}

function settledRefusal(deps: TillRouteDeps, { refusal }: Extract<Settled, { readonly kind: 'refused' }>): Refusal {
  if (refusal.code === 'no_campus_authority') return { problem: refusal.code, detail: `This node cannot sign for the campus authority: ${(refusal as { readonly why: string }).why}.` };
  return merchantRefusal(deps, refusal as PoolRefusal);
}

async function enrol({ chain, tills }: TillRouteDeps, { caller, body }: ApiRequest<typeof ROUTES.enrolTill>): Promise<Reply<typeof ROUTES.enrolTill>> {
  const merchant = ownMerchant(caller);
  if (typeof merchant !== 'string') return merchant;
  const address = parseAddress(merchant);
  const row = address === undefined ? undefined : chain.state().get(ROWS.merchant, toHex(address));
  if (row === undefined) return { problem: 'unknown_merchant' };
  if (row.status !== stateRows.ACTIVE) return { problem: 'merchant_not_active' };
  const { enrolCode, expiresAtMs } = await tills.enrol(merchant, body.name);
  return { status: 201, body: { enrolCode, text: enrolText(enrolCode, chain.genesisHash), expiresAt: rfc3339(expiresAtMs) } };
}

async function activate(deps: TillRouteDeps, { body }: ApiRequest<Activate>): Promise<Reply<Activate>> {
  const done = await deps.tills.activate({ enrolCode: body.enrolCode, publicKey: bytesOf(body.publicKey), signature: bytesOf(body.signature) });
  if (!done.ok) return { problem: done.code };
  const { tillNo, merchant: merchantId, settled } = done;
  if (settled.kind === 'refused') return settledRefusal(deps, settled);
  if (settled.kind === 'pending') return { status: 202, body: { tillNo, txHash: settled.txHash } };
  const signed = await deps.checkpoint();
  return { status: 201, body: { tillNo, merchantId, checkpoint: signed === undefined ? null : checkpointView(signed) } };
}

function tillState({ tillNo, merchant, publicKey, status }: stateRows.TillRow, info: TillInfo | undefined): TillState {
  const isRevoked = status !== stateRows.ACTIVE; // the authority may have brought it back since
  const report = info?.report ?? null;
  return {
    tillNo, merchantId: formatAddress(merchant), name: info?.name ?? null, publicKey: toHex(publicKey), status: statusName(status),
    enrolledAt: typeof info?.enrolledAtMs === 'number' ? rfc3339(info.enrolledAtMs) : null,
    revoked: isRevoked && info !== undefined && info.revoked !== null ? { reason: info.revoked.reason, at: rfc3339(info.revoked.atMs) } : null,
    report: report === null ? null : { at: rfc3339(report.atMs), version: report.version, battery: report.battery, lastProof: report.lastProof },
  };
}

/** In the order of their numbers: that is how people look for one. */
async function list({ chain, index, tills }: TillRouteDeps, { caller, query }: ApiRequest<List>): Promise<Reply<List>> {
  const { limit = LIMIT_DEFAULT, cursor } = query;
  const after = cursor === undefined ? undefined : fromCursor(cursor, /^\d{1,10}$/);
  if (cursor !== undefined && after === undefined) return badCursor;
  const own = rowsOf<stateRows.TillRow>(chain.state(), index, 'till').map(({ row }) => row).filter(({ tillNo, merchant }) => isOwnTill(caller, { tillNo, merchant: formatAddress(merchant) }));
  const rest = own.filter(({ tillNo }) => tillNo > Number(after ?? 0));
  const page = rest.slice(0, limit);
  const data = await Promise.all(page.map(async (row) => tillState(row, await tills.info(row.tillNo))));
  const last = page.at(-1);
  return { status: 200, body: { data, nextCursor: last === undefined || rest.length <= limit ? null : toCursor(String(last.tillNo)) } };
}

/** Whether these bytes revoke exactly this till. */
function revokesTill(bytes: Uint8Array | undefined, tillNo: number): boolean {
  const tx = bytes === undefined ? undefined : decode(Tx, bytes);
  const body = tx?.ok === true ? decode(TxBody, tx.value.body) : undefined;
  return body?.ok === true && body.value.kind.case === 'revokeTill' && body.value.kind.value.tillNo === tillNo;
}

async function revoke(deps: TillRouteDeps, { caller, params: { tillNo }, body }: ApiRequest<Revoke>): Promise<Reply<Revoke>> {
  const till = deps.chain.state().get(ROWS.till, tillId(tillNo));
  if (till === undefined || !isOwnTill(caller, { tillNo, merchant: formatAddress(till.merchant) })) return { problem: 'not_found' };
  if (till.status !== stateRows.ACTIVE) return { problem: 'already_revoked' };
  const byAuthority = caller.role === 'admin';
  const tx = body.tx === undefined ? undefined : fromBase64Url(body.tx);
  if (byAuthority ? body.tx !== undefined : !revokesTill(tx, tillNo)) {
    return { problem: 'malformed_request', detail: byAuthority ? 'For an admin the campus authority signs.' : 'The merchant key signs a RevokeTill of this till.', errors: [{ pointer: '/tx', code: 'revoke_till' }] };
  }
  const settled = await deps.tills.revoke({ tillNo, reason: body.reason, by: actorOf(caller), tx });
  if (settled.kind === 'refused') return settledRefusal(deps, settled);
  return settled.kind === 'done' ? { status: 200, body: { tillNo, txHash: settled.txHash, status: 'revoked' } } : { status: 202, body: { tillNo, txHash: settled.txHash, status: 'pending' } };
}

async function register(deps: TillRouteDeps, { body: { account, name } }: ApiRequest<Register>): Promise<Reply<Register>> {
  const address = parseAddress(account);
  if (address === undefined) return { problem: 'malformed_request', errors: [{ pointer: '/account', code: 'address' }] };
  if (utf8(name).length > NAME_MAX_BYTES) return { problem: 'malformed_request', errors: [{ pointer: '/name', code: 'too_long' }] };
  const settled = await deps.tills.registerMerchant(address, name);
  if (settled.kind === 'refused') return settledRefusal(deps, settled);
  if (settled.kind === 'pending') return { status: 202, body: { merchantId: account, name, txHash: settled.txHash, status: 'pending' } };
  const row = deps.chain.state().get(ROWS.merchant, toHex(address));
  if (row === undefined || row.name !== name || row.status !== stateRows.ACTIVE) return { problem: 'merchant_exists' };
  return { status: 201, body: { merchantId: account, name, txHash: settled.txHash, status: 'active' } };
}

export function tillRoutes(deps: TillRouteDeps): readonly Entry[] {
  return [
    serve(ROUTES.enrolTill, (request) => enrol(deps, request)),
    serve(ROUTES.activateTill, (request) => activate(deps, request)),
    serve(ROUTES.listTills, (request) => list(deps, request)),
    serve(ROUTES.reportTill, async ({ caller, params: { tillNo }, body }) => {
      const till = deps.chain.state().get(ROWS.till, tillId(tillNo));
      if (till === undefined || !isOwnTill(caller, { tillNo, merchant: formatAddress(till.merchant) })) return { problem: 'not_found' };
      const report = await deps.tills.report(tillNo, body);
      return report === undefined ? { problem: 'not_found' } : { status: 200, body: { at: rfc3339(report.atMs) } };
    }),
    serve(ROUTES.revokeTill, (request) => revoke(deps, request)),
    serve(ROUTES.registerMerchant, (request) => register(deps, request)),
  ];
}
