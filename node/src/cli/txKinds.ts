/** `billcoin tx`: the kinds that an operator signs by hand, one row each, and how the words of the command line become one. */
import { ADDRESS_BYTES, AMOUNT_MAX, fromHex, parseAddress } from '@billcoin/protocol';
import {
  buildBondDeposit, buildBondWithdraw, buildDelegate, buildEditValidator, buildRejoin, buildReportPrice, buildStake, buildTransfer, buildUndelegate, buildUnstake,
  type Envelope, type TxDraft,
} from '@billcoin/sdk';
import { ConfigError } from '../config.ts';

/** How a field is written. */
interface FieldForm<T> {
  readonly takes: string;
  /** The value of a text, or undefined where it is none. */
  parse(text: string): T | undefined;
}

export const address: FieldForm<Uint8Array> = {
  takes: 'bill1… or 40 hex digits',
  parse(text) {
    const bytes = parseAddress(text) ?? fromHex(text);
    return bytes?.length === ADDRESS_BYTES ? bytes : undefined;
  },
};

const amount: FieldForm<bigint> = {
  takes: 'integer from 1',
  parse(text) {
    const value = /^\d{1,16}$/.test(text) ? BigInt(text) : 0n;
    return value > 0n && value <= AMOUNT_MAX ? value : undefined;
  },
};

const basisPoints: FieldForm<number> = { takes: 'integer 0…10000', parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 10_000 ? Number(text) : undefined) };

const text: FieldForm<string> = { takes: '1 to 64 characters', parse: (value) => (value.length >= 1 && value.length <= 64 ? value : undefined) };

type Forms = Readonly<Record<string, FieldForm<unknown>>>;
type ValuesOf<F extends Forms> = { readonly [K in keyof F]: F[K] extends FieldForm<infer T> ? T : never };

/** What a row of the table makes of its words; the sender is the account of the key that signs. */
type Maker = (words: ReadonlyMap<string, string>, envelope: Envelope, sender: Uint8Array) => TxDraft;

interface TxKind {
  readonly summary: string;
  readonly forms: Forms;
  readonly make: Maker;
}

/** One row: its fields are read by their forms, all of them and no other. */
function kind<F extends Forms>(name: string, summary: string, forms: F, build: (envelope: Envelope, sender: Uint8Array, values: ValuesOf<F>) => TxDraft): readonly [string, TxKind] {
  const make: Maker = (words, envelope, sender) => {
    for (const word of words.keys()) if (!Object.hasOwn(forms, word)) throw new ConfigError(`${name} has no field "${word}". It takes ${fieldsOf(forms)}.`);
    const values: Record<string, unknown> = {};
    for (const [field, form] of Object.entries(forms)) {
      const given = words.get(field);
      if (given === undefined) throw new ConfigError(`${field} is missing. ${name} takes ${fieldsOf(forms)}.`);
      values[field] = form.parse(given);
      if (values[field] === undefined) throw new ConfigError(`${field} is "${given}"; it takes ${form.takes}.`);
    }
    return build(envelope, sender, values as ValuesOf<F>);
  };
  return [name, { summary, forms, make }];
}

function fieldsOf(forms: Forms): string {
  return Object.entries(forms).map(([field, { takes }]) => `${field}=<${takes}>`).join(' ');
}

/** THE table. Amounts are millilitres, prices sen per BILL. */
export const TX_KINDS: ReadonlyMap<string, TxKind> = new Map([
  kind('transfer', 'Move litres to another account.', { to: address, amountMl: amount }, (envelope, sender, values) => buildTransfer({ ...envelope, sender, ...values })),
  kind('stake', 'Stake behind the validator of your institution.', { validator: address, amountMl: amount }, (envelope, sender, values) => buildStake({ ...envelope, sender, ...values })),
  kind('unstake', 'Take shares of your own stake out.', { validator: address, shares: amount }, (envelope, sender, values) => buildUnstake({ ...envelope, sender, ...values })),
  kind('delegate', 'Stake behind the validator of another institution.', { validator: address, amountMl: amount }, (envelope, sender, values) => buildDelegate({ ...envelope, sender, ...values })),
  kind('undelegate', 'Take shares of a delegation out.', { validator: address, shares: amount }, (envelope, sender, values) => buildUndelegate({ ...envelope, sender, ...values })),
  kind('edit-validator', 'Set name and commission of your validator.', { validator: address, name: text, commissionBps: basisPoints }, (envelope, sender, values) => buildEditValidator({ ...envelope, sender, ...values })),
  kind('rejoin', 'Stand for election again after an absence.', { validator: address }, (envelope, sender, values) => buildRejoin({ ...envelope, sender, ...values })),
  kind('bond-deposit', 'Repay what a plant owes, then raise its bond.', { amountMl: amount }, (envelope, plant, values) => buildBondDeposit({ ...envelope, plant, ...values })),
  kind('bond-withdraw', 'Take back what a bond holds above its duty.', { amountMl: amount }, (envelope, plant, values) => buildBondWithdraw({ ...envelope, plant, ...values })),
  kind('report-price', 'Report what a litre costs today.', { senPerBill: amount }, (envelope, reporter, values) => buildReportPrice({ ...envelope, reporter, ...values })),
]);

/** The kinds and their fields, for people. */
export function txKindHelp(): string {
  return [...TX_KINDS].map(([name, { summary, forms }]) => `  ${name.padEnd(15)} ${summary}\n  ${''.padEnd(15)} ${fieldsOf(forms)}`).join('\n');
}

/** Throws ConfigError where there is no such kind. */
export function kindOf(name: string): TxKind {
  const chosen = TX_KINDS.get(name);
  if (chosen === undefined) throw new ConfigError(`${name === '' ? 'The kind of transaction is missing' : `"${name}" is no kind of transaction that is made here`}. There are:\n${txKindHelp()}`);
  return chosen;
}

/**
 * The draft that `billcoin tx KIND field=value …` asks for. Throws ConfigError naming what is wrong.
 * @param words everything after `tx`.
 * @param sender address of the signing account.
 */
export function makeTxDraft(words: readonly string[], envelope: Envelope, sender: Uint8Array): TxDraft {
  const [name = '', ...fields] = words;
  const chosen = kindOf(name);
  const given = new Map<string, string>();
  for (const word of fields) {
    const at = word.indexOf('=');
    const field = word.slice(0, Math.max(at, 0));
    if (at < 1) throw new ConfigError(`"${word}" is not field=value. ${name} takes ${fieldsOf(chosen.forms)}.`);
    if (given.has(field)) throw new ConfigError(`${field} is given twice.`);
    given.set(field, word.slice(at + 1));
  }
  return chosen.make(given, envelope, sender);
}
