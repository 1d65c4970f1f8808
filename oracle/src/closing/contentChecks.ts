/** Refusal 99 as far as it rests on the named readings: order, times, meter interval, shares. */
import { equalBytes, POINT, toHex, type Manifest } from '@billcoin/protocol';
import type { Registry } from '../registry/registry.ts';
import type { Profile } from '../rules/profile.ts';
import { computeShares } from './composition.ts';
import type { NamedReading } from './lotFamily.ts';
import { compareInManifest } from './manifestOrder.ts';
import type { OpenLot } from './openLot.ts';

/** By (device, epoch, seq); equal is a fork, which R07 judges. */
function isOrdered(readings: readonly NamedReading[]): boolean {
  return readings.every(({ body }, index) => {
    const previous = readings[index - 1]?.body;
    return previous === undefined || compareInManifest(previous, body) <= 0;
  });
}

function timeProblem({ closedAtMs }: Manifest, readings: readonly NamedReading[], profile: Profile): string | undefined {
  for (const { id, body } of readings) {
    const oldest = closedAtMs - (body.kind.case === 'lab' ? profile.labAgeMaxMs : profile.readingAgeMaxMs);
    if (body.timeMs > closedAtMs || body.timeMs < oldest) return `reading ${toHex(id)} is not within ${oldest}..${closedAtMs}`;
  }
  return undefined;
}

/**
 * The filler readings of the custody meter cover exactly (totalFrom, totalTo]: all are of the lot, the first begins at
 * totalFrom, the last ends at totalTo. That none is missing between them is R14.
 */
function meterProblem(lot: OpenLot, readings: readonly NamedReading[], registry: Registry): string | undefined {
  const meter = registry.meters.get(toHex(lot.meter));
  if (meter === undefined || !equalBytes(meter.plant, lot.plant)) return 'the custody meter is not the plant’s';
  const fills = readings.flatMap(({ body }) => {
    const { kind } = body;
    return equalBytes(body.device, lot.meter) && kind.case === 'flow' && kind.value.point === POINT.filler ? [kind.value] : [];
  });
  const [first] = fills;
  const last = fills.at(-1);
  if (first === undefined || last === undefined) return 'no reading of the custody meter is named';
  if (!fills.every((flow) => equalBytes(flow.lot, lot.lot))) return 'the custody meter’s readings are not all of the lot';
  const begin = BigInt(first.totalMl) - BigInt(first.volumeMl ?? 0);
  if (begin !== lot.totalFrom || BigInt(last.totalMl) !== lot.totalTo) return `the custody meter’s readings cover (${begin}, ${last.totalMl}], not (${lot.totalFrom}, ${lot.totalTo}]`;
  return undefined;
}

export type Content = { readonly ok: true; readonly handedMl?: bigint } | { readonly ok: false; readonly why: string };

/** All of it; `readings` in manifest order, each proven and judged before. */
export function checkContent(lot: OpenLot, manifest: Manifest, readings: readonly NamedReading[], registry: Registry, profile: Profile): Content {
  if (!isOrdered(readings)) return { ok: false, why: 'readings are not in order of device, epoch and seq' };
  const why = timeProblem(manifest, readings, profile) ?? meterProblem(lot, readings, registry);
  if (why !== undefined) return { ok: false, why };
  const computed = computeShares(lot.lot, lot.plant, readings, registry);
  if (!computed.ok) return computed;
  const same = computed.shares.length === lot.shares.length
    && computed.shares.every((share, index) => equalBytes(share.farm, lot.shares[index]?.farm ?? new Uint8Array(0)) && share.weightMl === lot.shares[index]?.weightMl);
  if (!same) return { ok: false, why: `the shares are not those computed: ${computed.shares.map((share) => `${toHex(share.farm)}=${share.weightMl}`).join(' ')}` };
  return computed.handedMl === undefined ? { ok: true } : { ok: true, handedMl: computed.handedMl };
}
