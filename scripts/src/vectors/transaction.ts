/**
 * Vectors of transactions: body bytes, id and whole bytes of each kind. The protobuf is written here field by field from
 * the table of SPEC §4–5 and signed by node:crypto, not by the code that is tested against it.
 */
import { createHash, createPrivateKey, sign } from 'node:crypto';

const SEED = 'billcoin transaction vectors 1';

type Bytes = Buffer;
interface Key {
  readonly seed: Bytes;
  readonly publicKey: Bytes;
  readonly address: Bytes;
  sign(message: Bytes): Bytes;
}
/** One field of the input as people read it: amounts as decimal text, bytes as hex. */
type Readable = Readonly<Record<string, unknown>>;
interface Case {
  readonly title: string;
  readonly signers: readonly string[];
  readonly envelope: Readable;
  readonly kind: string;
  readonly fields: Readable;
  readonly body: Bytes;
}

function draw(label: string, length: number): Bytes {
  return createHash('sha512').update(`${SEED} ${label}`).digest().subarray(0, length);
}

function sha256(...parts: readonly Bytes[]): Bytes {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function keyOf(label: string): Key {
  const seed = draw(label, 32);
  const key = createPrivateKey({ key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]), format: 'der', type: 'pkcs8' });
  const publicKey = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { seed, publicKey, address: sha256(Buffer.from('bill/address/1\0'), publicKey).subarray(0, 20), sign: (message) => sign(null, message, key) };
}

function varint(value: bigint): Bytes {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return Buffer.from([...out, Number(rest)]);
}

/** A number field; zero is absent. */
function num(no: number, value: bigint | number): Bytes {
  return BigInt(value) === 0n ? Buffer.alloc(0) : Buffer.concat([varint(BigInt(no << 3)), varint(BigInt(value))]);
}

/** A bytes or message field. */
function bin(no: number, ...parts: readonly Bytes[]): Bytes {
  const bytes = Buffer.concat(parts);
  return Buffer.concat([varint(BigInt((no << 3) | 2)), varint(BigInt(bytes.length)), bytes]);
}

const genesisHash = draw('genesis', 32);
const VALID_UNTIL_MS = 1_775_809_523_000;
const EXPIRES_AT_S = 1_775_808_923;
const hex = (bytes: Bytes): string => bytes.toString('hex');

function body(sender: Bytes, salt: Bytes | undefined, validUntilMs: number, feeMl: number, kindNo: number, ...kind: readonly Bytes[]): Bytes {
  return Buffer.concat([bin(1, genesisHash.subarray(0, 8)), bin(2, sender), salt === undefined ? Buffer.alloc(0) : bin(3, salt), num(4, validUntilMs), num(5, feeMl), bin(15 + kindNo, ...kind)]);
}

function salted(label: string, sender: Bytes, feeMl: number): { readonly envelope: Readable; readonly salt: Bytes } {
  const salt = draw(`${label} salt`, 8);
  return { salt, envelope: { sender: hex(sender), salt: hex(salt), validUntilMs: VALID_UNTIL_MS, feeMl: String(feeMl) } };
}

function invoice(till: Key): Bytes {
  const terms = Buffer.concat([Buffer.of(1), genesisHash.subarray(0, 2), Buffer.from('0000000c0000012c0000b4', 'hex'), draw('ref', 10), Buffer.from(EXPIRES_AT_S.toString(16), 'hex')]);
  return Buffer.concat([terms, till.sign(Buffer.concat([Buffer.from('bill/invoice/1\0'), genesisHash, terms]))]);
}

function transferCases(): Case[] {
  const { address } = keyOf('student');
  const to = keyOf('merchant').address;
  const reference = draw('reference', 16);
  const plain = salted('transfer', address, 1);
  const extreme = salted('large transfer', address, 1);
  return [
    { title: 'Transfer with a reference', signers: ['student'], envelope: plain.envelope, kind: 'transfer', fields: { to: hex(to), amountMl: '20000', reference: hex(reference) }, body: body(address, plain.salt, VALID_UNTIL_MS, 1, 1, bin(1, to), num(2, 20_000), bin(3, reference)) },
    { title: 'Transfer of the largest amount', signers: ['student'], envelope: extreme.envelope, kind: 'transfer', fields: { to: hex(to), amountMl: '9007199254740991' }, body: body(address, extreme.salt, VALID_UNTIL_MS, 1, 1, bin(1, to), num(2, 9_007_199_254_740_991n)) },
  ];
}

function payCases(): Case[] {
  const { address } = keyOf('student');
  const bytes = invoice(keyOf('till'));
  const couponId = draw('coupon', 32);
  const envelope = { sender: hex(address), validUntilMs: EXPIRES_AT_S * 1_000, feeMl: '0' };
  return [
    { title: 'Pay: salt and fee absent, time is the expiry of the invoice', signers: ['student'], envelope, kind: 'pay', fields: { invoice: hex(bytes) }, body: body(address, undefined, EXPIRES_AT_S * 1_000, 0, 2, bin(1, bytes)) },
    { title: 'Pay with a coupon', signers: ['student'], envelope, kind: 'pay', fields: { invoice: hex(bytes), couponId: hex(couponId) }, body: body(address, undefined, EXPIRES_AT_S * 1_000, 0, 2, bin(1, bytes), bin(2, couponId)) },
  ];
}

function tradeCases(): Case[] {
  const till = keyOf('till').address;
  const merchant = keyOf('merchant').address;
  const ref = draw('ref', 10);
  const batch = draw('batch', 32);
  const noteHash = draw('note', 32);
  const refund = salted('refund', till, 1);
  const redeem = salted('redeem', merchant, 1);
  return [
    { title: 'Refund by the till', signers: ['till'], envelope: refund.envelope, kind: 'refund', fields: { tillNo: 12, ref: hex(ref), amountMl: '300' }, body: body(till, refund.salt, VALID_UNTIL_MS, 1, 4, num(1, 12), bin(2, ref), num(3, 300)) },
    { title: 'Redeem, signed by holder and plant in order of their keys', signers: ['merchant', 'plant'], envelope: redeem.envelope, kind: 'redeem', fields: { batch: hex(batch), amountMl: '250000', noteHash: hex(noteHash) }, body: body(merchant, redeem.salt, VALID_UNTIL_MS, 1, 5, bin(1, batch), num(2, 250_000), bin(3, noteHash)) },
  ];
}

function milkCases(): Case[] {
  const plant = keyOf('plant').address;
  const oracle = keyOf('oracle').address;
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = [keyOf('farm 1').address, keyOf('farm 2').address].sort(Buffer.compare);
  const [lot, meter, manifestHash, batch, readingsRoot, profileHash] = [Buffer.from('L2026-04-10A'), draw('meter', 16), draw('manifest', 32), draw('batch', 32), draw('readings', 32), draw('profile', 32)];
  const expiresAtMs = 1_777_000_000_000;
  const open = salted('open', plant, 0);
  const minting = salted('attest', oracle, 0);
  const rejecting = salted('reject', oracle, 0);
  const statement = { batch: hex(batch), attempt: 1, readingsRoot: hex(readingsRoot), profileHash: hex(profileHash) };
  return [
    {
      title: 'OpenBatch with two farms, shares ascending', signers: ['plant'], envelope: open.envelope, kind: 'openBatch',
      fields: { lot: hex(lot), productionDate: 20_260_410, expiresAtMs, claimMl: '1000000', meter: hex(meter), totalFrom: '0', totalTo: '1000000', shares: [{ farm: hex(first), weightMl: '600000' }, { farm: hex(second), weightMl: '400000' }], manifestHash: hex(manifestHash), attempt: 1 },
      body: body(plant, open.salt, VALID_UNTIL_MS, 0, 6, bin(1, lot), num(2, 20_260_410), num(3, expiresAtMs), num(4, 1_000_000), bin(5, meter), num(6, 0), num(7, 1_000_000), bin(8, bin(1, first), num(2, 600_000)), bin(8, bin(1, second), num(2, 400_000)), bin(9, manifestHash), num(10, 1)),
    },
    { title: 'Attest a volume', signers: ['oracle'], envelope: minting.envelope, kind: 'attest', fields: { ...statement, volumeMl: '998500', reject: 0 }, body: body(oracle, minting.salt, VALID_UNTIL_MS, 0, 7, bin(1, batch), num(2, 1), num(3, 998_500), num(4, 0), bin(5, readingsRoot), bin(6, profileHash)) },
    { title: 'Attest a rejection by rule 4', signers: ['oracle'], envelope: rejecting.envelope, kind: 'attest', fields: { ...statement, volumeMl: '0', reject: 4 }, body: body(oracle, rejecting.salt, VALID_UNTIL_MS, 0, 7, bin(1, batch), num(2, 1), num(3, 0), num(4, 4), bin(5, readingsRoot), bin(6, profileHash)) },
  ];
}

/** One case of a kind with salt: its fields as people read them, and the bytes beside them. */
function plain(title: string, signer: string, kindNo: number, kind: string, fields: Readable, feeMl: number, ...bytes: readonly Bytes[]): Case {
  const { address } = keyOf(signer);
  const { envelope, salt } = salted(title, address, feeMl);
  return { title, signers: [signer], envelope, kind, fields, body: body(address, salt, VALID_UNTIL_MS, feeMl, kindNo, ...bytes) };
}

function voidCases(): Case[] {
  const till = keyOf('till');
  const bytes = invoice(till);
  const envelope = { sender: hex(till.address), validUntilMs: EXPIRES_AT_S * 1_000, feeMl: '1' };
  return [{ title: 'VoidInvoice: no salt, time is the expiry of the invoice, the merchant pays the fee', signers: ['till'], envelope, kind: 'voidInvoice', fields: { invoice: hex(bytes) }, body: body(till.address, undefined, EXPIRES_AT_S * 1_000, 1, 3, bin(1, bytes)) }];
}

const text = (no: number, value: string): Bytes => bin(no, Buffer.from(value));

function partyCases(): Case[] {
  const { address: merchant } = keyOf('merchant');
  const { address: farm } = keyOf('farm 1');
  const { address: plant } = keyOf('plant');
  const { publicKey } = keyOf('till');
  const profileHash = draw('profile', 32);
  const party = (account: Bytes, name: string, status: number): Readable => ({ account: hex(account), name, status });
  const partyBytes = (account: Bytes, name: string, status: number): readonly Bytes[] => [bin(1, account), text(2, name), num(3, status)];
  return [
    plain('RegisterMerchant', 'campus', 8, 'registerMerchant', party(merchant, 'Kafeteria Universiti', 1), 0, ...partyBytes(merchant, 'Kafeteria Universiti', 1)),
    plain('RegisterMerchant suspends', 'campus', 8, 'registerMerchant', party(merchant, 'Café Ω', 2), 0, ...partyBytes(merchant, 'Café Ω', 2)),
    plain('RegisterTill', 'campus', 9, 'registerTill', { tillNo: 12, merchant: hex(merchant), publicKey: hex(publicKey) }, 0, num(1, 12), bin(2, merchant), bin(3, publicKey)),
    plain('RevokeTill by the campus authority, free', 'campus', 10, 'revokeTill', { tillNo: 4_294_967_295 }, 0, num(1, 4_294_967_295)),
    plain('RevokeTill by the merchant, for a fee', 'merchant', 10, 'revokeTill', { tillNo: 12 }, 1, num(1, 12)),
    plain('RegisterFarm revokes', 'regulator', 11, 'registerFarm', party(farm, 'Ladang Satu', 3), 0, ...partyBytes(farm, 'Ladang Satu', 3)),
    plain('RegisterPlant', 'regulator', 12, 'registerPlant', { ...party(plant, 'Kilang', 1), ceilingMl: '20000000', tollBps: 5_333, bondBps: 1_000, profileHash: hex(profileHash) }, 0,
      ...partyBytes(plant, 'Kilang', 1), num(4, 20_000_000), num(5, 5_333), num(6, 1_000), bin(7, profileHash)),
  ];
}

function deviceCases(): Case[] {
  const [device, ed25519, calibration, owner] = [draw('device', 16), keyOf('device').publicKey, draw('calibration', 16), keyOf('plant').address];
  // Private key 1: its public key is the base point, SEC 2 §2.4.2, whose y is odd.
  const p256 = Buffer.from('036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296', 'hex');
  const [fromMs, untilMs, calibratedUntilMs] = [1_775_000_000_000, 1_806_536_000_000, 1_790_000_000_000];
  const fields = (alg: number, publicKey: Bytes): Readable => ({ device: hex(device), alg, publicKey: hex(publicKey), owner: hex(owner), site: hex(Buffer.from('plant-1')), fromMs, untilMs, calibration: hex(calibration), calibratedUntilMs });
  const bytes = (alg: number, publicKey: Bytes): readonly Bytes[] => [bin(1, device), num(2, alg), bin(3, publicKey), bin(4, owner), text(5, 'plant-1'), num(6, fromMs), num(7, untilMs), bin(8, calibration), num(9, calibratedUntilMs)];
  return [
    plain('RegisterDevice with an Ed25519 key', 'regulator', 13, 'registerDevice', fields(1, ed25519), 0, ...bytes(1, ed25519)),
    plain('RegisterDevice with a P-256 key', 'regulator', 13, 'registerDevice', fields(2, p256), 0, ...bytes(2, p256)),
    plain('RegisterMeter at a total of zero', 'regulator', 14, 'registerMeter', { meter: hex(device), plant: hex(owner), total: '0' }, 0, bin(1, device), bin(2, owner)),
    plain('RevokeDevice', 'regulator', 15, 'revokeDevice', { device: hex(device), fromMs: untilMs }, 0, bin(1, device), num(2, untilMs)),
  ];
}

function custodyCases(): Case[] {
  const batch = draw('batch', 32);
  const hash = draw('log head', 32);
  const validator = draw('validator', 20);
  return [
    plain('HoldBatch', 'regulator', 16, 'holdBatch', { batch: hex(batch), held: 1 }, 0, bin(1, batch), num(2, 1)),
    plain('HoldBatch releases', 'regulator', 16, 'holdBatch', { batch: hex(batch), held: 0 }, 0, bin(1, batch)),
    plain('RecallBatch', 'regulator', 17, 'recallBatch', { batch: hex(batch) }, 0, bin(1, batch)),
    plain('WriteOffBatch by the plant', 'plant', 18, 'writeOffBatch', { batch: hex(batch) }, 0, bin(1, batch)),
    plain('BondWithdraw', 'plant', 19, 'bondWithdraw', { amountMl: '100000' }, 1, num(1, 100_000)),
    plain('Stake', 'university', 20, 'stake', { validator: hex(validator), amountMl: '100000' }, 1, bin(1, validator), num(2, 100_000)),
    plain('Unstake', 'university', 21, 'unstake', { validator: hex(validator), shares: '1' }, 1, bin(1, validator), num(2, 1)),
    plain('Delegate', 'student', 22, 'delegate', { validator: hex(validator), amountMl: '1000' }, 1, bin(1, validator), num(2, 1_000)),
    plain('Undelegate', 'student', 23, 'undelegate', { validator: hex(validator), shares: '9007199254740991' }, 1, bin(1, validator), num(2, 9_007_199_254_740_991n)),
    plain('EditValidator without a commission', 'university', 24, 'editValidator', { validator: hex(validator), name: 'Universiti', commissionBps: 0 }, 1, bin(1, validator), text(2, 'Universiti')),
    plain('EditValidator', 'university', 24, 'editValidator', { validator: hex(validator), name: 'Universiti', commissionBps: 500 }, 1, bin(1, validator), text(2, 'Universiti'), num(3, 500)),
    plain('Rejoin', 'university', 25, 'rejoin', { validator: hex(validator) }, 1, bin(1, validator)),
    plain('ReportPrice', 'reporter', 27, 'reportPrice', { senPerBill: '612' }, 0, num(1, 612)),
    plain('Anchor', 'treasury', 44, 'anchor', { topic: 'audit', hash: hex(hash) }, 0, text(1, 'audit'), bin(2, hash)),
    plain('BondDeposit', 'plant', 45, 'bondDeposit', { amountMl: '9007199254740991' }, 1, num(1, 9_007_199_254_740_991n)),
  ];
}

function finished({ title, signers, envelope, kind, fields, body: bytes }: Case): object {
  const message = Buffer.concat([Buffer.from('bill/tx/1\0'), genesisHash, bytes]);
  const keys = signers.map(keyOf).sort((a, b) => Buffer.compare(a.publicKey, b.publicKey));
  const tx = Buffer.concat([bin(1, bytes), ...keys.map((key) => bin(2, bin(1, key.publicKey), bin(2, key.sign(message))))]);
  return {
    title,
    input: { genesisHash: hex(genesisHash), seeds: signers.map((name) => hex(keyOf(name).seed)), envelope, kind, fields },
    output: { body: hex(bytes), txHash: hex(sha256(Buffer.from('bill/tx-id/1\0'), genesisHash, bytes)), tx: hex(tx) },
  };
}

/** The JSON text of protocol/vectors/transaction.json; the same text on every run. */
export function makeTransactionVectors(): string {
  return `${JSON.stringify({
    title: 'Transactions',
    summary: 'Body bytes, id = SHA-256("bill/tx-id/1" || 00 || genesisHash || body) and whole Tx bytes, signed over "bill/tx/1" || 00 || genesisHash || body by the keys of the seeds, '
      + 'signatures ascending by public key. Bytes are hex, amounts decimal text.',
    seed: SEED,
    cases: [...transferCases(), ...payCases(), ...voidCases(), ...tradeCases(), ...milkCases(), ...partyCases(), ...deviceCases(), ...custodyCases()].map(finished),
  }, undefined, 2)}\n`;
}
