/** The SDK builds, signs and opens every published transaction byte for byte. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { fromHex, KINDS, toHex, verifyEd25519, type KindName, type Result, type Share } from '@billcoin/protocol';
import {
  addSignature, buildAnchor, buildAttest, buildBondDeposit, buildBondWithdraw, buildDelegate, buildEditValidator, buildRejoin, buildStake, buildUndelegate, buildUnstake, buildHoldBatch, buildOpenBatch, buildPay, buildRecallBatch, buildRedeem, buildRefund, buildRegisterDevice, buildRegisterFarm, buildRegisterMerchant,
  buildRegisterMeter, buildRegisterPlant, buildRegisterTill, buildReportPrice, buildRevokeDevice, buildRevokeTill, buildTransfer, buildVoidInvoice, buildWriteOffBatch, decodeTransaction, encodeTransaction, keyFromSeed,
  txSigningBytes, type TxDraft,
} from '../../src/index.ts';

interface Case {
  readonly title: string;
  readonly input: { readonly genesisHash: string; readonly seeds: readonly string[]; readonly envelope: Readonly<Record<string, string | number>>; readonly kind: KindName; readonly fields: Readonly<Record<string, unknown>> };
  readonly output: { readonly body: string; readonly txHash: string; readonly tx: string };
}

const { cases } = JSON.parse(readFileSync(new URL('../../../protocol/vectors/transaction.json', import.meta.url), 'utf8')) as { cases: Case[] };

const bytes = (text: unknown): Uint8Array => fromHex(text as string) as Uint8Array;

function valueOf<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.fault.code);
  return result.value;
}

/** The fields of a vector by their type. */
class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields;
  }
  bytes = (name: string): Uint8Array => bytes(this.#fields[name]);
  amount = (name: string): bigint => BigInt(this.#fields[name] as string);
  number = (name: string): number => this.#fields[name] as number;
  text = (name: string): string => this.#fields[name] as string;
  has = (name: string): boolean => this.#fields[name] !== undefined;
  list = (name: string): readonly Readonly<Record<string, string>>[] => this.#fields[name] as readonly Readonly<Record<string, string>>[];
}

interface Common {
  readonly genesisHash: Uint8Array;
  readonly validUntilMs: number;
  readonly salt: Uint8Array;
  readonly feeMl: bigint;
}

type Build = (f: Fields, sender: Uint8Array, common: Common) => TxDraft;
const party = (f: Fields) => ({ account: f.bytes('account'), name: f.text('name'), status: f.number('status') });

const BUILD: Readonly<Record<KindName, Build>> = {
  transfer: (f, sender, common) => buildTransfer({ ...common, sender, to: f.bytes('to'), amountMl: f.amount('amountMl'), ...(f.has('reference') ? { reference: f.bytes('reference') } : {}) }),
  pay: (f, payer, { genesisHash }) => valueOf(buildPay({ genesisHash, payer, invoice: f.bytes('invoice'), ...(f.has('couponId') ? { couponId: f.bytes('couponId') } : {}) })),
  voidInvoice: (f, till, { genesisHash }) => valueOf(buildVoidInvoice({ genesisHash, till, invoice: f.bytes('invoice') })),
  refund: (f, sender, common) => buildRefund({ ...common, sender, tillNo: f.number('tillNo'), ref: f.bytes('ref'), amountMl: f.amount('amountMl') }),
  redeem: (f, holder, common) => buildRedeem({ ...common, holder, batch: f.bytes('batch'), amountMl: f.amount('amountMl'), noteHash: f.bytes('noteHash') }),
  openBatch: (f, plant, common) => buildOpenBatch({
    ...common, plant, lot: f.bytes('lot'), productionDate: f.number('productionDate'), expiresAtMs: f.number('expiresAtMs'), claimMl: f.amount('claimMl'), meter: f.bytes('meter'), totalFrom: f.amount('totalFrom'),
    totalTo: f.amount('totalTo'), shares: f.list('shares').map(({ farm, weightMl }): Share => ({ farm: bytes(farm), weightMl: BigInt(weightMl ?? '') })).reverse(), manifestHash: f.bytes('manifestHash'), attempt: f.number('attempt'),
  }),
  attest: (f, oracle, common) => buildAttest({
    ...common, oracle, batch: f.bytes('batch'), attempt: f.number('attempt'), volumeMl: f.amount('volumeMl'), reject: f.number('reject'), readingsRoot: f.bytes('readingsRoot'), profileHash: f.bytes('profileHash'),
  }),
  registerMerchant: (f, authority, common) => buildRegisterMerchant({ ...common, authority, ...party(f) }),
  registerTill: (f, authority, common) => buildRegisterTill({ ...common, authority, tillNo: f.number('tillNo'), merchant: f.bytes('merchant'), publicKey: f.bytes('publicKey') }),
  revokeTill: (f, sender, common) => buildRevokeTill({ ...common, sender, tillNo: f.number('tillNo') }),
  registerFarm: (f, authority, common) => buildRegisterFarm({ ...common, authority, ...party(f) }),
  registerPlant: (f, authority, common) => buildRegisterPlant({
    ...common, authority, ...party(f), ceilingMl: f.amount('ceilingMl'), tollBps: f.number('tollBps'), bondBps: f.number('bondBps'), profileHash: f.bytes('profileHash'),
  }),
  registerDevice: (f, authority, common) => buildRegisterDevice({
    ...common, authority, device: f.bytes('device'), alg: f.number('alg'), publicKey: f.bytes('publicKey'), owner: f.bytes('owner'), site: f.bytes('site'), fromMs: f.number('fromMs'), untilMs: f.number('untilMs'),
    calibration: f.bytes('calibration'), calibratedUntilMs: f.number('calibratedUntilMs'),
  }),
  registerMeter: (f, authority, common) => buildRegisterMeter({ ...common, authority, meter: f.bytes('meter'), plant: f.bytes('plant'), total: f.amount('total') }),
  revokeDevice: (f, authority, common) => buildRevokeDevice({ ...common, authority, device: f.bytes('device'), fromMs: f.number('fromMs') }),
  holdBatch: (f, authority, common) => buildHoldBatch({ ...common, authority, batch: f.bytes('batch'), held: f.number('held') === 1 }),
  recallBatch: (f, authority, common) => buildRecallBatch({ ...common, authority, batch: f.bytes('batch') }),
  writeOffBatch: (f, authority, common) => buildWriteOffBatch({ ...common, authority, batch: f.bytes('batch') }),
  bondWithdraw: (f, plant, common) => buildBondWithdraw({ ...common, plant, amountMl: f.amount('amountMl') }),
  stake: (f, sender, common) => buildStake({ ...common, sender, validator: f.bytes('validator'), amountMl: f.amount('amountMl') }),
  unstake: (f, sender, common) => buildUnstake({ ...common, sender, validator: f.bytes('validator'), shares: f.amount('shares') }),
  delegate: (f, sender, common) => buildDelegate({ ...common, sender, validator: f.bytes('validator'), amountMl: f.amount('amountMl') }),
  undelegate: (f, sender, common) => buildUndelegate({ ...common, sender, validator: f.bytes('validator'), shares: f.amount('shares') }),
  editValidator: (f, sender, common) => buildEditValidator({ ...common, sender, validator: f.bytes('validator'), name: f.text('name'), commissionBps: f.number('commissionBps') }),
  rejoin: (f, sender, common) => buildRejoin({ ...common, sender, validator: f.bytes('validator') }),
  reportPrice: (f, reporter, common) => buildReportPrice({ ...common, reporter, senPerBill: f.amount('senPerBill') }),
  anchor: (f, authority, common) => buildAnchor({ ...common, authority, topic: f.text('topic'), hash: f.bytes('hash') }),
  bondDeposit: (f, plant, common) => buildBondDeposit({ ...common, plant, amountMl: f.amount('amountMl') }),
};

/** The draft of a vector's input. */
function build({ genesisHash, envelope, kind, fields }: Case['input']): TxDraft {
  const common = { genesisHash: bytes(genesisHash), validUntilMs: envelope['validUntilMs'] as number, salt: bytes(envelope['salt'] ?? ''), feeMl: BigInt(envelope['feeMl'] as string) };
  return BUILD[kind](new Fields(fields), bytes(envelope['sender']), common);
}

t.test('every vector is built, signed and opened byte for byte', (t) => {
  t.same([...new Set(cases.map(({ input }) => input.kind))].sort(), Object.keys(KINDS).sort(), 'there is one of every kind');
  for (const { title, input, output } of cases) {
    const draft = build(input);
    t.equal(toHex(draft.body), output.body, `${title}: body`);
    t.equal(draft.txHash, output.txHash, `${title}: id`);
    const keys = input.seeds.map((seed) => keyFromSeed(bytes(seed)));
    const inOrder = keys.reduce(addSignature, draft);
    const reversed = [...keys].reverse().reduce(addSignature, draft);
    t.equal(toHex(encodeTransaction(inOrder)), output.tx, `${title}: whole bytes`);
    t.equal(toHex(encodeTransaction(reversed)), output.tx, `${title}: whoever signs first`);
    const opened = decodeTransaction(draft.genesisHash, bytes(output.tx));
    t.ok(opened.ok && opened.value.body.kind.case === input.kind && opened.value.draft.txHash === output.txHash, `${title}: opens`);
    for (const { publicKey, signature } of inOrder.sigs) t.ok(verifyEd25519(publicKey, txSigningBytes(draft), signature), `${title}: signature verifies`);
  }
  t.end();
});
