/** What the tests of stake share: a world of several institutions with money, ends of epochs, double signing. */
import { addressOf, duplicateVote, encode, epochAt, Evidence, indexOfKey, NIL, ROWS, setOfEpoch, stakeEpochOf, toHex, votePreimage, type Executed, type stateRows } from '../../src/index.ts';
import { KEYS, keyOf, signFast, World, type Key } from './world.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** Institutions in ascending order of their addresses. */
export const INSTITUTIONS: readonly Key[] = Array.from({ length: 8 }, (_, index) => keyOf(`institution ${index}`)).sort((a, b) => (toHex(a.address) < toHex(b.address) ? -1 : 1));

type Overrides = NonNullable<ConstructorParameters<typeof World>[0]>;

/** `active` institutions vote from genesis, the others are admitted; each has 2,000 L, farm A has much more. */
export function stakeWorld(active: number, over: Overrides = {}): World {
  const world = new World({ tollBps: 0, validators: INSTITUTIONS.slice(0, active), admitted: INSTITUTIONS.slice(active), ...over });
  world.mint(100_000_000n);
  world.block(INSTITUTIONS.map((key) => world.transfer(KEYS.farmA, key.address, 2_000_000n)));
  return world;
}

export const idOf = (key: Key): string => toHex(key.address);

export function rowOf(world: World, key: Key): stateRows.ValidatorRow {
  const row = world.tip.state.get(ROWS.validator, idOf(key));
  if (row === undefined) throw new Error('it is admitted');
  return row;
}

export const stakeTx = (world: World, key: Key, amountMl: bigint): Uint8Array => world.tx(key, { case: 'stake', value: { validator: key.address, amountMl } });
export const unstakeTx = (world: World, key: Key, shares: bigint): Uint8Array => world.tx(key, { case: 'unstake', value: { validator: key.address, shares } });
export const delegateTx = (world: World, by: Key, to: Key, amountMl: bigint): Uint8Array => world.tx(by, { case: 'delegate', value: { validator: to.address, amountMl } });
/** @param afterMs how long after the tip it is included */
export const undelegateTx = (world: World, by: Key, from: Key, shares: bigint, afterMs = 0): Uint8Array =>
  world.tx(by, { case: 'undelegate', value: { validator: from.address, shares } }, { validUntilMs: world.timeMs + afterMs + 600_000 });

/** A block at the first instant that ends the stake epoch. */
export function endEpoch(world: World, txs: readonly Uint8Array[] = [], more: Parameters<World['block']>[2] = {}): Executed {
  return world.block(txs, stakeEpochOf(world.tip.state).endsAtMs - world.timeMs, more);
}

/** The institutions whose votes the next block waits for, in the order of the set. */
export function voters(world: World): readonly Key[] {
  return world.tip.validators.validators.map(({ publicKey }) => INSTITUTIONS.find((key) => toHex(key.publicKey) === toHex(publicKey)) ?? KEYS.validator);
}

/** Evidence that a validator voted for two blocks at a height: its index is that of the set of the height. */
export function doubleVote(world: World, key: Key, height: number, round = 0): Uint8Array {
  const epoch = epochAt(world.tip.state, height);
  const index = epoch === undefined ? undefined : indexOfKey(setOfEpoch(world.tip.state, epoch), key.publicKey);
  if (index === undefined) throw new Error(`${toHex(addressOf(key.publicKey))} does not vote at ${height}`);
  return voteTwice(world, key, index, height, round);
}

/** Two precommits of one place under this index. */
export function voteTwice(world: World, key: Key, index: number, height: number, round: number): Uint8Array {
  const vote = (blockId: string) => {
    const fields = { type: 'precommit', height, round, blockId } as const;
    return { ...fields, validatorIndex: index, signature: signFast(key.seed, votePreimage(world.genesis.genesisHash, fields)) };
  };
  return encode(Evidence, duplicateVote(vote('aa'.repeat(32)), vote(NIL)));
}
