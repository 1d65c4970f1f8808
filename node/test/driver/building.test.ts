/** What a proposer offers to a block: less in each round that follows a failed one. */
import t from 'tap';
import { StateTree, genesisTip, makeChain } from '@billcoin/protocol';
import { verifyEd25519Native } from '../../src/crypto/verifier.ts';
import { buildValue, type BuildingDeps } from '../../src/driver/building.ts';
import { makeTestGenesis } from '../support/testNetwork.ts';

void t.test('a block is offered half a block full at most, and half as much in each further round', async (t) => {
  const genesis = makeTestGenesis(1_700_000_000_000);
  const chain = makeChain(genesis, verifyEd25519Native, new StateTree());
  const tip = genesisTip(chain, genesis);
  const limits: number[] = [];
  const deps = {
    chain, clock: { nowMs: () => tip.timeMs + 1_000, monotonicMs: () => 0 }, evidence: { offer: () => [] },
    source: { offer: (limit: number) => (limits.push(limit), []), parkLeftOut: () => t.fail('nothing was left out'), ready: 1 },
  } as unknown as BuildingDeps;
  for (const round of [0, 1, 2, 3, 4, 5, 100, 0x7fff_ffff]) {
    const built = buildValue(deps, tip, 0, { kind: 'buildValue', height: 1, round, prevTimeMs: tip.timeMs, prevCommit: undefined });
    t.ok('blockBytes' in built);
  }
  t.same(limits, [1_024, 512, 256, 128, 64, 64, 64, 64]);
});
