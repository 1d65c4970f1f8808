/** Points and coupons (US-005). A hint for screens; the chain decides. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, closed, CouponId, Height, Litres, nullable, Time } from './values.ts';

export const CouponState = Type.Union([Type.Literal('unspent'), Type.Literal('spent'), Type.Literal('cancelled')]);

export const Coupon = closed({
  couponId: CouponId, merchantId: Address, litres: Litres, expiresAt: Time, state: CouponState, usable: Type.Boolean(),
  reason: nullable(Type.Union([Type.Literal('spent'), Type.Literal('cancelled'), Type.Literal('expired'), Type.Literal('merchant_not_active')])),
  qr: Type.String({ pattern: '^MMU2:[A-Z2-7]{52}$', description: 'Text of the coupon QR code' }),
});
export type Coupon = Static<typeof Coupon>;

export const Loyalty = closed({
  address: Address,
  height: Height,
  merchants: Type.Array(closed({
    merchantId: Address, name: Type.String(), points: Type.Integer({ minimum: 0, maximum: 4 }), toNext: Type.Integer({ minimum: 1, maximum: 5 }),
    coupons: Type.Array(Coupon),
  })),
});
export type Loyalty = Static<typeof Loyalty>;

export const getLoyalty = route({
  method: 'GET',
  path: '/loyalty/{address}',
  summary: 'Points and coupons of an account, by merchant. Five points become a coupon.',
  who: ['student', 'finance', 'auditor'],
  own: 'student: own wallets',
  params: closed({ address: Address }),
  responses: { 200: Loyalty },
  problems: ['not_found'],
});

export const getCoupon = route({
  method: 'GET',
  path: '/coupons/{couponId}',
  summary: 'A coupon and whether it can be used now.',
  who: ['student', 'till', 'staff'],
  own: 'student: as its owner; till, staff: of their merchant',
  params: closed({ couponId: CouponId }),
  responses: { 200: Coupon },
  problems: ['not_found'],
});

export const getCouponQr = route({
  method: 'GET',
  path: '/coupons/{couponId}/qr',
  summary: 'The coupon’s QR code: its text, or a picture by Accept (image/svg+xml, image/png). It is spent by its owner’s signature alone.',
  who: ['student'],
  own: 'as its owner',
  params: closed({ couponId: CouponId }),
  responses: { 200: Coupon.properties.qr },
  responseType: 'text/plain',
  alternative: { 'image/svg+xml': Type.String(), 'image/png': Type.String() },
  problems: ['not_found'],
});
