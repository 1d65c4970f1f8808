/** Seeded values of any message, drawn from its table by the bounds that its .proto comments state. */
import type { Field, Table } from '../../src/index.ts';
import { ByteWriter } from '../../src/wire/byteWriter.ts';
import type { Random } from './random.ts';

type AnyField = Field<unknown, boolean>;
/** Longer lists say nothing more and take long; the bounds themselves have tests of their own. */
const LIST_MAX = 4;
/** So that the parts of a message stay within its own limit. */
const BYTES_MAX = 256n;

/** "1..32 bytes", "32 bytes", "0..9007199254740991" → [1, 32], [32, 32], [0, 2^53 − 1]. */
export function boundsIn(text: string): readonly [bigint, bigint] {
  const [, low = '0', high = low] = /^(-?\d+)(?:\.\.(-?\d+))?/.exec(text) ?? [];
  return [BigInt(low), BigInt(high)];
}

/** An edge as often as something between. */
function integer(random: Random, [low, high]: readonly [bigint, bigint]): bigint {
  const span = high - low + 1n;
  const between = low + ((BigInt(random.below(0x1_0000_0000)) << 22n) | BigInt(random.below(1 << 22))) % span;
  return random.pick([low, high, low + (span > 1n ? 1n : 0n), between, between, between]);
}

function text(random: Random, [low, high]: readonly [bigint, bigint]): string {
  const bytes = Number(integer(random, [low, high < 40n ? high : 40n]));
  let made = '';
  for (let left = bytes; left > 0; ) {
    const [character = 'x', size = 1] = random.pick([['a', 1], ['Z', 1], ['é', 2], ['牛', 3], ['🥛', 4]] as const);
    made += size <= left ? character : '-';
    left -= size <= left ? size : 1;
  }
  return made;
}

function scalar(random: Random, proto: string, bounds: string, unit: 'bigint' | 'number'): unknown {
  if (proto === 'bool') return random.below(2) === 1;
  if (proto === 'string') return text(random, boundsIn(bounds));
  const [low, high] = boundsIn(bounds);
  if (proto === 'bytes') return random.bytes(Number(integer(random, [low, low > BYTES_MAX || high < BYTES_MAX ? high : BYTES_MAX])));
  const at = integer(random, [low, high]);
  return unit === 'bigint' ? at : Number(at);
}

/** Amounts are bigint in code, times and counters numbers; both are uint64 on the wire, so the field itself is asked. */
function unitOf(name: string, field: AnyField): 'bigint' | 'number' {
  try {
    field.write(new ByteWriter(), boundsIn(field.bounds)[0], name);
    return 'bigint';
  } catch {
    return 'number';
  }
}

function valueOf(random: Random, name: string, field: AnyField): unknown {
  if (field.members !== undefined) {
    const [member, inner] = random.pick(Object.entries(field.members));
    return { case: member, value: fresh(random, member, inner) };
  }
  if (field.optional && random.below(3) === 0) return undefined;
  return fresh(random, name, field);
}

function fresh(random: Random, name: string, field: AnyField): unknown {
  if (!field.proto.startsWith('repeated')) {
    return field.nested === undefined ? scalar(random, field.proto, field.bounds, unitOf(name, field)) : randomValue(random, field.nested);
  }
  const [low, high] = boundsIn(field.bounds);
  const count = Number(integer(random, [low, high < low + BigInt(LIST_MAX) ? high : low + BigInt(LIST_MAX)]));
  const inner = field.bounds.split(' items of ')[1] ?? '';
  const item = (): unknown => (field.nested === undefined ? scalar(random, field.proto.slice('repeated '.length), inner, 'number') : randomValue(random, field.nested));
  return Array.from({ length: count }, item);
}

/** A value that the message can hold. */
export function randomValue(random: Random, table: Table): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table.fields)) {
    const value = valueOf(random, name, field);
    if (value !== undefined) out[name] = value;
  }
  return out;
}

/** Every message of a file, those that only fields name included. */
export function tablesOf(messages: readonly Table[]): readonly Table[] {
  const found = new Set<Table>();
  const visit = (table: Table): void => {
    if (found.has(table)) return;
    found.add(table);
    for (const field of Object.values(table.fields)) {
      for (const leaf of field.members === undefined ? [field] : Object.values(field.members)) if (leaf.nested !== undefined) visit(leaf.nested);
    }
  };
  messages.forEach(visit);
  return [...found];
}
