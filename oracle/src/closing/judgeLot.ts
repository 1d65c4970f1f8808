/**
 * Closing: the judgement of a lot, which is what an oracle states (oracle page §4.4). Pure: OpenBatch as on chain, the
 * manifest, the readings it names, the registry at manifest.height, the batch's profile. No time of receipt, no order of
 * arrival, no unnamed reading and no local quarantine enters it, so that every oracle, late or restarted, and every
 * auditor gets the same bytes.
 *
 * Order of refusals, so that there is one lowest number: first what contradicts without any reading (99); then every
 * named reading by every rule, the lowest refusing number; then what the readings contradict together (99).
 */
import { assert, equalBytes, merkleRoot, toHex, type Attest, type Manifest } from '@billcoin/protocol';
import type { Reading } from '../reading/reading.ts';
import { totalOf } from '../reading/volume.ts';
import type { Registry } from '../registry/registry.ts';
import { VERDICT, type Finding, type History } from '../rules/case.ts';
import type { Bench } from '../rules/judgeReading.ts';
import type { Profile } from '../rules/profile.ts';
import { applyRules, REFUSAL_MANIFEST } from '../rules/table.ts';
import { checkContent } from './contentChecks.ts';
import { lotFamily, lotOf, type NamedReading } from './lotFamily.ts';
import { manifestProblem } from './manifest.ts';
import type { OpenLot } from './openLot.ts';
import { liftedFindings, overrideKey } from './overrides.ts';

/** A finding about one named reading. */
export interface NamedFinding extends Finding {
  readonly id: string;
  /** Lifted by an override of plant and regulator. */
  readonly lifted: boolean;
}

/** The terms of the minimum, mL; a term of which nothing is named is absent. */
export interface VolumeTerms {
  readonly claimMl: bigint;
  readonly meterMl: bigint;
  readonly heatMl?: bigint;
  readonly handedMl?: bigint;
}

/** The statement (exactly one of volumeMl and reject is not 0) and the report that stays with the oracle. */
export interface LotJudgement {
  readonly volumeMl: bigint;
  readonly reject: number;
  readonly readingsRoot: Uint8Array;
  readonly findings: readonly NamedFinding[];
  readonly terms?: VolumeTerms;
  /** Why 99, for people. */
  readonly why?: string;
}

/** Everything a lot is judged by; `readings` holds every reading the manifest names, by hex id, in any order. */
export interface LotEvidence {
  readonly lot: OpenLot;
  /** Undefined: the bytes under OpenBatch's hash are no manifest. */
  readonly manifest: Manifest | undefined;
  readonly readings: ReadonlyMap<string, Reading>;
  /** Registry at manifest.height; undefined where that block does not exist yet. */
  readonly registry: Registry | undefined;
  readonly profile: Profile;
}

/** What the named readings themselves say of each other; nothing else is known at closing. */
function closingHistories(readings: readonly Reading[]): readonly History[] {
  const atSeq = new Map<string, string>();
  const totals = new Map<string, number>();
  return readings.map(({ body, idHex }) => {
    if (body === undefined) return { duplicate: false, locked: false };
    const device = toHex(body.device);
    const place = `${device}/${body.epoch}/${body.seq}`;
    const otherAtSeq = atSeq.get(place);
    atSeq.set(place, idHex);
    const previousTotalMl = totals.get(device);
    const total = totalOf(body);
    if (total !== undefined) totals.set(device, total.totalMl);
    return { duplicate: false, locked: false, ...(otherAtSeq === undefined ? {} : { otherAtSeq }), ...(previousTotalMl === undefined ? {} : { previousTotalMl }) };
  });
}

function judgeNamed(bench: Bench, evidence: LotEvidence, registry: Registry, readings: readonly Reading[], lifted: ReadonlySet<string>): readonly NamedFinding[] {
  const histories = closingHistories(readings);
  const decoded = readings.flatMap(({ id, body }) => (body === undefined ? [] : [{ id, body }]));
  const family = lotFamily(evidence.lot.lot, decoded);
  return readings.flatMap((reading, index) => {
    const own = reading.body === undefined ? undefined : lotOf(reading.body);
    const stage = own !== undefined && family.has(own) ? 'closing' : 'context';
    const trial = {
      reading, body: reading.body, topicDevice: undefined, registry, history: histories[index] as History, profile: evidence.profile,
      chainTag: bench.chainTag, signedBy: bench.signedBy,
    };
    const { findings } = applyRules(trial, stage);
    return findings.map((finding) => ({ ...finding, id: reading.idHex, lifted: lifted.has(overrideKey(reading.idHex, finding.rule)) }));
  });
}

const refuses = ({ verdict, lifted }: NamedFinding): boolean => verdict === VERDICT.reject || (verdict === VERDICT.hold && !lifted);

function volumeTerms(lot: OpenLot, readings: readonly NamedReading[], handedMl: bigint | undefined): VolumeTerms {
  const heats = readings.flatMap(({ body: { kind } }) => (kind.case === 'heat' && equalBytes(kind.value.lot, lot.lot) ? [BigInt(kind.value.volumeMl)] : []));
  return {
    claimMl: lot.claimMl,
    meterMl: lot.totalTo - lot.totalFrom,
    ...(heats.length === 0 ? {} : { heatMl: heats.reduce((sum, volumeMl) => sum + volumeMl, 0n) }),
    ...(handedMl === undefined ? {} : { handedMl }),
  };
}

function minimum({ claimMl, meterMl, heatMl, handedMl }: VolumeTerms): bigint {
  return [meterMl, heatMl, handedMl].reduce<bigint>((least, term) => (term !== undefined && term < least ? term : least), claimMl);
}

/**
 * Judges a lot. Every named reading must be held and proven before: a missing input is no verdict.
 * PERF: one signature check a reading or batch, a few maps over ≤ 5,000 readings.
 */
export function judgeLot(bench: Bench, evidence: LotEvidence): LotJudgement {
  const { lot, manifest, registry, profile } = evidence;
  const readingsRoot = merkleRoot(manifest?.readings ?? []);
  const refuse = (reject: number, findings: readonly NamedFinding[], why?: string): LotJudgement =>
    ({ volumeMl: 0n, reject, readingsRoot, findings, ...(why === undefined ? {} : { why }) });
  if (manifest === undefined) return refuse(REFUSAL_MANIFEST, [], 'the bytes under the hash are no manifest');
  const problem = manifestProblem(lot, manifest, registry, profile);
  if (problem !== undefined || registry === undefined) return refuse(REFUSAL_MANIFEST, [], problem);

  const readings = manifest.readings.map((id) => {
    const reading = evidence.readings.get(toHex(id));
    assert(reading !== undefined, `reading ${toHex(id)} is held before its lot is judged`);
    return reading;
  });
  const lifted = liftedFindings(lot, manifest, registry, bench);
  const findings = judgeNamed(bench, evidence, registry, readings, lifted);
  const refusing = findings.filter(refuses).map((finding) => finding.rule);
  if (refusing.length > 0) return refuse(refusing.reduce((lowest, rule) => (rule < lowest ? rule : lowest)), findings);

  const named = readings.map(({ id, body }) => {
    assert(body !== undefined, 'a reading without a body was refused by R02');
    return { id, body };
  });
  const content = checkContent(lot, manifest, named, registry, profile);
  if (!content.ok) return refuse(REFUSAL_MANIFEST, findings, content.why);
  const terms = volumeTerms(lot, named, content.handedMl);
  return { volumeMl: minimum(terms), reject: 0, readingsRoot, findings, terms };
}

/** The statement as it is signed; profileHash is the batch row's. */
export function attestOf(lot: OpenLot, judgement: LotJudgement): Attest {
  const { volumeMl, reject, readingsRoot } = judgement;
  return { batch: lot.batch, attempt: lot.attempt, volumeMl, reject, readingsRoot, profileHash: lot.profileHash };
}
