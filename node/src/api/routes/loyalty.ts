/** /loyalty and /coupons: points and coupons as the chain holds them (US-005). A hint for screens; the chain decides. */
import QRCode from 'qrcode';
import { assert, cardId, COUPON, formatAddress, formatLitres, parseAddress, POINTS_PER_COUPON, ROWS, stateRows, toHex, type View } from '@billcoin/protocol';
import { couponText, ROUTES, type Coupon, type Loyalty as LoyaltyView } from '@billcoin/sdk';
import type { Loyalty } from '../../campusPorts.ts';
import type { ChainPort, Clock } from '../../ports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import { merchantOf } from '../caller.ts';
import { serve, type Entry, type Reply } from '../entry.ts';
import type { Parties } from '../parties.ts';
import type { RegistryIndex } from '../registryIndex.ts';

/** Coupons an account ever got that are looked at: six years at two a day. */
const COUPONS_READ_MAX = 5_000;
/** Newest of them that are shown: what can still be used is at most 90 days old, at two a day. */
const COUPONS_SHOWN_MAX = 200;
/** A block comes every second, and ids are found within milliseconds: whoever misses the moment so often has a node that cannot keep up. */
const TRIES_MAX = 8;
const STATES = { [COUPON.unspent]: 'unspent', [COUPON.spent]: 'spent', [COUPON.cancelled]: 'cancelled' } as const;

type Reason = Coupon['reason'];

function reasonOf(view: View, { state, expiresAtMs, merchant }: stateRows.CouponRow, nowMs: number): Reason {
  if (state === COUPON.spent) return 'spent';
  if (state === COUPON.cancelled) return 'cancelled';
  if (nowMs > expiresAtMs) return 'expired';
  return view.get(ROWS.merchant, toHex(merchant))?.status === stateRows.ACTIVE ? null : 'merchant_not_active';
}

function couponView(view: View, couponId: string, row: stateRows.CouponRow, nowMs: number): Coupon {
  const reason = reasonOf(view, row, nowMs);
  const state = STATES[row.state as keyof typeof STATES];
  return {
    couponId, merchantId: formatAddress(row.merchant), litres: formatLitres(row.couponMl), expiresAt: rfc3339(row.expiresAtMs), state, usable: reason === null, reason, qr: couponText(couponId),
  };
}

export interface LoyaltyDeps {
  readonly chain: ChainPort;
  readonly clock: Clock;
  readonly loyalty: Loyalty;
  readonly index: RegistryIndex;
  readonly parties: Parties;
}

/**
 * Ids of coupons that are those of the newest state: points and coupons are of one block, or the fifth point would be seen
 * neither as a point nor as a coupon. Nothing may be awaited between this and reading the state.
 */
async function idsOfNow({ chain, loyalty }: LoyaltyDeps, address: Uint8Array): Promise<readonly string[] | undefined> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const { ids, height } = await loyalty.couponIds(address, COUPONS_READ_MAX);
    if (height === chain.tip().height) return ids;
  }
  return undefined;
}

/** Points and coupons after the newest block; ids are all that it has issued to the account. */
function loyaltyOf({ chain, clock, index }: LoyaltyDeps, address: Uint8Array, couponIds: readonly string[]): LoyaltyView {
  const view = chain.state();
  const nowMs = clock.nowMs();
  const rows = couponIds.flatMap((couponId) => {
    const row = view.get(ROWS.coupon, couponId);
    return row === undefined ? [] : [{ couponId, row }];
  });
  const newest = rows.sort((a, b) => b.row.expiresAtMs - a.row.expiresAtMs).slice(0, COUPONS_SHOWN_MAX);
  const coupons = newest.map(({ couponId, row }) => ({ merchant: toHex(row.merchant), coupon: couponView(view, couponId, row, nowMs) }));
  const merchants = index.ids('merchant').flatMap((merchantHex) => {
    const merchant = view.get(ROWS.merchant, merchantHex);
    assert(merchant !== undefined, 'the index names rows of the state');
    const card = view.get(ROWS.card, cardId(merchant.account, address));
    const own = coupons.filter((held) => held.merchant === merchantHex).map(({ coupon }) => coupon);
    if (card === undefined && own.length === 0) return [];
    const points = card === undefined || nowMs > card.untilMs ? 0 : card.points;
    return [{ merchantId: formatAddress(merchant.account), name: merchant.name, points, toNext: POINTS_PER_COUPON - points, coupons: own }];
  });
  return { address: formatAddress(address), height: chain.tip().height, merchants };
}

/** 33 modules and a quiet zone, large enough for a phone held over a counter. */
const QR_OPTIONS = { errorCorrectionLevel: 'M', margin: 4, scale: 8 } as const;

/** The same text in the form that is asked for; text where nothing else is. */
async function couponQr(couponId: string, accept: string): Promise<Reply<typeof ROUTES.getCouponQr>> {
  const text = couponText(couponId);
  const headers = { vary: 'Accept' };
  if (accept.includes('image/svg+xml')) return { status: 200, text: await QRCode.toString(text, { ...QR_OPTIONS, type: 'svg' }), type: 'image/svg+xml', headers };
  if (accept.includes('image/png')) return { status: 200, bytes: await QRCode.toBuffer(text, { ...QR_OPTIONS, type: 'png' }), type: 'image/png', headers };
  return { status: 200, text, type: 'text/plain; charset=utf-8', headers };
}

export function loyaltyRoutes(deps: LoyaltyDeps): readonly Entry[] {
  const { chain, clock } = deps;
  return [
    serve(ROUTES.getLoyalty, async ({ caller, params }) => {
      const address = parseAddress(params.address);
      if (address === undefined || !(await deps.parties.isOwnAccount(caller, address))) return { problem: 'not_found' };
      const ids = await idsOfNow(deps, address);
      return ids === undefined ? { problem: 'chain_unavailable', detail: 'This node is behind its chain. Ask again in a moment.' } : { status: 200, body: loyaltyOf(deps, address, ids) };
    }),
    serve(ROUTES.getCoupon, async ({ caller, params }) => {
      const row = chain.state().get(ROWS.coupon, params.couponId);
      const isOwn = row !== undefined && (caller.role === 'student' ? await deps.parties.isOwnAccount(caller, row.owner) : merchantOf(caller) === formatAddress(row.merchant));
      return !isOwn ? { problem: 'not_found' } : { status: 200, body: couponView(chain.state(), params.couponId, row, clock.nowMs()) };
    }),
    serve(ROUTES.getCouponQr, async ({ caller, params, accept }) => {
      const row = chain.state().get(ROWS.coupon, params.couponId);
      if (row === undefined || !(await deps.parties.isOwnAccount(caller, row.owner))) return { problem: 'not_found' };
      return await couponQr(params.couponId, accept.toLowerCase());
    }),
  ];
}
