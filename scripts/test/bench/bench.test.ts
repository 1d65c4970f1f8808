/** The benchmarks measure what they say, at sizes that say nothing about speed. */
import t from 'tap';
import { benchBoot, formatBootBench } from '../../src/bench/boot.ts';
import { benchLedger, formatLedgerBench } from '../../src/bench/ledger.ts';
import { benchTree, formatTreeBench } from '../../src/bench/tree.ts';

t.test('blocks of payments', async (t) => {
  const [small, large] = benchLedger([4, 8], 2);
  t.match([small?.payments, large?.payments], [4, 8]);
  t.ok((small?.rows ?? 0) > 4 && (large?.rows ?? 0) > (small?.rows ?? 0));
  t.match(formatLedgerBench([small, large].flatMap((one) => one ?? [])), /8 payments, \d+ rows: decode .* apply .* state root .* payments\/s replayed/s);
});

t.test('state tree, its proofs, and the start from disk', async (t) => {
  t.match(formatTreeBench(benchTree([2_500])), /tree of 2500 rows: .* proof of \d+ B made in/);
  t.match(formatBootBench(await benchBoot([1_000])), /1000 accounts: .* root checked/);
});
