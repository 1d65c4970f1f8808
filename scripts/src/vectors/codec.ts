/**
 * Vectors of the wire: values and their one encoding, and bytes that a general protobuf reader takes but this protocol
 * refuses. The bytes are put together here by hand from the .proto files.
 */
import { bytesField, numberField, varint, type Bytes } from './wireBytes.ts';

interface Case {
  readonly title: string;
  readonly input: { readonly message: string; readonly bytes: string };
  readonly output: object;
}

const fill = (length: number, byte: number): Bytes => Buffer.alloc(length, byte);
const hex = (bytes: Bytes): string => bytes.toString('hex');
const text = (value: string): Bytes => Buffer.from(value, 'utf8');

function good(title: string, message: string, value: object, ...fields: readonly Bytes[]): Case {
  return { title, input: { message, bytes: hex(Buffer.concat(fields)) }, output: { value } };
}

function bad(title: string, message: string, path: string, ...fields: readonly Bytes[]): Case {
  return { title, input: { message, bytes: hex(Buffer.concat(fields)) }, output: { code: 'malformed', path } };
}

const to = fill(20, 0xa1);
const TRANSFER = { to: hex(to), amountMl: '300' };
const transferTo = bytesField(1, to);
const transferAmount = numberField(2, 300);

function wholeMessages(): readonly Case[] {
  const [hash, key, signature] = [fill(32, 0xb2), fill(32, 0xc3), fill(64, 0xd4)];
  const transfer = Buffer.concat([transferTo, transferAmount]);
  const envelope = [bytesField(1, fill(8, 0x11)), bytesField(2, fill(20, 0x22)), bytesField(3, fill(8, 0x33)), numberField(4, 1_780_000_000_000), numberField(5, 1)];
  const body = { chainTag: '11'.repeat(8), sender: '22'.repeat(20), salt: '33'.repeat(8), validUntilMs: 1_780_000_000_000, feeMl: '1', policies: [] };
  return [
    good('a transfer', 'bill.tx.Transfer', TRANSFER, transfer),
    good('a transfer with a reference', 'bill.tx.Transfer', { ...TRANSFER, reference: '09'.repeat(16) }, transfer, bytesField(3, fill(16, 9))),
    good('the largest amount', 'bill.tx.Transfer', { to: hex(to), amountMl: '9007199254740991' }, transferTo, numberField(2, 2n ** 53n - 1n)),
    good('a transaction', 'bill.tx.Tx', { body: '0102', sigs: [{ publicKey: hex(key), signature: hex(signature) }] }, bytesField(1, Buffer.of(1, 2)), bytesField(2, bytesField(1, key), bytesField(2, signature))),
    good('a body with its kind', 'bill.tx.TxBody', { ...body, kind: { case: 'transfer', value: TRANSFER } }, ...envelope, bytesField(16, transfer)),
    good('a result without a fault: code 0 is absent', 'bill.tx.TxResult', { txId: hex(hash), code: 0, eventsHash: hex(hash) }, bytesField(1, hash), bytesField(3, hash)),
    good('a result with a fault', 'bill.tx.TxResult', { txId: hex(hash), code: 9, eventsHash: hex(hash) }, bytesField(1, hash), numberField(2, 9), bytesField(3, hash)),
    good('an empty list is nothing', 'bill.tx.Events', { events: [] }),
    good('events in a list', 'bill.tx.Events', { events: [{ event: { case: 'oracleRevoked', value: { oracle: hex(to) } } }] }, bytesField(1, bytesField(13, bytesField(1, to)))),
    good('a name beyond ASCII', 'bill.state.MerchantRow', { account: hex(to), name: 'Kafé 牛乳 🥛', status: 1 }, bytesField(1, to), bytesField(2, text('Kafé 牛乳 🥛')), numberField(3, 1)),
    good('a row of zeros is empty', 'bill.state.SupplyRow', { supplyMl: '0', owedMl: '0' }),
    good('a vote for NIL: absence is not 32 zero bytes', 'bill.consensus.VoteBody', { type: 1, height: 7, round: 0 }, numberField(1, 1), numberField(2, 7)),
    good('a proposal without proof of lock: −1 is 1 in zigzag', 'bill.consensus.ProposalBody', { height: 7, round: 2, polRound: -1, blockId: hex(hash) }, numberField(1, 7), numberField(2, 2), numberField(3, 1), bytesField(4, hash)),
    good('packed numbers', 'bill.reading.Result', { seq: 5, verdict: 1, rules: [1, 14, 99] }, numberField(1, 5), numberField(2, 1), bytesField(3, Buffer.of(1, 14, 99))),
    good('an optional zero is written', 'bill.reading.Tank', { lot: '4c31', levelMl: 0, tempMc: -500, stirred: 0 }, bytesField(1, text('L1')), numberField(3, 999), numberField(4, 0)),
    good('a member of a oneof at zero is written', 'bill.reading.CommandBody', { chainTag: '11'.repeat(8), device: '44'.repeat(16), number: 1, what: { case: 'resendFromSeq', value: 0 } }, bytesField(1, fill(8, 0x11)), bytesField(2, fill(16, 0x44)), numberField(3, 1), numberField(4, 0)),
  ];
}

function refusals(): readonly Case[] {
  const transfer = 'bill.tx.Transfer';
  const merchant = 'bill.state.MerchantRow';
  const result = 'bill.reading.Result';
  const named = (title: string, name: Bytes): Case => bad(title, merchant, 'MerchantRow.name', bytesField(1, to), bytesField(2, name), numberField(3, 1));
  return [
    bad('nothing at all', transfer, 'Transfer.to'),
    bad('a needed field is missing', transfer, 'Transfer.amountMl', transferTo),
    bad('an unknown field', transfer, 'Transfer.field 4', transferTo, transferAmount, numberField(4, 1)),
    bad('a field number above 2^29', transfer, 'Transfer.field 536870913', transferTo, transferAmount, varint((2 ** 29 + 1) * 8), Buffer.of(1)),
    bad('a field twice', transfer, 'Transfer.amountMl', transferTo, transferAmount, transferAmount),
    bad('fields out of order', transfer, 'Transfer.to', transferAmount, transferTo),
    bad('another wire type', transfer, 'Transfer.amountMl', transferTo, bytesField(2, Buffer.of(1))),
    bad('a byte after the end', transfer, 'Transfer.field 0', transferTo, transferAmount, Buffer.of(0)),
    bad('cut off in a value', transfer, 'Transfer.to', transferTo.subarray(0, 10)),
    bad('cut off in a number', transfer, 'Transfer.amountMl', transferTo, transferAmount.subarray(0, 2)),
    bad('an address of 19 bytes', transfer, 'Transfer.to', bytesField(1, fill(19, 0xa1)), transferAmount),
    bad('an address of 21 bytes', transfer, 'Transfer.to', bytesField(1, fill(21, 0xa1)), transferAmount),
    bad('a length that is not there', transfer, 'Transfer.to', Buffer.of(0x0a), varint(2n ** 40n)),
    bad('an amount of zero', transfer, 'Transfer.amountMl', transferTo, numberField(2, 0)),
    bad('an amount of 2^53', transfer, 'Transfer.amountMl', transferTo, numberField(2, 2n ** 53n)),
    bad('an amount of 2^64 − 1', transfer, 'Transfer.amountMl', transferTo, numberField(2, 2n ** 64n - 1n)),
    bad('an overlong varint', transfer, 'Transfer.amountMl', transferTo, Buffer.of(0x10, 0xac, 0x82, 0x00)),
    bad('a varint whose 65th bit a 64-bit reader drops', transfer, 'Transfer.amountMl', transferTo, Buffer.of(0x10, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02)),
    bad('an overlong length', transfer, 'Transfer.to', Buffer.of(0x0a, 0x94, 0x00), to, transferAmount),
    bad('an overlong tag', transfer, 'Transfer', transferTo, Buffer.of(0x90, 0x00), varint(300)),
    bad('a default that is written', 'bill.state.SupplyRow', 'SupplyRow.supplyMl', numberField(1, 0)),
    bad('a uint32 above 2^32 − 1', 'bill.tx.TxResult', 'TxResult.code', bytesField(1, fill(32, 1)), numberField(2, 2n ** 32n), bytesField(3, fill(32, 1))),
    bad('an empty packed list that is written', result, 'Result.rules', numberField(1, 5), bytesField(3)),
    bad('an item outside its bounds', result, 'Result.rules[1]', numberField(1, 5), bytesField(3, Buffer.of(1, 100))),
    bad('an item too many', result, 'Result.rules[8]', numberField(1, 5), bytesField(3, fill(9, 1))),
    bad('a wrong item of a list, named by its index', 'bill.consensus.ValidatorSet', 'ValidatorSet.validators[1].power', bytesField(1, bytesField(1, fill(32, 1)), numberField(2, 1)), bytesField(1, bytesField(1, fill(32, 2)))),
    bad('no member of a oneof', 'bill.tx.Event', 'Event.event'),
    bad('two members of a oneof', 'bill.tx.Event', 'Event.oracleRevoked', bytesField(12, bytesField(1, fill(32, 1)), numberField(2, 1), numberField(3, 14)), bytesField(13, bytesField(1, to))),
    named('a name of no bytes', Buffer.alloc(0)),
    named('a name of 65 bytes', fill(65, 0x61)),
    named('a name with NUL', Buffer.from([0x61, 0x00])),
    named('a name with a right-to-left override', text('ab\u202ecd')),
    named('a name with an overlong slash', Buffer.from([0xc0, 0xaf])),
    named('a name with a surrogate', Buffer.from([0xed, 0xa0, 0x80])),
    bad('more bytes than the message may have', 'bill.tx.Sig', 'Sig', fill(129, 0)),
  ];
}

/** The JSON text of protocol/vectors/codec.json; the same text on every run. */
export function makeCodecVectors(): string {
  return `${JSON.stringify({
    title: 'Wire',
    summary: 'Messages of protocol/src/wire/*.proto and their one encoding, and bytes that must be refused with the path of the field. '
      + 'Bytes are hex, amounts decimal strings, a oneof is { case, value }; an absent optional field is left out.',
    cases: [...wholeMessages(), ...refusals()],
  }, undefined, 2)}\n`;
}
