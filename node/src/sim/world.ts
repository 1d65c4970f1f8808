/** The chain of a simulation: its genesis, and its transactions built and signed. */
import {
  DEFAULT_PARAMS, Tx, TxBody, addressOf, batchKeyOf, chainTag, concat, encode, encodeInvoice, invoiceSigningBytes, makeValidatorSet, networkHint, sha256, signingBytes, stateRows, toHex, txIdOf, u32be, utf8,
  type Genesis, type GenesisSpec,
} from '@billcoin/protocol';
import { keyOf, type Signatures, type SimKey } from './keys.ts';
import type { Random } from './random.ts';

const { ACTIVE } = stateRows;
const DAY_MS = 86_400_000;
/** A morning in term; virtual time begins here. */
export const START_MS = 1_790_000_000_000;
const PRODUCTION_DATE = Number(new Date(START_MS).toISOString().slice(0, 10).replaceAll('-', ''));
const METER = new Uint8Array(16).fill(0x51);
const PROFILE_HASH = new Uint8Array(32).fill(0x0f);
const TILLS = [1, 2, 3];
export const PAYERS = 8;

export const PEOPLE = {
  regulator: keyOf('regulator'), campus: keyOf('campus'), treasury: keyOf('treasury'), plant: keyOf('plant'), farm: keyOf('farm'), cafeteria: keyOf('cafeteria'), oracle: keyOf('oracle'),
  tills: TILLS.map((no) => keyOf(`till ${no}`)),
  payers: Array.from({ length: PAYERS }, (_, i) => keyOf(`payer ${i}`)),
};

/** Keys of n validators; their order in the set is by address. */
export function validatorKeys(n: number): readonly SimKey[] {
  return Array.from({ length: n }, (_, i) => keyOf(`validator ${i}`));
}

/** The shortest stake epoch that parameters allow; epochs end at whole multiples of their length. */
const EPOCH_MIN_MS = 600_000;
const EPOCH_END_STEP_MS = 100;

/** A length with which an epoch ends within EPOCH_END_STEP_MS from then on, counted from the start of virtual time. */
function epochLengthMs(endsMs: number): number {
  let lengthMs = EPOCH_MIN_MS;
  while (lengthMs - (START_MS % lengthMs) < endsMs || lengthMs - (START_MS % lengthMs) >= endsMs + EPOCH_END_STEP_MS) lengthMs += 1;
  return lengthMs;
}

/**
 * A genesis of n validators, one plant, farm and merchant with three tills, one oracle whose word mints.
 * @param epochEndsMs after the start of virtual time; undefined: in no run
 */
export function makeSimGenesis(n: number, epochEndsMs?: number): Genesis {
  const validators = validatorKeys(n).map((key, i) => ({ name: `Uni ${i + 1}`, publicKey: key.publicKey, account: key.address, active: true, status: ACTIVE, proof: new Uint8Array(64) }));
  const { cafeteria, plant, farm, oracle } = PEOPLE;
  const spec: GenesisSpec = {
    network: 'simulator', timeMs: START_MS - 1_000, params: epochEndsMs === undefined ? DEFAULT_PARAMS : { ...DEFAULT_PARAMS, stakeEpochMs: epochLengthMs(epochEndsMs) }, priceSenPerBill: 600n,
    roles: { regulator: PEOPLE.regulator.address, campusAuthority: PEOPLE.campus.address, treasury: PEOPLE.treasury.address },
    validators, checkpointKeys: [],
    merchants: [{ account: cafeteria.address, name: 'Cafeteria', status: ACTIVE }],
    tills: TILLS.map((tillNo, i) => ({ tillNo, merchant: cafeteria.address, publicKey: PEOPLE.tills[i]!.publicKey, status: ACTIVE, day: 0, refundedMl: 0n })),
    farms: [{ account: farm.address, name: 'Farm', status: ACTIVE }],
    plants: [{
      account: plant.address, name: 'Plant', status: ACTIVE, ceilingMl: 100_000_000n, tollBps: 0, bondBps: 0, profileHash: PROFILE_HASH, bondMl: 0n, owedMl: 0n, availableMl: 0n, openBatches: 0, day: 0, mintedMl: 0n, heldMl: 0n,
    }],
    devices: [{ device: METER, alg: 1, publicKey: keyOf('meter').publicKey, owner: plant.address, site: utf8('plant-1'), fromMs: START_MS - DAY_MS, untilMs: START_MS + 400 * DAY_MS, calibration: new Uint8Array(16), calibratedUntilMs: START_MS + 400 * DAY_MS, status: ACTIVE }],
    meters: [{ meter: METER, plant: plant.address, total: 0n, opened: 0n }],
    oracles: [{ publicKey: oracle.publicKey, name: 'Oracle', status: ACTIVE }],
    reporters: [], stateRoot: new Uint8Array(32),
  };
  const genesisHash = sha256(concat(utf8('simulator genesis'), u32be(n), u32be(epochEndsMs ?? 0)));
  return {
    spec, genesisHash, chainTag: chainTag(genesisHash), chainId: `simulator-${n}`, text: '',
    validators: makeValidatorSet(validators.map(({ publicKey }) => ({ publicKey, power: 1 }))),
  };
}

type Kind = TxBody['kind'];

export interface MadeTx {
  readonly txHash: string;
  readonly bytes: Uint8Array;
  readonly what: string;
  readonly validUntilMs: number;
}

/** Builds and signs what people and tills send. */
export class TxMaker {
  readonly #genesis: Genesis;
  readonly #signatures: Signatures;
  readonly #random: Random;
  #refs = 0;

  constructor(genesis: Genesis, signatures: Signatures, random: Random) {
    this.#genesis = genesis;
    this.#signatures = signatures;
    this.#random = random;
  }

  tx(what: string, signer: SimKey, kind: Kind, over: Partial<TxBody>): MadeTx {
    const { genesisHash, chainTag: tag } = this.#genesis;
    const body: TxBody = { chainTag: tag, sender: signer.address, salt: this.#random.bytes(8), validUntilMs: START_MS + 60_000, feeMl: 0n, policies: [], kind, ...over };
    const bytes = encode(TxBody, body);
    const signature = this.#signatures.sign(signer, signingBytes('bill/tx/1', genesisHash, bytes));
    return { txHash: toHex(txIdOf(genesisHash, bytes)), bytes: encode(Tx, { body: bytes, sigs: [{ publicKey: signer.publicKey, signature }] }), what, validUntilMs: body.validUntilMs };
  }

  transfer(from: SimKey, to: Uint8Array, amountMl: bigint, validUntilMs: number): MadeTx {
    return this.tx('transfer', from, { case: 'transfer', value: { to, amountMl } }, { feeMl: 1n, validUntilMs });
  }

  /** 300 mL at RM 1.80 fits the price of 600 sen. */
  invoice(till: number, expiresAtS: number): { readonly bytes: Uint8Array; readonly tillNo: number; readonly ref: Uint8Array; readonly expiresAtS: number } {
    const { genesisHash } = this.#genesis;
    const ref = sha256(u32be(this.#refs++)).slice(0, 10);
    const tillNo = TILLS[till]!;
    const open = encodeInvoice({ tillNo, amountMl: 300n, sen: 180n, ref, expiresAtS, networkHint: networkHint(genesisHash), signature: new Uint8Array(64) });
    open.set(this.#signatures.sign(PEOPLE.tills[till]!, invoiceSigningBytes(genesisHash, open)), open.length - 64);
    return { bytes: open, tillNo, ref, expiresAtS };
  }

  pay(payer: SimKey, invoice: { readonly bytes: Uint8Array; readonly expiresAtS: number }): MadeTx {
    return this.tx('pay', payer, { case: 'pay', value: { invoice: invoice.bytes } }, { salt: undefined, validUntilMs: invoice.expiresAtS * 1_000 });
  }

  voidInvoice(till: number, invoice: { readonly bytes: Uint8Array; readonly expiresAtS: number }): MadeTx {
    return this.tx('void', PEOPLE.tills[till]!, { case: 'voidInvoice', value: { invoice: invoice.bytes } }, { salt: undefined, feeMl: 1n, validUntilMs: invoice.expiresAtS * 1_000 });
  }

  refund(till: number, invoice: { readonly tillNo: number; readonly ref: Uint8Array }, amountMl: bigint, validUntilMs: number): MadeTx {
    return this.tx('refund', PEOPLE.tills[till]!, { case: 'refund', value: { tillNo: invoice.tillNo, ref: invoice.ref, amountMl } }, { feeMl: 1n, validUntilMs });
  }

  /** Opens a batch and attests it: together they mint `volumeMl` to the farm. */
  mint(volumeMl: bigint): readonly [open: MadeTx, attest: MadeTx] {
    const lot = utf8('LOT-1');
    const { plant, farm, oracle } = PEOPLE;
    const batch = batchKeyOf(plant.address, lot, PRODUCTION_DATE);
    const open = {
      lot, productionDate: PRODUCTION_DATE, expiresAtMs: START_MS + 9 * DAY_MS, claimMl: volumeMl, meter: METER, totalFrom: 0n, totalTo: volumeMl, shares: [{ farm: farm.address, weightMl: 1n }], manifestHash: new Uint8Array(32), attempt: 1,
    };
    return [
      this.tx('openBatch', plant, { case: 'openBatch', value: open }, {}),
      this.tx('attest', oracle, { case: 'attest', value: { batch, attempt: 1, volumeMl, reject: 0, readingsRoot: new Uint8Array(32).fill(7), profileHash: PROFILE_HASH } }, {}),
    ];
  }
}

export function addressOfPayer(i: number): Uint8Array {
  return addressOf(PEOPLE.payers[i]!.publicKey);
}
