/**
 * Decodes and executes the vectors of transactions, blocks, proofs and the light client, and says in one text what came
 * out. Plain web platform: the same file runs in Node and, bundled, in a browser; the two texts must be equal.
 */
import {
  applyBlock, Certificate, commitBlock, decode, encode, fromHex, genesisTip, LightBlock, loadGenesis, makeChain, openRowProof, readCandidate, StateTree, toHex, Tx, TxBody, txIdOf, ValidatorSet, verifyEd25519, verifyReceipt, verifyRowProof,
  type Fault, type Result, type Verdict,
} from '@billcoin/protocol';
import { verifyPayment } from '../../src/index.ts';

interface Case {
  readonly input: Readonly<Record<string, unknown>>;
  readonly output: Readonly<Record<string, unknown>>;
}

export interface Vectors {
  readonly transaction: { readonly cases: readonly Case[] };
  readonly block: { readonly genesis: string; readonly cases: readonly Case[] };
  readonly proofs: { readonly genesisHash: string; readonly validators: string; readonly rows: readonly Case[]; readonly receipts: readonly Case[] };
  readonly lightClient: { readonly genesisHash: string; readonly chain: readonly string[] };
}

function bytesOf(hex: unknown): Uint8Array {
  return fromHex(String(hex)) ?? new Uint8Array(0);
}

function must<T>(result: Result<T> | Verdict<T> | { readonly ok: false; readonly fault: Fault | { readonly code: string } }): T {
  if (!result.ok) throw new Error('fault' in result ? result.fault.code : result.refusal.code);
  return result.value;
}

function transactions({ cases }: Vectors['transaction'], say: (line: string) => void): void {
  for (const { input, output } of cases) {
    const tx = must(decode(Tx, bytesOf(output['tx'])));
    const body = must(decode(TxBody, tx.body));
    say(`tx ${toHex(txIdOf(bytesOf(input['genesisHash']), tx.body))} ${body.kind.case} ${toHex(encode(Tx, tx)) === output['tx']} ${toHex(encode(TxBody, body)) === output['body']}`);
  }
}

function blocks({ genesis: text, cases }: Vectors['block'], say: (line: string) => void): void {
  const genesis = must(loadGenesis(text, verifyEd25519));
  const chain = makeChain(genesis, verifyEd25519, new StateTree());
  let tip = genesisTip(chain, genesis);
  say(`genesis ${toHex(genesis.genesisHash)} ${toHex(chain.tree.root(tip.treeVersion))}`);
  for (const { input, output } of cases) {
    const applied = applyBlock(chain, tip, bytesOf(input['block']));
    if (!applied.ok) throw new Error(applied.fault.code);
    const { header, blockId, codes, results } = applied.value;
    tip = commitBlock(chain, tip, applied.value, must(decode(Certificate, bytesOf(output['commit']))));
    say(`block ${header.height} ${toHex(blockId)} state ${toHex(header.stateRoot)} results ${toHex(header.resultRoot)} codes ${codes.join(',')} leaves ${results.map(toHex).join(',')} rows ${tip.state.size}`);
  }
}

function proofs({ genesisHash: hash, validators: set, rows, receipts }: Vectors['proofs'], say: (line: string) => void): void {
  const genesisHash = bytesOf(hash);
  const validators = must(decode(ValidatorSet, bytesOf(set)));
  const trust = { genesisHash, validators, verify: verifyEd25519 };
  for (const { input } of rows) {
    const [proof, rowKey] = [bytesOf(input['rowProof']), bytesOf(input['rowKey'])];
    const verified = verifyRowProof(trust, proof, rowKey);
    say(verified.ok ? `row ${verified.value.header.height} ${verified.value.value === undefined ? 'absent' : toHex(verified.value.value)}` : `row ${verified.refusal.code} ${String(openRowProof(genesisHash, proof, rowKey).ok)}`);
  }
  for (const { input } of receipts) {
    const receipt = bytesOf(input['receipt']);
    const verified = verifyReceipt(trust, receipt);
    say(verified.ok ? `receipt ${toHex(verified.value.txId)} ${verified.value.code} ${verified.value.header.timeMs}` : `receipt ${verified.refusal.code}`);
    // As a till does it, offline: the very invoice inside, and another one.
    const body = verified.ok ? verified.value.body.kind : undefined;
    if (body?.case !== 'pay') continue;
    const other = body.value.invoice.map((byte, i) => (i === 20 ? byte ^ 1 : byte));
    for (const invoice of [body.value.invoice, other]) {
      const payment = verifyPayment({ genesisHash, validators }, receipt, invoice);
      say(payment.ok ? `paid ${payment.value.txHash}` : `not paid ${payment.refusal.code}`);
    }
  }
}

function headers({ genesisHash, chain }: Vectors['lightClient'], say: (line: string) => void): void {
  for (const text of chain) {
    const read = must(readCandidate({ genesisHash: bytesOf(genesisHash), verify: verifyEd25519 }, must(decode(LightBlock, bytesOf(text)))));
    say(`header ${read.header.height} ${toHex(read.blockId)}`);
  }
}

/** One line for each thing decoded, executed or verified. */
export function runVectors(vectors: Vectors): string {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  transactions(vectors.transaction, say);
  blocks(vectors.block, say);
  proofs(vectors.proofs, say);
  headers(vectors.lightClient, say);
  return lines.join('\n');
}
