/** The benchmarks measure what they say, at sizes that say nothing about speed. */
import t from 'tap';
import { benchBoot, formatBootBench } from '../../src/bench/boot.ts';
import { benchConsensus, formatConsensusBench } from '../../src/bench/consensus.ts';
import { benchFinality, formatFinalityBench } from '../../src/bench/finality.ts';
import { benchLedger, formatLedgerBench } from '../../src/bench/ledger.ts';
import { benchLoad, formatLoadBench } from '../../src/bench/load.ts';
import { benchNetwork, formatNetworkBench } from '../../src/bench/network.ts';
import { formatSoak, isFlat, judge, soak } from '../../src/bench/soak.ts';
import { benchOracles, compareTimes, formatOracleBench } from '../../src/bench/oracles.ts';
import { benchSockets, formatSocketBench } from '../../src/bench/sockets.ts';
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

t.test('votes of the core, and a simulated network', async (t) => {
  const bench = await benchConsensus({ sizes: [1, 4], heights: 2, warmUpSeconds: 0, campaigns: [{ validators: 4, cpuSeconds: 0 }] });
  t.ok(bench.stepUs.every(({ us }) => us > 0) && bench.simulator.every(({ heights }) => heights > 0));
  t.match(formatConsensusBench(bench), /step per vote: .* at n = 4\nsimulator, n = 4: \d+ decided heights\/s .*\nsimulator, n = 4, drawn faults: /);
});

t.test('payments over HTTP into a node of its own, alone and under load', async (t) => {
  const single = await benchFinality(5);
  t.equal(single.finalMs.length, 5);
  t.match(formatFinalityBench(single), /final/);
  const load = await benchLoad(1, 60);
  t.equal(load.accepted, 60, 'all that were signed');
  t.equal(load.refusals.size, 0);
  t.match(formatLoadBench(load), /60 payments, all final/);
});

t.test('times of refusals', { timeout: 240_000 }, async (t) => {
  t.same(compareTimes([1, 2, 3], [1, 2, 3]).share, 0.5);
  t.same(compareTimes([1, 2], [3, 4]).share, 1);
  t.ok(Math.abs(compareTimes(Array<number>(100).fill(1), Array<number>(100).fill(1)).error - 0.041) < 0.001);
  const bench = await benchOracles(1, 2);
  t.same([bench.logins, bench.links].map((times) => times.map(({ ms }) => ms.length)), [[1, 1, 1], [2, 2, 2, 2, 2]]);
  t.match(formatOracleBench(bench), /refused logins, 1 of each, .*\n +nobody has this name: [\s\S]*longer in [\s\S]*refused links, 2 of each/);
  t.match(formatOracleBench({ logins: [{ kind: 'a', ms: Array<number>(50).fill(1) }, { kind: 'b', ms: Array<number>(50).fill(2) }], links: [] }), /b: .*longer in 100.0 % .*CAN BE TOLD APART/);
});

t.test('sockets in thousands', { timeout: 240_000 }, async (t) => {
  const bench = await benchSockets(20);
  t.same(bench.phases.map(({ statuses, openStreams, failed }) => [[...statuses], openStreams, failed]), [[[[200, 20]], 20, 0], [[[401, 20]], 0, 0], [[[-1, 20]], 0, 0]]);
  t.match(formatSocketBench(bench), /20 sockets that …\nask for a stream of headers: 20 answered 200; 20 streams; .*\n.*\nsay nothing: 20 open without an answer/);
});

t.test('validators in processes of their own, one killed, one that follows', { timeout: 240_000 }, async (t) => {
  const [bench] = await benchNetwork([{ validators: 4, singles: 4, seconds: 0.2, crowd: 20, connections: 8, singlesWithoutOne: 4, isFollowed: true }]);
  if (bench === undefined) throw new Error('one was planned');
  t.equal(bench.single.finalMs.length, 4);
  t.equal(bench.crowd.accepted, 20);
  t.equal(bench.crowd.refusals.size, 0);
  t.ok((bench.sentBytes.get('txs') ?? 0) > 0, 'transactions are pushed; how many bytes each depends on how soon they are in a block');
  t.ok((bench.newcomer?.payments ?? 0) > 600, 'the newcomer has them all');
  t.equal(bench.bans + bench.dropped, 0);
  t.match(formatNetworkBench([bench]), /n = 4: .* sustained: .* 20 at once: .* newcomer: .* a dead proposer adds/s);
});

t.test('what grows is told apart from what wavers, and from what payments leave in the state', async (t) => {
  /** Samples of a series each: resident, heap, outside, open files, handles, peers, … */
  const samplesOf = (valuesAt: (n: number) => readonly number[]): readonly (readonly number[])[] => Array.from({ length: 40 }, (_, n) => valuesAt(n));
  const grows = (samples: readonly (readonly number[])[], payments: number): readonly string[] => judge(samples, payments).filter(({ isGrowing }) => isGrowing).map(({ what }) => what);
  t.same(grows(samplesOf((n) => [150 + (n % 5), 60 + (n % 7), 5, 58 + (n % 3)]), 0), []);
  t.same(grows(samplesOf((n) => [150 + 2 * n, 60 + 2 * n, 5, 58]), 0), ['resident less young, MB', 'heap used, MB']);
  t.same(grows(samplesOf((n) => [150 + 2 * n, 60 + 2 * n, 5, 58]), 5_000), [], '40 MB are what 5,000 payments may leave');
  t.same(grows(samplesOf((n) => [150, 60, 5, 58 + 2 * n]), 5_000), ['open files'], 'files are nothing that payments may leave');
  const soak = { minutes: 1, payments: 10, nodes: [judge(samplesOf((n) => [150, 60, 5, 58 + 2 * n]), 5)] };
  t.notOk(isFlat(soak));
  t.match(formatSoak(soak), /open files +8\d → 12\d +GROWING\n/);
});

t.test('four validators under light load are looked at', { timeout: 240_000 }, async (t) => {
  const told: string[] = [];
  const result = await soak(0.12, (line) => void told.push(line));
  t.equal(result.nodes.length, 4);
  t.ok(result.payments >= 2);
  t.match(told, [/^0.0 min: resident less young, MB \d+\/\d+\/\d+\/\d+, .*open files \d+.*streams 9\/9\/9\/9/]);
  t.match(formatSoak(result), /4 validators, 0.12 minutes, \d+ payments/);
});
