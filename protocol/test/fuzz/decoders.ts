/**
 * Everything that reads bytes or text of strangers, each with samples that it accepts and an oracle: it never throws, and
 * what it accepts is written back as the same bytes.
 */
import {
  applyBlock, buildBlock, canonicalJson, checkpointJson, decode, decodeInvoice, decodePolicy, encode, encodeInvoice, encodePolicy, formatAddress, formatLitres, formatRinggit, fromBase64Url, fromHex, invoiceText, makeExecutionReceipt, makeReceipt, makeRowProof, parseAddress, parseCheckpoint,
  PaymentReceipt, parseGenesisJson, parseInvoiceText, parseLitres, parseRinggit, parseTx, prettyCanonicalJson, rowKeyBytes, ROWS, supplyOf, Tx, TxBody, toBase64Url, toHex, utf8, verifyExecutionReceipt, verifyReceipt, verifyRowProof, wireFiles, type Json, type Message, type RowType, type Table,
} from '../../src/index.ts';
import type { Random } from '../support/random.ts';
import { randomValue, tablesOf } from '../support/randomValue.ts';
import { genesisJson, KEYS, keyOf, specOf, verifyFast, World } from '../support/world.ts';

export interface Decoder {
  readonly name: string;
  /** Draws per round: slow ones are drawn less often. */
  readonly weight: number;
  sample(random: Random): Uint8Array;
  /** Whether the input was accepted. Throws where the oracle is broken. */
  accepts(input: Uint8Array): boolean;
}

const latin = new TextDecoder('latin1');
const text = (bytes: Uint8Array): string => latin.decode(bytes);

function same(name: string, input: Uint8Array, again: Uint8Array): true {
  if (Buffer.compare(input, again) !== 0) throw new Error(`${name} accepted ${toHex(input)} and writes it as ${toHex(again)}`);
  return true;
}

function ofTable(table: Table): Decoder {
  const type = table as Message<unknown>;
  return {
    name: `message ${table.name}`, weight: 4,
    sample: (random) => encode(type, randomValue(random, table)),
    accepts: (input) => {
      const decoded = decode(type, input);
      return decoded.ok && same(table.name, input, encode(type, decoded.value));
    },
  };
}

/** A reader of text; `write` is its inverse where the text has one spelling only. */
function ofText<T>(name: string, sample: (random: Random) => string, read: (input: string) => T | undefined, write: (value: T) => string): Decoder {
  return {
    name, weight: 4, sample: (random) => utf8(sample(random)),
    accepts: (input) => {
      const value = read(text(input));
      return value !== undefined && same(name, input, utf8(write(value)));
    },
  };
}

function texts(): readonly Decoder[] {
  const amount = (random: Random): bigint => BigInt(random.below(2 ** 32)) * BigInt(1 + random.below(2 ** 20));
  return [
    ofText('hex', (random) => toHex(random.bytes(random.below(40))), (input) => (input === input.toLowerCase() ? fromHex(input) : undefined), toHex),
    ofText('base64url', (random) => toBase64Url(random.bytes(random.below(40))), fromBase64Url, toBase64Url),
    ofText('address', (random) => formatAddress(random.bytes(20)), parseAddress, formatAddress),
    ofText('invoice text', (random) => invoiceText(random.bytes(92)), (input) => {
      const parsed = parseInvoiceText(input);
      return parsed.ok ? parsed.value : undefined;
    }, invoiceText),
    {
      name: 'checkpoint text', weight: 4,
      sample: (random) => utf8(checkpointJson({ checkpoint: { height: 1 + random.below(2 ** 30), blockId: random.bytes(32), validatorsHash: random.bytes(32), timeMs: 1 + random.below(2 ** 30) }, signatures: [{ publicKey: random.bytes(32), signature: random.bytes(64) }] })),
      // Keys may stand in any order and spacing is free: the value is what is signed.
      accepts: (input) => {
        const parsed = parseCheckpoint(text(input));
        if (!parsed.ok) return false;
        const again = parseCheckpoint(checkpointJson(parsed.value));
        return again.ok && same('parseCheckpoint', utf8(checkpointJson(again.value)), utf8(checkpointJson(parsed.value)));
      },
    },
    // Litres and ringgit may leave out zeros at the end: what is read is written in one form, which reads as the same.
    ofText('litres', (random) => formatLitres(amount(random)), (input) => lossless(input, parseLitres, formatLitres), (input) => input),
    ofText('ringgit', (random) => formatRinggit(amount(random) % 10n ** 12n), (input) => lossless(input, parseRinggit, formatRinggit), (input) => input),
  ];
}

function lossless(input: string, read: (text: string) => bigint | undefined, write: (value: bigint) => string): string | undefined {
  const value = read(input);
  if (value === undefined) return undefined;
  if (read(write(value)) !== value) throw new Error(`${input} is read as ${value} and written as ${write(value)}`);
  return input;
}

function genesisReader(): Decoder {
  const json = genesisJson(specOf());
  const samples = [utf8(canonicalJson(json)), utf8(prettyCanonicalJson(json))];
  return {
    name: 'genesis text', weight: 1, sample: (random) => random.pick(samples),
    accepts: (input) => {
      const parsed = parseGenesisJson(text(input));
      if (!parsed.ok) return false;
      const value = JSON.parse(text(input)) as Json;
      if (text(input) !== canonicalJson(value) && text(input) !== prettyCanonicalJson(value)) throw new Error('a genesis in a third form was accepted');
      return true;
    },
  };
}

/** A short chain with one transaction of many kinds, for what reads whole transactions, receipts and blocks. */
function chainReaders(): readonly Decoder[] {
  const world = new World();
  world.mint(200_000n);
  const invoice = world.invoice(KEYS.till1, 1, 300n, 180n, 'fuzz');
  const txs = [
    world.transfer(KEYS.plant, keyOf('someone').address, 5n), world.pay(KEYS.plant, invoice), world.openBatch({ lot: utf8('LOT-2'), totalFrom: 200_000n, totalTo: 300_000n, claimMl: 90_000n }),
    world.tx(KEYS.regulator, { case: 'registerFarm', value: { account: KEYS.farmA.address, name: 'Farm', status: 1 } }), world.tx(KEYS.reporters[0], { case: 'reportPrice', value: { senPerBill: 610n } }),
  ];
  const executed = world.block(txs);
  const trust = { genesisHash: world.genesis.genesisHash, validators: world.genesis.validators, verify: verifyFast };
  const certificate = world.certificate(executed);
  const receipts = txs.map((_, index) => makeReceipt({ headerBytes: executed.headerBytes, certificate, txs: executed.txs.map((tx) => tx.bytes), results: executed.results }, index));
  const whole = decode(PaymentReceipt, receipts[1] as Uint8Array);
  if (!whole.ok) throw new Error('made here');
  const execution = makeExecutionReceipt(whole.value);
  const { chain } = world;
  const supplyKey = rowKeyBytes(ROWS.supply as RowType<unknown>, '');
  const supply = encode(ROWS.supply.value, supplyOf(world.tip.state));
  const rowProof = makeRowProof({ headerBytes: executed.headerBytes, certificate, proof: chain.tree.prove(world.tip.treeVersion, supplyKey), value: supply });
  const next = nextBlock(world, [world.transfer(KEYS.plant, KEYS.farmA.address, 7n), world.pay(KEYS.plant, world.invoice(KEYS.till1, 1, 300n, 180n, 'next'))]);
  return [
    {
      name: 'transaction', weight: 30, sample: (random) => random.pick(txs),
      accepts: (input) => {
        const parsed = parseTx(chain, input);
        return parsed.ok && same('parseTx', input, encode(Tx, { body: encode(TxBody, parsed.value.body), sigs: parsed.value.tx.sigs }));
      },
    },
    {
      name: 'invoice bytes', weight: 10, sample: () => invoice,
      accepts: (input) => {
        const decoded = decodeInvoice(input);
        return decoded.ok && same('decodeInvoice', input, encodeInvoice(decoded.value));
      },
    },
    {
      name: 'policy', weight: 4, sample: (random) => encodePolicy(1 + random.below(3), [1, 2, 3].map((n) => new Uint8Array(32).fill(n))),
      accepts: (input) => {
        const policy = decodePolicy(input);
        return policy !== undefined && same('decodePolicy', input, encodePolicy(policy.k, policy.keys));
      },
    },
    {
      name: 'receipt', weight: 6, sample: (random) => random.pick(receipts),
      accepts: (input) => {
        const verified = verifyReceipt(trust, input);
        return verified.ok && (receipts.some((receipt) => Buffer.compare(receipt, input) === 0) || fail(`a damaged receipt was believed: ${toHex(input)}`));
      },
    },
    {
      name: 'execution receipt', weight: 6, sample: () => execution,
      accepts: (input) => verifyExecutionReceipt(trust, input, world.parse(txs[1] as Uint8Array).txId).ok && same('verifyExecutionReceipt', input, execution),
    },
    {
      name: 'row proof', weight: 6, sample: () => rowProof,
      accepts: (input) => verifyRowProof(trust, input, supplyKey).ok && same('verifyRowProof', input, rowProof),
    },
    {
      name: 'block', weight: 1, sample: () => next,
      accepts: (input) => {
        const applied = applyBlock(chain, world.tip, input);
        if (applied.ok) chain.tree.release(applied.value.treeVersion);
        return applied.ok && same('applyBlock', input, applied.value.blockBytes);
      },
    },
  ];
}

function fail(why: string): never {
  throw new Error(why);
}

/** A block that would follow, built and given up. */
function nextBlock(world: World, txs: readonly Uint8Array[]): Uint8Array {
  const { chain, tip } = world;
  const built = buildBlock(chain, tip, txs.map((bytes) => world.parse(bytes)), tip.timeMs + 1_000, { proposerIndex: 0, round: 0 });
  chain.tree.release(built.treeVersion);
  return built.blockBytes;
}

export function allDecoders(): readonly Decoder[] {
  const tables = wireFiles().flatMap((file) => tablesOf(file.messages));
  return [...new Set(tables)].map(ofTable).concat(texts(), [genesisReader()], chainReaders());
}
