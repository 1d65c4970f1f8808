/**
 * Transactions and events as answers: fields of the wire schema in the words of the API (SPEC §21.6). The table of a
 * message says what a field is, so a new kind or event is shown without a line here.
 */
import { ADDRESS_BYTES, assert, decodeInvoice, Event, formatAddress, formatLitres, formatRinggit, toBase64Url, toHex, TxBody, type ChainEvent, type Table } from '@billcoin/protocol';
import type { TxBodyView, TxEventView, TxFields } from '@billcoin/sdk';
import { dateText, rfc3339 } from './rfc3339.ts';

type Plain = Readonly<Record<string, unknown>>;
type Named = readonly [name: string, value: TxFields[string]];

/** Amounts whose name has no unit: counters of a meter in millilitres, prices in sen. Any other amount without one counts shares of stake. */
const LITRES: ReadonlySet<string> = new Set(['total', 'totalFrom', 'totalTo']);
const RINGGIT: ReadonlyMap<string, string> = new Map([['sen', 'rm'], ['senPerBill', 'rmPerBill']]);
/** Length of a field that holds an address and nothing else, as its table states it. */
const ADDRESS_BOUNDS = `${ADDRESS_BYTES} bytes`;

/** The unit goes from the name with the base unit: `tollMl` 300 is `toll` "0.300". */
function amount(name: string, value: bigint): Named {
  const ringgit = RINGGIT.get(name);
  if (ringgit !== undefined) return [ringgit, formatRinggit(value)];
  if (name === 'amountMl') return ['litres', formatLitres(value)];
  if (name.endsWith('Ml')) return [name.slice(0, -2), formatLitres(value)];
  return [name, LITRES.has(name) ? formatLitres(value) : String(value)];
}

/** What the till asked for, which of a Pay stands in the invoice alone. */
function invoiceFields(bytes: Uint8Array): TxFields {
  const invoice = decodeInvoice(bytes);
  assert(invoice.ok, 'the invoice of an accepted transaction decodes');
  const { tillNo, ref, sen, amountMl, expiresAtS } = invoice.value;
  return { invoice: toBase64Url(bytes), tillNo, ref: toHex(ref), rm: formatRinggit(sen), litres: formatLitres(amountMl), expiresAt: rfc3339(expiresAtS * 1_000) };
}

function number(name: string, value: number): Named {
  if (name === 'productionDate') return [name, dateText(value)];
  return name.endsWith('Ms') ? [name.slice(0, -2), rfc3339(value)] : [name, value];
}

function named(table: Table, name: string, value: unknown): Named {
  const field = table.fields[name];
  assert(field !== undefined, `${table.name} has ${name}`);
  if (typeof value === 'bigint') return amount(name, value);
  if (value instanceof Uint8Array) return [name, field.bounds === ADDRESS_BOUNDS ? formatAddress(value) : toHex(value)];
  if (typeof value === 'number') return number(name, value);
  if (typeof value === 'string') return [name, value];
  const { nested } = field;
  assert(Array.isArray(value) && nested !== undefined, `${table.name}.${name} is a list of messages`);
  return [name, value.map((item: Plain) => fieldsOf(nested, item) as Record<string, string>)];
}

/** Fields in the order of the table; an absent one has no key. */
function fieldsOf(table: Table, message: Plain): TxFields {
  const fields: TxFields = {};
  for (const name of Object.keys(table.fields)) {
    const value = message[name];
    if (name === 'invoice' && value instanceof Uint8Array) Object.assign(fields, invoiceFields(value));
    else if (value !== undefined) Object.assign(fields, Object.fromEntries([named(table, name, value)]));
  }
  return fields;
}

function memberFields(group: Table, name: string, member: { readonly case: string; readonly value: object }): TxFields {
  const table = group.fields[name]?.members?.[member.case]?.nested;
  assert(table !== undefined, `${member.case} is a message of ${group.name}`);
  return fieldsOf(table, member.value as Plain);
}

export function bodyView({ sender, salt, validUntilMs, feeMl, policies, kind }: TxBody): TxBodyView {
  return {
    sender: formatAddress(sender), salt: salt === undefined ? null : toHex(salt), validUntil: rfc3339(validUntilMs), fee: formatLitres(feeMl), policies: policies.map(toHex),
    kind: kind.case, fields: memberFields(TxBody, 'kind', kind),
  };
}

export function eventView(event: ChainEvent): TxEventView {
  return { event: event.case, fields: memberFields(Event, 'event', event) };
}
