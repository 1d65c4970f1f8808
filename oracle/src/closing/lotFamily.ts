/** Which lots flow into a lot: back along the named handovers. Readings of other lots are context of a totaliser only. */
import { decode, Terms, toHex, type ReadingBody } from '@billcoin/protocol';

/** A named reading with its id; what a plant has before it signs and an oracle after it checked. */
export interface NamedReading {
  readonly id: Uint8Array;
  readonly body: ReadingBody;
}

/** Terms of a handover; the bounds of R02 say they decode. */
export function termsOf(body: ReadingBody): Terms | undefined {
  if (body.kind.case !== 'handover') return undefined;
  const terms = decode(Terms, body.kind.value.terms);
  return terms.ok ? terms.value : undefined;
}

/** Hex of the lot a reading speaks of; a handover speaks of the lot it hands into, a beat of none. */
export function lotOf(body: ReadingBody): string | undefined {
  const { kind } = body;
  if (kind.case === 'beat') return undefined;
  if (kind.case !== 'handover') return toHex(kind.value.lot);
  const terms = termsOf(body);
  return terms === undefined ? undefined : toHex(terms.toLot);
}

/** The lot and every lot that named handovers bring into it, as hex. PERF: handovers × depth. */
export function lotFamily(lot: Uint8Array, readings: readonly NamedReading[]): ReadonlySet<string> {
  const sources = new Map<string, string[]>();
  for (const { body } of readings) {
    const terms = termsOf(body);
    if (terms === undefined) continue;
    const into = toHex(terms.toLot);
    sources.set(into, [...(sources.get(into) ?? []), toHex(terms.fromLot)]);
  }
  const family = new Set<string>([toHex(lot)]);
  for (const member of family) for (const source of sources.get(member) ?? []) family.add(source); // a Set iterates over what is added meanwhile
  return family;
}
