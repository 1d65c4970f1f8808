/** Sensor readings, manifests and receipts (oracle page §2.1; SPEC §10). Bounds are rule R02. */
import { message, type ValueType } from './codec.ts';
import { bytes, listOf, listOfBytes, listOfU32, oneOf, optAmount, optBool, optBytes, optS32, optU32, s32, sub, u32, u53 } from './field.ts';
import { ATTEMPTS_MAX, Sig, TIME_MAX_MS, TIME_MIN_MS } from './tx.ts';

export const SIGNED_MAX_BYTES = 4_096;
export const SIGNED_BATCH_MAX_BYTES = 65_536;
export const BATCH_READINGS_MAX = 64;
export const MANIFEST_MAX_BYTES = 262_144;
export const MANIFEST_READINGS_MAX = 5_000;
export const EPOCH_MAX = 2_097_151;
const time = (no: number) => u53(no, TIME_MIN_MS, TIME_MAX_MS);
const temperature = (no: number) => s32(no, -5_000, 145_000);
const optTemperature = (no: number) => optS32(no, -5_000, 145_000);
const lot = (no: number) => bytes(no, 1, 32);

export const Flow = message('Flow', 512, {
  point: u32(1, 1, 8), lot: lot(2), volumeMl: optU32(3, 1, 60_000_000), massG: optU32(4, 1, 62_000_000), totalMl: u53(5), tempMeanMc: optTemperature(6), tempMaxMc: optTemperature(7),
  flowMaxMlMin: optU32(8, 0, 2_000_000), densityE4: optU32(9, 9_900, 10_500), conductivityUsCm: optU32(10, 1_000, 12_000), animal: optBytes(11, 1, 16), daysInMilk: optU32(12, 0, 1_500),
});
export const Tank = message('Tank', 512, { lot: lot(1), levelMl: u32(2, 0, 500_000_000), tempMc: temperature(3), stirred: optU32(4, 0, 1) });
export const Heat = message('Heat', 512, {
  lot: lot(1), method: u32(2, 1, 4), holdMs: u32(3, 0, 3_600_000), tempMinHoldMc: temperature(4), tempMaxMc: temperature(5), tempOutMc: temperature(6), volumeMl: u32(7, 1, 60_000_000), totalMl: u53(8),
  divertedMl: u32(9, 0, 60_000_000), traceHash: bytes(10, 32),
});
export const Lab = message('Lab', 512, {
  lot: lot(1), sample: bytes(2, 1, 16), method: u32(3, 1, 65_535), result: u32(4, 1, 3), fatE2: optU32(5, 50, 1_500), proteinE2: optU32(6, 100, 1_200), lactoseE2: optU32(7, 150, 700), snfE2: optU32(8, 500, 1_400),
  sccK: optU32(9, 0, 50_000), tbcK: optU32(10, 0, 1_000_000), freezeMc: s32(11, -700, 0), antibiotic: optU32(12, 0, 2), alpMuL: optU32(13, 0, 1_000_000), sampledMs: time(14),
});
export const Terms = message('Terms', 256, { fromLot: lot(1), toLot: lot(2), volumeMl: u32(3, 1, 60_000_000), vehicle: bytes(4, 1, 16), fromParty: bytes(5, 20), toParty: bytes(6, 20) });
export const Handover = message('Handover', 512, { terms: bytes(1, 1, 256), counterSig: bytes(2, 64) });
export const Beat = message('Beat', 128, { totalMl: u53(1), queued: u32(2, 0, 10_000_000), firmware: u32(3), supplyMv: u32(4, 0, 60_000), tamper: u32(5, 0, 255) });

/** flags: 1 density assumed, 2 clock not synchronised, 4 entered by hand, 8 test replay. */
export const FLAG = { densityAssumed: 1, clockNotSynchronised: 2, enteredByHand: 4, testReplay: 8 } as const;
/** Where a Flow is measured. */
export const POINT = { milking: 1, tankOut: 2, tankerLoad: 3, intake: 4, pasteuriserIn: 5, pasteuriserOut: 6, filler: 7, dispenser: 8 } as const;

export const ReadingBody = message('Body', 2_048, {
  schema: u32(1, 1, 1), chainTag: bytes(2, 8), device: bytes(3, 16), epoch: u32(4, 0, EPOCH_MAX), seq: u32(5), prev: bytes(6, 32), timeMs: time(7), durationMs: u32(8, 0, 7_200_000), site: bytes(9, 1, 16),
  calibration: bytes(10, 16), flags: u32(11, 0, 15),
  kind: oneOf({ flow: sub(20, Flow), tank: sub(21, Tank), heat: sub(22, Heat), lab: sub(23, Lab), handover: sub(24, Handover), beat: sub(25, Beat) }),
});
/** alg: 1 Ed25519, 2 P-256 with SHA-256. */
export const Signed = message('Signed', SIGNED_MAX_BYTES, { body: bytes(1, 1, 2_048), alg: u32(2, 1, 2), keyId: bytes(3, 8), sig: bytes(4, 64) });
export const SignedBatch = message('SignedBatch', SIGNED_BATCH_MAX_BYTES, { body: listOfBytes(1, 1, BATCH_READINGS_MAX, 1, 2_048), alg: u32(2, 1, 2), keyId: bytes(3, 8), sig: bytes(4, 64) });
/** form: 1 single, 2 from a batch, 3 JSON. */
export const Stored = message('Stored', 8_192, { body: bytes(1, 1, 4_096), alg: u32(2, 1, 2), keyId: bytes(3, 8), sig: bytes(4, 64), listIds: listOfBytes(5, 0, BATCH_READINGS_MAX, 32), form: u32(6, 1, 3) });

export const OverrideBody = message('OverrideBody', 256, { reading: bytes(1, 32), rule: u32(2, 1, 99), reason: u32(3, 1, 255), batch: bytes(4, 32) });
export const Override = message('Override', 4_096, { body: bytes(1, 1, 256), sigs: listOf(2, 1, 32, Sig) });
export const Manifest = message('Manifest', MANIFEST_MAX_BYTES, {
  schema: u32(1, 1, 1), batch: bytes(2, 32), attempt: u32(3, 1, ATTEMPTS_MAX), closedAtMs: time(4), height: u53(5, 1), readings: listOfBytes(6, 1, MANIFEST_READINGS_MAX, 32), overrides: listOf(7, 0, 64, Override),
});
export const BatchKey = message('BatchKey', 128, { plant: bytes(1, 20), lot: lot(2), productionDate: u32(3, 20_200_101, 20_991_231) });

/** verdict: 0 OK, 1 FLAG, 2 HOLD, 3 REJECT. */
export const ReadingResult = message('Result', 128, { seq: u32(1), verdict: u32(2, 0, 3), rules: listOfU32(3, 0, 8, 1, 99) });
export const ReceiptBody = message('ReceiptBody', 4_096, {
  chainTag: bytes(1, 8), oracle: bytes(2, 20), device: bytes(3, 16), epoch: u32(4, 0, EPOCH_MAX), nextSeq: u32(5), bitmap: bytes(6, 0, 32), results: listOf(7, 0, 64, ReadingResult), timeMs: time(8),
});
export const Receipt = message('Receipt', 4_096, { body: bytes(1, 1, 4_000), sig: bytes(2, 64) });
export const CommandBody = message('CommandBody', 128, {
  chainTag: bytes(1, 8), device: bytes(2, 16), number: u32(3), what: oneOf({ resendFromSeq: optU32(4), setClockMs: optAmount(5, 1n), rebirth: optBool(6) }),
});
export const Command = message('Command', 256, { body: bytes(1, 1, 128), sig: bytes(2, 64) });

export type Flow = ValueType<typeof Flow>;
export type Tank = ValueType<typeof Tank>;
export type Heat = ValueType<typeof Heat>;
export type Lab = ValueType<typeof Lab>;
export type Terms = ValueType<typeof Terms>;
export type Handover = ValueType<typeof Handover>;
export type Beat = ValueType<typeof Beat>;
export type ReadingBody = ValueType<typeof ReadingBody>;
export type Signed = ValueType<typeof Signed>;
export type SignedBatch = ValueType<typeof SignedBatch>;
export type Stored = ValueType<typeof Stored>;
export type OverrideBody = ValueType<typeof OverrideBody>;
export type Manifest = ValueType<typeof Manifest>;
export type BatchKey = ValueType<typeof BatchKey>;
export type ReadingResult = ValueType<typeof ReadingResult>;
export type ReceiptBody = ValueType<typeof ReceiptBody>;
export type Receipt = ValueType<typeof Receipt>;
