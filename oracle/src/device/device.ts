/**
 * What a device does: count, number, chain and sign its readings. Pure, so that the firmware port, the devnet's dairy and
 * the tests share one form. The caller keeps the state durably before it publishes: a number used twice is a fork.
 */
import {
  assert, chainTag, ed25519PublicKey, encode, keyIdOf, ReadingBody, Signed, SignedBatch, signEd25519, utf8, type Flow,
} from '@billcoin/protocol';
import { ALG, batchPreimage, readingPreimage } from '../reading/signature.ts';
import { readingId } from '../reading/reading.ts';
import { totalOf } from '../reading/volume.ts';

/** Who the device is; `seed` is its 32-byte Ed25519 seed, `device` and `calibration` have 16 bytes. */
export interface DeviceIdentity {
  readonly genesisHash: Uint8Array;
  readonly device: Uint8Array;
  readonly seed: Uint8Array;
  readonly site: string;
  readonly calibration: Uint8Array;
}

/** Where the device stands: the numbers of the next reading, the id of the last one, the totaliser in mL. */
export interface DeviceState {
  readonly epoch: number;
  readonly seq: number;
  /** Id of seq − 1 of the epoch; 32 zero bytes at seq 0. */
  readonly prev: Uint8Array;
  readonly totalMl: number;
}

/** A reading as built: its body bytes, its id and the state after it. */
export interface BuiltReading {
  readonly bytes: Uint8Array;
  readonly id: Uint8Array;
  readonly body: ReadingBody;
  readonly state: DeviceState;
}

type Kind = ReadingBody['kind'];

export interface ReadingInput {
  readonly timeMs: number;
  readonly durationMs: number;
  readonly flags?: number;
  readonly kind: Kind;
}

/** State of a device that has counted nothing, or of a new boot epoch when given a total. */
export function startEpoch(epoch: number, totalMl = 0): DeviceState {
  return { epoch, seq: 0, prev: new Uint8Array(32), totalMl };
}

/** The total after a volume (R14): what a Flow's totalMl must be. */
export function nextTotal(state: DeviceState, volumeMl: number): number {
  return state.totalMl + volumeMl;
}

/** A Flow that counts `volumeMl` on top of the state's total. */
export function countedFlow(state: DeviceState, flow: Omit<Flow, 'totalMl' | 'volumeMl'> & { readonly volumeMl: number }): Kind {
  return { case: 'flow', value: { ...flow, totalMl: nextTotal(state, flow.volumeMl) } };
}

/** Builds the next reading of a device. A value outside its bounds is a bug of the caller and crashes. */
export function buildReading(identity: DeviceIdentity, state: DeviceState, input: ReadingInput): BuiltReading {
  const body: ReadingBody = {
    schema: 1, chainTag: chainTag(identity.genesisHash), device: identity.device, epoch: state.epoch, seq: state.seq, prev: state.prev,
    timeMs: input.timeMs, durationMs: input.durationMs, site: utf8(identity.site), calibration: identity.calibration, flags: input.flags ?? 0, kind: input.kind,
  };
  const bytes = encode(ReadingBody, body);
  const id = readingId(bytes);
  const total = totalOf(body);
  return { bytes, id, body, state: { ...state, seq: state.seq + 1, prev: id, totalMl: total?.totalMl ?? state.totalMl } };
}

/** One reading under its own signature: the payload of `…/r`. */
export function signReading(identity: Pick<DeviceIdentity, 'genesisHash' | 'seed'>, bytes: Uint8Array): Uint8Array {
  const sig = signEd25519(identity.seed, readingPreimage(identity.genesisHash, bytes));
  return encode(Signed, { body: bytes, alg: ALG.ed25519, keyId: keyIdOf(ed25519PublicKey(identity.seed)), sig });
}

/** 1 to 64 readings under one signature over the list of their ids: the payload of `…/rb`. */
export function signBatch(identity: Pick<DeviceIdentity, 'genesisHash' | 'seed'>, bodies: readonly Uint8Array[]): Uint8Array {
  assert(bodies.length > 0, 'a batch has readings');
  const sig = signEd25519(identity.seed, batchPreimage(identity.genesisHash, bodies.map(readingId)));
  return encode(SignedBatch, { body: bodies, alg: ALG.ed25519, keyId: keyIdOf(ed25519PublicKey(identity.seed)), sig });
}
