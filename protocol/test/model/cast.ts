/** Who plays in a random history: students, merchants, plants, farms, a k-of-n account, and their keys. */
import { compareBytes, policyAddress } from '../../src/index.ts';
import { KEYS, keyOf, METER, type Key } from '../support/world.ts';
import { hex } from './naiveState.ts';

/** One key, or a k-of-n account with the keys that sign for it. */
export interface Actor { readonly name: string; readonly address: Uint8Array; readonly keys: readonly Key[]; readonly policy?: Uint8Array }

export const single = (name: string, key: Key): Actor => ({ name, address: key.address, keys: [key] });
const council = ['a', 'b', 'c'].map((name) => keyOf(`council ${name}`)).sort((a, b) => compareBytes(a.publicKey, b.publicKey));
const councilPolicy = Uint8Array.of(2, 3, ...council.flatMap((key) => [...key.publicKey]));
export const COUNCIL: Actor = { name: 'council', address: policyAddress(councilPolicy), keys: council.slice(0, 2), policy: councilPolicy };
export const STUDENTS = ['ann', 'bob', 'cem', 'dia'].map((name) => single(name, keyOf(name)));
export const PLANTS = [single('plant', KEYS.plant), single('plant 2', keyOf('plant 2'))];
export const FARMS = [single('farm a', KEYS.farmA), single('farm b', KEYS.farmB), single('farm c', keyOf('farm c'))];
export const MERCHANTS = [single('cafeteria', KEYS.cafeteria), single('kiosk', KEYS.kiosk)];
export const TREASURY = single('treasury', KEYS.treasury);
export const PEOPLE: readonly Actor[] = [...STUDENTS, ...MERCHANTS, PLANTS[0] as Actor, TREASURY, FARMS[0] as Actor, COUNCIL];
export const HOLDERS: readonly Actor[] = [...MERCHANTS, ...PLANTS, TREASURY, COUNCIL];
export const ROLES = [single('regulator', KEYS.regulator), single('campus', KEYS.campus), TREASURY, single('vet', KEYS.vet)];
export const TILL_KEYS = [KEYS.till1, KEYS.till2, KEYS.till3, keyOf('till 4')];
export const METERS = [METER, new Uint8Array(16).fill(0x52)];
export const STRANGER = KEYS.vet;
export const at = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;
export const keyBook = new Map([...TILL_KEYS, ...Object.values(KEYS).flat()].map((key) => [hex(key.publicKey), key]));
export const actorBook = new Map([...PEOPLE, ...PLANTS, ...FARMS, ...ROLES].map((actor) => [hex(actor.address), actor]));
