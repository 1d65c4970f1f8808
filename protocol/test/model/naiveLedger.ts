/**
 * An independent, naive ledger for the whole law of this version: plain maps by name, no drafts, no rows, no proofs. It
 * is written from the tables of the protocol page, not from the code, and says for every transaction what must become
 * of it and, where it is refused, every reason that speaks against it.
 */
import * as custody from './naiveCustody.ts';
import * as milk from './naiveMint.ts';
import * as money from './naivePay.ts';
import * as registry from './naiveRegistry.ts';
import { addressOfKey, addressOfPolicy, hex, NaiveState, PARAMS, type Block, type NaiveTx, type Reasons } from './naiveState.ts';

/** Out: it may not stand in the block. Fault: it stands there with one of these codes, and only fee and replay record remain. */
export type Verdict = { readonly what: 'done' } | { readonly what: 'out' | 'fault'; readonly why: Reasons };

/** Kinds that may stand in a block with a fault; all others are included only if they succeed (the ✓ of the table). */
const MAY_FAULT = ['transfer', 'refund', 'redeem', 'bondWithdraw', 'bondDeposit'];
const FEE_FREE_IN_BLOCK = 64;
const FEE_FREE_OF_SIGNER = 16;
const policyKeys = (policy: string): string[] => (policy.slice(4).match(/.{64}/g) ?? []);

export class NaiveLedger extends NaiveState {
  #block: Block = { height: 0, now: 0, before: 0 };
  #feeFree: string[] = [];

  begin(now: number): void {
    this.#block = { height: this.#block.height + 1, now, before: this.#block.now };
    this.#feeFree = [];
    this.flatFees.length = 0;
  }

  end(): void {
    custody.expireBatches(this, this.#block);
  }

  apply(tx: NaiveTx): Verdict {
    const gate: Reasons = new Set();
    const sender = hex(tx.body.sender);
    this.#times(tx, gate);
    const required = this.#signers(tx, sender, gate);
    const shown = this.#checkSigners(tx, required, gate);
    const payer = this.#feePayer(tx, sender);
    this.#checkFee(tx, sender, payer, gate);
    const free = payer === undefined && tx.body.kind.case !== 'pay';
    if (free && (this.#feeFree.length >= FEE_FREE_IN_BLOCK || this.#feeFree.filter((one) => one === sender).length >= FEE_FREE_OF_SIGNER)) gate.add('too_many_fee_free');
    if (gate.size > 0) return { what: 'out', why: gate };

    if (payer !== undefined) this.#pay(payer, tx.body.feeMl);
    const why: Reasons = new Set();
    this.#execute(tx, sender, why);
    // What a till signs its merchant pays: it is left out rather than charged for a failure.
    if (why.size > 0 && (!MAY_FAULT.includes(tx.body.kind.case) || (payer !== undefined && payer !== sender))) {
      if (payer !== undefined) this.#pay(payer, -tx.body.feeMl);
      return { what: 'out', why };
    }
    if (free) this.#feeFree.push(sender);
    for (const [address, policy] of shown) this.policies.set(address, policy);
    if (tx.invoice === undefined) this.done.set(tx.id, tx.body.validUntilMs);
    return why.size > 0 ? { what: 'fault', why } : { what: 'done' };
  }

  /** All there is to book: balances by account, and the sums beside them. */
  book(): Map<string, bigint> {
    const plants = [...this.plants.values()];
    const sums = { fees: this.fees, supply: this.supply, bond: plants.reduce((sum, { bond }) => sum + bond, 0n), owed: plants.reduce((sum, { owed }) => sum + owed, 0n) };
    return new Map([...this.balances, ...Object.entries(sums)]);
  }

  /** Flat fees that this block took so far, by payer. */
  readonly flatFees: { readonly payer: string; readonly fee: bigint }[] = [];

  #pay(payer: string, fee: bigint): void {
    this.flatFees.push({ payer, fee });
    this.add(payer, -fee);
    this.fees += fee;
  }

  #times({ id, body, invoice }: NaiveTx, why: Reasons): void {
    if (invoice !== undefined) {
      if (body.salt !== undefined || body.validUntilMs !== invoice.expiresAt) why.add('malformed');
      return;
    }
    if (this.#block.now > body.validUntilMs) why.add('expired');
    if (body.validUntilMs > this.#block.now + PARAMS.txLifeMax) why.add('valid_until_too_far');
    if (this.done.has(id)) why.add('already_executed');
  }

  /** Addresses that must sign. */
  #signers(tx: NaiveTx, sender: string, why: Reasons): string[] {
    const { regulator, campus, treasury } = this.roles;
    const only = (...allowed: (string | undefined)[]): string[] => {
      if (!allowed.includes(sender)) why.add('wrong_signers');
      return [sender];
    };
    const { kind } = tx.body;
    switch (kind.case) {
      case 'voidInvoice': {
        const till = this.tills.get(tx.invoice?.till ?? 0);
        if (till === undefined) why.add('unknown_till');
        return only(till === undefined ? undefined : addressOfKey(till.key));
      }
      case 'refund':
        money.refundSigner(this, sender, kind.value, this.#block, why);
        return [sender];
      case 'redeem': {
        const batch = this.batch(hex(kind.value.batch), this.#block);
        if (batch === undefined) why.add('unknown_batch');
        return batch === undefined ? [sender] : [sender, batch.plant];
      }
      case 'registerMerchant': case 'registerTill': return only(campus);
      case 'revokeTill': {
        const till = this.tills.get(kind.value.tillNo);
        if (till === undefined) why.add('unknown_till');
        return only(campus, till?.merchant);
      }
      case 'registerFarm': case 'registerPlant': case 'registerDevice': case 'registerMeter': case 'revokeDevice': case 'holdBatch': case 'recallBatch': return only(regulator);
      case 'writeOffBatch': {
        const batch = this.batch(hex(kind.value.batch), this.#block);
        if (batch === undefined) why.add('unknown_batch');
        return only(regulator, batch?.plant);
      }
      case 'reportPrice':
        if (!this.reporters.has(sender)) why.add('unknown_reporter');
        return [sender];
      case 'anchor': return only(regulator, campus, treasury);
      default: return [sender];
    }
  }

  /** Exactly the required keys, every signature right; the policies shown for the first time. */
  #checkSigners(tx: NaiveTx, required: string[], why: Reasons): Map<string, string> {
    const shown = new Map<string, string>();
    const carried = new Set<string>();
    const wanted = new Set<string>();
    for (const address of required) {
      const fresh = tx.body.policies.map(hex).find((policy) => addressOfPolicy(policy) === address);
      const policy = this.policies.get(address) ?? fresh;
      if (this.policies.get(address) === undefined && fresh !== undefined) shown.set(address, fresh);
      if (fresh !== undefined) carried.add(fresh);
      const allowed = policy === undefined ? tx.keys.filter((key) => addressOfKey(key) === address) : tx.keys.filter((key) => policyKeys(policy).includes(key));
      const k = policy === undefined ? 1 : Number.parseInt(policy.slice(0, 2), 16);
      if (allowed.length !== k) why.add('wrong_signers');
      for (const key of allowed) wanted.add(key);
    }
    if (wanted.size !== tx.keys.length) why.add('wrong_signers');
    if (carried.size !== tx.body.policies.length) why.add('malformed');
    if (!tx.signaturesHold) why.add('bad_signature');
    return shown;
  }

  #feePayer(tx: NaiveTx, sender: string): string | undefined {
    const { kind } = tx.body;
    switch (kind.case) {
      case 'transfer': case 'redeem': case 'bondWithdraw': case 'bondDeposit': return sender;
      case 'voidInvoice': return this.tills.get(tx.invoice?.till ?? 0)?.merchant;
      case 'refund': return this.records.get(`${kind.value.tillNo}/${hex(kind.value.ref)}`)?.merchant;
      case 'revokeTill': return sender === this.roles.campus ? undefined : sender;
      default: return undefined;
    }
  }

  #checkFee(tx: NaiveTx, sender: string, payer: string | undefined, why: Reasons): void {
    const { feeMl } = tx.body;
    if (payer === undefined) {
      if (feeMl !== 0n) why.add('malformed');
      return;
    }
    if (feeMl < PARAMS.minFee) why.add('fee_too_low');
    if (payer !== sender && feeMl > PARAMS.minFee) why.add('over_till_cap');
    if (this.balance(payer) < feeMl) why.add('insufficient_balance');
  }

  #execute(tx: NaiveTx, sender: string, why: Reasons): void {
    const block = this.#block;
    const { kind } = tx.body;
    switch (kind.case) {
      case 'transfer': return money.transfer(this, sender, kind.value, why);
      case 'pay': return money.pay(this, tx, sender, kind.value, block, why);
      case 'voidInvoice': return money.voidInvoice(this, tx, block, why);
      case 'refund': return money.refund(this, tx, sender, kind.value, block, why);
      case 'redeem': return custody.redeem(this, sender, kind.value, block, why);
      case 'openBatch': return milk.openBatch(this, sender, kind.value, block, why);
      case 'attest': return milk.attest(this, sender, kind.value, block, why);
      case 'registerMerchant': return void this.merchants.set(hex(kind.value.account), kind.value.status);
      case 'registerTill': return registry.registerTill(this, kind.value, why);
      case 'revokeTill': return registry.revokeTill(this, kind.value, why);
      case 'registerFarm': return void this.farms.set(hex(kind.value.account), kind.value.status);
      case 'registerPlant': return registry.registerPlant(this, kind.value);
      case 'registerDevice': return registry.registerDevice(this, kind.value, why);
      case 'registerMeter': return registry.registerMeter(this, kind.value, why);
      case 'revokeDevice': return registry.revokeDevice(this, kind.value, why);
      case 'holdBatch': return custody.holdBatch(this, kind.value, block, why);
      case 'recallBatch': return custody.recallBatch(this, kind.value, block, why);
      case 'writeOffBatch': return custody.writeOffBatch(this, kind.value, block, why);
      case 'bondWithdraw': return custody.bondWithdraw(this, sender, kind.value, why);
      case 'bondDeposit': return custody.bondDeposit(this, sender, kind.value, why);
      case 'reportPrice': return registry.reportPrice(this, sender, kind.value, block);
      case 'anchor': return undefined;
      case 'stake': case 'unstake': case 'delegate': case 'undelegate': case 'editValidator': case 'rejoin': throw new Error('stake has a model of its own: naiveStake.ts');
    }
  }
}
