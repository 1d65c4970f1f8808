/** Merchants and their tills: what a wallet checks an invoice against. */
import { Type, type Static } from 'typebox';
import { route } from './route.ts';
import { Address, closed, Height, page, pageQuery, PublicKey, RegistryStatus, TillNo } from './values.ts';

const merchant = { merchantId: Address, name: Type.String(), status: RegistryStatus };
export const Merchant = closed(merchant);
export type Merchant = Static<typeof Merchant>;
export const Till = closed({ tillNo: TillNo, merchantId: Address, merchantName: Type.String(), merchantStatus: RegistryStatus, publicKey: PublicKey, status: RegistryStatus, height: Height });
export type Till = Static<typeof Till>;
export const MerchantDetail = closed({ ...merchant, tills: Type.Array(closed({ tillNo: TillNo, publicKey: PublicKey, status: RegistryStatus })), height: Height });
export type MerchantDetail = Static<typeof MerchantDetail>;

export const listMerchants = route({ method: 'GET', path: '/merchants', summary: 'Merchants of the registry.', who: ['public'], query: closed(pageQuery), responses: { 200: page(Merchant) } });
export const getMerchant = route({
  method: 'GET', path: '/merchants/{merchantId}', summary: 'A merchant with its tills.', who: ['public'],
  params: closed({ merchantId: Address }), responses: { 200: MerchantDetail }, problems: ['not_found'],
});
export const getTill = route({
  method: 'GET', path: '/tills/{tillNo}', summary: 'A till: merchant, key, in force or not.', who: ['public'],
  params: closed({ tillNo: TillNo }), responses: { 200: Till }, problems: ['not_found'],
});
