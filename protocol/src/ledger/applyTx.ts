/** One transaction against the state (SPEC §4): gate, fee, effect or fault, replay record. */
import { equalBytes, toHex } from '../lib/bytes.ts';
import { faultNumber, ok, type Result } from '../lib/fault.ts';
import { assert } from '../lib/assert.ts';
import { ROWS } from '../state/layout.ts';
import { addFee, debit } from '../state/money.ts';
import { paramsOf } from '../state/params.ts';
import { Draft, type FlatState, type View } from '../state/view.ts';
import type { BlockEnv, NetworkContext, ParsedTx } from '../tx/context.ts';
import { kindOf } from '../tx/kinds.ts';
import { encode, encodedHash } from '../wire/codec.ts';
import { Events, TxResult, type ChainEvent } from '../wire/tx.ts';
import { feePayer, passGate } from './gate.ts';

export interface AppliedTx {
  /** 0 done, else the number of the fault: then only fee and replay record remain. */
  readonly code: number;
  readonly events: readonly ChainEvent[];
  readonly resultBytes: Uint8Array;
}

/** Runs the kind's rule; a fault undoes what it did and nothing else. */
function execute(network: NetworkContext, draft: Draft, tx: ParsedTx, env: BlockEnv): Result<readonly ChainEvent[]> {
  const kind = kindOf(tx.body.kind.case);
  const events: ChainEvent[] = [];
  const start = draft.savepoint();
  const done = kind.execute({ network, env, params: paramsOf(draft), tx, draft, emit: (event) => void events.push(event) });
  if (done.ok) return ok(events);
  draft.rollback(start);
  return done;
}

/**
 * Applies a transaction at place `index` of a block to `draft`.
 * @returns what it did, or the fault for which it may not stand in the block; `draft` is then as it was.
 */
export function applyTx(network: NetworkContext, draft: Draft, tx: ParsedTx, env: BlockEnv, index: number): Result<AppliedTx> {
  const gate = passGate(network, draft, tx, env);
  if (!gate.ok) return gate;
  const start = draft.savepoint();
  for (const { address, policy } of gate.value) {
    const account = draft.get(ROWS.account, toHex(address)) ?? { balanceMl: 0n };
    draft.put(ROWS.account, toHex(address), { ...account, policy });
  }
  const kind = kindOf(tx.body.kind.case);
  const payer = feePayer(draft, tx);
  if (payer !== undefined) {
    const charged = debit(draft, payer, tx.body.feeMl);
    assert(charged.ok, 'the gate saw that the fee can be paid');
    addFee(draft, tx.body.feeMl);
  }
  const effect = execute(network, draft, tx, env);
  // Under a till's signature the merchant pays: what fails must not cost him a fee each time (SPEC §4.3).
  const mustSucceed = kind.mustSucceed || (payer !== undefined && !equalBytes(payer, tx.body.sender));
  if (!effect.ok && mustSucceed) {
    draft.rollback(start);
    return effect;
  }
  const code = effect.ok ? 0 : faultNumber(effect.fault.code);
  if (kind.record === 'done') draft.put(ROWS.done, tx.txHash, { height: env.height, index, code, validUntilMs: tx.body.validUntilMs });
  const events = effect.ok ? effect.value : [];
  const eventsHash = encodedHash(Events, { events: events.map((event) => ({ event })) });
  return ok({ code, events, resultBytes: encode(TxResult, { txId: tx.txId, code, eventsHash }) });
}

/**
 * Would this transaction be executed with success now? The pool asks this at admission, with the time of its clock.
 * Runs exactly what a block runs, on a draft that is thrown away.
 */
export function checkTx(network: NetworkContext, view: FlatState, tx: ParsedTx, env: BlockEnv): Result<void> {
  const draft = new Draft(view, env.prevTimeMs);
  const gate = passGate(network, draft, tx, env);
  if (!gate.ok) return gate;
  const payer = feePayer(draft, tx);
  if (payer !== undefined) {
    const charged = debit(draft, payer, tx.body.feeMl);
    if (!charged.ok) return charged;
  }
  const effect = execute(network, draft, tx, env);
  return effect.ok ? ok(undefined) : effect;
}

/** What the pool reserves against the sender's balance while a transaction waits. */
export function spendOf(view: View, tx: ParsedTx): { readonly payer: Uint8Array; readonly amountMl: bigint } {
  const { kind } = tx.body;
  switch (kind.case) {
    case 'transfer':
    case 'redeem':
    case 'bondDeposit':
    case 'stake':
    case 'delegate':
      return { payer: tx.body.sender, amountMl: kind.value.amountMl + tx.body.feeMl };
    case 'pay': {
      // The coupon's litres are the merchant's: a free carton needs no balance.
      const { couponId } = kind.value;
      const couponMl = couponId === undefined ? 0n : (view.get(ROWS.coupon, toHex(couponId))?.couponMl ?? 0n);
      const ownMl = (tx.invoice?.amountMl ?? 0n) - couponMl;
      return { payer: tx.body.sender, amountMl: ownMl > 0n ? ownMl : 0n };
    }
    case 'refund':
      return { payer: feePayer(view, tx) ?? tx.body.sender, amountMl: kind.value.amountMl + tx.body.feeMl };
    default:
      return { payer: feePayer(view, tx) ?? tx.body.sender, amountMl: tx.body.feeMl };
  }
}
