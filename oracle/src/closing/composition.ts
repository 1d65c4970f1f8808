/**
 * Whose milk is in a lot, in exact integers (oracle page §4.4).
 *
 * Every named milking Flow (point 1) of the lot's family adds its litres to its lot, as the owner farm's of the device.
 * Every named Handover moves its litres with the composition its source lot then has, largest remainder, ties to the
 * lower address. Both happen in order of (timeMs, reading id). A source lot in which nothing is known belongs wholly to
 * the handing party, who must then be a registered farm. A source may give more than was counted into it, because two
 * meters never agree exactly: the proportions count, and what is left of it never falls below zero.
 *
 * The shares are what the lot then holds by farm: with handovers what they brought, without them the milking flows of
 * the lot itself by owner farm. Weights are mL, farms ascending, none at zero.
 */
import { compareBytes, equalBytes, bytesOfHex, POINT, splitByWeight, toHex, type ReadingBody, type Share } from '@billcoin/protocol';
import { flowVolumeMl } from '../reading/volume.ts';
import type { Registry } from '../registry/registry.ts';
import { lotFamily, lotOf, termsOf, type NamedReading } from './lotFamily.ts';

/** Farms of a lot by hex address, mL. */
type Composition = Map<string, bigint>;

export type Shares =
  | { readonly ok: true; readonly shares: readonly Share[]; /** Litres handed into the lot; absent where no handover is named. */ readonly handedMl?: bigint }
  | { readonly ok: false; readonly why: string };

interface Ledger {
  readonly lots: Map<string, Composition>;
  readonly registry: Pick<Registry, 'devices' | 'farms'>;
}

function compositionOf(ledger: Ledger, lot: string): Composition {
  const known = ledger.lots.get(lot);
  if (known !== undefined) return known;
  const fresh: Composition = new Map();
  ledger.lots.set(lot, fresh);
  return fresh;
}

function add(composition: Composition, farm: string, amountMl: bigint): void {
  if (amountMl > 0n) composition.set(farm, (composition.get(farm) ?? 0n) + amountMl);
}

function asShares(composition: Composition): Share[] {
  const shares = [...composition].filter(([, amountMl]) => amountMl > 0n).map(([farm, weightMl]) => ({ farm: bytesOfHex(farm), weightMl }));
  return shares.sort((a, b) => compareBytes(a.farm, b.farm));
}

function addMilking(ledger: Ledger, { body }: NamedReading): string | undefined {
  if (body.kind.case !== 'flow') return undefined;
  const owner = ledger.registry.devices.get(toHex(body.device))?.owner;
  const farm = owner === undefined ? undefined : toHex(owner);
  if (farm === undefined || !ledger.registry.farms.has(farm)) return `the milking meter ${toHex(body.device)} belongs to no farm`;
  add(compositionOf(ledger, toHex(body.kind.value.lot)), farm, BigInt(flowVolumeMl(body.kind.value)));
  return undefined;
}

function moveHandover(ledger: Ledger, { id, body }: NamedReading): string | undefined {
  const terms = termsOf(body);
  if (terms === undefined) return `handover ${toHex(id)} has no terms`;
  const source = compositionOf(ledger, toHex(terms.fromLot));
  let from = asShares(source);
  if (from.length === 0) {
    const party = toHex(terms.fromParty);
    if (!ledger.registry.farms.has(party)) return `handover ${toHex(id)} takes from a lot of which nothing is named`;
    from = [{ farm: terms.fromParty, weightMl: 1n }];
  }
  const target = compositionOf(ledger, toHex(terms.toLot));
  for (const { farm, weightMl } of splitByWeight(BigInt(terms.volumeMl), from)) {
    const key = toHex(farm);
    const left = (source.get(key) ?? 0n) - weightMl;
    source.set(key, left > 0n ? left : 0n);
    add(target, key, weightMl);
  }
  return undefined;
}

/**
 * Handovers are measured by one of their two parties; those of the lot go to its plant and never out of it: a filled
 * lot is no source, its litres would count twice.
 */
function handoverProblem(lot: string, plant: Uint8Array, { body }: NamedReading, registry: Pick<Registry, 'devices'>): string | undefined {
  const terms = termsOf(body);
  if (terms === undefined) return undefined;
  if (toHex(terms.fromLot) === lot) return 'a handover takes out of the lot itself';
  if (toHex(terms.toLot) === lot && !equalBytes(terms.toParty, plant)) return 'a handover into the lot is not to its plant';
  const owner = registry.devices.get(toHex(body.device))?.owner ?? new Uint8Array(0);
  return equalBytes(owner, terms.fromParty) || equalBytes(owner, terms.toParty) ? undefined : 'a handover was measured by neither of its parties';
}

/** Shares of a lot from its named readings; pure, and the order of `readings` does not matter. */
export function computeShares(lot: Uint8Array, plant: Uint8Array, readings: readonly NamedReading[], registry: Pick<Registry, 'devices' | 'farms'>): Shares {
  const lotHex = toHex(lot);
  const family = lotFamily(lot, readings);
  const ledger: Ledger = { lots: new Map(), registry };
  const moves = readings.filter(({ body }) => isMove(body, family));
  moves.sort((a, b) => (a.body.timeMs === b.body.timeMs ? compareBytes(a.id, b.id) : a.body.timeMs - b.body.timeMs));
  for (const reading of readings) {
    const why = handoverProblem(lotHex, plant, reading, registry);
    if (why !== undefined) return { ok: false, why };
  }
  let handedMl: bigint | undefined;
  for (const move of moves) {
    const terms = termsOf(move.body);
    const why = terms === undefined ? addMilking(ledger, move) : moveHandover(ledger, move);
    if (why !== undefined) return { ok: false, why };
    if (terms !== undefined && toHex(terms.toLot) === lotHex) handedMl = (handedMl ?? 0n) + BigInt(terms.volumeMl);
  }
  const shares = asShares(compositionOf(ledger, lotHex));
  if (shares.length === 0) return { ok: false, why: 'no milking and no handover of the lot is named' };
  return handedMl === undefined ? { ok: true, shares } : { ok: true, shares, handedMl };
}

/** Milking flows and handovers of the lot's family are what composes it. */
function isMove(body: ReadingBody, family: ReadonlySet<string>): boolean {
  const own = lotOf(body);
  const milking = body.kind.case === 'flow' && body.kind.value.point === POINT.milking;
  return own !== undefined && family.has(own) && (milking || body.kind.case === 'handover');
}
