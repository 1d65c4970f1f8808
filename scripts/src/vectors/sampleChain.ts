/**
 * A small network whose first blocks hold every kind of transaction, for the genesis and block vectors. Keys come from
 * labels, times are fixed: the same bytes in every run.
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';
import {
  addressOf, applyBlock, batchKeyOf, buildBlock, chainTag, commitBlock, compareBytes, ed25519PublicKey, encode, formatAddress, genesisTip, kindOf, loadGenesis, makeCertificate, makeChain, parseTx, signInvoice, signingBytes, StateTree,
  taggedHash, toHex, Tx, TxBody, utf8, verifyEd25519, votePreimage,
  type Certificate, type Chain, type Executed, type Genesis, type Tip,
} from '@billcoin/protocol';
import { makeGenesis, type GenesisInput } from '@billcoin/genesis';

export const SAMPLE_SEED = 'billcoin chain vectors 1';
const START_MS = 1_780_000_000_000;
const YEAR_MS = 31_536_000_000;
const METER = '51'.repeat(16);
const PRODUCTION_DATE = 20_260_528;

export interface SampleKey {
  readonly label: string;
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly address: Uint8Array;
}

function keyOf(label: string): SampleKey {
  const seed = new Uint8Array(createHash('sha256').update(`${SAMPLE_SEED} ${label}`).digest());
  const publicKey = ed25519PublicKey(seed);
  return { label, seed, publicKey, address: addressOf(publicKey) };
}

/** Whose balances the vectors show, and who signs. */
export const SAMPLE_KEYS = {
  university: keyOf('university'), regulator: keyOf('regulator'), campus: keyOf('campus'), treasury: keyOf('treasury'), plant: keyOf('plant'), farmA: keyOf('farm a'), farmB: keyOf('farm b'), cafeteria: keyOf('cafeteria'),
  till: keyOf('till'), student: keyOf('student'), oracle1: keyOf('oracle 1'), oracle2: keyOf('oracle 2'), oracle3: keyOf('oracle 3'), oracle4: keyOf('oracle 4'), meter: keyOf('meter'),
  reporter1: keyOf('reporter 1'), reporter2: keyOf('reporter 2'), reporter3: keyOf('reporter 3'),
} as const;

function sampleInput(): GenesisInput {
  const { university, regulator, campus, treasury, plant, farmA, farmB, cafeteria, till, meter } = SAMPLE_KEYS;
  const account = (key: SampleKey): string => formatAddress(key.address);
  const publicKey = (key: SampleKey): string => toHex(key.publicKey);
  return {
    network: 'bill-vectors', timeMs: START_MS, priceSenPerBill: '600',
    roles: { regulator: account(regulator), campusAuthority: account(campus), treasury: account(treasury) },
    validators: [{ name: 'University', publicKey: publicKey(university), account: account(university), active: true }],
    checkpointKeys: [{ publicKey: publicKey(university) }],
    merchants: [{ account: account(cafeteria), name: 'Cafeteria' }],
    tills: [{ tillNo: 1, merchant: account(cafeteria), publicKey: publicKey(till) }],
    farms: [{ account: account(farmA), name: 'Farm A' }, { account: account(farmB), name: 'Farm B' }],
    plants: [{ account: account(plant), name: 'Plant', ceilingMl: '5000000', tollBps: 5_333, bondBps: 1_000, profileHash: '07'.repeat(32) }],
    devices: [{ device: METER, alg: 1, publicKey: publicKey(meter), owner: account(plant), site: 'plant-1', fromMs: START_MS, untilMs: START_MS + YEAR_MS, calibration: '00'.repeat(16), calibratedUntilMs: START_MS + YEAR_MS }],
    meters: [{ meter: METER, plant: account(plant), total: '0' }],
    oracles: [SAMPLE_KEYS.oracle1, SAMPLE_KEYS.oracle2, SAMPLE_KEYS.oracle3, SAMPLE_KEYS.oracle4].map((key, index) => ({ publicKey: publicKey(key), name: `Oracle ${index + 1}` })),
    reporters: [SAMPLE_KEYS.reporter1, SAMPLE_KEYS.reporter2, SAMPLE_KEYS.reporter3].map((key, index) => ({ account: account(key), name: `Reporter ${index + 1}` })),
  };
}

/** Text of the genesis file. */
export function sampleGenesis(): string {
  const made = makeGenesis(sampleInput(), [SAMPLE_KEYS.university.seed]);
  if (!made.ok) throw new Error(`the sample genesis is refused: ${made.fault.code}`);
  return made.value.text;
}

type Kind = TxBody['kind'];

export interface SampleBlock {
  readonly executed: Executed;
  readonly certificate: Certificate;
  readonly tip: Tip;
}

/** Builds, applies and commits blocks one after the other. */
class SampleChain {
  readonly genesis: Genesis;
  readonly chain: Chain;
  readonly blocks: SampleBlock[] = [];
  tip: Tip;
  #salt = 0;

  constructor(text: string) {
    const loaded = loadGenesis(text, verifyEd25519);
    if (!loaded.ok) throw new Error(`the sample genesis is refused: ${loaded.fault.code}`);
    this.genesis = loaded.value;
    this.chain = makeChain(loaded.value, verifyEd25519, new StateTree());
    this.tip = genesisTip(this.chain, loaded.value);
  }

  tx(signers: readonly SampleKey[], kind: Kind, over: Partial<TxBody> = {}): Uint8Array {
    const [sender] = signers;
    if (sender === undefined) throw new Error('a transaction has a sender');
    const salt = new Uint8Array(8);
    salt[7] = this.#salt++;
    const { fee } = kindOf(kind.case);
    const flat = fee === 'sender' || (fee === 'merchant' && kind.case !== 'revokeTill');
    const body = encode(TxBody, { chainTag: chainTag(this.genesis.genesisHash), sender: sender.address, salt, validUntilMs: this.tip.timeMs + 600_000, feeMl: flat ? 1n : 0n, policies: [], kind, ...over });
    const message = signingBytes('bill/tx/1', this.genesis.genesisHash, body);
    const sigs = signers.map((key) => ({ publicKey: key.publicKey, signature: ed25519(key.seed, message) })).sort((a, b) => compareBytes(a.publicKey, b.publicKey));
    return encode(Tx, { body, sigs });
  }

  pay(invoice: Uint8Array, couponId?: Uint8Array): Uint8Array {
    const expiresAtS = new DataView(invoice.buffer, invoice.byteOffset).getUint32(24);
    return this.tx([SAMPLE_KEYS.student], { case: 'pay', value: { invoice, couponId } }, { salt: undefined, validUntilMs: expiresAtS * 1_000 });
  }

  invoice(label: string, amountMl: bigint, sen: bigint): Uint8Array {
    const ref = taggedHash('bill/order/1', utf8(label)).slice(0, 10);
    return signInvoice({ tillNo: 1, amountMl, sen, ref, expiresAtS: this.tip.timeMs / 1_000 + 120 }, this.genesis.genesisHash, SAMPLE_KEYS.till.seed);
  }

  voidInvoice(invoice: Uint8Array): Uint8Array {
    const expiresAtS = new DataView(invoice.buffer, invoice.byteOffset).getUint32(24);
    return this.tx([SAMPLE_KEYS.till], { case: 'voidInvoice', value: { invoice } }, { salt: undefined, validUntilMs: expiresAtS * 1_000 });
  }

  block(txs: readonly Uint8Array[], afterMs = 1_000): Executed {
    const parsed = txs.map((bytes) => {
      const tx = parseTx(this.chain, bytes);
      if (!tx.ok) throw new Error(`a sample transaction is refused: ${tx.fault.code}`);
      return tx.value;
    });
    const built = buildBlock(this.chain, this.tip, parsed, this.tip.timeMs + afterMs, { proposerIndex: 0, round: 0 });
    const applied = applyBlock(this.chain, this.tip, built.blockBytes);
    if (!applied.ok || built.txs.length !== txs.length) throw new Error('a sample transaction is not included');
    const certificate = this.#certify(applied.value);
    this.tip = commitBlock(this.chain, this.tip, applied.value, certificate);
    this.blocks.push({ executed: applied.value, certificate, tip: this.tip });
    return applied.value;
  }

  #certify({ header, blockId }: Executed): Certificate {
    const vote = { type: 'precommit', height: header.height, round: 0, blockId: toHex(blockId) } as const;
    const signature = ed25519(SAMPLE_KEYS.university.seed, votePreimage(this.genesis.genesisHash, vote));
    const certificate = makeCertificate(this.genesis.validators, vote, [{ ...vote, validatorIndex: 0, signature }]);
    if (certificate === undefined) throw new Error('one of one is a quorum');
    return certificate;
  }
}

/** RFC 8032 signatures have one value, so the library does not matter. */
function ed25519(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
  return new Uint8Array(sign(null, message, key));
}

export interface SampleHistory {
  readonly genesis: Genesis;
  readonly blocks: readonly SampleBlock[];
  /** What people call the transactions of each block, in order. */
  readonly titles: readonly (readonly string[])[];
}

type Named = readonly [title: string, bytes: Uint8Array];

/**
 * Six blocks: a mint; five payments, whose points become a coupon; the coupon, a refund, a delivery and a failure; the
 * registries and reports; stakes and the end of a batch; and the next day under its new price, whose block ends a stake epoch and pays its fees. Every kind stands in one of them.
 */
export function sampleHistory(observe: (block: SampleBlock) => void = () => undefined): SampleHistory {
  const world = new SampleChain(sampleGenesis());
  const { plant, farmA, farmB, treasury, cafeteria, student, till, oracle1, oracle2, oracle3 } = SAMPLE_KEYS;
  const titles: string[][] = [];
  const close = (named: readonly Named[], afterMs?: number): Executed => {
    titles.push(named.map(([title]) => title));
    const executed = world.block(named.map(([, bytes]) => bytes), afterMs);
    observe(world.blocks[world.blocks.length - 1] as SampleBlock);
    return executed;
  };
  const batch = batchKeyOf(plant.address, utf8('LOT-1'), PRODUCTION_DATE);
  const shares = [farmA, farmB].sort((a, b) => compareBytes(a.address, b.address)).map((farm) => ({ farm: farm.address, weightMl: farm === farmA ? 2n : 1n }));
  const opening = { lot: utf8('LOT-1'), productionDate: PRODUCTION_DATE, expiresAtMs: START_MS + 9 * 86_400_000, claimMl: 1_000_000n, meter: new Uint8Array(16).fill(0x51), totalFrom: 0n, totalTo: 1_000_000n, shares, manifestHash: new Uint8Array(32).fill(8), attempt: 1 };
  const statement = { batch, attempt: 1, volumeMl: 1_000_000n, reject: 0, readingsRoot: new Uint8Array(32).fill(9), profileHash: new Uint8Array(32).fill(7) };
  close([
    ['the plant opens a batch of 1,000 L', world.tx([plant], { case: 'openBatch', value: opening })],
    ...[oracle1, oracle2, oracle3].map((oracle): Named => [`${oracle.label} attests; three of four mint`, world.tx([oracle], { case: 'attest', value: statement })]),
  ]);
  const first = world.invoice('carton 0', 300n, 180n);
  const paid = close([
    ['farm A sends 5 L to the student', world.tx([farmA], { case: 'transfer', value: { to: student.address, amountMl: 5_000n, reference: new Uint8Array(16).fill(1) } })],
    ['farm B sends 100 L to the treasury', world.tx([farmB], { case: 'transfer', value: { to: treasury.address, amountMl: 100_000n } })],
    ['the plant sends 50 L to the cafeteria', world.tx([plant], { case: 'transfer', value: { to: cafeteria.address, amountMl: 50_000n } })],
    ['the student pays a carton of RM 1.80', world.pay(first)],
    ...[1, 2, 3, 4].map((index): Named => [`and carton ${index + 1}`, world.pay(world.invoice(`carton ${index}`, 300n, 180n))]),
  ]);
  const couponId = paid.txs[3]?.txId as Uint8Array;
  close([
    ['the student pays 500 mL, 300 mL of them with the coupon', world.pay(world.invoice('with coupon', 500n, 300n), couponId)],
    ['the cafeteria refunds nothing, for a fee: the point of the first carton is in a spent coupon', world.tx([cafeteria], { case: 'refund', value: { tillNo: 1, ref: first.slice(14, 24), amountMl: 300n } })],
    ['the till refunds 50 mL of the sixth payment', world.tx([till], { case: 'refund', value: { tillNo: 1, ref: taggedHash('bill/order/1', utf8('with coupon')).slice(0, 10), amountMl: 50n } })],
    ['the cafeteria takes delivery of 40 L', world.tx([cafeteria, plant], { case: 'redeem', value: { batch, amountMl: 40_000n, noteHash: new Uint8Array(32).fill(2) } })],
    ['the student sends more than there is: only the fee is gone', world.tx([student], { case: 'transfer', value: { to: farmA.address, amountMl: 1_000_000n } })],
  ]);
  close(registrations(world));
  close(endOfCustody(world, batch));
  close([], 86_400_000);
  return { genesis: world.genesis, blocks: world.blocks, titles };
}

/** Registries, price reports, an anchor and a void, by those who may. */
function registrations(world: SampleChain): readonly Named[] {
  const { regulator, campus, treasury, plant, farmB, cafeteria, student, till, meter, reporter1, reporter2, reporter3 } = SAMPLE_KEYS;
  const device = new Uint8Array(16).fill(0x52);
  const reports: readonly (readonly [SampleKey, bigint])[] = [[reporter1, 590n], [reporter2, 640n], [reporter3, 700n]];
  return [
    ['the campus authority registers the student as a merchant', world.tx([campus], { case: 'registerMerchant', value: { account: student.address, name: 'Student shop', status: 1 } })],
    ['with a till', world.tx([campus], { case: 'registerTill', value: { tillNo: 2, merchant: student.address, publicKey: till.publicKey } })],
    ['and revokes it', world.tx([campus], { case: 'revokeTill', value: { tillNo: 2 } })],
    ['the regulator suspends farm B', world.tx([regulator], { case: 'registerFarm', value: { account: farmB.address, name: 'Farm B', status: 2 } })],
    ['gives the plant a new toll', world.tx([regulator], { case: 'registerPlant', value: { account: plant.address, name: 'Plant', status: 1, ceilingMl: 5_000_000n, tollBps: 5_000, bondBps: 500, profileHash: new Uint8Array(32).fill(7) } })],
    ['registers a device', world.tx([regulator], {
      case: 'registerDevice', value: { device, alg: 1, publicKey: meter.publicKey, owner: plant.address, site: utf8('plant-1'), fromMs: START_MS, untilMs: START_MS + YEAR_MS, calibration: new Uint8Array(16), calibratedUntilMs: START_MS + YEAR_MS },
    })],
    ['as a custody meter', world.tx([regulator], { case: 'registerMeter', value: { meter: device, plant: plant.address, total: 5n } })],
    ['and revokes it from the start', world.tx([regulator], { case: 'revokeDevice', value: { device, fromMs: START_MS } })],
    ...reports.map(([by, senPerBill]): Named => [`${by.label} reports ${senPerBill} sen`, world.tx([by], { case: 'reportPrice', value: { senPerBill } })]),
    ['the treasury anchors its log', world.tx([treasury], { case: 'anchor', value: { topic: 'audit', hash: new Uint8Array(32).fill(4) } })],
    ['the till takes an invoice of the cafeteria back', world.voidInvoice(world.invoice('nobody pays', 300n, 180n))],
    ['the cafeteria revokes its till, for a fee', world.tx([cafeteria], { case: 'revokeTill', value: { tillNo: 1 } }, { feeMl: 1n })],
  ];
}

/** A bond is raised, a batch held and released, written off for what spilt, and recalled. */
function endOfCustody(world: SampleChain, batch: Uint8Array): readonly Named[] {
  const { regulator, plant, university, farmA } = SAMPLE_KEYS;
  return [
    ['farm A gives the university 5 L', world.tx([farmA], { case: 'transfer', value: { to: university.address, amountMl: 5_000n } })],
    ['the plant raises its bond', world.tx([plant], { case: 'bondDeposit', value: { amountMl: 10_000n } })],
    ['and takes a part back', world.tx([plant], { case: 'bondWithdraw', value: { amountMl: 4_000n } })],
    ['the plant delegates to the university', world.tx([plant], { case: 'delegate', value: { validator: university.address, amountMl: 120_000n } })],
    ['and takes a part out', world.tx([plant], { case: 'undelegate', value: { validator: university.address, shares: 5_000n } })],
    ['the university stakes what farm A gave it', world.tx([university], { case: 'stake', value: { validator: university.address, amountMl: 3_000n } })],
    ['takes a part out', world.tx([university], { case: 'unstake', value: { validator: university.address, shares: 1_000n } })],
    ['asks for a commission', world.tx([university], { case: 'editValidator', value: { validator: university.address, name: 'University', commissionBps: 500 } })],
    ['and rejoins, though it never left: a fault', world.tx([university], { case: 'rejoin', value: { validator: university.address } })],
    ['the regulator holds the batch', world.tx([regulator], { case: 'holdBatch', value: { batch, held: 1 } })],
    ['and releases it', world.tx([regulator], { case: 'holdBatch', value: { batch, held: 0 } })],
    ['the plant writes the rest of it off', world.tx([plant], { case: 'writeOffBatch', value: { batch } })],
    ['the regulator recalls what was delivered', world.tx([regulator], { case: 'recallBatch', value: { batch } })],
  ];
}
