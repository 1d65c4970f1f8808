/**
 * The registries: what the campus authority (merchants, tills) and the regulator (farms, plants, devices, meters) write.
 * Free of fees. Registering again replaces terms and status. An authority is often a k-of-n account: build the draft once,
 * then let its members add their signatures (`decodeTransaction`, `addSignature`), with `policies` until the chain knows it.
 */
import type { RegisterDevice, RegisterFarm, RegisterMerchant, RegisterMeter, RegisterPlant, RegisterTill, RevokeDevice } from '@billcoin/protocol';
import { saltedDraft, type Envelope, type TxDraft } from './draft.ts';

/** Envelope of a fee-free transaction of an authority. */
export interface AuthorityEnvelope extends Omit<Envelope, 'feeMl'> {
  /** Account of the role, 20 bytes: campus authority or regulator, as the kind says. */
  readonly authority: Uint8Array;
}

export type RegisterMerchantParams = AuthorityEnvelope & RegisterMerchant;
export type RegisterTillParams = AuthorityEnvelope & RegisterTill;
export type RegisterFarmParams = AuthorityEnvelope & RegisterFarm;
export type RegisterPlantParams = AuthorityEnvelope & RegisterPlant;
export type RegisterDeviceParams = AuthorityEnvelope & RegisterDevice;
export type RegisterMeterParams = AuthorityEnvelope & RegisterMeter;
export type RevokeDeviceParams = AuthorityEnvelope & RevokeDevice;

export interface RevokeTillParams extends Envelope {
  /** The campus authority, or the till's merchant, who then sets `feeMl`; 20 bytes. */
  readonly sender: Uint8Array;
  readonly tillNo: number;
}

/** By the campus authority: a firm that sells for BILL. status: 1 active, 2 suspended, 3 revoked. */
export function buildRegisterMerchant(params: RegisterMerchantParams): TxDraft {
  const { account, name, status } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'registerMerchant', value: { account, name, status } });
}

/** By the campus authority: a till and its key. A number never changes its merchant; another key replaces the old one. */
export function buildRegisterTill(params: RegisterTillParams): TxDraft {
  const { tillNo, merchant, publicKey } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'registerTill', value: { tillNo, merchant, publicKey } });
}

/** By the campus authority (free), or by the till's own merchant (`feeMl`): a stolen till cannot wait for an office. */
export function buildRevokeTill(params: RevokeTillParams): TxDraft {
  return saltedDraft(params, params.sender, params.feeMl ?? 0n, { case: 'revokeTill', value: { tillNo: params.tillNo } });
}

/** By the regulator. status: 1 active, 2 suspended, 3 revoked. */
export function buildRegisterFarm(params: RegisterFarmParams): TxDraft {
  const { account, name, status } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'registerFarm', value: { account, name, status } });
}

/** By the regulator: daily ceiling in mL, toll and bond in basis points, hash of the profile that lots are judged by. */
export function buildRegisterPlant(params: RegisterPlantParams): TxDraft {
  const { account, name, status, ceilingMl, tollBps, bondBps, profileHash } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'registerPlant', value: { account, name, status, ceilingMl, tollBps, bondBps, profileHash } });
}

/** By the regulator: the key of a sensor, its site and validity. alg: 1 Ed25519, 2 P-256 (33-byte compressed key). */
export function buildRegisterDevice(params: RegisterDeviceParams): TxDraft {
  const { device, alg, publicKey, owner, site, fromMs, untilMs, calibration, calibratedUntilMs } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'registerDevice', value: { device, alg, publicKey, owner, site, fromMs, untilMs, calibration, calibratedUntilMs } });
}

/** By the regulator: a registered device becomes the custody meter of a plant; litres up to `total` can never be claimed. */
export function buildRegisterMeter(params: RegisterMeterParams): TxDraft {
  const { meter, plant, total } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'registerMeter', value: { meter, plant, total } });
}

/** By the regulator: the validity of a device ends at `fromMs`, which may lie in the past. */
export function buildRevokeDevice(params: RevokeDeviceParams): TxDraft {
  const { device, fromMs } = params;
  return saltedDraft(params, params.authority, 0n, { case: 'revokeDevice', value: { device, fromMs } });
}
