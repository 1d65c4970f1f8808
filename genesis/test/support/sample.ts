/** A small network as an operator would write it down, with keys from labels: the same in every run. */
import { addressOf, ed25519PublicKey, formatAddress, taggedHash, toHex, utf8 } from '@billcoin/protocol';
import type { GenesisInput } from '../../src/index.ts';

export const START_MS = 1_780_000_000_000;
const YEAR_MS = 31_536_000_000;

export function seedOf(label: string): Uint8Array {
  return taggedHash('bill/audit/1', utf8(`genesis test ${label}`));
}

export function publicKeyOf(label: string): string {
  return toHex(ed25519PublicKey(seedOf(label)));
}

export function accountOf(label: string): string {
  return formatAddress(addressOf(ed25519PublicKey(seedOf(label))));
}

/** Two institutions, of which one is active at the start. */
export function sampleInput(over: Partial<GenesisInput> = {}): GenesisInput {
  const meter = '51'.repeat(16);
  return {
    network: 'bill-sample', timeMs: START_MS, priceSenPerBill: '600',
    roles: { regulator: accountOf('regulator'), campusAuthority: accountOf('campus'), treasury: accountOf('treasury') },
    validators: [
      { name: 'University', publicKey: publicKeyOf('university'), account: accountOf('university account'), active: true },
      { name: 'Cooperative', publicKey: publicKeyOf('cooperative'), account: accountOf('cooperative account'), active: false },
    ],
    checkpointKeys: [{ publicKey: publicKeyOf('university') }],
    merchants: [{ account: accountOf('cafeteria'), name: 'Cafeteria' }],
    tills: [{ tillNo: 1, merchant: accountOf('cafeteria'), publicKey: publicKeyOf('till') }],
    farms: [{ account: accountOf('farm'), name: 'Farm' }],
    plants: [{ account: accountOf('plant'), name: 'Plant', ceilingMl: '1000000', tollBps: 5_333, bondBps: 1_000, profileHash: '07'.repeat(32) }],
    devices: [{ device: meter, alg: 1, publicKey: publicKeyOf('meter'), owner: accountOf('plant'), site: 'plant-1', fromMs: START_MS, untilMs: START_MS + YEAR_MS, calibration: '00'.repeat(16), calibratedUntilMs: START_MS + YEAR_MS }],
    meters: [{ meter, plant: accountOf('plant'), total: '0' }],
    oracles: [{ publicKey: publicKeyOf('oracle'), name: 'Oracle' }],
    reporters: [{ account: accountOf('reporter'), name: 'Reporter' }],
    ...over,
  };
}

export const SEEDS = [seedOf('university'), seedOf('cooperative')];
