/** What an operator writes to make a genesis: the fields of the file without what is computed (proofs, state root). */
import type { Json } from '@billcoin/protocol';

/** An institution. `proof` comes from the institution itself (`npm run genesis -- entry`), or its seed is at hand. */
export interface ValidatorInput {
  readonly name: string;
  /** Ed25519 consensus key, hex. */
  readonly publicKey: string;
  /** bill1… of its account. */
  readonly account: string;
  /** Whether it is in the first validator set. */
  readonly active: boolean;
  readonly proof?: string;
}

type Party = { readonly account: string; readonly name: string };

/** Units and ranges: genesis.schema.json. Amounts are decimal strings of mL, prices of sen. */
export interface GenesisInput {
  readonly network: string;
  readonly timeMs: number;
  /** Parameters that differ from the defaults of the protocol; amounts as decimal strings. */
  readonly params?: { readonly [name: string]: string | number };
  readonly priceSenPerBill: string;
  readonly roles: { readonly regulator: string; readonly campusAuthority: string; readonly treasury: string };
  readonly validators: readonly ValidatorInput[];
  readonly checkpointKeys: readonly { readonly publicKey: string }[];
  readonly merchants: readonly Party[];
  readonly tills: readonly { readonly tillNo: number; readonly merchant: string; readonly publicKey: string }[];
  readonly farms: readonly Party[];
  readonly plants: readonly (Party & { readonly ceilingMl: string; readonly tollBps: number; readonly bondBps: number; readonly profileHash: string })[];
  readonly devices: readonly {
    readonly device: string; readonly alg: number; readonly publicKey: string; readonly owner: string; readonly site: string;
    readonly fromMs: number; readonly untilMs: number; readonly calibration: string; readonly calibratedUntilMs: number;
  }[];
  readonly meters: readonly { readonly meter: string; readonly plant: string; readonly total: string }[];
  readonly oracles: readonly { readonly publicKey: string; readonly name: string }[];
  /** Who reports the price of milk (kind 27); at least three must report for it to move. */
  readonly reporters: readonly Party[];
}

/** The one JSON form of both: an interface has no index signature, but its values are all JSON. */
export function asJson(input: GenesisInput): { readonly [key: string]: Json } {
  return JSON.parse(JSON.stringify(input)) as { readonly [key: string]: Json };
}
