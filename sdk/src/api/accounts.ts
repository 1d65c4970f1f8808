/** Accounts. An address is a diet: history is served only to its key, finance and auditors. */
import { Type, type Static } from 'typebox';
import { FaultName } from './transactions.ts';
import { route } from './route.ts';
import { Address, closed, Height, Litres, nullable, page, pageQuery, Time, TxHash } from './values.ts';

export const Account = closed({
  address: Address, litres: Litres, height: Height,
  policy: nullable(closed({ k: Type.Integer({ minimum: 1, maximum: 16 }), publicKeys: Type.Array(Type.String({ pattern: '^[0-9a-f]{64}$' })) })),
  row: Type.String({ description: 'Proof of the row behind it' }),
});
export type Account = Static<typeof Account>;

export const AccountTransaction = closed({
  txHash: TxHash, kind: Type.String(), height: Height, index: Type.Integer({ minimum: 0 }), time: Time, code: Type.Integer({ minimum: 0 }), fault: nullable(FaultName),
  direction: Type.Union([Type.Literal('in'), Type.Literal('out'), Type.Literal('none')]),
  litres: Litres,
  counterparty: nullable(Address),
});
export type AccountTransaction = Static<typeof AccountTransaction>;

export const getAccount = route({
  method: 'GET',
  path: '/accounts/{address}',
  summary: 'Balance of an account at the newest final block.',
  who: ['student', 'till', 'staff', 'manager', 'finance', 'auditor'],
  own: 'student: own wallets; till, staff, manager: the account of their merchant',
  params: closed({ address: Address }),
  responses: { 200: Account },
  problems: ['not_found'],
});

const historyQuery = { kind: Type.Optional(Type.String({ pattern: '^[a-z][A-Za-z]{1,31}$', examples: ['pay'] })), from: Type.Optional(Time), to: Type.Optional(Time), ...pageQuery };
const history = {
  method: 'GET',
  who: ['student', 'manager', 'finance', 'auditor'],
  own: 'student: own wallets; manager: the account of their merchant',
  responses: { 200: page(AccountTransaction) },
  problems: ['not_found'],
} as const;

export const listAccountTransactions = route({
  ...history,
  path: '/accounts/{address}/transactions',
  summary: 'Transactions that moved the balance of an account, newest first. Of one kind, from a time on (from) and before one (to) where asked; a page of those may be short, its cursor goes on.',
  params: closed({ address: Address }),
  query: closed(historyQuery),
});

export const listTransactions = route({ ...history, path: '/transactions', summary: 'Transactions that moved the balance of the account that `address` names, newest first, as /accounts/{address}/transactions.', query: closed({ address: Address, ...historyQuery }) });
