/** Bounds of a reading's body that lie between fields, so that no single field type can hold them (rule R02). */
import { decode, FLAG, isLotText, POINT, Terms, type Flow, type ReadingBody } from '@billcoin/protocol';

type Kind = ReadingBody['kind'];

function flowProblem(flow: Flow, flags: number): string | undefined {
  if (flow.volumeMl === undefined && flow.massG === undefined) return 'Flow has neither volumeMl nor massG';
  if (flow.point === POINT.filler && flow.volumeMl === undefined) return 'Flow.volumeMl is missing: a custody meter counts volume';
  // A mass alone becomes millilitres through a density: measured, or assumed and said so.
  const assumed = (flags & FLAG.densityAssumed) !== 0;
  if (flow.volumeMl === undefined && flow.densityE4 === undefined && !assumed) return 'Flow.densityE4 is missing and not flagged as assumed';
  return undefined;
}

function lotsOf(kind: Kind): readonly Uint8Array[] {
  if (kind.case === 'beat') return [];
  if (kind.case !== 'handover') return [kind.value.lot];
  const terms = decode(Terms, kind.value.terms);
  return terms.ok ? [terms.value.fromLot, terms.value.toLot] : [];
}

/** What is wrong between the fields of a body, or undefined. PERF: decodes the terms of a handover once more. */
export function bodyProblem(body: ReadingBody): string | undefined {
  const { kind } = body;
  const zeroPrev = body.prev.every((byte) => byte === 0);
  if (zeroPrev !== (body.seq === 0)) return 'Body.prev is zero exactly at seq 0';
  if (kind.case === 'handover' && !decode(Terms, kind.value.terms).ok) return 'Handover.terms are no Terms';
  if (!lotsOf(kind).every(isLotText)) return 'lot has characters other than printable ASCII without / + #';
  if (kind.case === 'lab' && kind.value.sampledMs > body.timeMs) return 'Lab.sampledMs is after timeMs';
  return kind.case === 'flow' ? flowProblem(kind.value, body.flags) : undefined;
}
