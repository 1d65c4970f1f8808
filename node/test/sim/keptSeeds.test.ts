/** Seeds that once broke an invariant and taught something. Other draws may make other runs of them: what they taught has a test of its own. */
import t from 'tap';
import { simulate } from '../../src/sim/simulation.ts';

const KEPT: readonly { readonly seed: number; readonly heights: number; readonly taught: string }[] = [
  { seed: 3_247, heights: 40, taught: 'the votes that let a node enter its round must outlive a crash (protocol/test/consensus/lostVotes.test.ts)' },
  { seed: 100_222, heights: 43, taught: 'a healed network decides also when nothing is left to do: the run ended with no block at all' },
  { seed: 500_397, heights: 43, taught: 'a liar may show a prevote in a certificate alone: the polka counts (node/test/sim/invariants.test.ts)' },
  { seed: 600_069, heights: 43, taught: 'of a block that is not decided yet, whoever loses its data must not have had the last copy' },
  { seed: 600_641, heights: 43, taught: 'nor need a polka be seen elsewhere than with the proposal that it justifies (node/test/sim/invariants.test.ts)' },
];

for (const { seed, heights, taught } of KEPT) {
  t.test(`seed ${seed}: ${taught}`, async (t) => {
    const { violation, story } = await simulate({ seed, heights });
    t.equal(violation === undefined ? '' : `${violation.invariant}: ${violation.what}\n${story.slice(-40).join('\n')}`, '');
  });
}
