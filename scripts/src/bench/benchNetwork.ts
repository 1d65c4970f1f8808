/**
 * A network for benchmarks: validators, one oracle, one plant, a merchant with tills and funded payers. The same keys in
 * every run, so that two runs measure the same work.
 */
import { createHash } from 'node:crypto';
import { batchKeyOf, encodeInvoice, invoiceSigningBytes, networkHint, POINT, taggedHash, toHex, utf8, type OpenBatch } from '@billcoin/protocol';
import { makeGenesis } from '@billcoin/genesis';
import { nativeSigner } from '@billcoin/node';
import { addSignature, buildAttest, buildOpenBatch, buildPay, buildTransfer, encodeTransaction, keyFromSeed, type Key } from '@billcoin/sdk';

const PROFILE_HASH = taggedHash('bill/profile/1', utf8('bench'));
const METER = new Uint8Array(16).fill(POINT.filler);
const DAY_MS = 86_400_000;
const LIFE_MS = 365 * DAY_MS;

export interface BenchNetwork {
  readonly genesisText: string;
  readonly genesisHash: Uint8Array;
  /** 32-byte consensus seeds of the validators. */
  readonly validatorSeeds: readonly Uint8Array[];
  /** The key of till 1: who validates is its merchant's. */
  readonly firstTill: Key;
  readonly payers: readonly Key[];
  /**
   * Transactions that mint and hand every payer its BILL; each group needs the one before it to be final. Times are
   * block times: `nowMs` is the wall clock of a running node, or the genesis time in memory.
   */
  funding(nowMs: number): readonly (readonly Uint8Array[])[];
  /** A signed Pay of one carton (300 mL, RM 1.80), number `n`, by payer n mod payers. */
  pay(n: number, nowMs: number): Uint8Array;
}

/** Signs natively: what is signed beforehand should not take longer than what is measured. */
export function seededKey(label: string): Key {
  const seed = new Uint8Array(createHash('sha256').update(`billcoin bench ${label}`).digest());
  const key = keyFromSeed(seed);
  return { ...key, sign: nativeSigner({ seed, publicKey: key.publicKey }) };
}

/** The key of till `index` + 1; a client process of a load makes it by itself. */
export function benchTillKey(index: number): Key {
  return seededKey(`till ${index}`);
}

export function benchPayerKey(index: number): Key {
  return seededKey(`payer ${index}`);
}

/** @param payers accounts that pay; each gets 1,000 L. @param tills tills they pay at, in turn. @param validators one unless given. */
export function makeBenchNetwork({ payers: payerCount, tills: tillCount, timeMs, validators: validatorCount = 1 }: {
  readonly payers: number; readonly tills: number; readonly timeMs: number; readonly validators?: number;
}): BenchNetwork {
  const [plant, farm, merchant, oracle] = ['plant', 'farm', 'merchant', 'oracle'].map(seededKey) as [Key, Key, Key, Key];
  const validators = Array.from({ length: validatorCount }, (_, index) => seededKey(`validator ${index}`));
  const tills = Array.from({ length: tillCount }, (_, index) => benchTillKey(index));
  const payers = Array.from({ length: payerCount }, (_, index) => benchPayerKey(index));
  const made = makeGenesis({
    network: 'bill-bench', timeMs, priceSenPerBill: '600', params: { supplyCapMl: '9007199254740991' },
    roles: { regulator: plant.addressText, campusAuthority: plant.addressText, treasury: plant.addressText },
    validators: validators.map(({ publicKey, addressText }, index) => ({ name: `Bench ${index + 1}`, publicKey: toHex(publicKey), account: addressText, active: true })),
    checkpointKeys: validators.slice(0, 1).map(({ publicKey }) => ({ publicKey: toHex(publicKey) })),
    merchants: [{ account: merchant.addressText, name: 'Cafeteria' }],
    tills: tills.map((till, index) => ({ tillNo: index + 1, merchant: merchant.addressText, publicKey: toHex(till.publicKey) })),
    farms: [{ account: farm.addressText, name: 'Farm' }],
    plants: [{ account: plant.addressText, name: 'Plant', ceilingMl: '9007199254740991', tollBps: 0, bondBps: 0, profileHash: toHex(PROFILE_HASH) }],
    devices: [{
      device: toHex(METER), alg: 1, publicKey: toHex(plant.publicKey), owner: plant.addressText, site: 'bench', fromMs: timeMs, untilMs: timeMs + LIFE_MS, calibration: '00'.repeat(16), calibratedUntilMs: timeMs + LIFE_MS,
    }],
    meters: [{ meter: toHex(METER), plant: plant.addressText, total: '0' }],
    oracles: [{ publicKey: toHex(oracle.publicKey), name: 'Oracle' }],
    reporters: [],
  }, validators.map((validator) => validator.exportSeed()));
  if (!made.ok) throw new Error(`the bench genesis is refused: ${JSON.stringify(made.fault)}`);
  const { text: genesisText, genesisHash } = made.value;

  /** Each payer's share with its transfer fees, minted in one lot. */
  const shareMl = 1_000_000n;
  function funding(nowMs: number): readonly (readonly Uint8Array[])[] {
    const totalMl = BigInt(payerCount) * (shareMl + 1n);
    const date = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '');
    const lot: OpenBatch = {
      lot: utf8('BENCH'), productionDate: Number(date), expiresAtMs: nowMs + 9 * DAY_MS, claimMl: totalMl, meter: METER, totalFrom: 0n, totalTo: totalMl, shares: [{ farm: farm.address, weightMl: 1n }],
      manifestHash: new Uint8Array(32), attempt: 1,
    };
    const at = { genesisHash, validUntilMs: nowMs + 1_800_000 };
    const batch = batchKeyOf(plant.address, lot.lot, lot.productionDate);
    const open = addSignature(buildOpenBatch({ ...at, ...lot, plant: plant.address }), plant);
    const attest = addSignature(buildAttest({ ...at, oracle: oracle.address, batch, attempt: 1, volumeMl: totalMl, reject: 0, readingsRoot: new Uint8Array(32), profileHash: PROFILE_HASH }), oracle);
    const transfers = payers.map((payer) => addSignature(buildTransfer({ ...at, sender: farm.address, to: payer.address, amountMl: shareMl, feeMl: 1n }), farm));
    return [[encodeTransaction(open)], [encodeTransaction(attest)], transfers.map(encodeTransaction)];
  }

  function pay(n: number, nowMs: number): Uint8Array {
    const tillIndex = n % tillCount;
    const payer = payers[n % payerCount] as Key;
    const ref = taggedHash('bill/order/1', utf8(`bench ${n}`)).slice(0, 10);
    const expiresAtS = Math.floor((nowMs + 3_600_000) / 1_000);
    const terms = { tillNo: tillIndex + 1, amountMl: 300n, sen: 180n, ref, expiresAtS, networkHint: networkHint(genesisHash) };
    const unsigned = encodeInvoice({ ...terms, signature: new Uint8Array(64) });
    const invoice = encodeInvoice({ ...terms, signature: (tills[tillIndex] as Key).sign(invoiceSigningBytes(genesisHash, unsigned)) });
    const draft = buildPay({ genesisHash, invoice, payer: payer.address });
    if (!draft.ok) throw new Error(`the bench Pay is refused: ${JSON.stringify(draft.fault)}`);
    return encodeTransaction(addSignature(draft.value, payer));
  }

  return { genesisText, genesisHash, validatorSeeds: validators.map((validator) => validator.exportSeed()), payers, firstTill: tills[0] as Key, funding, pay };
}
