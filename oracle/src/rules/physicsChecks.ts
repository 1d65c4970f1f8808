/** R14–R19: what a meter can have counted and a cow can have given. Integers only. */
import { equalBytes, POINT, toHex, type Flow } from '@billcoin/protocol';
import { DENSITY_ASSUMED_E4, flowVolumeMl, massToMl, totalOf } from '../reading/volume.ts';
import { VERDICT, type Case, type Check } from './case.ts';

const flowOf = ({ body }: Case): Flow | undefined => (body?.kind.case === 'flow' ? body.kind.value : undefined);

/** A milking of one named animal; a line that counts a whole parlour is bounded by other rules. */
function animalFlow(trial: Case): Flow | undefined {
  const flow = flowOf(trial);
  return flow?.point === POINT.milking && flow.animal !== undefined ? flow : undefined;
}

/** R14: total[n] = total[n−1] + volume[n], where the reading before is known. ± 1 mL or 0.01 % of the volume. */
export const checkTotal: Check = ({ body, history, profile }) => {
  const total = body === undefined ? undefined : totalOf(body);
  if (total === undefined || history.previousTotalMl === undefined) return undefined;
  const expected = history.previousTotalMl + total.volumeMl;
  const tolerance = Math.max(profile.totalToleranceMl, Math.floor((total.volumeMl * profile.totalToleranceE6) / 1_000_000));
  const difference = Math.abs(total.totalMl - expected);
  return difference <= tolerance ? undefined : { value: `total ${total.totalMl} mL`, limit: `${expected} ± ${tolerance} mL` };
};

/** R15: the calibration on file, not expired at timeMs; long expired rejects. */
export const checkCalibration: Check = ({ body, registry, profile }) => {
  const device = body === undefined ? undefined : registry.devices.get(toHex(body.device));
  if (body === undefined || device === undefined) return undefined;
  if (!equalBytes(device.calibration, body.calibration)) return { value: `calibration ${toHex(body.calibration)}`, limit: toHex(device.calibration) };
  const overdueMs = body.timeMs - device.calibratedUntilMs;
  if (overdueMs <= 0) return undefined;
  const verdict = overdueMs > profile.calibrationGraceMs ? VERDICT.reject : VERDICT.hold;
  return { verdict, value: `expired ${overdueMs} ms before`, limit: verdict === VERDICT.reject ? `${profile.calibrationGraceMs} ms` : '0 ms' };
};

/** Slips of unit by the ratio volume / expected volume, × 1,000: litre for kg, kg for litre, pounds, a factor ten. */
const SLIPS = [
  { ratioE3: 1_030, slip: 'kg taken for litres' },
  { ratioE3: 970, slip: 'litres taken for kg' },
  { ratioE3: 2_200, slip: 'pounds taken for litres' },
  { ratioE3: 450, slip: 'litres taken for pounds' },
  { ratioE3: 10_000, slip: 'ten times too much' },
  { ratioE3: 100, slip: 'ten times too little' },
] as const;
/** How near a ratio must be to a slip's to be named so: 1 %. */
const SLIP_NEAR_PERCENT = 1;

function slipOf(volumeMl: number, expectedMl: number): string {
  const ratioE3 = Math.round((volumeMl * 1_000) / expectedMl);
  const slip = SLIPS.find((row) => Math.abs(ratioE3 - row.ratioE3) * 100 <= row.ratioE3 * SLIP_NEAR_PERCENT);
  return slip === undefined ? '' : ` (unit slip: ${slip.slip})`;
}

/** R16: volume, mass and density of one flow agree to 1 %; where they do not, a slip of unit is named. */
export const checkVolumeMass: Check = (trial) => {
  const flow = flowOf(trial);
  if (flow?.volumeMl === undefined || flow.massG === undefined) return undefined;
  const expected = massToMl(flow.massG, flow.densityE4 ?? DENSITY_ASSUMED_E4);
  if (expected > 0 && Math.abs(flow.volumeMl - expected) * 10_000 <= expected * trial.profile.volumeMassToleranceBps) return undefined;
  const slip = expected > 0 ? slipOf(flow.volumeMl, expected) : '';
  return { value: `${flow.volumeMl} mL${slip}`, limit: `${expected} mL from mass ± ${trial.profile.volumeMassToleranceBps} bp` };
};

/** R17: density at 20 °C; watered milk is lighter, skimmed milk heavier. */
export const checkDensity: Check = (trial) => {
  const densityE4 = flowOf(trial)?.densityE4;
  const { densityOkMinE4, densityOkMaxE4, densityFlagMinE4, densityFlagMaxE4 } = trial.profile;
  if (densityE4 === undefined || (densityE4 >= densityOkMinE4 && densityE4 <= densityOkMaxE4)) return undefined;
  const flagged = densityE4 >= densityFlagMinE4 && densityE4 <= densityFlagMaxE4;
  const limit = flagged ? `${densityOkMinE4}..${densityOkMaxE4}` : `${densityFlagMinE4}..${densityFlagMaxE4}`;
  return { verdict: flagged ? VERDICT.flag : VERDICT.hold, value: `density ${densityE4}e-4 kg/L`, limit };
};

/** R18: one milking of one animal. */
export const checkMilkingVolume: Check = (trial) => {
  const flow = animalFlow(trial);
  if (flow === undefined) return undefined;
  const volumeMl = flowVolumeMl(flow);
  const { milkingMinMl, milkingMaxMl } = trial.profile;
  return volumeMl >= milkingMinMl && volumeMl <= milkingMaxMl ? undefined : { value: `${volumeMl} mL`, limit: `${milkingMinMl}..${milkingMaxMl} mL` };
};

/** R19: mean and peak flow of one animal's milking. Without a duration there is no mean. */
export const checkMilkingFlow: Check = (trial) => {
  const flow = animalFlow(trial);
  const durationMs = trial.body?.durationMs ?? 0;
  if (flow === undefined) return undefined;
  const { flowMeanMaxMlMin, flowPeakMaxMlMin } = trial.profile;
  const volumeMl = flowVolumeMl(flow);
  // Compared as products: mean = volume · 60,000 / duration, and no division rounds it.
  if (durationMs > 0 && volumeMl * 60_000 > flowMeanMaxMlMin * durationMs) return { value: `${volumeMl} mL in ${durationMs} ms`, limit: `mean ${flowMeanMaxMlMin} mL/min` };
  if (flow.flowMaxMlMin !== undefined && flow.flowMaxMlMin > flowPeakMaxMlMin) return { value: `peak ${flow.flowMaxMlMin} mL/min`, limit: `${flowPeakMaxMlMin} mL/min` };
  return undefined;
};
