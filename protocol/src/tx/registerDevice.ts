/** RegisterDevice (kind 13), RegisterMeter (14) and RevokeDevice (15) by the regulator (SPEC §5.2). */
import { toHex } from '../lib/bytes.ts';
import { fault, ok, type Fault, type Result } from '../lib/fault.ts';
import { checkP256PublicKey } from '../lib/p256.ts';
import { checkPublicKey } from '../lib/signature.ts';
import { ROLE, ROWS } from '../state/layout.ts';
import { ACTIVE, REVOKED } from '../wire/state.ts';
import { valueOf, type ParsedTx, type TxContext } from './context.ts';
import { putRegistered, registryKind } from './registry.ts';

export const DEVICE_ALG = { ed25519: 1, p256: 2 } as const;

/** 1 to 16 of a–z, 0–9 and -: a site stands in MQTT topics. */
export function isSiteText(site: Uint8Array): boolean {
  return site.length >= 1 && site.length <= 16 && site.every((byte) => (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d);
}

/** Whether the bytes are a key of the algorithm: the one signature rule's (1, Ed25519), or a compressed point of the curve (2, P-256). */
export function isDeviceKey(alg: number, publicKey: Uint8Array): boolean {
  return alg === DEVICE_ALG.ed25519 ? checkPublicKey(publicKey) : checkP256PublicKey(publicKey);
}

function form(tx: ParsedTx): Fault | undefined {
  const { alg, publicKey, site, fromMs, untilMs } = valueOf(tx, 'registerDevice');
  if (!isDeviceKey(alg, publicKey)) return { code: 'malformed', path: 'RegisterDevice.publicKey', why: `is not a valid key of alg ${alg}` };
  if (!isSiteText(site)) return { code: 'malformed', path: 'RegisterDevice.site', why: 'has characters other than a-z, 0-9 and -' };
  return fromMs < untilMs ? undefined : { code: 'malformed', path: 'RegisterDevice.untilMs', why: 'is not above fromMs' };
}

function executeDevice(context: TxContext): Result<void> {
  const value = valueOf(context.tx, 'registerDevice');
  putRegistered(context, ROWS.device, toHex(value.device), { ...value, status: ACTIVE });
  return ok(undefined);
}

/** `opened` starts at total and never falls: litres that were claimed once stay claimed, whoever owns the meter next. */
function executeMeter(context: TxContext): Result<void> {
  const { draft, tx } = context;
  const value = valueOf(tx, 'registerMeter');
  const id = toHex(value.meter);
  if (draft.get(ROWS.plant, toHex(value.plant)) === undefined) return fault('unknown_plant');
  if (draft.get(ROWS.device, id)?.status !== ACTIVE) return fault('unknown_device');
  const before = draft.get(ROWS.meter, id)?.opened ?? 0n;
  putRegistered(context, ROWS.meter, id, { ...value, opened: value.total > before ? value.total : before });
  return ok(undefined);
}

/** Validity ends at fromMs, which may lie in the past (a key that leaked then); it never moves later again. */
function executeRevoke(context: TxContext): Result<void> {
  const { draft, tx } = context;
  const { device, fromMs } = valueOf(tx, 'revokeDevice');
  const row = draft.get(ROWS.device, toHex(device));
  if (row === undefined) return fault('unknown_device');
  putRegistered(context, ROWS.device, toHex(device), { ...row, untilMs: Math.min(row.untilMs, fromMs), status: REVOKED });
  return ok(undefined);
}

export const registerDevice = registryKind(13, 'registerDevice', ROLE.regulator, executeDevice, form);
export const registerMeter = registryKind(14, 'registerMeter', ROLE.regulator, executeMeter);
export const revokeDevice = registryKind(15, 'revokeDevice', ROLE.regulator, executeRevoke);
