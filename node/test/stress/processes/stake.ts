/** Acts about who votes: an institution joins and leaves, a key that runs twice is slashed. */
import { strict as assert } from 'node:assert';
import { Evidence, ValidatorSet, decode, duplicateVote, encode, formatLitres, fromBase64Url, indexOfKey, parseLitres, signEd25519, toBase64Url, votePreimage, type SignedVote } from '@billcoin/protocol';
import { addSignature, buildStake, buildUnstake, keyFromSeed, listValidators, sendTransaction, waitForTransaction, type TxDraft } from '@billcoin/sdk';
import type { TestProcess } from '../../support/testProcess.ts';
import type { Key } from '../../support/testNetwork.ts';
import { WAIT_MS, addressText, advance, awake, institution, pickOne, secondsSince, type Story } from './story.ts';

/** Beyond the end of the stake epoch, so that no clock is before it. */
const PAST_END_MS = 1_000;
const LIFE_MS = 600_000;
/** Longer than a punishment takes. */
const CALM_MS = 240_000;

/** The shortest epoch that the parameters allow lasts ten minutes: the clocks of all nodes are moved to its end. */
function endEpoch({ network }: Story): void {
  const { stakeEpochMs } = network.genesis.spec.params;
  const nowMs = network.nowMs();
  network.advanceClock(stakeEpochMs - (nowMs % stakeEpochMs) + PAST_END_MS);
}

/** Fees change a stake at the end of an epoch; a slash is held against what it was before. */
async function awayFromEnd(story: Story): Promise<void> {
  const { stakeEpochMs } = story.network.genesis.spec.params;
  if (stakeEpochMs - (story.network.nowMs() % stakeEpochMs) > CALM_MS) return;
  endEpoch(story);
  await advance(awake(story), 2);
}

async function settle(node: TestProcess, draft: TxDraft): Promise<void> {
  await sendTransaction(node.client, draft, { timeoutMs: WAIT_MS });
  const { status, code } = await waitForTransaction(node.client, { txHash: draft.txHash, timeoutMs: WAIT_MS });
  assert.deepEqual({ status, code }, { status: 'final', code: 0 });
}

function envelope({ network }: Story, key: Key) {
  return { genesisHash: network.genesis.genesisHash, validUntilMs: network.nowMs() + LIFE_MS, sender: key.address, validator: key.address };
}

/** Stakes behind the institution of a node. */
export async function stake(story: Story, node: TestProcess, amountMl: bigint): Promise<void> {
  const key = story.network.keys[node.index]!;
  await settle(pickOne(story, awake(story)), addSignature(buildStake({ ...envelope(story, key), amountMl }), keyFromSeed(key.seed)));
}

/** An institution that follows stakes, is elected at the end of the stake epoch, and makes blocks. */
export async function join(story: Story, node: TestProcess): Promise<void> {
  const { network, load } = story;
  const key = network.keys[node.index]!;
  assert.equal((await institution(node, key)).power, 0, 'it does not vote yet');
  await stake(story, node, network.genesis.spec.params.stakeMinMl);
  const startMs = performance.now();
  endEpoch(story);
  for (const each of awake(story)) await each.until(`sees node ${node.index} vote`, WAIT_MS, async () => (await institution(each, key)).power === 1);
  const from = await advance(awake(story), 1);
  await node.until('makes a block', WAIT_MS, () => Promise.resolve(load.blocks.some(({ height, proposer }) => height > from && proposer === addressText(key))));
  story.say(`node ${node.index} staked, was elected, and made a block ${secondsSince(startMs)} after the end of the epoch`);
}

/** An institution takes its stake out, and votes no more after the end of the stake epoch. */
export async function leave(story: Story, node: TestProcess): Promise<void> {
  const { network } = story;
  const key = network.keys[node.index]!;
  const { shares } = await institution(node, key);
  await settle(pickOne(story, awake(story)), addSignature(buildUnstake({ ...envelope(story, key), shares: BigInt(shares) }), keyFromSeed(key.seed)));
  await awaitGone(story, key);
  story.say(`node ${node.index} took its stake out and votes no more; the others go on`);
}

async function awaitGone(story: Story, key: Key): Promise<void> {
  endEpoch(story);
  for (const each of awake(story)) await each.until(`sees ${addressText(key)} gone`, WAIT_MS, async () => (await institution(each, key)).power === 0);
  await advance(awake(story), 3);
}

/**
 * A copy of a validator's machine runs beside it: the others see two proposals or votes of one key, the next block holds the proof, every node
 * takes stake and vote from it.
 */
export async function runTwice(story: Story, victim: TestProcess, guest: Uint8Array): Promise<void> {
  const { network } = story;
  const key = network.keys[victim.index]!;
  await awayFromEnd(story);
  const stakeMl = await stakeOf(victim, key);
  const startMs = performance.now();
  await victim.end('SIGKILL');
  const twin = await network.makeTwin(victim, guest);
  await Promise.all([victim.start(), twin.start()]);
  const honest = awake(story).filter((node) => node !== victim);
  for (const node of honest) await awaitPunished(node, key);
  const found = secondsSince(startMs);
  await twin.end('SIGKILL');
  await advance(honest, 3);
  await sameLoss(story, key, stakeMl);
  await awaitGone(story, key);
  story.say(`a copy of node ${victim.index} ran beside it: punished on all nodes ${found} later, starts included, the slash of ${formatLitres(stakeMl)} L taken, out of the set`);
}

async function stakeOf(node: TestProcess, key: Key): Promise<bigint> {
  const { power, litres } = await institution(node, key);
  const stakeMl = parseLitres(litres) ?? 0n;
  assert(power === 1 && stakeMl > 0n, 'it votes, and there is stake behind it');
  return stakeMl;
}

async function awaitPunished(node: TestProcess, key: Key): Promise<void> {
  await node.until(`sees ${addressText(key)} punished`, WAIT_MS, async () => (await institution(node, key)).standing === 'tombstoned');
}

/** All nodes that run have the stake less the slash, once. */
async function sameLoss(story: Story, key: Key, stakeMl: bigint): Promise<void> {
  const slashMl = (stakeMl * BigInt(story.network.genesis.spec.params.slashBps)) / 10_000n;
  for (const node of awake(story)) assert.equal((await institution(node, key)).litres, formatLitres(stakeMl - slashMl), `the stake of the offender at node ${node.index}`);
}

/** Evidence bytes: two prevotes of one key for different blocks of a height. */
async function doubleVote({ network: { genesis: { genesisHash } } }: Story, node: TestProcess, key: Key, height: number): Promise<string> {
  const { set } = await listValidators(node.client);
  const validators = decode(ValidatorSet, fromBase64Url(set) ?? new Uint8Array(0));
  const validatorIndex = validators.ok ? indexOfKey(validators.value, key.publicKey) : undefined;
  assert(validatorIndex !== undefined, 'it votes');
  const [a, b] = ['a', 'b'].map((digit): SignedVote => {
    const fields = { type: 'prevote', height, round: 0, blockId: digit.repeat(64) } as const;
    return { ...fields, validatorIndex, signature: signEd25519(key.seed, votePreimage(genesisHash, fields)) };
  }) as [SignedVote, SignedVote];
  return toBase64Url(encode(Evidence, duplicateVote(a, b)));
}

/** Somebody hands the proof of a double vote to one node: all nodes punish the key, and never twice. */
export async function accuse(story: Story, victim: TestProcess): Promise<void> {
  const key = story.network.keys[victim.index]!;
  const node = pickOne(story, awake(story));
  await awayFromEnd(story);
  const stakeMl = await stakeOf(node, key);
  const height = await advance(awake(story), 2);
  const taken = await node.post('/evidence', { evidence: await doubleVote(story, node, key, height) });
  assert.deepEqual(taken, { status: 202, text: '{"state":"kept"}' });
  for (const each of awake(story)) await awaitPunished(each, key);
  await sameLoss(story, key, stakeMl);
  const again = await node.post('/evidence', { evidence: await doubleVote(story, node, key, height - 1) });
  assert.equal(again.status, 422, 'a second offence of a key that is retired');
  await advance(awake(story), 2);
  await sameLoss(story, key, stakeMl);
  story.say(`evidence against node ${victim.index} was handed to node ${node.index}: punished once on all nodes`);
}
