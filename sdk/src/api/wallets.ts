/** Linking a wallet to a student of the roster (US-001): the code proves the student, the signature the wallet. */
import { Type, type Static } from 'typebox';
import { challengeMessage } from './auth.ts';
import { route } from './route.ts';
import { closed, LinkCode, MaskedAddress, PublicKey, Signature, StudentRef, Time, WalletId } from './values.ts';

/** A roster of the whole university fits; more is a mistake. */
export const ROSTER_MAX_BYTES = 8_388_608;

export const WalletLinked = closed({ walletId: WalletId, addressMasked: MaskedAddress });
export type WalletLinked = Static<typeof WalletLinked>;

export const linkWallet = route({
  method: 'POST',
  path: '/wallets/link',
  summary: 'Link a wallet: code from the university, message from POST /auth/challenge, signature over it with tag bill/login/1.',
  who: ['public'],
  body: closed({ linkCode: LinkCode, message: challengeMessage, publicKey: PublicKey, signature: Signature }),
  responses: { 201: WalletLinked },
  problems: ['cannot_link', 'too_many_wallets', 'bad_login_signature', 'challenge_expired', 'challenge_used'],
});

export const OwnWallet = closed({ walletId: WalletId, addressMasked: MaskedAddress, linkedAt: Time, current: Type.Boolean({ description: 'The one that is logged in' }) });
export type OwnWallet = Static<typeof OwnWallet>;

export const listWallets = route({
  method: 'GET',
  path: '/wallets',
  summary: 'The wallets of the student, oldest first; none of an unlinked wallet.',
  who: ['student'],
  own: 'own wallets',
  responses: { 200: closed({ data: Type.Array(OwnWallet, { maxItems: 3 }) }) },
});

export const unlinkWallet = route({
  method: 'DELETE',
  path: '/wallets/{walletId}',
  summary: 'Unlink a wallet. Its points and coupons stay with its address.',
  who: ['student'],
  own: 'own wallets',
  params: closed({ walletId: WalletId }),
  responses: { 204: Type.Null() },
  problems: ['not_found'],
});

export const createLinkCode = route({
  method: 'POST',
  path: '/wallets/link-code',
  summary: 'A one-time code to link a second phone; ends after 10 minutes, and any older code with it. For linked wallets.',
  who: ['student'],
  own: 'own student',
  responses: { 201: closed({ linkCode: LinkCode, expiresAt: Time }) },
});

const issuedCode = closed({ studentRef: StudentRef, linkCode: LinkCode });
/** The importer knows the ids already; with them the codes can be handed out. */
const firstCode = closed({ studentId: Type.String({ minLength: 1, maxLength: 32 }), ...issuedCode.properties });

export const importStudents = route({
  method: 'POST',
  path: '/admin/students/import',
  summary: 'Import the roster (CSV with a column studentId). Students missing in a later file are marked left. Codes of new rows are shown once.',
  who: ['admin', 'service'],
  body: Type.String({ minLength: 1, maxLength: ROSTER_MAX_BYTES }),
  bodyType: 'text/csv',
  bodyMaxBytes: ROSTER_MAX_BYTES,
  responses: { 200: closed({ added: Type.Integer({ minimum: 0 }), kept: Type.Integer({ minimum: 0 }), left: Type.Integer({ minimum: 0 }), codes: Type.Array(firstCode) }) },
  problems: ['bad_roster'],
});

export const renewLinkCode = route({
  method: 'POST',
  path: '/admin/students/{studentRef}/link-code',
  summary: 'A new link code for a student; the old one dies.',
  who: ['admin'],
  params: closed({ studentRef: StudentRef }),
  responses: { 201: closed({ ...issuedCode.properties, expiresAt: Time }) },
  problems: ['not_found'],
});

export const eraseStudent = route({
  method: 'POST',
  path: '/admin/privacy/{studentRef}/erase',
  summary: 'Erase a student: shreds his key, his links and his logins. What was written before stays and belongs to nobody. Take him off the roster file too.',
  who: ['admin'],
  params: closed({ studentRef: StudentRef }),
  responses: { 200: closed({ studentRef: StudentRef, wallets: Type.Integer({ minimum: 0, description: 'Wallets that were linked' }) }) },
  problems: ['not_found'],
});
