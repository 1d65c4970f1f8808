/**
 * I2 by an independent ledger: every block that a simulation decides is shown to the naive model of the law, which must find
 * each transaction done or refused for the same reason, and the same numbers after it.
 */
import t from 'tap';
import { DEFAULT_PARAMS, TxBody, encode, faultCode, invoiceSigningBytes, paramsOf, type Executed, type Genesis, type ParsedTx, type Tip } from '@billcoin/protocol';
import { differences } from '../../../protocol/test/model/compare.ts';
import { naiveLedgerOf } from '../../../protocol/test/model/naiveGenesis.ts';
import type { NaiveLedger } from '../../../protocol/test/model/naiveLedger.ts';
import { hex, idOf, readInvoice, type NaiveTx } from '../../../protocol/test/model/naiveState.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { simulate } from '../../src/sim/simulation.ts';
import { makeSimGenesis } from '../../src/sim/world.ts';

const HEIGHTS = 40;
const SEEDS = Array.from({ length: 12 }, (_, i) => 7_001 + i);
/** Where a run draws the end of a stake epoch, another genesis has drawn it: stake has a model of its own (protocol/test/model/naiveStake.ts). */
const JUDGED_MIN = SEEDS.length / 4;
const VALIDATORS = 4;

function naiveTx({ genesisHash }: Genesis, model: NaiveLedger, { body, tx }: ParsedTx): NaiveTx {
  const { kind } = body;
  const signed = (publicKey: string | undefined, message: Uint8Array, signature: Uint8Array): boolean => publicKey !== undefined && HASH_SIGNATURES.verify(Uint8Array.from(Buffer.from(publicKey, 'hex')), message, signature);
  const invoiceOf = (invoice: Uint8Array): NaiveTx['invoice'] => {
    const till = model.tills.get(readInvoice(invoice, undefined).till)?.key;
    return readInvoice(invoice, signed(till, invoiceSigningBytes(genesisHash, invoice), invoice.subarray(-64)) ? till : undefined);
  };
  const invoice = kind.case === 'pay' || kind.case === 'voidInvoice' ? invoiceOf(kind.value.invoice) : undefined;
  return { id: idOf(genesisHash, encode(TxBody, body)), body, keys: tx.sigs.map(({ publicKey }) => hex(publicKey)), signaturesHold: true, ...(invoice === undefined ? {} : { invoice }) };
}

/** What a block does, as the model sees it and as it stands there. */
function judged(genesis: Genesis, model: NaiveLedger, { header, txs, codes }: Executed, { state }: Tip): string[] {
  model.begin(header.timeMs);
  const wrong = txs.flatMap((tx, index) => {
    const verdict = model.apply(naiveTx(genesis, model, tx));
    const code = codes[index] === 0 ? 'done' : faultCode(codes[index]!);
    const agrees = verdict.what === 'done' ? code === 'done' : verdict.what === 'fault' && verdict.why.has(code as never);
    return agrees ? [] : [`${tx.body.kind.case} ${tx.txHash.slice(0, 8)} is ${code} at height ${header.height}, the model says ${verdict.what === 'done' ? 'done' : `${verdict.what}: ${[...verdict.why].join(', ')}`}`];
  });
  model.end();
  return [...wrong, ...differences(model, state, header.timeMs)];
}

t.test('every block that is decided under faults is one that the naive model of the law finds right', async (t) => {
  const genesis = makeSimGenesis(VALIDATORS);
  const seen = new Map<string, number>();
  let judgedRuns = 0;
  for (const seed of SEEDS) {
    const model = naiveLedgerOf(genesis.spec);
    const wrong: string[] = [];
    const { violation, heights } = await simulate({
      seed, heights: HEIGHTS, validators: VALIDATORS, signatures: 'hash',
      onDecided: (block, after) => {
        if (paramsOf(after.state).stakeEpochMs !== DEFAULT_PARAMS.stakeEpochMs) return;
        if (after.height === 1) judgedRuns += 1;
        wrong.push(...judged(genesis, model, block, after));
        for (const [index, tx] of block.txs.entries()) {
          const what = `${tx.body.kind.case} ${block.codes[index] === 0 ? 'done' : 'refused'}`;
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
      },
    });
    t.same([violation, wrong], [undefined, []], `seed ${seed}, ${heights} heights`);
  }
  for (const what of ['transfer done', 'pay done', 'voidInvoice done', 'refund done', 'openBatch done', 'attest done']) t.ok((seen.get(what) ?? 0) > 0, `${what}: ${seen.get(what) ?? 0}`);
  t.ok(judgedRuns >= JUDGED_MIN, `${judgedRuns} runs were judged`);
});
