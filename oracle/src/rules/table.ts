/**
 * The rules of readings, one entry each (oracle page §3). Numbers are on chain as the reason of a refusal: never change
 * or reuse one. R09–R13 and R20–R37 come with a later profile; the thresholds stand in profile.ts.
 */
import { VERDICT, type Case, type Check, type Finding, type Verdict } from './case.ts';
import { checkChainTag, checkDuplicate, checkEpoch, checkFork, checkForm, checkRegistered, checkSignature, checkSizeAndTopic } from './identityChecks.ts';
import { checkCalibration, checkDensity, checkMilkingFlow, checkMilkingVolume, checkTotal, checkVolumeMass } from './physicsChecks.ts';

/** I: on arrival only; C: at closing only; B: both. */
export type Stage = 'I' | 'C' | 'B';

export interface Rule {
  readonly no: number;
  readonly stage: Stage;
  /** Verdict where the check does not say another. */
  readonly verdict: Verdict;
  /** What is wrong and what to do, for people. */
  readonly text: string;
  /** Also looked at in readings of other lots that are named as context of a totaliser. */
  readonly context: boolean;
  readonly check: Check;
}

const { ok, hold, reject } = VERDICT;

export const RULES: readonly Rule[] = [
  { no: 1, stage: 'B', verdict: reject, context: true, check: checkSizeAndTopic, text: 'The message is too large, or its topic is not the device’s own. Publish under mmu/v1/{site}/{device}.' },
  { no: 2, stage: 'B', verdict: reject, context: true, check: checkForm, text: 'The bytes are not a reading in the one allowed form and bounds. Check the device’s firmware.' },
  { no: 3, stage: 'B', verdict: reject, context: true, check: checkChainTag, text: 'Made for another network. Provision the device with this network’s genesis hash.' },
  { no: 4, stage: 'B', verdict: reject, context: true, check: checkRegistered, text: 'Device, key, site or owner is not registered and active at the time of the reading; a revoked device is so only before it is revoked from. The regulator registers devices.' },
  { no: 5, stage: 'B', verdict: reject, context: true, check: checkSignature, text: 'The device’s registered key did not sign this. Check key and network of the device.' },
  { no: 6, stage: 'I', verdict: ok, context: false, check: checkDuplicate, text: 'This reading is stored already; the receipt is sent again.' },
  { no: 7, stage: 'B', verdict: reject, context: true, check: checkFork, text: 'Two readings share one number: a stolen key or a cloned device. The device is locked; the regulator decides.' },
  { no: 8, stage: 'I', verdict: hold, context: false, check: checkEpoch, text: 'The reading is from a boot epoch long past. Check the device’s boot counter.' },
  { no: 14, stage: 'B', verdict: hold, context: true, check: checkTotal, text: 'The totaliser does not continue from the reading before: litres are missing or counted twice.' },
  { no: 15, stage: 'B', verdict: hold, context: false, check: checkCalibration, text: 'The calibration is not the registered one, or has run out. Calibrate and register it.' },
  { no: 16, stage: 'B', verdict: hold, context: false, check: checkVolumeMass, text: 'Volume, mass and density disagree. Check the units the device reports.' },
  { no: 17, stage: 'B', verdict: hold, context: false, check: checkDensity, text: 'The density is not that of milk. Check for water or skimming, and the sensor.' },
  { no: 18, stage: 'B', verdict: hold, context: false, check: checkMilkingVolume, text: 'One milking of one animal cannot give this volume.' },
  { no: 19, stage: 'B', verdict: hold, context: false, check: checkMilkingFlow, text: 'Milk does not flow this fast from one animal.' },
];

/** The manifest contradicts OpenBatch or itself (oracle page §4.4). */
export const REFUSAL_MANIFEST = 99;

const byNumber = new Map(RULES.map((rule) => [rule.no, rule]));

/** Sentence of a rule for people. */
export function ruleText(no: number): string {
  return no === REFUSAL_MANIFEST ? 'The manifest contradicts the batch it was opened for, or itself. Open it again with another manifest.' : (byNumber.get(no)?.text ?? 'A rule of another profile.');
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  /** The registered key of a known device signed these bytes. */
  readonly proven: boolean;
}

const RULES_OF: Readonly<Record<'intake' | 'closing' | 'context', readonly Rule[]>> = {
  intake: RULES.filter((rule) => rule.stage !== 'C'),
  closing: RULES.filter((rule) => rule.stage !== 'I'),
  context: RULES.filter((rule) => rule.stage !== 'I' && rule.context),
};

/** Runs the rules of a stage in order; every finding is kept, the worst verdict counts. */
export function applyRules(trial: Case, stage: keyof typeof RULES_OF): Judgement {
  const findings: Finding[] = [];
  let verdict: Verdict = VERDICT.ok;
  for (const rule of RULES_OF[stage]) {
    const outcome = rule.check(trial);
    if (outcome === undefined) continue;
    const own = outcome.verdict ?? rule.verdict;
    findings.push({ rule: rule.no, verdict: own, value: outcome.value, limit: outcome.limit });
    if (own > verdict) verdict = own;
    if (outcome.stop !== undefined) return { verdict, findings, proven: outcome.stop === 'known' };
  }
  return { verdict, findings, proven: true };
}
