/**
 * JSON from strangers: whole UTF-8, no key twice, no key that reaches a prototype, no half a character, bounded depth.
 * JSON.parse alone keeps the last of two equal keys, so that a check and a use could see different values.
 */

/** Deeper than any body of this API; more is an attack on somebody's stack. */
export const JSON_DEPTH_MAX = 16;
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Why the text is refused, with the key or position where there is one. */
export class JsonRefused extends Error {
  override readonly name = 'JsonRefused';
}

/** Only escapes can write half a surrogate pair: the bytes are UTF-8. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new JsonRefused('The body is not UTF-8.');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonRefused(`The body is not JSON: ${error instanceof Error ? error.message.slice(0, 120) : 'cannot be read'}.`);
  }
}

/** End (exclusive) of the string that begins at `start` of text known to be JSON. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

const colon = /[ \t\n\r]*:/y;

/** A string in an object is a key where a colon follows it. */
function isKeyEnd(text: string, at: number): boolean {
  colon.lastIndex = at;
  return colon.test(text);
}

/** RFC 7493 §2.1: such a text has no UTF-8, so what is stored, hashed or passed on would be another one. */
function checkText(string: string): void {
  if (SURROGATE_ESCAPE.test(string) && LONE_SURROGATE.test(JSON.parse(string) as string)) throw new JsonRefused('A text holds half a surrogate pair.');
}

/** Looks at each string of text that JSON.parse has taken; only strings and brackets matter. */
function checkStrings(text: string): void {
  /** Keys seen in each open object; undefined stands for an array. */
  const open: (Set<string> | undefined)[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === '"') {
      const end = endOfString(text, at);
      checkText(text.slice(at, end));
      const keys = open.at(-1);
      if (keys !== undefined && isKeyEnd(text, end)) addKey(keys, JSON.parse(text.slice(at, end)) as string);
      at = end;
      continue;
    }
    if (character === '{' || character === '[') {
      if (open.length >= JSON_DEPTH_MAX) throw new JsonRefused(`The body is nested deeper than ${JSON_DEPTH_MAX}.`);
      open.push(character === '{' ? new Set() : undefined);
    } else if (character === '}' || character === ']') open.pop();
    at++;
  }
}

function addKey(keys: Set<string>, key: string): void {
  const shown = JSON.stringify(key.slice(0, 64));
  if (FORBIDDEN_KEYS.has(key)) throw new JsonRefused(`The key ${shown} is not allowed.`);
  if (keys.has(key)) throw new JsonRefused(`The key ${shown} stands twice.`);
  keys.add(key);
}

/** Parses a body; throws JsonRefused with a sentence for people. */
export function parseStrictJson(bytes: Uint8Array): { readonly value: unknown; readonly text: string } {
  const text = textOf(bytes);
  const value = parse(text);
  checkStrings(text);
  return { value, text };
}
