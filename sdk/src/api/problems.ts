/**
 * Every problem code a caller of the API can meet, in one table: HTTP status, title in both languages, what to do, and
 * whether the same request may succeed later. Chain faults come from the protocol's own table.
 */
import { FAULTS, type FaultCode } from '@billcoin/protocol';
import { FAULT_TITLES, type Title } from './faultTitles.ts';

export interface ProblemRow {
  readonly status: number;
  readonly title: Title;
  /** What to do about it, for people. */
  readonly text: string;
  readonly retryable: boolean;
}

function row(status: number, en: string, ms: string, text: string, retryable = false): ProblemRow {
  return { status, title: { en, ms }, text, retryable };
}

/** Problems of the API itself. */
const API = {
  malformed_request: row(400, 'Malformed request', 'Permintaan tidak sah', 'Correct the fields that `errors` points to. Amounts are decimal strings.'),
  idempotency_key_missing: row(400, 'Idempotency-Key missing', 'Idempotency-Key tiada', 'Send an Idempotency-Key header, a new one for each order.'),
  bad_month: row(400, 'Not a month', 'Bukan bulan', 'Give the month as YYYY-MM, not in the future.'),
  bad_date: row(400, 'Not a day', 'Bukan hari', 'Give a day of the calendar as YYYY-MM-DD, not in the future.'),
  bad_tz: row(400, 'Not a time zone', 'Bukan zon masa', 'Give an IANA time zone such as UTC or Asia/Kuala_Lumpur.'),
  bad_roster: row(400, 'Roster not readable', 'Senarai pelajar tidak boleh dibaca', 'Correct the lines that `errors` names; nothing was imported.'),
  unauthenticated: row(401, 'Login needed', 'Log masuk diperlukan', 'Log in and send the access token as Authorization: Bearer.'),
  bad_login_signature: row(401, 'Signature does not verify', 'Tandatangan tidak sah', 'Sign the exact message with the key it was made for.'),
  challenge_expired: row(401, 'Challenge ran out', 'Cabaran tamat tempoh', 'Ask for a new challenge and sign it within 2 minutes.'),
  challenge_used: row(401, 'Challenge used before', 'Cabaran sudah digunakan', 'Ask for a new challenge.'),
  bad_credentials: row(401, 'Wrong name or secret', 'Nama atau rahsia salah', 'Check the name and the password, secret or PIN. An account that was disabled is answered the same.'),
  refresh_reused: row(401, 'Refresh token used before', 'Token penyegar sudah digunakan', 'Somebody used it already, so this login has been ended. Log in again; if it was not you, tell an administrator.'),
  enrol_code_invalid: row(401, 'Enrolment code not valid', 'Kod pendaftaran tidak sah', 'It is wrong, used by another device, or older than 5 minutes. Ask the manager for a new one.'),
  forbidden: row(403, 'Not allowed', 'Tidak dibenarkan', 'Your role may not do this. Ask an administrator for another role.'),
  not_found: row(404, 'Not found', 'Tidak dijumpai', 'Nothing here has this id, or it is not yours.'),
  method_not_allowed: row(405, 'Method not allowed', 'Kaedah tidak dibenarkan', 'See the API description for the methods of this path.'),
  username_taken: row(409, 'Name taken', 'Nama sudah digunakan', 'Choose another user name.'),
  last_admin: row(409, 'Last administrator', 'Pentadbir terakhir', 'Make another administrator first.'),
  not_final: row(409, 'Not final yet', 'Belum muktamad', 'Ask again after the next block.', true),
  cannot_link: row(409, 'Cannot link', 'Tidak dapat dipautkan', 'Check the code, or ask your university for a new one.'),
  stray_not_open: row(409, 'Not open', 'Tidak terbuka', 'It was booked before, or given back.'),
  lot_recalled: row(409, 'Lot recalled', 'Lot telah dipanggil balik', 'Do not sell it: milk of this lot was recalled (GET /trace/batch/{batchKey}). Take it off the shelf and sell another lot.'),
  out_of_stock: row(409, 'Out of stock', 'Kehabisan stok', 'Order no more than `data` says is left.'),
  key_in_use: row(409, 'Key of another till', 'Kunci kaunter lain', 'Make a new key on this device: a key is one till for ever.'),
  already_revoked: row(409, 'Revoked already', 'Sudah dibatalkan', 'The till is out of force; nothing is left to do.'),
  merchant_exists: row(409, 'Merchant exists', 'Peniaga sudah wujud', 'The account is registered with other terms. The campus authority changes them with billcoin tx.'),
  product_in_use: row(409, 'Product in an open order', 'Produk dalam pesanan terbuka', 'Wait until the open orders with this product are paid or over, then try again.', true),
  stock_below_sales: row(409, 'Less than was sold', 'Kurang daripada jualan', '`received` is the total ever put on the shelf: give at least what `data` says is sold and reserved.'),
  flag_resolved: row(409, 'Resolved before', 'Sudah diselesaikan', 'It stays as it is; read it under /admin/flags.'),
  alerts_not_configured: row(409, 'No Slack webhook', 'Tiada webhook Slack', 'Start the node with --slack-webhook-file.'),
  ref_reused: row(409, 'Reference used before', 'Rujukan sudah digunakan', 'Make a new order with a new salt.'),
  not_collectable: row(409, 'Nothing to hand out', 'Tiada untuk diserahkan', 'Hand out only what is paid: `data.status` says how the order stands.'),
  already_collected: row(409, 'Handed out before', 'Sudah diserahkan', 'Do not hand it out again.'),
  already_refunded: row(409, 'Refunded already', 'Sudah dipulangkan', 'It went back, or a refund of it is on its way: see the refunds of the order.'),
  refund_decided: row(409, 'Decided already', 'Sudah diputuskan', 'This refund waits for nobody: `data.status` says how it stands. Make a new one if it failed.'),
  idempotency_in_progress: row(409, 'Still at work', 'Masih diproses', 'Repeat with the same Idempotency-Key after a moment.', true),
  dropped: row(410, 'State no longer kept', 'Keadaan tidak lagi disimpan', 'Ask for the newest height; only the states of the newest blocks are kept.'),
  pruned: row(410, 'No longer kept here', 'Tidak lagi disimpan di sini', 'Ask an archive node.'),
  request_timeout: row(408, 'Request too slow', 'Permintaan terlalu perlahan', 'Send the whole request within 30 seconds.', true),
  body_too_large: row(413, 'Body too large', 'Kandungan terlalu besar', 'Send less at once.'),
  unsupported_media_type: row(415, 'Unsupported media type', 'Jenis media tidak disokong', 'Send the content type the API description names.'),
  ref_mismatch: row(422, 'Reference does not match the order', 'Rujukan tidak sepadan dengan pesanan', 'Derive the reference from the salt and the exact order bytes.'),
  total_mismatch: row(422, 'Total does not match the items', 'Jumlah tidak sepadan dengan item', 'Compute sen and litres of the invoice from the items again.'),
  merchant_missing: row(422, 'Merchant missing', 'Peniaga tiada', 'A manager and a partner are of one merchant: give merchantId.'),
  weak_pin: row(422, 'PIN too easy', 'PIN terlalu mudah', 'Choose one that is neither one digit over and over nor digits in a row.'),
  too_many_cashiers: row(422, 'Too many cashiers', 'Terlalu ramai juruwang', 'Remove cashiers who left.'),
  unknown_product: row(422, 'Unknown product', 'Produk tidak dikenali', 'Read GET /products of this merchant again.'),
  product_mismatch: row(422, 'Line does not match its product', 'Baris tidak sepadan dengan produk', 'Read GET /products again and build the line from it: name, price rule and quantity.'),
  too_many_products: row(422, 'Too many products', 'Terlalu banyak produk', 'Remove products that are no longer sold.'),
  till_revoked: row(422, 'Till revoked', 'Kaunter dibatalkan', 'This till may sign no invoices any more. Enrol a till.'),
  other_order: row(422, 'Transaction of another order', 'Transaksi pesanan lain', 'Sign the transaction for this order: its invoice, or its till number and reference, and the amount asked for.'),
  merchant_balance_low: row(422, 'Balance of the merchant too low', 'Baki peniaga tidak mencukupi', 'The merchant buys BILL from the treasury, or gives back less.'),
  invalid_evidence: row(422, 'Evidence proves nothing', 'Bukti tidak membuktikan apa-apa', 'It is malformed, of a height that is not final here or too old, or its validators have been punished already.'),
  too_many_wallets: row(422, 'Too many wallets', 'Terlalu banyak dompet', 'A student may link 3 wallets. Unlink one first.'),
  idempotency_key_reused: row(422, 'Idempotency-Key used for another request', 'Idempotency-Key digunakan untuk permintaan lain', 'Use a new key for a new request.'),
  headers_too_large: row(431, 'Headers too large', 'Pengepala terlalu besar', 'Send less than 16 KiB of path and headers.'),
  rate_limited: row(429, 'Too many requests', 'Terlalu banyak permintaan', 'Wait as long as Retry-After says.', true),
  internal: row(500, 'Internal error', 'Ralat dalaman', 'Our fault. Report the request id; try again later.', true),
  internal_error: row(500, 'Internal error', 'Ralat dalaman', 'Our fault: nothing is known about the payment. Validate again.', true),
  no_campus_authority: row(501, 'No campus authority here', 'Tiada kuasa kampus di sini', 'Ask the API node that holds the key of the campus authority, or start this one with --campus-authority-key.'),
  chain_unavailable: row(503, 'Chain not available', 'Rantaian tidak tersedia', 'The node has no current final block: it is catching up, or the chain stands. Ask another node, or try again after Retry-After.', true),
  disk_low: row(503, 'Disk nearly full', 'Cakera hampir penuh', 'Use another node, or send it again when the operator of this one has made room.', true),
  pool_full: row(503, 'Pool full', 'Kolam penuh', 'Send it again after Retry-After.', true),
} as const satisfies Readonly<Record<string, ProblemRow>>;

/** Statuses of faults on submission; every other fault is 422: well formed, but the chain refuses it. */
const FAULT_STATUS: Readonly<Partial<Record<FaultCode, number>>> = {
  malformed: 400, invoice_already_paid: 409, invoice_void: 409, too_many_fee_free: 503,
};
/** Faults that time or another transaction may heal without a change of the request. */
const RETRYABLE_FAULTS: ReadonlySet<FaultCode> = new Set<FaultCode>(['too_many_fee_free', 'ceiling_reached', 'too_many_open_batches']);

export type ProblemCode = keyof typeof API | FaultCode;

function faultRow(code: FaultCode): ProblemRow {
  return { status: FAULT_STATUS[code] ?? 422, title: FAULT_TITLES[code], text: FAULTS[code].text, retryable: RETRYABLE_FAULTS.has(code) };
}

const faultRows = Object.fromEntries((Object.keys(FAULTS) as FaultCode[]).map((code) => [code, faultRow(code)])) as Record<FaultCode, ProblemRow>;

export const PROBLEMS: Readonly<Record<ProblemCode, ProblemRow>> = { ...API, ...faultRows };

/** Problems any route may answer with. */
export const COMMON_PROBLEMS = ['malformed_request', 'unauthenticated', 'forbidden', 'body_too_large', 'unsupported_media_type', 'rate_limited', 'internal', 'chain_unavailable'] as const satisfies readonly ProblemCode[];

/** True for a code of the table: what a client checks before it trusts a server's `code`. */
export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}
