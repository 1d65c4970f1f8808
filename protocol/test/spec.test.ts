/** SPEC.md names every kind with its fields, every fault, event and parameter with its bounds: nothing is law that is not written. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Event, FAULTS, KINDS, ROWS, stateRows, TxBody, type Field } from '../src/index.ts';

const spec = readFileSync(new URL('../../SPEC.md', import.meta.url), 'utf8');
const section = (no: number): string => spec.slice(spec.indexOf(`## §${no} `), spec.indexOf(`## §${no + 1} `));
type Members = Readonly<Record<string, Field<unknown, boolean>>>;
const membersOf = (field: Field<unknown, boolean> | undefined): Members => field?.members ?? {};
/** Names of a message's fields as the tables write them: optional ones end in "?". */
const namesOf = (fields: Members): readonly string[] => Object.entries(fields).map(([name, field]) => (field.optional ? `${name}?` : name));

t.test('every kind stands in §5 with its number and its fields in order', (t) => {
  for (const [name, member] of Object.entries(membersOf(TxBody.fields['kind'] as never))) {
    const title = name.charAt(0).toUpperCase() + name.slice(1);
    const { no } = KINDS[name as keyof typeof KINDS];
    const fields = namesOf((member.nested?.fields ?? {}) as Members).join(', ');
    t.ok(section(5).includes(`| ${no} | ${title} { ${fields} } |`), `${no} ${title} { ${fields} }`);
  }
  t.end();
});

t.test('every event stands in §4 with its number and its fields', (t) => {
  for (const [name, member] of Object.entries(membersOf(Event.fields['event'] as never))) {
    const row = section(4).split('\n').find((line) => line.startsWith(`| ${member.no} | ${name} |`));
    t.ok(row, `${member.no} ${name}`);
    for (const field of namesOf((member.nested?.fields ?? {}) as Members)) t.ok(row?.includes(field), `${name}.${field}`);
  }
  t.end();
});

t.test('every fault stands in §4 with its number', (t) => {
  for (const [code, { no }] of Object.entries(FAULTS)) t.match(section(4), new RegExp(`(^|\\s)${no}\\s+\`${code}\``), code);
  t.end();
});

t.test('every parameter stands in §11 with the bounds of the code', (t) => {
  const bounds = section(11).replaceAll(',', '');
  for (const [name, field] of Object.entries(stateRows.ParamsRow.fields)) {
    const row = bounds.split('\n').find((line) => line.startsWith('|') && new RegExp(`[| ]${name}[ |]`).test(line));
    t.ok(row, name);
    const [min = '', max = ''] = field.bounds.split('..');
    for (const bound of [min, max]) t.ok(row === undefined || row.includes(bound) || isWordOf(row, Number(bound)), `${name} ${bound}`);
  }
  t.end();
});

/** Bounds of times are written as days, hours or minutes; the largest amount as a power. */
function isWordOf(row: string, bound: number): boolean {
  const words = [`${bound / 86_400_000} d`, `${bound / 3_600_000} h`, `${bound / 60_000} min`, bound === Number.MAX_SAFE_INTEGER ? '2^53 − 1' : ''];
  return words.some((word) => word !== '' && row.includes(word));
}

t.test('every row stands in §8 with its prefix', (t) => {
  const rows = section(8).split('\n').filter((line) => line.startsWith('| '));
  for (const { name, prefix } of Object.values(ROWS)) {
    const hex = prefix.toString(16).padStart(2, '0');
    t.ok(rows.some((line) => line.split('|')[1]?.includes(hex) === true && line.split('|')[2]?.includes(name) === true), `${hex} ${name}`);
  }
  t.end();
});
