/** Accounts of people and programs, and the keys of their tokens: for administrators. */
import { Type, type Static } from 'typebox';
import { Username } from './auth.ts';
import { route } from './route.ts';
import { Address, ClientId, closed, line, nullable, page, pageQuery, Time, UserId } from './values.ts';

const userRole = Type.Enum(['manager', 'finance', 'auditor', 'admin']);
const merchantOfRole = Type.Optional(Address);

export const UserView = closed({
  userId: UserId, username: Username, role: userRole, merchantId: nullable(Address), createdAt: Time, disabled: Type.Boolean(), reason: Type.String({ description: 'Why it was changed last' }),
});
export type UserView = Static<typeof UserView>;
const shownOnce = Type.String({ description: 'Shown this once; the server keeps a hash' });
const UserMade = closed({ ...UserView.properties, password: shownOnce });
const UserChanged = closed({ ...UserView.properties, password: nullable(shownOnce) });

export const listUsers = route({ method: 'GET', path: '/admin/users', summary: 'Accounts of people, newest first.', who: ['admin'], query: closed(pageQuery), responses: { 200: page(UserView) } });
export const createUser = route({
  method: 'POST', path: '/admin/users', summary: 'A new account; the server draws the password and shows it once. A manager is of a merchant.', who: ['admin'],
  body: closed({ username: Username, role: userRole, merchantId: merchantOfRole }), auditBody: ['role', 'merchantId'], auditAnswer: ['userId'],
  responses: { 201: UserMade }, problems: ['username_taken', 'merchant_missing'],
});
export const getUser = route({ method: 'GET', path: '/admin/users/{userId}', summary: 'An account.', who: ['admin'], params: closed({ userId: UserId }), responses: { 200: UserView }, problems: ['not_found'] });
export const changeUser = route({
  method: 'PATCH', path: '/admin/users/{userId}', summary: 'Another role, disable, enable, or a new password (shown once). All logins of the account end.', who: ['admin'], params: closed({ userId: UserId }),
  body: closed({ role: Type.Optional(userRole), merchantId: merchantOfRole, disabled: Type.Optional(Type.Boolean()), newPassword: Type.Optional(Type.Literal(true)), reason: line(200) }),
  auditBody: ['role', 'merchantId', 'disabled', 'newPassword'], responses: { 200: UserChanged }, problems: ['not_found', 'last_admin', 'merchant_missing'],
});

export const ClientView = closed({
  clientId: ClientId, name: line(64), role: Type.Enum(['partner', 'service']), merchantId: nullable(Address), createdAt: Time,
});
export type ClientView = Static<typeof ClientView>;

export const listClients = route({ method: 'GET', path: '/admin/clients', summary: 'Accounts of programs, newest first.', who: ['admin'], query: closed(pageQuery), responses: { 200: page(ClientView) } });
export const createClientAccount = route({
  method: 'POST', path: '/admin/clients', summary: 'A new partner (of one merchant) or service; the secret is shown once.', who: ['admin'],
  body: closed({ name: ClientView.properties.name, role: ClientView.properties.role, merchantId: merchantOfRole }), auditBody: ['role', 'merchantId'], auditAnswer: ['clientId'],
  responses: { 201: closed({ ...ClientView.properties, clientSecret: shownOnce }) }, problems: ['merchant_missing'],
});
export const getClient = route({ method: 'GET', path: '/admin/clients/{clientId}', summary: 'A program.', who: ['admin'], params: closed({ clientId: ClientId }), responses: { 200: ClientView }, problems: ['not_found'] });
export const deleteClient = route({ method: 'DELETE', path: '/admin/clients/{clientId}', summary: 'Take a program’s account away; its tokens end.', who: ['admin'], params: closed({ clientId: ClientId }), responses: { 204: Type.Null() }, problems: ['not_found'] });

export const rotateKeys = route({
  method: 'POST', path: '/admin/keys/rotate', summary: 'New keys. Of access tokens: those of the old one are good until they end. Of pseudonyms (export, operations, API): what was written keeps the old ones, what is written from now on has new ones.',
  who: ['admin'], body: closed({ keys: Type.Enum(['tokens', 'pseudonyms']) }), auditBody: ['keys'],
  responses: { 200: closed({ kid: Type.String({ description: 'The new key: of tokens as in /.well-known/jwks.json, of pseudonyms as in the manifest of an export' }) }) },
});
