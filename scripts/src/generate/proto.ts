/**
 * The .proto files: the language-neutral description of everything signed, hashed, sent between nodes or stored, made
 * from the field tables that the code itself decodes by. Bounds, which protobuf cannot state, stand as comments.
 */
import type { Field, Table, WireFile } from '@billcoin/protocol';

type AnyField = Field<unknown, boolean>;

const INDENT = '  ';

/** Messages of a file: the exported ones and those that only their fields name, in the order of their names. */
function messagesOf(file: WireFile, foreign: ReadonlySet<Table>): readonly Table[] {
  const found = new Set<Table>();
  const visit = (table: Table): void => {
    if (found.has(table) || foreign.has(table)) return;
    found.add(table);
    for (const nested of nestedOf(table)) visit(nested);
  };
  for (const table of file.messages) visit(table);
  const sorted = [...found].sort((a, b) => (a.name < b.name ? -1 : 1));
  const twice = sorted.find((table, index) => sorted[index + 1]?.name === table.name);
  if (twice !== undefined) throw new Error(`${file.name}.proto would have two messages ${twice.name}`);
  return sorted;
}

function leavesOf(table: Table): readonly AnyField[] {
  return Object.values(table.fields).flatMap((field) => (field.members === undefined ? [field] : Object.values(field.members)));
}

function nestedOf(table: Table): readonly Table[] {
  return leavesOf(table).flatMap((field) => field.nested ?? []);
}

/** Type word as the file says it: a message of another file with its package. */
function typeOf(field: AnyField, homes: ReadonlyMap<Table, string>): string {
  const home = field.nested === undefined ? undefined : homes.get(field.nested);
  if (field.nested === undefined || home === undefined) return field.proto;
  return field.proto.replace(field.nested.name, `bill.${home}.${field.nested.name}`);
}

/** `inOneof`: a member has presence without the word `optional`. */
function lineOf(name: string, field: AnyField, homes: ReadonlyMap<Table, string>, inOneof: boolean): string {
  const label = field.optional && !inOneof ? 'optional ' : '';
  const required = field.nested !== undefined && !field.optional && !field.repeated && !inOneof;
  const bounds = required ? 'required' : field.bounds;
  return `${label}${typeOf(field, homes)} ${name} = ${field.no};${bounds === '' ? '' : ` // ${bounds}`}`;
}

function messageText(table: Table, homes: ReadonlyMap<Table, string>): string {
  const lines = [`// At most ${table.maxBytes} bytes.`, `message ${table.name} {`];
  for (const [name, field] of Object.entries(table.fields)) {
    if (field.members === undefined) {
      lines.push(INDENT + lineOf(name, field, homes, false));
      continue;
    }
    lines.push(`${INDENT}// Exactly one.`, `${INDENT}oneof ${name} {`);
    for (const [member, inner] of Object.entries(field.members)) lines.push(INDENT + INDENT + lineOf(member, inner, homes, true));
    lines.push(`${INDENT}}`);
  }
  lines.push('}');
  return lines.join('\n');
}

/**
 * Text of `file.name`.proto, for protoc and protobufjs.
 * @param others the files it may name messages of; those it does name are imported.
 */
export function makeProto(file: WireFile, others: readonly WireFile[]): string {
  const homes = new Map<Table, string>();
  for (const other of others) if (other.name !== file.name) for (const table of other.messages) homes.set(table, other.name);
  const messages = messagesOf(file, new Set(homes.keys()));
  const imports = new Set(messages.flatMap(nestedOf).flatMap((table) => homes.get(table) ?? []));
  return [
    `// Made from protocol/src/wire/${file.name}.ts by \`npm run generate\`: change that file, not this one.`,
    '// Decoders are strict: fields in ascending order of number, none unknown, none twice, no explicit default outside',
    '// optional and oneof, canonical varints, every bound of the comments kept; else the bytes are malformed.',
    'syntax = "proto3";',
    '',
    `package bill.${file.name};`,
    '',
    ...[...imports].sort().map((name) => `import "${name}.proto";`),
    ...(imports.size === 0 ? [] : ['']),
    messages.map((table) => messageText(table, homes)).join('\n\n'),
    '',
  ].join('\n');
}
