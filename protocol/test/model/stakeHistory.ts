/** Plays a random history of stake on the implementation and on the naive model side by side: transactions, evidence, absences, ends of epochs. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import fc from 'fast-check';
import {
  applyBlock, assertReserveWhole, commitBlock, decode, faultCode, genesisTip, makeChain, poolsOf, ROWS, setsAt, stakeEpochOf, StateTree, toHex, Certificate, type Executed, type stateRows, type TxBody,
} from '../../src/index.ts';
import { bitsOf } from '../../src/consensus/certificate.ts';
import { INSTITUTIONS, stakeWorld, voteTwice } from '../support/staking.ts';
import { KEYS, keyOf, verifyFast, type Key, type World } from '../support/world.ts';
import { LAW, NaiveStake, type Deed } from './naiveStake.ts';

const DELEGATORS: readonly Key[] = [KEYS.farmA, keyOf('ann'), keyOf('bob')];
const ACTORS: readonly Key[] = [...INSTITUTIONS, ...DELEGATORS];
const ACTIVE = 4;
const keyBook = new Map(ACTORS.map((key) => [toHex(key.address), key]));
const idOf = (key: Key): string => toHex(key.address);
const at = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;

export interface Act { readonly kind: Deed['do']; readonly by: number; readonly validator: number; readonly permille: number; readonly stray: boolean }
export interface Round { readonly gap: number; readonly acts: readonly Act[]; readonly evidence: readonly { readonly who: number; readonly back: number; readonly round: number }[]; readonly absent: number }

const MIN = 60_000;
const index = fc.nat({ max: 40 });
const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.constantFrom<Deed['do'][]>('stake', 'stake', 'unstake', 'delegate', 'delegate', 'undelegate', 'undelegate', 'editValidator', 'rejoin', 'transfer', 'transfer'), by: index, validator: index,
  permille: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 500 }) }, { weight: 1, arbitrary: fc.constantFrom(0, 999, 1_000, 1_001) }), stray: fc.integer({ min: 0, max: 15 }).map((n) => n === 15),
});
const evidence = fc.record({ who: index, back: fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 3 }) }, { weight: 1, arbitrary: fc.nat({ max: 200 }) }), round: fc.nat({ max: 1 }) });
export const anyRound: fc.Arbitrary<Round> = fc.record({
  gap: fc.constantFrom(1, 1_000, 1_000, 20 * MIN, 20 * MIN, 60 * MIN, 60 * MIN, 60 * MIN, 6 * 60 * MIN, 24 * 60 * MIN, 24 * 60 * MIN, 5 * 24 * 60 * MIN, 10 * 24 * 60 * MIN, 21 * 24 * 60 * MIN),
  acts: fc.array(act, { maxLength: 6 }), evidence: fc.oneof({ weight: 12, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(evidence, { minLength: 1, maxLength: 2 }) }), absent: fc.oneof({ weight: 12, arbitrary: fc.constant(3) }, { weight: 1, arbitrary: fc.constantFrom(0, 1) }),
});

export type Seen = Map<string, number>;

export class StakeHistory {
  readonly world: World;
  readonly model: NaiveStake;
  readonly #seen: Seen;
  readonly #total: bigint;

  constructor(seen: Seen) {
    this.#seen = seen;
    this.world = stakeWorld(ACTIVE, { params: { maxValidators: LAW.maxValidators, downtimeBlocks: LAW.downtimeBlocks } });
    const { world } = this;
    this.model = new NaiveStake(world.genesis.spec.timeMs, INSTITUTIONS.slice(0, ACTIVE).map(idOf), INSTITUTIONS.slice(ACTIVE).map(idOf));
    // The world has made two blocks, in the first stake epoch, signed by all.
    for (let height = 1; height <= world.tip.height; height++) {
      this.model.begin(world.timeMs);
      this.model.end(height === 1 ? [] : INSTITUTIONS.slice(0, ACTIVE).map(idOf));
    }
    for (const { id, value } of world.tip.state.rows(ROWS.account)) this.model.balances.set(id, value.balanceMl);
    this.model.fees = poolsOf(world.tip.state).feesMl;
    this.#total = this.model.total();
  }

  #note(what: string): void {
    this.#seen.set(what, (this.#seen.get(what) ?? 0) + 1);
  }

  play(rounds: readonly Round[]): void {
    for (const round of rounds) this.#round(round);
    this.#replay();
  }

  #round({ gap, acts, evidence, absent }: Round): void {
    const { world, model } = this;
    const now = world.timeMs + gap;
    const signers = this.#signersOfTip();
    const pieces = evidence.flatMap(({ who, back, round }) => this.#offence(who, Math.max(1, world.tip.height - back), round));
    const deeds = acts.map((one) => this.#deed(one));
    const txs = deeds.map((deed) => world.tx(keyBook.get(deed.by) as Key, kindOf(deed), { validUntilMs: now + 600_000 }));
    model.begin(now);
    const counted = pieces.filter(({ id, height }, place) => model.counts(id, height) && !pieces.slice(0, place).some((earlier) => earlier.id === id && model.counts(earlier.id, earlier.height)));
    for (const { id, height } of counted) model.punish(id, height);
    const verdicts = deeds.map((deed) => model.apply(deed));
    const set = model.epoch.members.map(({ id }) => id);
    model.end(signers);

    const executed = world.block(txs, gap, { evidence: pieces.map(({ bytes }) => bytes), absent: this.#absentees(set, absent) });
    deepEqual(executed.evidence, counted.map(({ bytes }) => bytes), 'evidence in the block');
    const included = verdicts.filter(({ what }) => what !== 'out');
    equal(executed.txs.length, included.length, 'transactions in the block');
    for (const [place, verdict] of included.entries()) {
      const code = faultCode(executed.codes[place] as number) ?? 'done';
      ok(verdict.what === 'done' ? code === 'done' : verdict.why.has(code), `${executed.txs[place]?.body.kind.case}: the block says ${code}, the model ${verdict.what === 'done' ? 'done' : [...verdict.why].join()}`);
      this.#note(`${executed.txs[place]?.body.kind.case} ${verdict.what}`);
    }
    if (counted.length > 0) this.#note('slash');
    this.#compare(executed);
  }

  /** Who signed the newest block: ids. */
  #signersOfTip(): readonly string[] {
    const { certificateBytes, signers } = this.world.tip;
    const commit = decode(Certificate, certificateBytes ?? new Uint8Array(0));
    return commit.ok ? bitsOf(commit.value.bitmap).map((place) => [...keyBook].find(([, key]) => toHex(key.publicKey) === toHex(signers.validators[place]?.publicKey ?? new Uint8Array(0)))?.[0] ?? '') : [];
  }

  /** As many as the quorum can do without; mostly the same one, so that it is absent for long. */
  #absentees(set: readonly string[], wish: number): readonly Key[] {
    const spare = Math.floor((set.length - 1) / 3);
    return set.slice(0, Math.min(spare, wish === 3 ? 1 : wish)).map((id) => keyBook.get(id) as Key);
  }

  #offence(who: number, height: number, round: number): readonly { readonly id: string; readonly height: number; readonly bytes: Uint8Array }[] {
    const members = this.model.epochs[this.model.epochOf(height)]?.members ?? [];
    const { id } = at(members, who);
    return [{ id, height, bytes: voteTwice(this.world, keyBook.get(id) as Key, members.findIndex((one) => one.id === id), height, round) }];
  }

  #deed({ kind, by, validator, permille, stray }: Act): Deed {
    const { model } = this;
    const part = (whole: bigint): bigint => {
      const amount = (whole * BigInt(permille)) / 1_000n;
      return amount < 1n ? 1n : amount;
    };
    const institution = idOf(at(INSTITUTIONS, validator));
    const own = kind === 'stake' || kind === 'unstake' || kind === 'editValidator' || kind === 'rejoin';
    const actor = own !== stray ? institution : idOf(at(DELEGATORS, by));
    const funds = model.balance(actor) < 1_500_000n ? model.balance(actor) : 1_500_000n;
    switch (kind) {
      case 'stake': case 'delegate': return { do: kind, by: actor, validator: institution, amount: part(funds) };
      case 'unstake': case 'undelegate': return { do: kind, by: actor, validator: institution, shares: part(model.delegations.get(`${institution}/${actor}`) ?? 0n) };
      case 'editValidator': return { do: kind, by: actor, validator: institution, commission: BigInt(permille % 1_000) * 10n };
      case 'rejoin': return { do: kind, by: actor, validator: this.#absent(institution), ...(own && !stray ? { by: this.#absent(institution) } : {}) };
      case 'transfer': return { do: kind, by: idOf(at(ACTORS, by)), to: idOf(at(ACTORS, validator)), amount: part(model.balance(idOf(at(ACTORS, by))) / 10n) };
    }
  }

  /** Somebody who may rejoin, if there is one. */
  #absent(otherwise: string): string {
    return [...this.model.validators].find(([, { standing }]) => standing === 'absent')?.[0] ?? otherwise;
  }

  #compare({ header }: Executed): void {
    const { world: { tip }, model } = this;
    const { state } = tip;
    const where = `after block ${tip.height}`;
    const standings = ['', 'good', 'absent', 'tombstoned'];
    const rows = <V>(type: { readonly name: string }): readonly { readonly id: string; readonly value: V }[] => [...state.rows(Object.values(ROWS).find((one) => one.name === type.name) as never)] as never;
    deepEqual(new Map(rows<stateRows.AccountRow>(ROWS.account).map(({ id, value }) => [id, value.balanceMl])), new Map([...model.balances].filter(([, ml]) => ml > 0n)), `balances ${where}`);
    deepEqual(poolsOf(state), { feesMl: model.fees, insuranceMl: model.insurance, subsidyMl: 0n }, `pools ${where}`);
    const said = rows<stateRows.ValidatorRow>(ROWS.validator).map(({ id, value }) => [id, { stake: value.stakeMl, shares: value.shares, commission: BigInt(value.commissionBps), standing: standings[value.standing], due: value.stakeDueMs }] as const);
    deepEqual(new Map(said), new Map(model.validators), `validators ${where}`);
    deepEqual(new Map(rows<stateRows.DelegationRow>(ROWS.delegation).map(({ id, value }) => [`${id.slice(0, 40)}/${id.slice(40)}`, value.shares])), model.delegations, `delegations ${where}`);
    const unbonding = rows<stateRows.UnbondingRow>(ROWS.unbonding).map(({ id, value }) => [`${id.slice(0, 40)}/${Number.parseInt(id.slice(40, 48), 16)}/${id.slice(48)}`, { shares: value.shares, at: value.releaseAtMs }] as const);
    deepEqual(new Map(unbonding), model.unbonding, `unbonding ${where}`);
    const pools = rows<stateRows.UnbondingPoolRow>(ROWS.unbondingPool).map(({ id, value }) => [`${id.slice(0, 40)}/${Number.parseInt(id.slice(40), 16)}`, { ml: value.amountMl, shares: value.shares }] as const);
    deepEqual(new Map(pools), model.pools, `unbonding pools ${where}`);
    const { no, sinceHeight, sinceMs, endsAtMs, setSince, members } = stakeEpochOf(state);
    deepEqual({ no, sinceHeight, sinceMs, endsAtMs, setSince }, { no: model.epochs.length - 1, sinceHeight: model.epoch.since, sinceMs: model.epoch.sinceMs, endsAtMs: model.epoch.end, setSince: model.epoch.setSince }, `epoch ${where}`);
    const shown = members.map(({ validator, stakeMl, commissionBps, seenMs, seenHeight }) => ({ id: toHex(validator), stake: stakeMl, commission: BigInt(commissionBps), seenMs, seenHeight }));
    deepEqual(shown, model.epoch.members, `members ${where}`);
    deepEqual([tip.validators, tip.validatorsSince], [{ validators: members.map(({ validator }) => ({ publicKey: keyBook.get(toHex(validator))?.publicKey, power: 1 })) }, setSince], `the set ${where}`);
    const { signers, validators, validatorsSince } = tip;
    deepEqual(setsAt(state, tip.height), { signers, validators, validatorsSince }, `what a node knows that starts ${where}`);
    equal(model.total(), this.#total, `no litre is made or lost ${where}`);
    assertReserveWhole(state);
    if (toHex(header.validatorsHash) !== toHex(header.nextValidatorsHash)) this.#note('set change');
    if ([...model.validators.values()].some(({ standing }) => standing === 'absent')) this.#note('absent');
    if (model.unbonding.size > 0) this.#note('unbonding');
  }

  /** A node that sees the blocks only gets the same state. */
  #replay(): void {
    const { world } = this;
    const chain = makeChain(world.genesis, verifyFast, new StateTree());
    let tip = genesisTip(chain, world.genesis);
    for (const { bytes, certificate } of world.made) {
      const verdict = applyBlock(chain, tip, bytes);
      const commit = decode(Certificate, certificate);
      ok(verdict.ok && commit.ok, `block ${tip.height + 1} again`);
      tip = commitBlock(chain, tip, verdict.value, commit.value);
    }
    deepEqual(tip.blockId, world.tip.blockId);
  }
}

function kindOf(deed: Deed): TxBody['kind'] {
  const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
  switch (deed.do) {
    case 'transfer': return { case: 'transfer', value: { to: bytes(deed.to), amountMl: deed.amount } };
    case 'stake': case 'delegate': return { case: deed.do, value: { validator: bytes(deed.validator), amountMl: deed.amount } };
    case 'unstake': case 'undelegate': return { case: deed.do, value: { validator: bytes(deed.validator), shares: deed.shares } };
    case 'editValidator': return { case: 'editValidator', value: { validator: bytes(deed.validator), name: 'Uni', commissionBps: Number(deed.commission) } };
    case 'rejoin': return { case: 'rejoin', value: { validator: bytes(deed.validator) } };
  }
}
