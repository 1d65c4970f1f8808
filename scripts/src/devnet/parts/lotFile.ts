/** What the dairy keeps of a lot: every reading it signed, as bytes. The checks at the end of a day count from these. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decode, fromBase64Url, POINT, ReadingBody, toBase64Url } from '@billcoin/protocol';
import { writeWhole } from '../network.ts';

/** Lots kept for a person to look at. */
const LOTS_KEPT = 100;

export function keepLot(root: string, lot: string, bodies: readonly Uint8Array[]): void {
  const folder = join(root, 'dairy', 'lots');
  mkdirSync(folder, { recursive: true });
  writeWhole(join(folder, `${lot}.json`), JSON.stringify(bodies.map(toBase64Url)));
  const files = readdirSync(folder).sort();
  for (const file of files.slice(0, Math.max(0, files.length - LOTS_KEPT))) rmSync(join(folder, file));
}

/** Litres that the custody meter's readings of a lot add up to, mL, decoded from the readings themselves. */
export function recordedFillMl(root: string, lot: string): bigint {
  const bodies = JSON.parse(readFileSync(join(root, 'dairy', 'lots', `${lot}.json`), 'utf8')) as readonly string[];
  let sumMl = 0n;
  for (const text of bodies) {
    const reading = decode(ReadingBody, fromBase64Url(text) ?? new Uint8Array());
    if (!reading.ok) throw new Error(`lot ${lot} holds bytes that are no reading`);
    const { kind } = reading.value;
    if (kind.case === 'flow' && kind.value.point === POINT.filler) sumMl += BigInt(kind.value.volumeMl ?? 0);
  }
  return sumMl;
}
