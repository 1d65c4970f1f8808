/** Tills of a merchant: enrolled with a one-time code, told about, revoked. A till's signing key never leaves the till. */
import { Type, type Static } from 'typebox';
import { CheckpointAnswer } from './light.ts';
import { route } from './route.ts';
import { Address, base64Url, closed, Height, line, LinkCode, nullable, PublicKey, RegistryStatus, Signature, TillNo, Time, TxHash } from './values.ts';

const tillName = line(64, 'For the merchant: where it stands');
const reason = line(200, 'For the merchant’s own books; never on chain');
/** Printable ASCII. */
const version = Type.String({ pattern: '^[\\x21-\\x7e]{1,32}$', description: 'Version of the till program' });
const battery = nullable(Type.Integer({ minimum: 0, maximum: 100, description: 'Percent; null for a till on the mains' }));

export const enrolTill = route({
  method: 'POST', path: '/tills/enrol', summary: 'A code that enrols one device as a till of the own merchant: once, within 5 minutes.', who: ['manager'],
  body: closed({ name: tillName }),
  responses: { 201: closed({ enrolCode: LinkCode, text: Type.String({ pattern: '^MMU5:[A-Z2-7]{15}$', description: 'Text of its QR code' }), expiresAt: Time }) },
  problems: ['unknown_merchant', 'merchant_not_active'],
});

export const TillEnrolled = closed({ tillNo: TillNo, merchantId: Address, checkpoint: nullable(CheckpointAnswer) });
export type TillEnrolled = Static<typeof TillEnrolled>;
const onItsWay = closed({ tillNo: TillNo, txHash: TxHash });

export const activateTill = route({
  method: 'POST', path: '/tills/activate',
  summary: 'Enrol this device: its public key, and its signature of the code with tag bill/enrol/1. 201: the chain knows the till; 202: not final within 10 s, call again with the same.',
  who: ['public'],
  body: closed({ enrolCode: LinkCode, publicKey: PublicKey, signature: Signature }),
  responses: { 201: TillEnrolled, 202: onItsWay },
  problems: ['bad_login_signature', 'enrol_code_invalid', 'key_in_use', 'till_revoked', 'no_campus_authority', 'unknown_merchant', 'malformed', 'pool_full'],
});

export const TillState = closed({
  tillNo: TillNo, merchantId: Address, name: nullable(Type.String()), publicKey: PublicKey, status: RegistryStatus, enrolledAt: nullable(Time),
  revoked: nullable(closed({ reason: Type.String(), at: Time })),
  report: nullable(closed({ at: Time, version, battery, lastProof: nullable(Height) })),
});
export type TillState = Static<typeof TillState>;

export const listTills = route({
  method: 'GET', path: '/tills',
  summary: 'Tills with their state. Version, battery and the height of the last proof are what the till itself reported.',
  who: ['manager', 'admin'], own: 'manager: tills of the own merchant',
  query: closed({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 50 })), cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 256, pattern: '^[A-Za-z0-9_-]+$' })) }),
  responses: { 200: closed({ data: Type.Array(TillState, { maxItems: 100 }), nextCursor: nullable(Type.String()) }) },
});

export const reportTill = route({
  method: 'PUT', path: '/tills/{tillNo}/report', summary: 'What only the till knows of itself: program version, battery, height of the last header it verified.', who: ['till'], own: 'its own till number',
  params: closed({ tillNo: TillNo }), body: closed({ version, battery, lastProof: nullable(Height) }),
  responses: { 200: closed({ at: Time }) }, problems: ['not_found'],
});

const revoked = closed({ tillNo: TillNo, txHash: nullable(TxHash), status: Type.Union([Type.Literal('pending'), Type.Literal('revoked')]) });

export const revokeTill = route({
  method: 'POST', path: '/tills/{tillNo}/revoke',
  summary: 'Put a till out of force: a manager hands in a RevokeTill signed with the merchant key, for an admin the campus authority signs. 202: not final within 10 s, call again.',
  who: ['manager', 'admin'], own: 'manager: tills of the own merchant',
  params: closed({ tillNo: TillNo }),
  body: closed({ reason, tx: Type.Optional(base64Url(4_096, 'RevokeTill signed with the merchant key; of a manager')) }),
  responses: { 200: revoked, 202: revoked },
  problems: ['not_found', 'already_revoked', 'no_campus_authority', 'wrong_signers', 'bad_signature', 'wrong_network', 'malformed', 'fee_too_low', 'merchant_balance_low', 'pool_full'],
});

const merchantState = closed({ merchantId: Address, name: Type.String(), txHash: nullable(TxHash), status: Type.Union([Type.Literal('pending'), Type.Literal('active')]) });

export const registerMerchant = route({
  method: 'POST', path: '/admin/merchants', summary: 'Register a merchant, signed by the campus authority. 202: not final within 10 s, call again.', who: ['admin'],
  body: closed({ name: line(64), account: Address }), auditBody: ['account'],
  responses: { 201: merchantState, 202: merchantState }, problems: ['merchant_exists', 'no_campus_authority', 'malformed', 'pool_full'],
});
