/**
 * I2 by an independent ledger: every block that a simulation decides is shown to the naive model of the law, which must find
 * each transaction done or refused for the same reason, and the same numbers after it.
 */
import t from 'tap';
import { DEFAULT_PARAMS, paramsOf, type Executed, type Genesis, type Tip } from '@billcoin/protocol';
import { naiveLedgerOf } from '../../../protocol/test/model/naiveGenesis.ts';
import type { NaiveLedger } from '../../../protocol/test/model/naiveLedger.ts';
import { HASH_SIGNATURES } from '../../src/sim/keys.ts';
import { simulate } from '../../src/sim/simulation.ts';
import { makeSimGenesis } from '../../src/sim/world.ts';
import { judgeBlock } from '../support/judgeBlock.ts';

const HEIGHTS = 40;
const SEEDS = Array.from({ length: 12 }, (_, i) => 7_001 + i);
/** Where a run draws the end of a stake epoch, another genesis has drawn it: stake has a model of its own (protocol/test/model/naiveStake.ts). */
const JUDGED_MIN = SEEDS.length / 4;
const VALIDATORS = 4;

/** What a block does, as the model sees it and as it stands there. */
function judged({ genesisHash }: Genesis, model: NaiveLedger, { header, txs, codes }: Executed, { state }: Tip): string[] {
  const told = txs.map(({ txHash, bytes, body }, index) => ({ txHash, bytes, body, code: codes[index] as number }));
  return judgeBlock({ genesisHash, verify: HASH_SIGNATURES.verify }, model, { height: header.height, timeMs: header.timeMs, txs: told }, state);
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
