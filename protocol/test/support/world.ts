/** A small world for ledger tests: keys, a genesis with every registry, a chain, and builders of signed transactions. */
import { createPrivateKey, createPublicKey, sign as cryptoSign, verify as cryptoVerify, type KeyObject } from 'node:crypto';
import {
  addressOf, batchKeyOf, buildBlock, applyBlock, chainTag, commitBlock, compareBytes, concat, DEFAULT_PARAMS, ed25519PublicKey, encode, formatAddress, genesisStateRoot, gentxBytes, loadGenesis, genesisTip, kindOf, makeChain,
  makeSchedule, parseTx, prettyCanonicalJson, proposerAt, signInvoice, signingBytes, StateTree, stateRows, strictVerifier, taggedHash, toHex, Tx, TxBody, u32be, utf8, verifyEd25519, equalBytes, txIdOf,
  type Certificate, type Chain, type Executed, type FaultCode, type Genesis, type GenesisSpec, type Json, type Millilitres, type ParsedTx, type Tip, type Verifier,
} from '../../src/index.ts';
import { BlockDraft } from '../../src/ledger/executeBlock.ts';
import { makeCertificate } from '../../src/consensus/certificate.ts';
import { makeValidatorSet } from '../../src/consensus/validators.ts';
import { votePreimage } from '../../src/consensus/bodies.ts';

export interface Key {
  readonly seed: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly address: Uint8Array;
}

/** A key from a label: the same in every run. */
export function keyOf(label: string): Key {
  const seed = taggedHash('bill/audit/1', utf8(`test ${label}`));
  const publicKey = ed25519PublicKey(seed);
  return { seed, publicKey, address: addressOf(publicKey) };
}

export const START_MS = 1_780_000_000_000;
export const PROFILE_HASH = taggedHash('bill/profile/1', utf8('test'));
export const METER = new Uint8Array(16).fill(0x51);
const { ACTIVE } = stateRows;

export const KEYS = {
  validator: keyOf('validator'), regulator: keyOf('regulator'), campus: keyOf('campus'), treasury: keyOf('treasury'), plant: keyOf('plant'), farmA: keyOf('farm a'), farmB: keyOf('farm b'),
  cafeteria: keyOf('cafeteria'), kiosk: keyOf('kiosk'), till1: keyOf('till 1'), till2: keyOf('till 2'), till3: keyOf('till 3'), vet: keyOf('vet'),
  oracles: [keyOf('oracle 1'), keyOf('oracle 2'), keyOf('oracle 3'), keyOf('oracle 4')],
  reporters: [keyOf('reporter 1'), keyOf('reporter 2'), keyOf('reporter 3'), keyOf('reporter 4')],
} as const;

type Overrides = {
  readonly params?: Partial<GenesisSpec['params']>; readonly tollBps?: number; readonly bondBps?: number; readonly ceilingMl?: bigint; readonly oracles?: number; readonly roles?: GenesisSpec['roles'];
  /** The first validator set, and institutions that are admitted besides; each key is its account's too. */
  readonly validators?: readonly Key[]; readonly admitted?: readonly Key[];
};

export function specOf(overrides: Overrides = {}): GenesisSpec {
  const { plant, farmA, farmB, cafeteria, kiosk } = KEYS;
  const network = 'bill-test';
  const institution = (key: Key, active: boolean) => {
    const entry = { name: 'Uni', publicKey: key.publicKey, account: key.address, active };
    return { ...entry, status: ACTIVE, proof: signFast(key.seed, gentxBytes(network, entry)) };
  };
  const first = overrides.validators ?? [KEYS.validator];
  const till = (tillNo: number, key: Key, merchant: Key) => ({ tillNo, merchant: merchant.address, publicKey: key.publicKey, status: ACTIVE, day: 0, refundedMl: 0n });
  const spec: GenesisSpec = {
    network, timeMs: START_MS, params: { ...DEFAULT_PARAMS, ...overrides.params }, priceSenPerBill: 600n,
    roles: overrides.roles ?? { regulator: KEYS.regulator.address, campusAuthority: KEYS.campus.address, treasury: KEYS.treasury.address },
    validators: [...first.map((key) => institution(key, true)), ...(overrides.admitted ?? []).map((key) => institution(key, false))],
    checkpointKeys: [KEYS.validator.publicKey],
    merchants: [{ account: cafeteria.address, name: 'Cafeteria', status: ACTIVE }, { account: kiosk.address, name: 'Kiosk', status: ACTIVE }],
    tills: [till(1, KEYS.till1, cafeteria), till(2, KEYS.till2, cafeteria), till(3, KEYS.till3, kiosk)],
    farms: [{ account: farmA.address, name: 'Farm A', status: ACTIVE }, { account: farmB.address, name: 'Farm B', status: ACTIVE }],
    plants: [{
      account: plant.address, name: 'Plant', status: ACTIVE, ceilingMl: overrides.ceilingMl ?? 100_000_000n, tollBps: overrides.tollBps ?? 5_333, bondBps: overrides.bondBps ?? 1_000,
      profileHash: PROFILE_HASH, bondMl: 0n, owedMl: 0n, availableMl: 0n, openBatches: 0, day: 0, mintedMl: 0n, heldMl: 0n,
    }],
    devices: [{
      device: METER, alg: 1, publicKey: keyOf('meter').publicKey, owner: plant.address, site: utf8('plant-1'), fromMs: START_MS, untilMs: START_MS + 10 ** 10, calibration: new Uint8Array(16), calibratedUntilMs: START_MS + 10 ** 10, status: ACTIVE,
    }],
    meters: [{ meter: METER, plant: plant.address, total: 0n, opened: 0n }],
    oracles: KEYS.oracles.slice(0, overrides.oracles ?? 4).map((key, index) => ({ publicKey: key.publicKey, name: `Oracle ${index + 1}`, status: ACTIVE })),
    reporters: KEYS.reporters.map((key, index) => ({ account: key.address, name: `Reporter ${index + 1}`, status: ACTIVE })),
    stateRoot: new Uint8Array(32),
  };
  return { ...spec, stateRoot: genesisStateRoot(spec) };
}

export function genesisJson(spec: GenesisSpec): Json {
  const address = formatAddress;
  const params = Object.fromEntries(Object.entries(spec.params).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value])) as Json;
  return {
    format: 1, network: spec.network, timeMs: spec.timeMs, params, priceSenPerBill: spec.priceSenPerBill.toString(),
    roles: { regulator: address(spec.roles.regulator), campusAuthority: address(spec.roles.campusAuthority), treasury: address(spec.roles.treasury) },
    validators: spec.validators.map((v) => ({ name: v.name, publicKey: toHex(v.publicKey), account: address(v.account), active: v.active, proof: toHex(v.proof) })),
    checkpointKeys: spec.checkpointKeys.map((key) => ({ publicKey: toHex(key) })),
    merchants: spec.merchants.map((m) => ({ account: address(m.account), name: m.name })),
    tills: spec.tills.map((m) => ({ tillNo: m.tillNo, merchant: address(m.merchant), publicKey: toHex(m.publicKey) })),
    farms: spec.farms.map((m) => ({ account: address(m.account), name: m.name })),
    plants: spec.plants.map((p) => ({ account: address(p.account), name: p.name, ceilingMl: p.ceilingMl.toString(), tollBps: p.tollBps, bondBps: p.bondBps, profileHash: toHex(p.profileHash) })),
    devices: spec.devices.map((d) => ({
      device: toHex(d.device), alg: d.alg, publicKey: toHex(d.publicKey), owner: address(d.owner), site: String.fromCharCode(...d.site), fromMs: d.fromMs, untilMs: d.untilMs, calibration: toHex(d.calibration), calibratedUntilMs: d.calibratedUntilMs,
    })),
    meters: spec.meters.map((m) => ({ meter: toHex(m.meter), plant: address(m.plant), total: m.total.toString() })),
    oracles: spec.oracles.map((o) => ({ publicKey: toHex(o.publicKey), name: o.name })),
    reporters: spec.reporters.map((r) => ({ account: address(r.account), name: r.name })),
    stateRoot: toHex(spec.stateRoot),
  };
}

/**
 * OpenSSL behind the strict pre-checks: the same verdicts as the portable path (lib/signature.test.ts runs the grid on
 * both) at thirty times its speed, which is what long histories need.
 */
const pkcs8 = (seed: Uint8Array): Buffer => Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
const privateKeys = new Map<string, KeyObject>();
export function signFast(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const id = toHex(seed);
  const key = privateKeys.get(id) ?? createPrivateKey({ key: pkcs8(seed), format: 'der', type: 'pkcs8' });
  privateKeys.set(id, key);
  return new Uint8Array(cryptoSign(null, message, key));
}
const publicKeys = new Map<string, KeyObject>();
export const verifyFast = strictVerifier((publicKey, message, signature) => {
  const id = toHex(publicKey);
  const key = publicKeys.get(id) ?? createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }, format: 'jwk' });
  publicKeys.set(id, key);
  return cryptoVerify(null, message, key, signature);
});

/** Signatures were checked once here; blocks are executed twice (built and applied), so remember the verdicts. */
function rememberingVerifier(): Verifier {
  const known = new Map<string, boolean>();
  return (publicKey, message, signature) => {
    const key = toHex(concat(publicKey, signature)) + toHex(taggedHash('bill/audit/1', message));
    const before = known.get(key);
    if (before !== undefined) return before;
    const verdict = verifyFast(publicKey, message, signature);
    known.set(key, verdict);
    return verdict;
  };
}

type Kind = TxBody['kind'];

function invoiceExpiryMs(invoice: Uint8Array): number {
  return new DataView(invoice.buffer, invoice.byteOffset).getUint32(24) * 1_000;
}

export class World {
  readonly genesis: Genesis;
  readonly chain: Chain;
  tip: Tip;
  /** Every block so far, for a node that sees blocks only. */
  readonly made: { readonly bytes: Uint8Array; readonly certificate: Uint8Array; readonly executed: Executed }[] = [];
  readonly #institutions: readonly Key[];
  #salt = 0;

  constructor(overrides: Overrides = {}) {
    const loaded = loadGenesis(prettyCanonicalJson(genesisJson(specOf(overrides))), verifyEd25519);
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.fault));
    this.genesis = loaded.value;
    this.#institutions = [...(overrides.validators ?? [KEYS.validator]), ...(overrides.admitted ?? [])];
    this.chain = makeChain(this.genesis, rememberingVerifier(), new StateTree());
    this.tip = genesisTip(this.chain, this.genesis);
  }

  get timeMs(): number {
    return this.tip.timeMs;
  }

  body(sender: Uint8Array, kind: Kind, over: Partial<TxBody> = {}): TxBody {
    this.#salt += 1;
    const { fee } = kindOf(kind.case);
    const feeMl = fee === 'sender' || (fee === 'merchant' && kind.case !== 'revokeTill') ? this.genesis.spec.params.minFeeMl : 0n;
    return { chainTag: chainTag(this.genesis.genesisHash), sender, salt: concat(new Uint8Array(4), u32be(this.#salt)), validUntilMs: this.tip.timeMs + 600_000, feeMl, policies: [], kind, ...over };
  }

  sign(body: TxBody, ...signers: readonly Key[]): Uint8Array {
    const bytes = encode(TxBody, body);
    const message = signingBytes('bill/tx/1', this.genesis.genesisHash, bytes);
    const sigs = signers.map((key) => ({ publicKey: key.publicKey, signature: signFast(key.seed, message) })).sort((a, b) => compareBytes(a.publicKey, b.publicKey));
    return encode(Tx, { body: bytes, sigs });
  }

  tx(signer: Key, kind: Kind, over: Partial<TxBody> = {}, cosigners: readonly Key[] = []): Uint8Array {
    return this.sign(this.body(signer.address, kind, over), signer, ...cosigners);
  }

  transfer(from: Key, to: Uint8Array, amountMl: Millilitres): Uint8Array {
    return this.tx(from, { case: 'transfer', value: { to, amountMl } });
  }

  invoice(till: Key, tillNo: number, amountMl: Millilitres, sen: bigint, label: string, expiresInS = 120): Uint8Array {
    const ref = taggedHash('bill/order/1', utf8(label)).slice(0, 10);
    const expiresAtS = Math.floor(this.tip.timeMs / 1_000) + expiresInS;
    return signInvoice({ tillNo, amountMl, sen, ref, expiresAtS }, this.genesis.genesisHash, till.seed);
  }

  pay(payer: Key, invoice: Uint8Array, couponId?: Uint8Array): Uint8Array {
    return this.tx(payer, { case: 'pay', value: { invoice, couponId } }, { salt: undefined, validUntilMs: invoiceExpiryMs(invoice) });
  }

  /** The till takes an invoice back. */
  voidInvoice(till: Key, invoice: Uint8Array, over: Partial<TxBody> = {}): Uint8Array {
    return this.tx(till, { case: 'voidInvoice', value: { invoice } }, { salt: undefined, validUntilMs: invoiceExpiryMs(invoice), ...over });
  }

  openBatch(over: Partial<Extract<Kind, { case: 'openBatch' }>['value']> = {}): Uint8Array {
    return this.tx(KEYS.plant, { case: 'openBatch', value: this.batchValue(over) });
  }

  batchValue(over: Partial<Extract<Kind, { case: 'openBatch' }>['value']> = {}): Extract<Kind, { case: 'openBatch' }>['value'] {
    const shares = [{ farm: KEYS.farmA.address, weightMl: 1n }];
    return { lot: utf8('LOT-1'), productionDate: 20_260_528, expiresAtMs: this.tip.timeMs + 9 * 86_400_000, claimMl: 1_000_000n, meter: METER, totalFrom: 0n, totalTo: 1_000_000n, shares, manifestHash: new Uint8Array(32), attempt: 1, ...over };
  }

  batchKey(lot = 'LOT-1', productionDate = 20_260_528): Uint8Array {
    return batchKeyOf(KEYS.plant.address, utf8(lot), productionDate);
  }

  attest(oracle: Key, batch: Uint8Array, volumeMl: Millilitres, over: { attempt?: number; reject?: number; readingsRoot?: Uint8Array; profileHash?: Uint8Array } = {}): Uint8Array {
    const value = { batch, attempt: 1, volumeMl, reject: 0, readingsRoot: new Uint8Array(32).fill(7), profileHash: PROFILE_HASH, ...over };
    return this.tx(oracle, { case: 'attest', value });
  }

  parse(bytes: Uint8Array): ParsedTx {
    const parsed = parseTx(this.chain, bytes);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.fault, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value)));
    return parsed.value;
  }

  /**
   * Builds a block of these transactions, applies it as a peer would and commits it; those the gate refuses are left out, and so is evidence
   * that proves nothing.
   * @param absent institutions that do not sign it
   */
  block(txs: readonly Uint8Array[], afterMs = 1_000, more: { readonly evidence?: readonly Uint8Array[]; readonly absent?: readonly Key[] } = {}): Executed {
    const timeMs = this.tip.timeMs + afterMs;
    const built = buildBlock(this.chain, this.tip, txs.map((bytes) => this.parse(bytes)), timeMs, { ...this.turn(), evidence: more.evidence });
    this.chain.tree.release(built.treeVersion);
    const applied = applyBlock(this.chain, this.tip, built.blockBytes);
    if (!applied.ok) throw new Error(JSON.stringify(applied.fault));
    this.tip = commitBlock(this.chain, this.tip, applied.value, this.certificate(applied.value, more.absent));
    this.made.push({ bytes: applied.value.blockBytes, certificate: this.tip.certificateBytes ?? new Uint8Array(0), executed: applied.value });
    return applied.value;
  }

  /** Whose turn it is in round 0 of the next block. */
  turn(): { readonly proposerIndex: number; readonly round: number } {
    return { proposerIndex: proposerAt(makeSchedule(this.tip.validators, this.tip.validatorsSince), this.tip.height + 1, 0), round: 0 };
  }

  /** What the next block would say to each of these, in order: undefined where it takes one. */
  refusalsOf(txs: readonly Uint8Array[]): readonly (FaultCode | undefined)[] {
    const block = new BlockDraft(this.chain, this.tip, this.tip.timeMs + 1_000);
    return txs.map((bytes) => block.add(this.parse(bytes))?.code);
  }

  /** The commit of the next block by the validators whose turn it is to vote. */
  certificate(executed: Executed, absent: readonly Key[] = []): Certificate {
    return commitCertificate(this.genesis.genesisHash, this.#institutions.filter((key) => !absent.includes(key)), executed, this.tip.validators);
  }

  /** Opens and mints a batch of `volumeMl` in one block. */
  mint(volumeMl: Millilitres, lot = 'LOT-1', totalFrom = 0n): void {
    const batch = this.batchKey(lot);
    this.block([this.openBatch({ lot: utf8(lot), claimMl: volumeMl, totalFrom, totalTo: totalFrom + volumeMl }), ...KEYS.oracles.slice(0, 3).map((oracle) => this.attest(oracle, batch, volumeMl))]);
  }

  txId(bytes: Uint8Array): Uint8Array {
    return txIdOf(this.genesis.genesisHash, this.parse(bytes).tx.body);
  }
}

/** The commit certificate of a block by these validators (a set of one in most tests), made and checked like a real one. */
export function commitCertificate(genesisHash: Uint8Array, signers: readonly Key[], executed: Executed, set = makeValidatorSet(signers.map((key) => ({ publicKey: key.publicKey, power: 1 })))): Certificate {
  const vote = { type: 'precommit', height: executed.header.height, round: executed.header.round, blockId: toHex(executed.blockId) } as const;
  const message = votePreimage(genesisHash, vote);
  const votes = set.validators.map((validator, validatorIndex) => {
    const key = signers.find((candidate) => equalBytes(candidate.publicKey, validator.publicKey));
    return key === undefined ? undefined : { ...vote, validatorIndex, signature: signFast(key.seed, message) };
  });
  const certificate = makeCertificate(set, vote, votes);
  if (certificate === undefined) throw new Error('too few sign: there is no quorum');
  return certificate;
}
