/** Litres of a reading as integers of millilitres. */
import type { Flow, ReadingBody } from '@billcoin/protocol';

/** Density assumed where none was measured, kg/L × 10^4 at 20 °C (oracle page §2.1). */
export const DENSITY_ASSUMED_E4 = 10_300;

/** kg → mL: floor(massG · 10,000 / densityE4); at most 62,000,000 · 10,000, exact below 2^53. */
export function massToMl(massG: number, densityE4: number): number {
  return Math.floor((massG * 10_000) / densityE4);
}

/** Volume of a flow: measured, else from its mass. The bounds of R02 say one of the two is there. */
export function flowVolumeMl(flow: Flow): number {
  return flow.volumeMl ?? massToMl(flow.massG ?? 0, flow.densityE4 ?? DENSITY_ASSUMED_E4);
}

/** What a totalising reading counted: its volume and the total after it; undefined for kinds without a totaliser. */
export function totalOf(body: ReadingBody): { readonly volumeMl: number; readonly totalMl: number } | undefined {
  const { kind } = body;
  if (kind.case === 'flow') return { volumeMl: flowVolumeMl(kind.value), totalMl: kind.value.totalMl };
  if (kind.case === 'heat') return { volumeMl: kind.value.volumeMl, totalMl: kind.value.totalMl };
  if (kind.case === 'beat') return { volumeMl: 0, totalMl: kind.value.totalMl };
  return undefined;
}
