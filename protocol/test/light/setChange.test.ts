/** A light client follows the ledger's own set changes by nextValidatorsHash: from header to header, and skipping (SPEC §16.1). */
import t from 'tap';
import {
  assert, Certificate, decode, followTo, lightState, newestTrusted, passTrust, readCandidate, setOfHash, stakeEpochOf, takeAnswer, toHex, trustGenesis, validatorsHash, type Executed, type LightBlock, type LightStep, type TrustedHeader,
} from '../../src/index.ts';
import { endEpoch, INSTITUTIONS, stakeTx, stakeWorld } from '../support/staking.ts';
import { verifyFast, type World } from '../support/world.ts';

/** The light block of the tip, as a node makes it: both sets by the hashes in the header, from rows of state. */
function lightBlockOf(world: World, { header, headerBytes }: Executed): LightBlock {
  const certificate = decode(Certificate, world.tip.certificateBytes ?? new Uint8Array(0));
  const [validators, next] = [setOfHash(world.tip.state, header.validatorsHash), setOfHash(world.tip.state, header.nextValidatorsHash)];
  assert(certificate.ok && validators !== undefined && next !== undefined, 'the sets that a header names are in state');
  return { header: headerBytes, certificate: certificate.value, validators, nextValidators: toHex(header.validatorsHash) === toHex(header.nextValidatorsHash) ? undefined : next };
}

/** Four validators become seven others but one, one an epoch; a light block of every height. */
function history(): { readonly world: World; readonly blocks: readonly LightBlock[] } {
  const world = stakeWorld(4, { params: { maxValidators: 4 } });
  const blocks: LightBlock[] = [];
  const keep = (executed: Executed): void => void blocks.push(lightBlockOf(world, executed));
  // The first two blocks were made with the world.
  const start = world.tip.height;
  keep(world.block(INSTITUTIONS.slice(4).map((key) => stakeTx(world, key, 500_000n))));
  for (let epoch = 0; epoch < 5; epoch++) {
    keep(endEpoch(world));
    keep(world.block([]));
  }
  assert(start === 2, 'heights of the light blocks begin with 3');
  return { world, blocks };
}

const { world, blocks } = history();
const context = { genesisHash: world.genesis.genesisHash, verify: verifyFast };
const nowMs = world.timeMs + 1_000;

function candidate(block: LightBlock) {
  const read = readCandidate(context, block);
  assert(read.ok, 'it is a light block');
  return read.value;
}

t.test('from header to header over every change', (t) => {
  let trusted: TrustedHeader | undefined;
  const sets = new Set<string>();
  for (const block of blocks) {
    const next = candidate(block);
    if (trusted !== undefined) {
      const passed = passTrust(context, trusted, next, nowMs);
      t.equal(passed.kind, 'trusted', `height ${next.header.height}`);
    }
    trusted = { height: next.header.height, timeMs: next.header.timeMs, blockId: next.blockId, nextValidators: next.nextValidators, header: next.header };
    sets.add(toHex(validatorsHash(next.nextValidators)));
  }
  t.equal(sets.size, 5, 'four changes were passed');
  t.same(trusted?.nextValidators, world.tip.validators);
  t.equal(stakeEpochOf(world.tip.state).setSince, world.tip.validatorsSince);
  t.end();
});

t.test('a header that follows a change is refused without the change', (t) => {
  const change = blocks.findIndex(({ nextValidators }) => nextValidators !== undefined);
  const [at, after] = [candidate(blocks[change] as LightBlock), candidate(blocks[change + 1] as LightBlock)];
  const stale: TrustedHeader = { height: at.header.height, timeMs: at.header.timeMs, blockId: at.blockId, nextValidators: at.block.validators, header: at.header };
  t.match(passTrust(context, stale, after, nowMs), { kind: 'refused', refusal: { code: 'other_validator_set' } });
  t.equal(readCandidate(context, { ...(blocks[change] as LightBlock), nextValidators: undefined }).ok, false, 'the next set must be the one of nextValidatorsHash');
  t.end();
});

t.test('skipping from genesis: while a third of the set is still there at once, beyond by headers in between', (t) => {
  const at = (height: number): LightBlock => blocks[height - 3] as LightBlock;
  const root = trustGenesis(world.genesis);
  const near = passTrust(context, root, candidate(at(6)), nowMs);
  t.equal(near.kind, 'trusted', 'one of four has changed');
  t.equal(passTrust(context, root, candidate(at(world.tip.height)), nowMs).kind, 'bisect', 'nobody of genesis signs the newest block');

  let step: LightStep = followTo(lightState(root, 0), world.tip.height, nowMs);
  const asked: number[] = [];
  while (step.action.kind === 'ask') {
    asked.push(step.action.height);
    step = takeAnswer(context, step.state, at(step.action.height), nowMs);
  }
  t.equal(step.action.kind, 'trusted');
  t.equal(newestTrusted(step.state).height, world.tip.height);
  t.ok(asked.length > 1 && asked.length < blocks.length, `${asked.length} headers instead of ${blocks.length}`);
  t.end();
});
