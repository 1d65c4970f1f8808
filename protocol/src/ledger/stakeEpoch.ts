/**
 * The end of a stake epoch (SPEC §17.2, §17.3, §17.5): fees, who was absent, the next set. Costs the same however many
 * accounts have delegated: once an epoch, some rows for each admitted institution.
 */
import { addressOf } from '../lib/address.ts';
import { assert } from '../lib/assert.ts';
import { compareBytes, equalBytes, toHex } from '../lib/bytes.ts';
import { bitOf, bitsOf, makeBitmap } from '../consensus/certificate.ts';
import { indexOfKey, makeValidatorSet, validatorsHash } from '../consensus/validators.ts';
import { shareOf } from '../state/custody.ts';
import { epochId, HISTORY_MS, ROWS, SINGLE } from '../state/layout.ts';
import { credit, poolsOf } from '../state/money.ts';
import { paramsOf } from '../state/params.ts';
import { validatorAt } from '../state/stake.ts';
import { epochEndMs, setOfEpoch, stakeEpochOf } from '../state/stakeEpochs.ts';
import type { Draft } from '../state/view.ts';
import type { BlockEnv } from '../tx/context.ts';
import { decode } from '../wire/codec.ts';
import { Certificate } from '../wire/consensus.ts';
import { ACTIVE, STANDING, type ParamsRow, type StakeEpochRow, type ValidatorRow } from '../wire/state.ts';
import type { Tip } from './chain.ts';

type Member = StakeEpochRow['members'][number];

/** Notes who signed the block before. Most blocks show nobody new and write nothing. */
export function noteSigners(draft: Draft, { certificateBytes, signers, validators }: Tip): void {
  if (certificateBytes === undefined) return;
  const commit = decode(Certificate, certificateBytes);
  assert(commit.ok, 'the commit of the block before was judged');
  const before = draft.get(ROWS.seen, SINGLE)?.bitmap ?? new Uint8Array(0);
  const seen = new Set(bitsOf(commit.value.bitmap).map((index) => (signers === validators ? index : indexOfKey(validators, signers.validators[index]!.publicKey))));
  const bitmap = makeBitmap(validators.validators.length, (index) => bitOf(before, index) || seen.has(index));
  if (!equalBytes(bitmap, before)) draft.put(ROWS.seen, SINGLE, { bitmap });
}

/**
 * Shares the fee pool: equal parts for the members, of which those with enough stake take theirs: commission to the
 * institution, the rest into the stake, where it belongs to its shares. What nobody takes stays in the pool.
 */
function shareFees(draft: Draft, members: readonly Member[], params: ParamsRow): void {
  const active = members.filter(({ validator }) => validatorAt(draft, toHex(validator)).standing !== STANDING.tombstoned);
  const { feesMl } = poolsOf(draft);
  const partMl = active.length === 0 ? 0n : feesMl / BigInt(active.length);
  if (partMl === 0n) return;
  let paidMl = 0n;
  for (const { validator, commissionBps } of active) {
    const row = validatorAt(draft, toHex(validator));
    if (row.shares === 0n || row.stakeMl < params.stakeMinMl) continue;
    const commissionMl = shareOf(partMl, commissionBps);
    draft.put(ROWS.validator, toHex(validator), { ...row, stakeMl: row.stakeMl + partMl - commissionMl });
    credit(draft, row.account, commissionMl);
    paidMl += partMl;
  }
  draft.put(ROWS.pools, SINGLE, { ...poolsOf(draft), feesMl: feesMl - paidMl });
}

/** When each member was last seen; who was absent for too long has left. */
function noteAbsent(draft: Draft, members: readonly Member[], { timeMs, height }: BlockEnv, params: ParamsRow): readonly Member[] {
  const bitmap = draft.get(ROWS.seen, SINGLE)?.bitmap ?? new Uint8Array(0);
  return members.map((member, index) => {
    if (bitOf(bitmap, index)) return { ...member, seenMs: timeMs, seenHeight: height };
    const row = validatorAt(draft, toHex(member.validator));
    const isAbsent = timeMs - member.seenMs >= params.downtimeMs && height - member.seenHeight >= params.downtimeBlocks;
    if (isAbsent && row.standing === STANDING.good) draft.put(ROWS.validator, toHex(member.validator), { ...row, standing: STANDING.absent });
    return member;
  });
}

function isElectable({ status, standing, stakeMl, stakeDueMs }: ValidatorRow, timeMs: number, params: ParamsRow): boolean {
  return status === ACTIVE && standing === STANDING.good && (stakeMl >= params.stakeMinMl || timeMs < stakeDueMs);
}

/** Addresses of the admitted institutions that should vote, the most stake first (counted up to stakeMaxMl), ties to the lower address. */
function elected(draft: Draft, timeMs: number, params: ParamsRow): readonly Uint8Array[] {
  const admitted = draft.get(ROWS.admitted, SINGLE)?.validators ?? [];
  const counted = (id: Uint8Array): bigint => {
    const { stakeMl } = validatorAt(draft, toHex(id));
    return stakeMl < params.stakeMaxMl ? stakeMl : params.stakeMaxMl;
  };
  const candidates = admitted.filter((id) => isElectable(validatorAt(draft, toHex(id)), timeMs, params)).map((id) => ({ id, countedMl: counted(id) }));
  candidates.sort((a, b) => (a.countedMl === b.countedMl ? compareBytes(a.id, b.id) : a.countedMl < b.countedMl ? 1 : -1));
  return candidates.slice(0, params.maxValidators).map(({ id }) => id);
}

/** How many may leave, and how many may join, at the end of an epoch: max(1, floor((n − 1)/3)). Frozen at genesis. */
export function changesMax(n: number): number {
  const third = (n - 1 - ((n - 1) % 3)) / 3;
  return third > 1 ? third : 1;
}

/**
 * The next members, by the wish of the election as far as it may come true at once: some leave, by address, though never the
 * last; then some join, the most stake first, while there is room.
 */
export function changedMembers(current: readonly Uint8Array[], wanted: readonly Uint8Array[], maxValidators: number): readonly Uint8Array[] {
  const most = changesMax(current.length);
  const isIn = (list: readonly Uint8Array[], id: Uint8Array): boolean => list.some((one) => equalBytes(one, id));
  const leaving = current.filter((id) => !isIn(wanted, id)).sort(compareBytes).slice(0, most < current.length ? most : current.length - 1);
  const staying = current.filter((id) => !isIn(leaving, id));
  const room = maxValidators > staying.length ? maxValidators - staying.length : 0;
  return [...staying, ...wanted.filter((id) => !isIn(current, id)).slice(0, most < room ? most : room)];
}

/** Ends the stake epoch if the time has come: the set of the next one votes from the next height on. */
export function endStakeEpoch(draft: Draft, env: BlockEnv): void {
  const epoch = stakeEpochOf(draft);
  if (env.timeMs < epoch.endsAtMs) return;
  const params = paramsOf(draft);
  shareFees(draft, epoch.members, params);
  const seen = noteAbsent(draft, epoch.members, env, params);
  const next = changedMembers(epoch.members.map(({ validator }) => validator), elected(draft, env.timeMs, params), params.maxValidators);
  const set = makeValidatorSet(next.map((id) => ({ publicKey: validatorAt(draft, toHex(id)).publicKey, power: 1 })));
  const setHash = validatorsHash(set);
  const members = set.validators.map(({ publicKey }): Member => {
    const validator = addressOf(publicKey);
    const { stakeMl, commissionBps } = validatorAt(draft, toHex(validator));
    const { seenMs, seenHeight } = seen.find((one) => equalBytes(one.validator, validator)) ?? { seenMs: env.timeMs, seenHeight: env.height };
    return { validator, stakeMl, commissionBps, seenMs, seenHeight };
  });
  const isSame = equalBytes(setHash, epoch.setHash);
  if (!isSame) {
    draft.put(ROWS.validatorSet, toHex(epoch.setHash), { ...setOfEpoch(draft, epoch), keptUntilMs: env.timeMs + HISTORY_MS });
    draft.put(ROWS.validatorSet, toHex(setHash), { validators: set.validators });
  }
  draft.put(ROWS.stakeEpoch, epochId(epoch.no), { ...epoch, endsAtMs: env.timeMs });
  draft.put(ROWS.stake, SINGLE, {
    no: epoch.no + 1, sinceHeight: env.height + 1, sinceMs: env.timeMs, endsAtMs: epochEndMs(env.timeMs, params.stakeEpochMs), setHash, setSince: isSame ? epoch.setSince : env.height + 1, members,
  });
  if (draft.get(ROWS.seen, SINGLE) !== undefined) draft.delete(ROWS.seen, SINGLE);
}
