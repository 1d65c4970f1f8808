/** Vectors of proofs: receipts of transactions, rows of state and their absence, and the same bent in ways that must be refused. */
import {
  buildTree, decode, encode, encodeChange, ExecutionReceipt, makeExecutionReceipt, makeReceipt, makeRowProof, PaymentReceipt, ROWS, RowProof, rowKeyBytes, SINGLE, toHex, ValidatorSet, verifyEd25519, verifyExecutionReceipt, verifyReceipt,
  verifyRowProof,
  type ReceiptTrust,
} from '@billcoin/protocol';
import { SAMPLE_KEYS, SAMPLE_SEED, sampleHistory, type SampleBlock } from './sampleChain.ts';

interface Case {
  readonly title: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

/** State right after a block; later blocks change it. */
interface Snapshot {
  readonly block: SampleBlock;
  readonly rows: ReadonlyMap<string, Uint8Array>;
}

function snapshotOf(block: SampleBlock): Snapshot {
  const rows = block.tip.state.all().map(encodeChange).map(({ key, value }) => [toHex(key), value as Uint8Array] as const);
  return { block, rows: new Map(rows) };
}

function rowProofOf({ block: { executed, certificate }, rows }: Snapshot, rowKey: Uint8Array): Uint8Array {
  const { tree, version } = buildTree([...rows].map(([key, value]) => ({ key: Uint8Array.from(Buffer.from(key, 'hex')), value })));
  return makeRowProof({ headerBytes: executed.headerBytes, certificate, proof: tree.prove(version, rowKey), value: rows.get(toHex(rowKey)) });
}

function rowCase(trust: ReceiptTrust, title: string, rowKey: Uint8Array, proof: Uint8Array): Case {
  const verified = verifyRowProof(trust, proof, rowKey);
  const output = verified.ok
    ? { height: verified.value.header.height, blockId: toHex(verified.value.blockId), value: verified.value.value === undefined ? null : toHex(verified.value.value) }
    : { refused: verified.refusal.code };
  return { title, input: { rowKey: toHex(rowKey), rowProof: toHex(proof) }, output };
}

function receiptCase(trust: ReceiptTrust, title: string, receipt: Uint8Array): Case {
  const verified = verifyReceipt(trust, receipt);
  const output = verified.ok
    ? { txId: toHex(verified.value.txId), kind: verified.value.body.kind.case, code: verified.value.code, height: verified.value.header.height, timeMs: verified.value.header.timeMs, blockId: toHex(verified.value.blockId) }
    : { refused: verified.refusal.code };
  return { title, input: { receipt: toHex(receipt) }, output };
}

function executionCase(trust: ReceiptTrust, title: string, txId: Uint8Array, receipt: Uint8Array): Case {
  const verified = verifyExecutionReceipt(trust, receipt, txId);
  const output = verified.ok ? { code: verified.value.code, height: verified.value.header.height, blockId: toHex(verified.value.blockId) } : { refused: verified.refusal.code };
  return { title, input: { txId: toHex(txId), executionReceipt: toHex(receipt) }, output };
}

function bentRow(proof: Uint8Array, edit: (value: RowProof) => RowProof): Uint8Array {
  const decoded = decode(RowProof, proof);
  if (!decoded.ok) throw new Error('made here');
  return encode(RowProof, edit(decoded.value));
}

function bentReceipt(receipt: Uint8Array, edit: (value: PaymentReceipt) => PaymentReceipt): Uint8Array {
  const decoded = decode(PaymentReceipt, receipt);
  if (!decoded.ok) throw new Error('made here');
  return encode(PaymentReceipt, edit(decoded.value));
}

function rowCases(trust: ReceiptTrust, snapshots: readonly Snapshot[]): readonly Case[] {
  const [first, , last] = snapshots as [Snapshot, Snapshot, Snapshot];
  const account = rowKeyBytes(ROWS.account, toHex(SAMPLE_KEYS.student.address));
  const nobody = rowKeyBytes(ROWS.account, '00'.repeat(20));
  const keyOf = (prefix: number): Uint8Array => Uint8Array.from(Buffer.from([...last.rows.keys()].find((key) => key.startsWith(prefix.toString(16).padStart(2, '0')))!, 'hex'));
  const there = rowProofOf(last, account);
  const absent = rowProofOf(last, nobody);
  return [
    rowCase(trust, 'the student\'s balance after block 3', account, there),
    rowCase(trust, 'no such account', nobody, absent),
    rowCase(trust, 'no account of the student before he got any', account, rowProofOf(first, account)),
    rowCase(trust, 'the record of a paid invoice', keyOf(0x05), rowProofOf(last, keyOf(0x05))),
    rowCase(trust, 'the replay record of a transaction', keyOf(0x04), rowProofOf(last, keyOf(0x04))),
    rowCase(trust, 'supply and what plants owe', rowKeyBytes(ROWS.supply, SINGLE), rowProofOf(last, rowKeyBytes(ROWS.supply, SINGLE))),
    rowCase(trust, 'a row that is there and encodes to nothing', rowKeyBytes(ROWS.pools, SINGLE), rowProofOf(first, rowKeyBytes(ROWS.pools, SINGLE))),
    rowCase(trust, 'refused: of another key', nobody, there),
    rowCase(trust, 'refused: another value', account, bentRow(there, (value) => ({ ...value, value: Uint8Array.of(8, 1) }))),
    rowCase(trust, 'refused: the value left out', account, bentRow(there, (value) => ({ ...value, value: undefined }))),
    rowCase(trust, 'refused: a value beside absence', nobody, bentRow(absent, (value) => ({ ...value, value: Uint8Array.of(8, 1) }))),
    rowCase(trust, 'refused: a sibling dropped', account, bentRow(there, (value) => ({ ...value, proof: { ...value.proof, siblings: value.proof.siblings.slice(1) } }))),
    rowCase(trust, 'refused: siblings reversed', account, bentRow(there, (value) => ({ ...value, proof: { ...value.proof, siblings: [...value.proof.siblings].reverse() } }))),
    rowCase(trust, 'refused: a sibling of zeros', account, bentRow(there, (value) => ({ ...value, proof: { ...value.proof, siblings: [new Uint8Array(32), ...value.proof.siblings.slice(1)] } }))),
    rowCase(trust, 'refused: one deeper', account, bentRow(there, (value) => ({ ...value, proof: { ...value.proof, depth: value.proof.depth + 1 } }))),
    rowCase(trust, 'refused: an empty place at depth 0', account, bentRow(there, (value) => ({ ...value, value: undefined, proof: { keyHash: value.proof.keyHash, depth: 0, bitmap: new Uint8Array(0), siblings: [] } }))),
    rowCase(trust, 'refused: the header of another block', account, bentRow(there, (value) => ({ ...value, header: first.block.executed.headerBytes }))),
    rowCase(trust, 'refused: the certificate of another block', account, bentRow(there, (value) => ({ ...value, certificate: first.block.certificate }))),
    rowCase(trust, 'refused: one byte more', account, Uint8Array.of(...there, 0)),
  ];
}

function receiptCases(trust: ReceiptTrust, { executed, certificate }: SampleBlock, other: SampleBlock): readonly Case[] {
  const source = { headerBytes: executed.headerBytes, certificate, txs: executed.txs.map((tx) => tx.bytes), results: executed.results };
  const receipts = source.txs.map((_, index) => makeReceipt(source, index));
  const [first = new Uint8Array(0)] = receipts;
  return [
    ...receipts.map((receipt, index) => receiptCase(trust, `transaction ${index} of block ${executed.header.height}`, receipt)),
    receiptCase(trust, 'refused: another place', bentReceipt(first, (value) => ({ ...value, index: 1 }))),
    receiptCase(trust, 'refused: the result of another transaction', bentReceipt(first, (value) => ({ ...value, result: source.results[1] as Uint8Array }))),
    receiptCase(trust, 'refused: a path one longer', bentReceipt(first, (value) => ({ ...value, txPath: [...value.txPath, new Uint8Array(32)] }))),
    receiptCase(trust, 'refused: a path one shorter', bentReceipt(first, (value) => ({ ...value, resultPath: value.resultPath.slice(1) }))),
    receiptCase(trust, 'refused: the certificate of another block', bentReceipt(first, (value) => ({ ...value, certificate: other.certificate }))),
    receiptCase(trust, 'refused: prevotes', bentReceipt(first, (value) => ({ ...value, certificate: { ...value.certificate, type: 1 } }))),
    receiptCase(trust, 'refused: a certificate of another round', bentReceipt(first, (value) => ({ ...value, certificate: { ...value.certificate, round: 1 } }))),
    receiptCase(trust, 'refused: a bit beyond the set', bentReceipt(first, (value) => ({ ...value, certificate: { ...value.certificate, bitmap: Uint8Array.of(0xc0) } }))),
  ];
}

function bentExecution(receipt: Uint8Array, edit: (value: ExecutionReceipt) => ExecutionReceipt): Uint8Array {
  const decoded = decode(ExecutionReceipt, receipt);
  if (!decoded.ok) throw new Error('made here');
  return encode(ExecutionReceipt, edit(decoded.value));
}

function executionCases(trust: ReceiptTrust, { executed, certificate }: SampleBlock, other: SampleBlock): readonly Case[] {
  const source = { headerBytes: executed.headerBytes, certificate, txs: executed.txs.map((tx) => tx.bytes), results: executed.results };
  const receipts = source.txs.map((_, index) => {
    const whole = decode(PaymentReceipt, makeReceipt(source, index));
    if (!whole.ok) throw new Error('made here');
    return makeExecutionReceipt(whole.value);
  });
  const [[first = new Uint8Array(0)], [tx, next]] = [receipts, executed.txs];
  if (tx === undefined || next === undefined) throw new Error('the sample block has several');
  return [
    ...receipts.map((receipt, index) => executionCase(trust, `transaction ${index} of block ${executed.header.height}`, executed.txs[index]?.txId ?? tx.txId, receipt)),
    executionCase(trust, 'refused: of another transaction', next.txId, first),
    executionCase(trust, 'refused: another place', tx.txId, bentExecution(first, (value) => ({ ...value, index: 1 }))),
    executionCase(trust, 'refused: the result of another transaction', tx.txId, bentExecution(first, (value) => ({ ...value, result: source.results[1] as Uint8Array }))),
    executionCase(trust, 'refused: a path one shorter', tx.txId, bentExecution(first, (value) => ({ ...value, resultPath: value.resultPath.slice(1) }))),
    executionCase(trust, 'refused: the certificate of another block', tx.txId, bentExecution(first, (value) => ({ ...value, certificate: other.certificate }))),
    executionCase(trust, 'refused: a certificate of another round', tx.txId, bentExecution(first, (value) => ({ ...value, certificate: { ...value.certificate, round: 1 } }))),
  ];
}

/** The JSON text of protocol/vectors/proofs.json; the same text on every run. */
export function makeProofVectors(): string {
  const snapshots: Snapshot[] = [];
  const { genesis, blocks } = sampleHistory((block) => void snapshots.push(snapshotOf(block)));
  const trust: ReceiptTrust = { genesisHash: genesis.genesisHash, validators: genesis.validators, verify: verifyEd25519 };
  return `${JSON.stringify({
    title: 'Proofs',
    summary: 'Against the first three blocks of block.json. rowProof: RowProof bytes; output is the row (null: proven absent; "" is a row without bytes) or the code of the refusal. '
      + 'receipt: PaymentReceipt bytes; output is what is proven or the code. executionReceipt: ExecutionReceipt bytes of txId. Everything is verified with the genesis hash and the validator set alone (SPEC §8.4, §9).',
    seed: SAMPLE_SEED,
    genesisHash: toHex(genesis.genesisHash),
    validators: toHex(encode(ValidatorSet, genesis.validators)),
    rows: rowCases(trust, snapshots),
    receipts: receiptCases(trust, blocks[1]!, blocks[2]!),
    executions: executionCases(trust, blocks[1]!, blocks[2]!),
  }, undefined, 2)}\n`;
}
