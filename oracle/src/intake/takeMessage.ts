/**
 * One MQTT message of readings: opened, judged and written into a unit of work. Nothing is on disk until the unit is
 * committed; then the message may be acknowledged and the receipts sent.
 */
import { encode, sha256, Stored, toHex, type ReadingBody, type ReadingResult } from '@billcoin/protocol';
import { openEnvelope } from '../reading/envelope.ts';
import type { Reading } from '../reading/reading.ts';
import { parseReadingTopic, readingSuffix } from '../reading/topic.ts';
import { totalOf } from '../reading/volume.ts';
import type { Registry } from '../registry/registry.ts';
import { VERDICT, type Finding, type Verdict } from '../rules/case.ts';
import { judgeReading, type Bench } from '../rules/judgeReading.ts';
import type { Profile } from '../rules/profile.ts';
import type { Judgement } from '../rules/table.ts';
import { addSeq } from '../store/cursor.ts';
import { cursorKey, deviceKey, forkKey, idKey, quarantineKey, readingKey } from '../store/keys.ts';
import type { DeviceNote, ForkRow, IdRow, QuarantineRow } from '../store/rows.ts';
import type { Unit } from '../store/store.ts';
import { historyOf, readCursor } from './history.ts';

/** Bytes kept of a payload that is no envelope (oracle page §3, quarantine). */
export const KEPT_BYTES_MAX = 65_536;
/** Bodies listed at one number; two prove the fork, more only fill the disk. */
const FORK_IDS_MAX = 16;
/** Rules that fit the result of a receipt. */
const RESULT_RULES_MAX = 8;

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAtMs: number;
}

/** What became of one reading; `receipt` is set where its device gets a receipt. */
export interface Taken {
  readonly id: string;
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** Written for the first time. */
  readonly fresh: boolean;
  readonly receipt?: { readonly device: string; readonly epoch: number; readonly result: ReadingResult };
  /** A fork was seen: the regulator must decide. */
  readonly fork?: true;
}

export interface Desk {
  readonly bench: Bench;
  readonly profile: Profile;
  readonly profileHashHex: string;
  readonly registry: Registry;
  /** False: the flood guard keeps no row of this topic device any more. */
  readonly mayKeep: (topicDevice: string, nowMs: number) => boolean;
}

const rulesOf = (findings: readonly Finding[]): number[] => findings.map((finding) => finding.rule).slice(0, RESULT_RULES_MAX);

function quarantine(desk: Desk, unit: Unit, message: Message, row: Pick<QuarantineRow, 'id' | 'form' | 'verdict' | 'findings'>, bytes: Uint8Array): string | undefined {
  const device = parseReadingTopic(message.topic)?.device ?? '';
  if (!desk.mayKeep(device, message.receivedAtMs)) return undefined;
  const key = quarantineKey(message.receivedAtMs, row.id);
  const kept: QuarantineRow = {
    ...row, topic: message.topic, receivedAtMs: message.receivedAtMs, profileHash: desk.profileHashHex,
    bytes: toHex(bytes.subarray(0, KEPT_BYTES_MAX)), totalBytes: bytes.length,
  };
  unit.putJson(key, kept);
  return key;
}

/** A reading nobody known signed: kept with its reasons, unless its signature is wrong (R05): those are only counted. */
function keepUnproven(desk: Desk, unit: Unit, message: Message, reading: Reading, judgement: Judgement): Taken {
  const { verdict, findings } = judgement;
  const taken: Taken = { id: reading.idHex, verdict, findings, fresh: false };
  const known = unit.getJson<IdRow>(idKey(reading.idHex));
  if (findings.at(-1)?.rule === 5 || known !== undefined) return taken;
  const at = quarantine(desk, unit, message, { id: reading.idHex, form: 'stored', verdict, findings }, encode(Stored, reading.evidence));
  if (at === undefined) return taken;
  unit.putJson(idKey(reading.idHex), { at, proven: false, verdict, rules: rulesOf(findings) } satisfies IdRow);
  return { ...taken, fresh: true };
}

/** The device's note and cursor after a proven reading. */
function noteProven(unit: Unit, device: string, body: ReadingBody, locked: boolean, stored: boolean): void {
  const note = unit.getJson<DeviceNote>(deviceKey(device));
  const newestEpoch = Math.max(note?.newestEpoch ?? body.epoch, body.epoch);
  if (note?.newestEpoch !== newestEpoch || note.locked !== locked) unit.putJson(deviceKey(device), { newestEpoch, locked } satisfies DeviceNote);
  if (!stored) return;
  const inStore = (seq: number): boolean => unit.getBytes(readingKey(device, body.epoch, seq)) !== undefined;
  unit.putJson(cursorKey(device, body.epoch), addSeq(readCursor(unit, device, body.epoch), body.seq, totalOf(body)?.totalMl, inStore));
}

/** Both bodies of a fork are evidence against the key, so the flood guard does not lose the first few. */
function keepFork(desk: Desk, unit: Unit, message: Message, reading: Reading, body: ReadingBody, judgement: Judgement, otherAtSeq: string): boolean {
  const { verdict, findings } = judgement;
  const place = forkKey(toHex(body.device), body.epoch, body.seq);
  const ids = unit.getJson<ForkRow>(place)?.ids ?? [otherAtSeq];
  const few = ids.length < FORK_IDS_MAX;
  const at = quarantine(few ? { ...desk, mayKeep: () => true } : desk, unit, message, { id: reading.idHex, form: 'stored', verdict, findings }, encode(Stored, reading.evidence));
  if (at === undefined) return false;
  if (few) unit.putJson(place, { ids: [...ids, reading.idHex] } satisfies ForkRow);
  unit.putJson(idKey(reading.idHex), { at, proven: true, verdict, rules: rulesOf(findings) } satisfies IdRow);
  return true;
}

function keepProven(desk: Desk, unit: Unit, message: Message, reading: Reading, body: ReadingBody, judgement: Judgement): void {
  const { verdict, findings } = judgement;
  const at = readingKey(toHex(body.device), body.epoch, body.seq);
  const bytes = encode(Stored, reading.evidence);
  unit.putBytes(at, bytes);
  unit.putJson(idKey(reading.idHex), { at, proven: true, verdict, rules: rulesOf(findings) } satisfies IdRow);
  if (verdict >= VERDICT.hold) quarantine(desk, unit, message, { id: reading.idHex, form: 'stored', verdict, findings }, bytes);
}

function takeProven(desk: Desk, unit: Unit, message: Message, reading: Reading, body: ReadingBody, judgement: Judgement, otherAtSeq: string | undefined): Taken {
  const device = toHex(body.device);
  const fork = otherAtSeq !== undefined;
  let fresh = true;
  if (fork) fresh = keepFork(desk, unit, message, reading, body, judgement, otherAtSeq);
  else keepProven(desk, unit, message, reading, body, judgement);
  noteProven(unit, device, body, fork || (unit.getJson<DeviceNote>(deviceKey(device))?.locked ?? false), !fork);
  const { verdict, findings } = judgement;
  const receipt = { device, epoch: body.epoch, result: { seq: body.seq, verdict, rules: rulesOf(findings) } };
  return { id: reading.idHex, verdict, findings, fresh, receipt, ...(fork ? { fork: true as const } : {}) };
}

/** R06: what was found when it first came is told again. */
function knownAgain(unit: Unit, { idHex }: Reading, body: ReadingBody, { findings }: Judgement): Taken {
  const row = unit.getJson<IdRow>(idKey(idHex));
  const result = { seq: body.seq, verdict: row?.verdict ?? VERDICT.ok, rules: row?.rules ?? [] };
  return { id: idHex, verdict: VERDICT.ok, findings, fresh: false, receipt: { device: toHex(body.device), epoch: body.epoch, result } };
}

function takeReading(desk: Desk, unit: Unit, message: Message, reading: Reading, topicDevice: string | null): Taken {
  const history = historyOf(unit, reading);
  const judgement = judgeReading(desk.bench, desk.profile, { reading, topicDevice }, desk.registry, history, message.receivedAtMs);
  if (!judgement.proven || reading.body === undefined) return keepUnproven(desk, unit, message, reading, judgement);
  if (history.duplicate) return knownAgain(unit, reading, reading.body, judgement);
  return takeProven(desk, unit, message, reading, reading.body, judgement, history.otherAtSeq);
}

/** Takes a message whole; hostile bytes end in the quarantine, never in an exception. */
export function takeMessage(desk: Desk, unit: Unit, message: Message): readonly Taken[] {
  const suffix = readingSuffix(message.topic) ?? 'r';
  const opened = openEnvelope(suffix, message.payload);
  if (opened.ok) {
    const topicDevice = parseReadingTopic(message.topic)?.device ?? null;
    return opened.readings.map((reading) => takeReading(desk, unit, message, reading, topicDevice));
  }
  const id = toHex(sha256(message.payload));
  const findings: Finding[] = [{ rule: opened.rule, verdict: VERDICT.reject, value: opened.value, limit: opened.limit }];
  const fresh = quarantine(desk, unit, message, { id, form: 'payload', verdict: VERDICT.reject, findings }, message.payload) !== undefined;
  return [{ id, verdict: VERDICT.reject, findings, fresh }];
}
