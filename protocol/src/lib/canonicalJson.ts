/**
 * Canonical JSON (RFC 8785) for the values this project signs or hashes as JSON: objects, arrays, strings, booleans,
 * null and safe integers. Other numbers have no one decimal form worth relying on and are refused.
 */
import { assert } from './assert.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Keys sorted by UTF-16 code units, no white space (RFC 8785 §3.2). */
export function canonicalJson(value: Json): string {
  if (typeof value === 'number') assert(Number.isSafeInteger(value) && !Object.is(value, -0), `canonical JSON takes safe integers, not ${value}`);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonicalJson).join(',')}]`;
  const record = value as { readonly [key: string]: Json };
  const members = Object.keys(record).sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key] as Json)}`);
  return `{${members.join(',')}}`;
}

/** The same value with sorted keys and two spaces of indent: for files that people read. One more canonical form. */
export function prettyCanonicalJson(value: Json): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(value)), undefined, 2)}\n`;
}
