/**
 * An independent, naive ledger of stake: plain maps by name, every epoch kept for ever. Written from SPEC §17, not from the
 * code. Says of every transaction what must become of it, and of every piece of evidence whether it counts.
 */
export const LAW = {
  fee: 1n, stakeMin: 100_000n, stakeMax: 1_000_000n, delegationMin: 1_000n, epoch: 3_600_000, unbonding: 21 * 86_400_000, evidenceAge: 20 * 86_400_000, grace: 30 * 86_400_000, downtime: 86_400_000,
  downtimeBlocks: 6, maxValidators: 5,
} as const;

export type Verdict = { readonly what: 'done' } | { readonly what: 'out' | 'fault'; readonly why: ReadonlySet<string> };
export type Deed =
  | { readonly do: 'stake' | 'delegate'; readonly by: string; readonly validator: string; readonly amount: bigint }
  | { readonly do: 'unstake' | 'undelegate'; readonly by: string; readonly validator: string; readonly shares: bigint }
  | { readonly do: 'editValidator'; readonly by: string; readonly validator: string; readonly commission: bigint }
  | { readonly do: 'rejoin'; readonly by: string; readonly validator: string }
  | { readonly do: 'transfer'; readonly by: string; readonly to: string; readonly amount: bigint };

interface Validator { stake: bigint; shares: bigint; commission: bigint; standing: 'good' | 'absent' | 'tombstoned'; readonly due: number }
interface Member { readonly id: string; readonly stake: bigint; readonly commission: bigint; readonly seenMs: number; readonly seenHeight: number }
interface Epoch { readonly since: number; readonly sinceMs: number; readonly end: number; readonly setSince: number; readonly members: readonly Member[] }

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const endOf = (now: number): number => (Math.floor(now / LAW.epoch) + 1) * LAW.epoch;

export class NaiveStake {
  readonly balances = new Map<string, bigint>();
  fees = 0n;
  insurance = 0n;
  /** By address of the consensus key, which is the account's address too in these worlds. */
  readonly validators = new Map<string, Validator>();
  /** validator/account → shares. */
  readonly delegations = new Map<string, bigint>();
  /** validator/epoch/account → shares of the pool validator/epoch, and the last instant before they are paid out. */
  readonly unbonding = new Map<string, { readonly shares: bigint; readonly at: number }>();
  readonly pools = new Map<string, { readonly ml: bigint; readonly shares: bigint }>();
  readonly epochs: Epoch[] = [];
  #seen = new Set<string>();
  #due: readonly string[] = [];
  #now = 0;
  height = 0;

  constructor(genesisMs: number, active: readonly string[], admitted: readonly string[]) {
    for (const id of active) this.validators.set(id, { stake: 0n, shares: 0n, commission: 0n, standing: 'good', due: genesisMs + LAW.grace });
    for (const id of admitted) this.validators.set(id, { stake: 0n, shares: 0n, commission: 0n, standing: 'good', due: 0 });
    this.epochs.push({ since: 1, sinceMs: genesisMs, end: endOf(genesisMs), setSince: 1, members: [...active].sort().map((id) => ({ id, stake: 0n, commission: 0n, seenMs: genesisMs, seenHeight: 0 })) });
  }

  get epoch(): Epoch {
    return this.epochs[this.epochs.length - 1] as Epoch;
  }

  balance(account: string): bigint {
    return this.balances.get(account) ?? 0n;
  }

  add(account: string, ml: bigint): void {
    this.balances.set(account, this.balance(account) + ml);
  }

  /** All litres there are: never more, never less. */
  total(): bigint {
    const sum = (list: Iterable<bigint>): bigint => [...list].reduce((all, one) => all + one, 0n);
    return sum(this.balances.values()) + this.fees + this.insurance + sum([...this.validators.values()].map(({ stake }) => stake)) + sum([...this.pools.values()].map(({ ml }) => ml));
  }

  begin(now: number): void {
    this.#now = now;
    this.height += 1;
    this.#due = [...this.unbonding].filter(([, { at }]) => at < now).map(([key]) => key);
  }

  epochOf(height: number): number {
    return this.epochs.findLastIndex(({ since }) => since <= height);
  }

  /** Whether evidence against this validator for a vote at a final height counts now. */
  counts(id: string, height: number): boolean {
    const epoch = this.epochs[this.epochOf(height)];
    return epoch !== undefined && height < this.height && epoch.members.some((one) => one.id === id) && this.#now <= epoch.sinceMs + LAW.evidenceAge && this.validators.get(id)?.standing !== 'tombstoned';
  }

  punish(id: string, height: number): void {
    const validator = this.validators.get(id) as Validator;
    const first = this.epochOf(height);
    const whole = ((this.epochs[first]?.members.find((one) => one.id === id)?.stake ?? 0n) * 5n) / 100n;
    let left = whole;
    for (let no = first; no < this.epochs.length; no++) {
      const pool = this.pools.get(`${id}/${no}`);
      if (pool === undefined) continue;
      const part = min((pool.ml * 5n) / 100n, left);
      this.pools.set(`${id}/${no}`, { ...pool, ml: pool.ml - part });
      left -= part;
    }
    const bonded = min(left, validator.stake);
    validator.stake -= bonded;
    validator.standing = 'tombstoned';
    this.insurance += whole - left + bonded;
  }

  apply(deed: Deed): Verdict {
    const out = new Set<string>();
    const own = deed.do === 'transfer' ? undefined : deed.by === deed.validator;
    if ((deed.do === 'delegate' || deed.do === 'undelegate') === (own === true) && own !== undefined) out.add('wrong_signers');
    if (this.balance(deed.by) < LAW.fee) out.add('insufficient_balance');
    if (out.size > 0) return { what: 'out', why: out };
    this.add(deed.by, -LAW.fee);
    this.fees += LAW.fee;
    const why = new Set<string>();
    this.#execute(deed, why);
    return why.size > 0 ? { what: 'fault', why } : { what: 'done' };
  }

  #execute(deed: Deed, why: Set<string>): void {
    if (deed.do === 'transfer') {
      if (deed.by === deed.to) why.add('self_payment');
      if (this.balance(deed.by) < deed.amount) why.add('insufficient_balance');
      if (why.size > 0) return;
      this.add(deed.by, -deed.amount);
      return this.add(deed.to, deed.amount);
    }
    const validator = this.validators.get(deed.validator) as Validator;
    switch (deed.do) {
      case 'stake': case 'delegate': return this.#putIn(deed.by, deed.validator, validator, deed.amount, why);
      case 'unstake': case 'undelegate': return this.#takeOut(deed.by, deed.validator, validator, deed.shares, why);
      case 'editValidator': return void (validator.commission = deed.commission);
      case 'rejoin':
        if (validator.standing === 'tombstoned') why.add('validator_tombstoned');
        if (validator.standing === 'good') why.add('validator_not_absent');
        if (why.size === 0) validator.standing = 'good';
    }
  }

  #putIn(by: string, id: string, validator: Validator, amount: bigint, why: Set<string>): void {
    const shares = validator.shares === 0n ? amount : validator.stake === 0n ? 0n : (amount * validator.shares) / validator.stake;
    if (validator.standing === 'tombstoned') why.add('validator_tombstoned');
    if (amount < LAW.delegationMin) why.add('stake_too_small');
    if (this.balance(by) < amount) why.add('insufficient_balance');
    if (shares === 0n) why.add('no_shares');
    if (why.size > 0) return;
    this.add(by, -amount);
    validator.stake += amount;
    validator.shares += shares;
    this.delegations.set(`${id}/${by}`, (this.delegations.get(`${id}/${by}`) ?? 0n) + shares);
  }

  #takeOut(by: string, id: string, validator: Validator, shares: bigint, why: Set<string>): void {
    const held = this.delegations.get(`${id}/${by}`) ?? 0n;
    if (shares > held) return void why.add('exceeds_shares');
    const ml = (shares * validator.stake) / validator.shares;
    if (ml === 0n) return void why.add('no_shares');
    validator.stake -= ml;
    validator.shares -= shares;
    if (shares === held) this.delegations.delete(`${id}/${by}`);
    else this.delegations.set(`${id}/${by}`, held - shares);
    const no = this.epochs.length - 1;
    const pool = this.pools.get(`${id}/${no}`) ?? { ml: 0n, shares: 0n };
    const joined = pool.shares === 0n ? ml : (ml * pool.shares) / pool.ml;
    const before = this.unbonding.get(`${id}/${no}/${by}`);
    this.pools.set(`${id}/${no}`, { ml: pool.ml + ml, shares: pool.shares + joined });
    this.unbonding.set(`${id}/${no}/${by}`, { shares: (before?.shares ?? 0n) + joined, at: Math.max(before?.at ?? 0, this.#now + LAW.unbonding, this.epoch.end + LAW.unbonding) });
  }

  /** @param signers of the block before, ids */
  end(signers: readonly string[]): void {
    this.#release();
    for (const id of signers) if (this.epoch.members.some((one) => one.id === id)) this.#seen.add(id);
    if (this.#now >= this.epoch.end) this.#endEpoch();
  }

  #release(): void {
    const rowKey = (key: string): string => {
      const [id = '', no = '', account = ''] = key.split('/');
      return id + Number(no).toString(16).padStart(8, '0') + account;
    };
    const due = this.#due.map((key) => ({ key, at: this.unbonding.get(key)?.at ?? 0, rowKey: rowKey(key) })).filter(({ at }) => at < this.#now);
    for (const { key } of due.sort((a, b) => (a.at === b.at ? (a.rowKey < b.rowKey ? -1 : 1) : a.at - b.at))) {
      const [id = '', no = '', account = ''] = key.split('/');
      const { shares } = this.unbonding.get(key) as { shares: bigint };
      const pool = this.pools.get(`${id}/${no}`) as { ml: bigint; shares: bigint };
      const ml = (shares * pool.ml) / pool.shares;
      this.add(account, ml);
      this.unbonding.delete(key);
      if (pool.shares === shares) this.pools.delete(`${id}/${no}`);
      else this.pools.set(`${id}/${no}`, { ml: pool.ml - ml, shares: pool.shares - shares });
    }
  }

  #endEpoch(): void {
    const { members, setSince } = this.epoch;
    this.#shareFees(members);
    const noted = members.map((member): Member => {
      if (this.#seen.has(member.id)) return { ...member, seenMs: this.#now, seenHeight: this.height };
      const validator = this.validators.get(member.id) as Validator;
      if (this.#now - member.seenMs >= LAW.downtime && this.height - member.seenHeight >= LAW.downtimeBlocks && validator.standing === 'good') validator.standing = 'absent';
      return member;
    });
    const next = this.#elect(members.map(({ id }) => id));
    const isSame = next.join() === members.map(({ id }) => id).join();
    this.#seen = new Set();
    this.epochs.push({
      since: this.height + 1, sinceMs: this.#now, end: endOf(this.#now), setSince: isSame ? setSince : this.height + 1,
      members: next.map((id) => {
        const { stake, commission } = this.validators.get(id) as Validator;
        const { seenMs, seenHeight } = noted.find((one) => one.id === id) ?? { seenMs: this.#now, seenHeight: this.height };
        return { id, stake, commission, seenMs, seenHeight };
      }),
    });
  }

  #shareFees(members: readonly Member[]): void {
    const active = members.filter(({ id }) => this.validators.get(id)?.standing !== 'tombstoned');
    const part = active.length === 0 ? 0n : this.fees / BigInt(active.length);
    for (const { id, commission } of active) {
      const validator = this.validators.get(id) as Validator;
      if (validator.stake < LAW.stakeMin) continue;
      const own = (part * commission) / 10_000n;
      this.add(id, own);
      validator.stake += part - own;
      this.fees -= part;
    }
  }

  #elect(current: readonly string[]): readonly string[] {
    const electable = [...this.validators].filter(([, { standing, stake, due }]) => standing === 'good' && (stake >= LAW.stakeMin || this.#now < due));
    const ranked = electable.map(([id, { stake }]) => ({ id, counted: min(stake, LAW.stakeMax) })).sort((a, b) => (a.counted === b.counted ? (a.id < b.id ? -1 : 1) : a.counted > b.counted ? -1 : 1));
    const wanted = ranked.slice(0, LAW.maxValidators).map(({ id }) => id);
    const most = Math.max(1, Math.floor((current.length - 1) / 3));
    const leaving = current.filter((id) => !wanted.includes(id)).sort().slice(0, Math.min(most, current.length - 1));
    const staying = current.filter((id) => !leaving.includes(id));
    const joining = wanted.filter((id) => !current.includes(id)).slice(0, Math.max(0, Math.min(most, LAW.maxValidators - staying.length)));
    return [...staying, ...joining].sort();
  }
}
