/**
 * Rows of the oracle's own store (oracle page §4 "Store"). Prefixes are never reused. Numbers in keys are decimal with
 * leading zeros, so that text order is number order.
 *
 *   r/device/epoch/seq   → Stored               every proven reading, whatever its verdict
 *   i/id                 → IdRow                where a reading is, what was found
 *   q/timeMs/id          → QuarantineRow        every held or rejected reading or payload with its reasons
 *   c/device/epoch       → Cursor               what is stored of an epoch
 *   d/device             → DeviceNote           newest epoch, lock
 *   f/device/epoch/seq   → ForkRow              two bodies at one number
 *   m/hash               → manifest bytes       as they came; trusted only by the hash in OpenBatch
 *   l/batch/attempt      → LotRow               the report behind a statement
 *   s/batch/attempt      → SignRow              sign-once register
 *   o/batch/attempt      → OutboxRow            the transaction round the statement
 *   p/batch/attempt      → OutboxRow            the same, finished
 *   meta/…               → format, genesis
 */
const padded = (value: number, digits: number): string => value.toString().padStart(digits, '0');
const place = (device: string, epoch: number, seq: number): string => `${device}/${padded(epoch, 7)}/${padded(seq, 10)}`;

export const readingKey = (device: string, epoch: number, seq: number): string => `r/${place(device, epoch, seq)}`;
export const idKey = (idHex: string): string => `i/${idHex}`;
export const quarantineKey = (timeMs: number, idHex: string): string => `q/${padded(timeMs, 15)}/${idHex}`;
export const cursorKey = (device: string, epoch: number): string => `c/${device}/${padded(epoch, 7)}`;
export const deviceKey = (device: string): string => `d/${device}`;
export const forkKey = (device: string, epoch: number, seq: number): string => `f/${place(device, epoch, seq)}`;
export const manifestKey = (hashHex: string): string => `m/${hashHex}`;
export const lotKey = (batchHex: string, attempt: number): string => `l/${batchHex}/${attempt}`;
export const signKey = (batchHex: string, attempt: number): string => `s/${batchHex}/${attempt}`;
export const outboxKey = (batchHex: string, attempt: number): string => `o/${batchHex}/${attempt}`;
export const finishedKey = (batchHex: string, attempt: number): string => `p/${batchHex}/${attempt}`;
export const FORMAT_KEY = 'meta/format';
export const GENESIS_KEY = 'meta/genesis';

/** Range of all keys with a prefix letter, e.g. `q`: '/' and the character after it bound it. */
export const rangeOf = (prefix: string): { readonly gte: string; readonly lt: string } => ({ gte: `${prefix}/`, lt: `${prefix}0` });
